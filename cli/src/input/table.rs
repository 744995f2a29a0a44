//! Reads ids from a table, or from lines of one id each.

use std::{iter, mem};

use csv::{ReaderBuilder, StringRecord};
use gong_call_access::CallId;

use super::Reader;

impl Reader {
    pub(super) fn read_table(&mut self, text: &str) {
        let Some(table) = Table::detect(text, self.change.is_some()) else {
            return self.refuse_header(text);
        };
        for (nth, row) in rows(text, table.delimiter).enumerate() {
            let bad_quote = bad_quote(row.raw, table.delimiter).or_else(|| table.hidden_row(&row));
            let line = self.line(row.at + bad_quote.map_or(0, |(at, _)| at));
            if let Some((_, message)) = bad_quote {
                self.problems.add(line, None, message);
            } else if !table.is_header(&row) {
                self.read_row(&table, line, &row.fields);
            } else if nth > 0 && !row.fields.iter().take(table.names.len()).eq(&table.names) {
                let message = "found a second header: were two files joined?";
                self.problems.add(line, None, message);
            }
        }
    }

    fn refuse_header(&mut self, text: &str) {
        let (at, found) = rows(text, ',').next().map_or((0, String::new()), |row| {
            (row.at, row.raw.chars().take(80).collect())
        });
        let expected = if self.change.is_some() {
            "a header with one column call_id and one column user_id"
        } else {
            "a header with one column call_id, or one id on each line"
        };
        let found = match text.trim() {
            "" => "nothing".to_owned(),
            _ => format!("{found:?}"),
        };
        let message = format!("found {found}, expected {expected}");
        self.problems.add(self.line(at), None, message);
    }

    fn read_row(&mut self, table: &Table, line: usize, fields: &StringRecord) {
        let (found, expected) = (fields.len(), table.names.len());
        if found < expected || found > table.most || !is_blank(fields.iter().skip(expected)) {
            let message = format!(
                "number of fields: found {found}, expected {expected}; quote a field that contains {:?}",
                table.delimiter
            );
            return self.problems.add(line, None, message);
        }
        let [call_name, user_name] = table.ids(&table.names);
        let [call, user] = table.ids(fields);
        let call = self.id(line, &call_name, call);
        if let Some(change) = self.change {
            let user = self.id(line, &user_name, user);
            let found = table.change.map_or("", |column| field(fields, column));
            if !found.is_empty() && found != change {
                let message = format!("found {found}, expected {change}");
                self.problems.add(line, Some(&"change"), message);
            }
            self.access.extend(call.zip(user));
        } else {
            self.calls.extend(call);
        }
    }
}

/// Where a table has its ids.
struct Table {
    delimiter: char,
    names: StringRecord,
    /// How many fields a row may have; those beyond `names` are empty.
    most: usize,
    call: usize,
    /// The call column where no users are read.
    user: usize,
    change: Option<usize>,
}

impl Table {
    const DELIMITERS: [char; 3] = [',', ';', '\t'];

    fn detect(text: &str, wants_users: bool) -> Option<Self> {
        let with_header = |delimiter| {
            let mut names = rows(text, delimiter).next()?.fields;
            let all = names.len();
            let width = (1..=all).rfind(|width| !field(&names, width - 1).is_empty());
            names.truncate(width?);
            let call = only_column(&names, "callid")?;
            let user = if wants_users {
                only_column(&names, "userid")?
            } else {
                call
            };
            // In a longer row, a comma in a text may have moved the ids after it.
            let is_safe = call.max(user) < if wants_users { 2 } else { 1 };
            Some(Self {
                delimiter,
                most: if is_safe { usize::MAX } else { all },
                change: only_column(&names, "change"),
                names,
                call,
                user,
            })
        };
        let ids_alone = || {
            let is_one = !wants_users && !rows(text, ',').next()?.raw.contains(Self::DELIMITERS);
            is_one.then(|| Self {
                delimiter: ',',
                names: StringRecord::from(vec!["1"]),
                most: usize::MAX,
                call: 0,
                user: 0,
                change: None,
            })
        };
        let mut delimiters = Self::DELIMITERS.into_iter();
        delimiters.find_map(with_header).or_else(ids_alone)
    }

    fn ids<'a>(&self, fields: &'a StringRecord) -> [&'a str; 2] {
        [self.call, self.user].map(|column| field(fields, column))
    }

    fn is_header(&self, row: &Row<'_>) -> bool {
        let mut ids = self.ids(&row.fields).into_iter();
        ids.any(|id| is_named(id, "callid") || is_named(id, "userid"))
    }

    /// Returns the first quote of a record if one of its lines may be a row by itself, with two ids
    /// that are not those of the record: the quote was left open, and one in a row below closed it.
    fn hidden_row(&self, row: &Row<'_>) -> Option<(usize, &'static str)> {
        let is_other_row = |line: &str| {
            let fields = line.split(self.delimiter);
            let fields = fields.map(|field| field.trim_matches(['"', ' ']));
            let ids: Vec<_> = fields.filter(|id| id.parse::<CallId>().is_ok()).collect();
            let of_record = self.ids(&row.fields);
            ids.len() >= 2 && !of_record.iter().all(|id| ids.contains(id))
        };
        let mut lines = row.raw.split(['\r', '\n']);
        (row.is_multiline() && lines.any(is_other_row)).then_some((
            row.raw.find('"')?,
            "found a row inside quotes, expected a closing quote above it",
        ))
    }
}

fn only_column(header: &StringRecord, name: &str) -> Option<usize> {
    let mut columns = (0..header.len()).filter(|column| is_named(field(header, *column), name));
    columns.next().filter(|_| columns.next().is_none())
}

/// Whether the letters of a text are a name: `Call ID` is `callid`, and so is a second `call_id.1`.
fn is_named(text: &str, name: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic());
    letters.map(|c| c.to_ascii_lowercase()).eq(name.chars())
}

fn field(fields: &StringRecord, column: usize) -> &str {
    fields.get(column).unwrap_or_default().trim_ascii()
}

fn is_blank<'a>(mut fields: impl Iterator<Item = &'a str>) -> bool {
    fields.all(|field| field.trim_ascii().is_empty())
}

/// A record of a table, and where it begins.
struct Row<'a> {
    at: usize,
    raw: &'a str,
    fields: StringRecord,
}

impl Row<'_> {
    fn is_multiline(&self) -> bool {
        self.raw.contains(['\r', '\n'])
    }

    /// Whether this is `sep=;`, which is for Excel, or `#TYPE`, which PowerShell writes.
    fn is_preamble(&self) -> bool {
        let text = self.raw.trim_start_matches('"');
        self.at == 0 && (text.starts_with("sep=") || text.starts_with("#TYPE"))
    }
}

/// Reads the records that are not blank, whatever their number of fields.
fn rows(text: &str, delimiter: char) -> impl Iterator<Item = Row<'_>> {
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter as u8)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut end = 0;
    let records = iter::from_fn(move || {
        let mut fields = StringRecord::new();
        let is_record = reader
            .read_record(&mut fields)
            .unwrap_or_else(|error| unreachable!("rows of any length in UTF-8: {error}"));
        let start = mem::replace(&mut end, reader.position().byte() as usize);
        let raw = text.get(start..end).unwrap_or_default();
        let raw = raw.trim_start_matches(['\r', '\n']);
        is_record.then(|| Row {
            at: end - raw.len(),
            raw: raw.trim_end_matches(['\r', '\n']),
            fields,
        })
    });
    records.filter(|row| !is_blank(row.fields.iter()) && !row.is_preamble())
}

/// Returns where a quoted field begins that does not end as it should, and what is wrong.
///
/// The csv crate reads it all the same, up to the next quote, and then a call may get the user of
/// another row.
fn bad_quote(record: &str, delimiter: char) -> Option<(usize, &'static str)> {
    let mut rest = record;
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let at = record.len() - rest.len();
            // Two quotes stand for one, and do not close the field.
            let close = quoted.replace("\"\"", "  ").find('"');
            let (inside, after) = quoted.split_at(close.unwrap_or(quoted.len()));
            rest = after.trim_start_matches(['"', ' ']);
            let is_text_after = !rest.is_empty() && !rest.starts_with(delimiter);
            if close.is_none() || is_text_after && inside.contains(['\r', '\n']) {
                return Some((
                    at,
                    "found a quote that is not closed, expected one at the end of the field",
                ));
            }
            if is_text_after {
                return Some((
                    at,
                    "found text after a closing quote; write a quote inside quotes twice",
                ));
            }
        }
        rest = rest.split_once(delimiter)?.1;
    }
}
