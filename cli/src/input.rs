//! Reads pairs and calls from a table or from JSON, and reports every problem at once.

use std::collections::{BTreeSet, HashSet};
use std::fmt::{self, Display};
use std::iter;
use std::str::FromStr;

use encoding_rs::UTF_8;
use gong_call_access::{CallAccessList, CallId, InvalidId};

mod json;
mod table;
#[cfg(test)]
mod tests;

/// What was read, and a warning for each id that looks rounded.
#[derive(Debug)]
pub(crate) struct Input<T> {
    pub(crate) ids: T,
    pub(crate) warnings: Problems,
}

/// What is wrong, in the order of the lines: `line 3, column user_id: found …, expected …`.
///
/// `Display` shows the first 20.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<String>);

/// Reads a table with one call and one user column, or Gong's JSON body.
///
/// The tables of `--refused` have a column `change`: a pair that was to be revoked must not be
/// granted, or the other way round.
pub(crate) fn read_pairs(
    bytes: &[u8],
    change: &'static str,
) -> Result<Input<CallAccessList>, Problems> {
    read(bytes, Some(change)).map(|reader| Input {
        ids: reader.access,
        warnings: reader.warnings,
    })
}

/// Reads a table with one call column, an id on each line, Gong's JSON body, or a JSON array of
/// ids.
pub(crate) fn read_calls(bytes: &[u8]) -> Result<Input<BTreeSet<CallId>>, Problems> {
    read(bytes, None).map(|reader| Input {
        ids: reader.calls,
        warnings: reader.warnings,
    })
}

fn read(bytes: &[u8], change: Option<&'static str>) -> Result<Reader, Problems> {
    let text = decode(bytes)?;
    let line_ends = text.match_indices('\n').map(|(at, _)| at + 1);
    let mut reader = Reader {
        line_starts: iter::once(0).chain(line_ends).collect(),
        change,
        ..Reader::default()
    };
    if text.trim_start().starts_with(['{', '[']) {
        reader.read_json(&text);
    } else {
        reader.read_table(&text);
    }
    match reader.problems.is_empty() {
        true => Ok(reader),
        false => Err(reader.problems),
    }
}

/// Decodes UTF-8, or UTF-16 with a byte order mark, and ends every line with LF.
fn decode(bytes: &[u8]) -> Result<String, Problems> {
    let (text, _, is_malformed) = UTF_8.decode(bytes);
    // CR alone ends a line too, as in an editor.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let found = if bytes.starts_with(b"PK\x03\x04") {
        "an Excel workbook"
    } else if text.contains('\0') {
        // UTF-16 without a mark is full of them.
        "a NUL"
    } else if is_malformed {
        "bytes that are not text"
    } else {
        return Ok(text);
    };
    let before = text.split(['\0', char::REPLACEMENT_CHARACTER]).next();
    let line = before.unwrap_or_default().split('\n').count();
    Err(Problems(vec![format!(
        "line {line}: found {found}, expected UTF-8, or UTF-16 with a byte order mark; \
         save the file as \"CSV UTF-8\""
    )]))
}

#[derive(Default)]
struct Reader {
    line_starts: Vec<usize>,
    /// What is done with the pairs; `None` where only calls are read.
    change: Option<&'static str>,
    access: CallAccessList,
    calls: BTreeSet<CallId>,
    problems: Problems,
    warnings: Problems,
    /// The ids that were warned of: one user often has many rows.
    rounded: HashSet<String>,
}

impl Reader {
    fn line(&self, at: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= at)
    }

    /// Parses an id, or adds a problem. `place` is its line and column.
    fn id<T>(&mut self, place: impl Display, text: &str) -> Option<T>
    where
        T: FromStr<Err = InvalidId>,
    {
        if is_rounded(text) && self.rounded.insert(text.to_owned()) {
            let warning =
                "which a spreadsheet or JavaScript may have rounded; compare it with Gong";
            self.warnings
                .add(&place, format!("found {text}, {warning}"));
        }
        text.parse()
            .map_err(|invalid| self.problems.add(&place, invalid))
            .ok()
    }
}

/// Whether an id ends in more zeros than a number of its size keeps: a spreadsheet keeps 15 digits,
/// JavaScript mostly 16.
fn is_rounded(id: &str) -> bool {
    let kept = id.trim_end_matches('0').len();
    (id.len() >= 16 && kept <= 15) || (id.len() >= 19 && kept <= 16)
}

impl Problems {
    /// Whether there is nothing to show.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, place: impl Display, message: impl Display) {
        self.0.push(format!("{place}: {message}"));
    }
}

impl Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, more) = self.0.split_at(self.0.len().min(20));
        f.write_str(&shown.join("\n"))?;
        match more.len() {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}
