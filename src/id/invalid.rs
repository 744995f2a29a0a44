//! `InvalidId`: what is said about a text that is not an id.

use std::fmt;

use super::Digits;

/// A text that is not an id.
///
/// Its `Display` shows the text (escaped, and cut when it is long), what is wrong with it, and a
/// hint for the commonest causes: the `_` that Gong's CSV export puts before ids, a spreadsheet
/// that turned an id into a number such as `7.78E+18`, and space around it.
///
/// # Examples
///
/// ```
/// use gong_call_access::CallId;
///
/// let error = "7.78E+18".parse::<CallId>().unwrap_err();
/// assert!(error.to_string().contains("spreadsheet"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidId(Box<Invalid>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Invalid {
    kind: &'static str,
    shown: String,
    problem: String,
    hint: Option<&'static str>,
}

impl InvalidId {
    const SHOWN_CHARS: usize = 40;

    #[cold]
    pub(super) fn new(text: &str, kind: &'static str) -> Self {
        let mut shown: String = text
            .chars()
            .take(Self::SHOWN_CHARS)
            .flat_map(char::escape_debug)
            .collect();
        if text.chars().nth(Self::SHOWN_CHARS).is_some() {
            shown.push('…');
        }
        let non_digit = text.chars().zip(1..).find(|(c, _)| !c.is_ascii_digit());
        let problem = match non_digit {
            None if text.is_empty() => "it is empty".to_owned(),
            None => format!("it has {} digits", text.len()),
            Some((c, at)) => format!("character {at} is {c:?}"),
        };
        let hint = if text.starts_with('_') {
            Some("Gong's CSV export puts a `_` before ids: leave it out")
        } else if is_scientific(text) {
            Some("a spreadsheet turned it into a number and lost digits: export the column as text")
        } else if text.trim() != text && Digits::is_well_formed(text.trim()) {
            Some("remove the space around it")
        } else {
            None
        };
        Self(Box::new(Invalid {
            kind,
            shown,
            problem,
            hint,
        }))
    }
}

/// Whether the text looks like `7.78E+18` or `7,78E+18`.
fn is_scientific(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.contains(['e', 'E'])
        && text
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | 'e' | 'E' | '+'))
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Invalid {
            kind,
            shown,
            problem,
            hint,
        } = &*self.0;
        let max = Digits::MAX_LEN;
        write!(
            f,
            "invalid {kind} id \"{shown}\": {problem}, expected 1 to {max} digits"
        )?;
        match hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for InvalidId {}
