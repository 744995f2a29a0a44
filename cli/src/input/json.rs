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
                let place = format!("line {}, column {}", error.line(), error.column());
                let message = error.to_string();
                let cause = message.split(" at line ").next().unwrap_or_default();
                return self.problems.add(place, cause);
            }
        };
        for Entry { call_id, user_ids } in entries {
            let call = self.json_id(text, call_id);
            if self.change.is_none() {
                self.calls.extend(call);
                continue;
            }
            if user_ids.is_empty() {
                let message = "found a call without userIds, expected at least one";
                self.problems.add(self.place(text, call_id), message);
            }
            for user_id in user_ids {
                let user = self.json_id(text, user_id);
                self.access.extend(call.zip(user));
            }
        }
    }

    fn json_id<T: FromStr<Err = InvalidId>>(&mut self, text: &str, value: &RawValue) -> Option<T> {
        let (place, value) = (self.place(text, value), value.get());
        if let Ok(id) = serde_json::from_str::<String>(value) {
            return self.id(place, &id);
        }
        let message = format!(
            "found {value:.40}, expected a string of digits; a JSON number may have lost digits"
        );
        self.problems.add(place, message);
        None
    }

    /// Returns the line and the column of a value that borrows from `text`.
    fn place(&self, text: &str, value: &RawValue) -> String {
        let at = value.get().as_ptr().addr() - text.as_ptr().addr();
        let line = self.line(at);
        let start = self.line_starts.get(line - 1).copied().unwrap_or_default();
        format!("line {line}, column {}", at - start + 1)
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
