//! Reads ids from a table, or from lines of one id each.

use std::fmt::Display;
use std::iter;

use csv::{ReaderBuilder, StringRecord};
use gong_call_access::CallId;

use super::Reader;

impl Reader {
    pub(super) fn read_table(&mut self, text: &str) {
        let Some(table) = Table::detect(text, self.change.is_some()) else {
            return self.refuse_header(text);
        };
        for row in rows(text, table.delimiter) {
            let bad_quote = bad_quote(row.raw, table.delimiter);
            if let Some((at, message)) = bad_quote.or_else(|| table.hidden_row(&row)) {
                self.problem(row.at + at, message);
            } else if !table.is_header(&row) {
                self.read_row(&table, &row);
            } else if !row.fields.starts_with(&table.names) {
                self.problem(row.at, "found a second header: were two files joined?");
            }
        }
    }

    fn problem(&mut self, at: usize, message: impl Display) {
        let place = format!("line {}", self.line(at));
        self.problems.add(place, message);
    }

    fn refuse_header(&mut self, text: &str) {
        let expected = match self.change {
            Some(_) => "a header with one column call_id and one column user_id",
            None => "a header with one column call_id, or one id on each line",
        };
        let (at, found) = match rows(text, ',').next() {
            Some(row) => (row.at, format!("{:?}", format!("{:.80}", row.raw))),
            None => (0, "nothing".to_owned()),
        };
        self.problem(at, format!("found {found}, expected {expected}"));
    }

    fn read_row(&mut self, table: &Table, row: &Row<'_>) {
        let (found, expected) = (row.fields.len(), table.names.len());
        let mut extra = row.fields.iter().skip(expected);
        if found < expected || found > table.most || !extra.all(String::is_empty) {
            let mut message = format!("number of fields: found {found}, expected {expected}");
            if found > expected {
                message += &format!("; quote a field that contains {:?}", table.delimiter);
            }
            return self.problem(row.at, message);
        }
        let line = self.line(row.at);
        let place = |column| format!("line {line}, column {}", field(&table.names, column));
        let call = self.id(place(table.call), field(&row.fields, table.call));
        if let (Some(expected), Some(column)) = (self.change, table.change) {
            let found = field(&row.fields, column);
            if !found.is_empty() && found != expected {
                let message = format!("found {found}, expected {expected}");
                self.problems.add(place(column), message);
            }
        }
        if let Some(column) = table.user {
            let user = self.id(place(column), field(&row.fields, column));
            self.access.extend(call.zip(user));
        } else {
            self.calls.extend(call);
        }
    }
}

/// Where a table has its ids.
#[derive(Default)]
struct Table {
    delimiter: char,
    names: Vec<String>,
    /// How many fields a row may have; those beyond `names` are empty.
    most: usize,
    call: usize,
    /// `None` where only calls are read.
    user: Option<usize>,
    change: Option<usize>,
}

impl Table {
    const DELIMITERS: [char; 3] = [',', ';', '\t'];

    fn detect(text: &str, wants_users: bool) -> Option<Self> {
        let with_header = |delimiter| Self::with_header(text, delimiter, wants_users);
        let with_header = Self::DELIMITERS.into_iter().find_map(with_header);
        with_header.or_else(|| Self::of_ids_alone(text).filter(|_| !wants_users))
    }

    fn with_header(text: &str, delimiter: char, wants_users: bool) -> Option<Self> {
        let mut names = rows(text, delimiter).next()?.fields;
        let width = names.len();
        while names.last().is_some_and(String::is_empty) {
            names.pop();
        }
        let call = only_column(&names, "callid")?;
        let user = only_column(&names, "userid").filter(|_| wants_users);
        if wants_users && user.is_none() {
            return None;
        }
        // In a longer row, a comma in a text may have moved the ids after it.
        let has_ids_first = call.max(user.unwrap_or(0)) <= usize::from(wants_users);
        Some(Self {
            delimiter,
            most: if has_ids_first { usize::MAX } else { width },
            call,
            user,
            change: only_column(&names, "change"),
            names,
        })
    }

    fn of_ids_alone(text: &str) -> Option<Self> {
        let first = rows(text, ',').next()?;
        let is_id = !first.raw.contains(Self::DELIMITERS)
            && !field(&first.fields, 0).starts_with(char::is_alphabetic);
        is_id.then(|| Self {
            delimiter: ',',
            names: vec!["1".to_owned()],
            most: usize::MAX,
            ..Self::default()
        })
    }

    fn ids<'a>(&self, row: &'a Row<'_>) -> impl Iterator<Item = &'a str> {
        let columns = iter::once(self.call).chain(self.user);
        columns.map(|column| field(&row.fields, column))
    }

    fn is_header(&self, row: &Row<'_>) -> bool {
        let mut ids = self.ids(row);
        ids.any(|id| is_named(id, "callid") || is_named(id, "userid"))
    }

    /// Returns the first quote of a record if one of its lines may be a row by itself, with two ids
    /// that are not those of the record: the quote was left open, and one in a row below closed it.
    fn hidden_row(&self, row: &Row<'_>) -> Option<(usize, &'static str)> {
        let is_other_row = |line: &str| {
            let fields = line.split(self.delimiter);
            let fields = fields.map(|field| field.trim_matches(['"', ' ']));
            let ids: Vec<_> = fields.filter(|id| id.parse::<CallId>().is_ok()).collect();
            ids.len() >= 2 && !self.ids(row).all(|id| ids.contains(&id))
        };
        let is_hidden = row.raw.contains('\n') && row.raw.lines().any(is_other_row);
        is_hidden.then_some((
            row.raw.find('"')?,
            "found a row inside quotes, expected a closing quote above it",
        ))
    }
}

fn only_column(names: &[String], name: &str) -> Option<usize> {
    let mut columns = (0..names.len()).filter(|column| is_named(field(names, *column), name));
    columns.next().filter(|_| columns.next().is_none())
}

/// Whether the letters of a text are a name: `Call ID` is `callid`, and so is a second `call_id.1`.
fn is_named(text: &str, name: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic());
    letters.map(|c| c.to_ascii_lowercase()).eq(name.chars())
}

fn field(fields: &[String], column: usize) -> &str {
    fields.get(column).map_or("", String::as_str)
}

/// A record of a table, and where it begins.
struct Row<'a> {
    at: usize,
    raw: &'a str,
    fields: Vec<String>,
}

/// Reads the records that are not blank, whatever their number of fields.
fn rows(text: &str, delimiter: char) -> impl Iterator<Item = Row<'_>> {
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter as u8)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut record = StringRecord::new();
    let records = iter::from_fn(move || {
        let start = reader.position().byte() as usize;
        let is_record = reader
            .read_record(&mut record)
            .unwrap_or_else(|error| unreachable!("rows of any length in UTF-8: {error}"));
        let end = reader.position().byte() as usize;
        let raw = text.get(start..end).unwrap_or_default();
        let raw = raw.trim_start_matches('\n');
        let fields = record.iter().map(|field| field.trim_ascii().to_owned());
        is_record.then(|| Row {
            at: end - raw.len(),
            raw: raw.trim_end_matches('\n'),
            fields: fields.collect(),
        })
    });
    records.filter(|row| !row.fields.iter().all(String::is_empty) && !is_preamble(row))
}

/// Whether this is `sep=;`, which is for Excel, or `#TYPE`, which PowerShell writes.
fn is_preamble(row: &Row<'_>) -> bool {
    let text = row.raw.trim_start_matches('"');
    row.at == 0 && (text.starts_with("sep=") || text.starts_with("#TYPE"))
}

/// Returns where a quoted field begins that does not end as it should, and what is wrong.
///
/// The csv crate reads it all the same, up to the next quote, and then a call may get the user of
/// another row.
fn bad_quote(record: &str, delimiter: char) -> Option<(usize, &'static str)> {
    const NOT_CLOSED: &str =
        "found a quote that is not closed, expected one at the end of the field";
    const TEXT_AFTER: &str = "found text after a closing quote; write a quote inside quotes twice";
    let mut rest = record;
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let at = record.len() - rest.len();
            // Two quotes stand for one, and do not close the field.
            let close = quoted.replace("\"\"", "  ").find('"');
            let (inside, after) = quoted.split_at(close.unwrap_or(quoted.len()));
            rest = after.trim_start_matches(['"', ' ']);
            let is_text_after = !rest.is_empty() && !rest.starts_with(delimiter);
            if close.is_none() || is_text_after && inside.contains('\n') {
                return Some((at, NOT_CLOSED));
            }
            if is_text_after {
                return Some((at, TEXT_AFTER));
            }
        }
        rest = rest.split_once(delimiter)?.1;
    }
}
