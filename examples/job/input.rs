//! Reads the pairs of a job from CSV or JSON, and reports every problem at once.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder, Trim};
use gong_call_access::{CallAccessList, CallId, InvalidId, UserId};
use serde::Deserialize;

use super::exit::BadInput;

/// What was read, and a line for each part of it that cannot be used.
#[derive(Default)]
pub(crate) struct Input {
    pub(crate) access: CallAccessList,
    pub(crate) duplicates: usize,
    /// One message for each invalid row or id, with its place.
    pub(crate) problems: Vec<String>,
    /// Whether it was Gong's own request body, and not a table.
    pub(crate) is_json: bool,
}

/// Reads the pairs of a file, or of standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<Input, BadInput> {
    read_text(path)
        .and_then(
            |text| match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
                Some(b'{') => read_json(&text),
                _ => read_csv(&text),
            },
        )
        .map_err(BadInput)
}

/// Reads ids of calls: one on each line, below a header `call_id` or without one.
pub(crate) fn read_calls(path: &Path) -> Result<BTreeSet<CallId>, BadInput> {
    let text = read_text(path).map_err(BadInput)?;
    let (mut calls, mut problems) = (BTreeSet::new(), Vec::new());
    for (line, text) in (1..).zip(String::from_utf8_lossy(&text).lines()) {
        match text.trim() {
            "" => {}
            "call_id" if line == 1 => {}
            id => match id.parse() {
                Ok(call) => drop(calls.insert(call)),
                Err(problem) => problems.push(format!("line {line}: {problem}")),
            },
        }
    }
    if problems.is_empty() {
        Ok(calls)
    } else {
        Err(BadInput(problems.join("\n")))
    }
}

fn read_text(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let result = if path == Path::new("-") {
        io::stdin().read_to_end(&mut bytes).map(drop)
    } else {
        fs::read(path).map(|read| bytes = read)
    };
    result.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    // Excel writes a byte order mark.
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    Ok(bytes)
}

impl Input {
    fn add(&mut self, place: &str, call: &str, user: &str) {
        let (call, user) = (call.parse::<CallId>(), user.parse::<UserId>());
        if let (Ok(call), Ok(user)) = (&call, &user) {
            self.duplicates += usize::from(!self.access.insert(*call, *user));
        }
        let problems: [Option<InvalidId>; 2] = [call.err(), user.err()];
        for problem in problems.into_iter().flatten() {
            self.problems.push(format!("{place}: {problem}"));
        }
    }
}

/// Reads the columns `call_id` and `user_id`, in any order and with any of the usual delimiters.
fn read_csv(text: &[u8]) -> Result<Input, String> {
    let reader = |delimiter| {
        ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .trim(Trim::All)
            .from_reader(text)
    };
    let (mut reader, delimiter, [call, user]) = [b',', b';', b'\t']
        .into_iter()
        .find_map(|delimiter| {
            let mut reader = reader(delimiter);
            let header = reader.byte_headers().ok()?;
            let column = |name: &[u8]| header.iter().position(|field| field == name);
            let columns = [column(b"call_id")?, column(b"user_id")?];
            Some((reader, delimiter, columns))
        })
        .ok_or("line 1: expected a header with the columns call_id and user_id")?;
    let header = slice(text, 0, reader.position().byte()).trim_ascii();
    let is_over_lines = header.iter().any(|byte| matches!(byte, b'\r' | b'\n'));
    if is_over_lines || !is_well_quoted(header, delimiter) {
        return Err("line 1: a quote is not closed".to_owned());
    }
    let mut input = Input::default();
    let mut record = ByteRecord::new();
    let mut lines = Lines::new(text);
    while reader
        .read_byte_record(&mut record)
        .map_err(|error| error.to_string())?
    {
        let start = record.position().map_or(0, csv::Position::byte);
        let line = lines.of(start);
        let raw = slice(text, start, reader.position().byte());
        if !is_well_quoted(raw, delimiter) {
            return Err(format!("line {line}: a quote is not closed"));
        }
        let field = |column| record.get(column).map(String::from_utf8_lossy);
        let (Some(call_id), Some(user_id)) = (field(call), field(user)) else {
            input.problems.push(format!("line {line}: too few columns"));
            continue;
        };
        if holds_another_row(raw, delimiter, [(call, &call_id), (user, &user_id)]) {
            return Err(format!(
                "line {line}: a quote is not closed, so the lines below it are read as one field"
            ));
        }
        input.add(&format!("line {line}"), &call_id, &user_id);
    }
    Ok(input)
}

fn slice(text: &[u8], start: u64, end: u64) -> &[u8] {
    let index = |offset| usize::try_from(offset).unwrap_or(usize::MAX);
    text.get(index(start)..index(end)).unwrap_or_default()
}

/// Returns whether each field that begins with a quote also ends with one. Other quotes are text.
///
/// The csv crate reads an unclosed quote up to the next quote, or to the end of the file, without an
/// error. It would lose the rows in between, or give the user of one to the call of another.
fn is_well_quoted(record: &[u8], delimiter: u8) -> bool {
    #[derive(Clone, Copy, PartialEq)]
    enum At {
        Start,
        Text,
        Quoted,
        /// After a quote that ends the field, or that is the first of two.
        Quote,
        Blank,
    }
    let mut at = At::Start;
    for byte in record {
        let is_end = *byte == delimiter || matches!(byte, b'\r' | b'\n');
        at = match (at, byte) {
            (At::Quoted, b'"') => At::Quote,
            (At::Quoted, _) | (At::Start | At::Quote, b'"') => At::Quoted,
            _ if is_end => At::Start,
            (At::Quote | At::Blank, b' ') => At::Blank,
            (At::Quote | At::Blank, _) => return false,
            _ => At::Text,
        };
    }
    at != At::Quoted
}

/// Returns whether a line of a record of several lines is a row by itself, with other ids in these
/// columns.
fn holds_another_row(record: &[u8], delimiter: u8, ids: [(usize, &str); 2]) -> bool {
    let record = String::from_utf8_lossy(record);
    let mut lines = record.split(['\r', '\n']).filter(|line| !line.is_empty());
    let is_another_row = |line: &str| {
        let fields: Vec<_> = line.split(char::from(delimiter)).collect();
        let found = ids.map(|(column, _)| {
            let field = fields.get(column)?.trim().trim_matches('"').trim();
            field.parse::<CallId>().ok()
        });
        let [Some(call), Some(user)] = found else {
            return false;
        };
        [call.as_str(), user.as_str()] != ids.map(|(_, id)| id)
    };
    lines.clone().count() > 1 && lines.any(is_another_row)
}

/// Counts lines as an editor does; the csv crate counts CRLF and blank lines differently.
struct Lines<'a> {
    rest: &'a [u8],
    offset: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self {
            rest: text,
            offset: 0,
            line: 1,
        }
    }

    /// Returns the line of the first text at or after `offset`, which must not decrease between calls.
    fn of(&mut self, offset: u64) -> usize {
        let skipped =
            usize::try_from(offset).map_or(usize::MAX, |offset| offset.saturating_sub(self.offset));
        let (before, after) = self.rest.split_at(skipped.min(self.rest.len()));
        let blank = after
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        let (between, after) = after.split_at(blank);
        let newlines = before.iter().chain(between).filter(|byte| **byte == b'\n');
        self.line += newlines.count();
        self.offset += before.len() + between.len();
        self.rest = after;
        self.line
    }
}

/// Reads Gong's own request body, as `--remaining` writes it.
///
/// Not as a `CallAccessList`, whose deserialisation stops at the first invalid id.
fn read_json(text: &[u8]) -> Result<Input, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        call_access_list: Vec<Entry>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Entry {
        call_id: String,
        user_ids: Vec<String>,
    }
    let body: Body = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let mut input = Input {
        is_json: true,
        ..Input::default()
    };
    for (nth, entry) in (1..).zip(body.call_access_list) {
        if entry.user_ids.is_empty() {
            let problem = format!("entry {nth}: no userIds for call {:?}", entry.call_id);
            input.problems.push(problem);
        }
        for user in entry.user_ids {
            input.add(&format!("entry {nth}"), &entry.call_id, &user);
        }
    }
    Ok(input)
}
