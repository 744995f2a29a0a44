//! Reads ids from JSON: Gong's body, or an array of calls.

use std::str::FromStr;

use gong_call_access::InvalidId;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Reader;

impl Reader {
    pub(super) fn read_json(&mut self, text: &str) {
        let entries = match entries(text) {
            Ok(entries) => entries,
            Err(error) => {
                let message = error.to_string();
                let cause = message.rsplit_once(" at line ").map(|(cause, _)| cause);
                let column = error.column();
                let message = cause.unwrap_or(&message);
                return self.problems.add(error.line(), Some(&column), message);
            }
        };
        for Entry { call_id, user_ids } in entries {
            let call = self.json_id(text, call_id);
            if self.change.is_none() {
                self.calls.extend(call);
                continue;
            }
            if user_ids.is_empty() {
                let (line, column) = self.place(text, call_id);
                let message = "found a call without userIds, expected at least one";
                self.problems.add(line, Some(&column), message);
            }
            for user_id in user_ids {
                let user = self.json_id(text, user_id);
                self.access.extend(call.zip(user));
            }
        }
    }

    fn json_id<T: FromStr<Err = InvalidId>>(&mut self, text: &str, value: &RawValue) -> Option<T> {
        let (line, column) = self.place(text, value);
        if let Ok(id) = serde_json::from_str::<String>(value.get()) {
            return self.id(line, &column, &id);
        }
        let message = format!(
            "found {:.40}, expected a string of digits; a JSON number may have lost digits",
            value.get()
        );
        self.problems.add(line, Some(&column), message);
        None
    }

    /// Returns the line and the column of a value that borrows from `text`.
    fn place(&self, text: &str, value: &RawValue) -> (usize, usize) {
        let at = value.get().as_ptr().addr() - text.as_ptr().addr();
        let line = self.line(at);
        let start = self.line_starts.get(line - 1).copied().unwrap_or_default();
        (line, at - start + 1)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(borrow)]
    call_access_list: Vec<Entry<'a>>,
}

/// Ids as they are written: an invalid one has a place, and does not hide the next.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    #[serde(borrow)]
    call_id: &'a RawValue,
    #[serde(borrow, default)]
    user_ids: Vec<&'a RawValue>,
}

fn entries(text: &str) -> serde_json::Result<Vec<Entry<'_>>> {
    if !text.trim_start().starts_with('[') {
        return serde_json::from_str(text).map(|body: Body<'_>| body.call_access_list);
    }
    let calls: Vec<&RawValue> = serde_json::from_str(text)?;
    let entry = |call_id| Entry {
        call_id,
        user_ids: Vec::new(),
    };
    Ok(calls.into_iter().map(entry).collect())
}
