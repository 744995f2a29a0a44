//! Reads pairs and calls from a table or from JSON, and reports every problem at once.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::fmt::{self, Display};
use std::iter;
use std::str::FromStr;

use encoding_rs::{Encoding, UTF_8};
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

/// Every problem of an input, in the order of its lines. `Display` shows the first 20.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

/// What is wrong in one place: `line 3, column user_id: found …, expected …`.
#[derive(Debug)]
pub(crate) struct Problem {
    /// As an editor counts: each CR, LF and CRLF ends a line, inside quotes too.
    line: usize,
    /// Its name, or its number where it has none.
    column: Option<String>,
    /// What was found, and what is expected.
    message: String,
}

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
    let mut reader = Reader {
        line_starts: line_starts(&text).collect(),
        change,
        ..Reader::default()
    };
    if text.trim_start().starts_with(['{', '[']) {
        reader.read_json(&text);
    } else {
        reader.read_table(&text);
    }
    if reader.problems.is_empty() {
        Ok(reader)
    } else {
        Err(reader.problems)
    }
}

/// Decodes UTF-8, or UTF-16 with a byte order mark.
fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Problems> {
    let (encoding, mark) = Encoding::for_bom(bytes).unwrap_or((UTF_8, 0));
    let bytes = bytes.get(mark..).unwrap_or_default();
    let (text, is_malformed) = encoding.decode_without_bom_handling(bytes);
    // UTF-16 without a mark is full of NULs.
    let bad = if bytes.starts_with(b"PK\x03\x04") {
        Some(('P', "an Excel workbook"))
    } else if text.contains('\0') {
        Some(('\0', "a NUL"))
    } else {
        is_malformed.then_some((char::REPLACEMENT_CHARACTER, "bytes that are not text"))
    };
    let Some((bad, found)) = bad else {
        return Ok(text);
    };
    let before = text.split(bad).next().unwrap_or_default();
    let expected = "UTF-8, or UTF-16 with a byte order mark; save the file as \"CSV UTF-8\"";
    Err(Problems(vec![Problem {
        line: line_starts(before).count(),
        column: None,
        message: format!("found {found}, expected {expected}"),
    }]))
}

fn line_starts(text: &str) -> impl Iterator<Item = usize> {
    let bytes = text.as_bytes();
    let is_end = |at: &usize| match bytes.get(*at) {
        Some(b'\r') => bytes.get(at + 1) != Some(&b'\n'),
        byte => byte == Some(&b'\n'),
    };
    iter::once(0).chain((0..bytes.len()).filter(is_end).map(|at| at + 1))
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

    fn id<T>(&mut self, line: usize, column: &dyn Display, text: &str) -> Option<T>
    where
        T: FromStr<Err = InvalidId>,
    {
        if is_rounded(text) && self.rounded.insert(text.to_owned()) {
            let message =
                format!("found {text}, which a spreadsheet or JavaScript may have rounded");
            self.warnings.add(line, Some(column), message);
        }
        text.parse()
            .map_err(|invalid: InvalidId| self.problems.add(line, Some(column), invalid))
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

    fn add(&mut self, line: usize, column: Option<&dyn Display>, message: impl Display) {
        self.0.push(Problem {
            line,
            column: column.map(ToString::to_string),
            message: message.to_string(),
        });
    }
}

impl Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 20;
        let shown: Vec<_> = self.0.iter().take(SHOWN).map(Problem::to_string).collect();
        f.write_str(&shown.join("\n"))?;
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(column) = &self.column {
            write!(f, ", column {column}")?;
        }
        write!(f, ": {}", self.message)
    }
}
