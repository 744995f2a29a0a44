//! Cleans text from a server: hides secrets, drops control characters, and limits its length.
//!
//! All text from a response that this crate shows passes through here: messages, request ids,
//! bodies, redirect hosts, and the causes of transport errors. So does the base URL, which comes
//! from an operator who may have confused two settings.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How many bytes of a server's text are kept: a few paragraphs, and short enough for a log line.
pub(crate) const LIMIT: usize = 2048;

const REDACTED: &str = "[redacted]";

/// Marks the end of a text that was cut.
const MARK: char = '…';

/// The texts that nothing may show: the credentials, plain and in Base64.
///
/// An error page or a proxy may echo the request's `Authorization` header, and write it with escapes,
/// over several lines, or in another Base64 alphabet. So a secret and a text are compared by their
/// letters and digits alone, and a text that shows a secret is replaced as a whole.
#[derive(Clone)]
pub(crate) struct Secrets(Arc<[String]>);

impl Secrets {
    /// A secret, or a prefix of one, with fewer letters and digits would match by chance.
    const MIN_LEN: usize = 6;

    /// Returns whether a secret is in `text`.
    pub(crate) fn are_in(&self, text: &str) -> bool {
        self.are_shown_by(text, true)
    }

    /// Returns whether a secret is in `text` or, unless it `is_whole`, a prefix of one at its end.
    fn are_shown_by(&self, text: &str, is_whole: bool) -> bool {
        // What looks like an escape may also be a `%` in front of a secret.
        let is_shown = |escape_len| {
            let text = letters_and_digits(text, escape_len);
            self.0.iter().any(|secret| {
                // `contains` analyses the secret even if the text is too short for it.
                secret.len() <= text.len() && text.contains(secret.as_str())
                    || !is_whole && ends_with_prefix(&text, secret)
            })
        };
        is_shown(|_| 1) || text.contains(['%', '\\', '&']) && is_shown(escape_len)
    }
}

impl<'a> FromIterator<&'a str> for Secrets {
    fn from_iter<I: IntoIterator<Item = &'a str>>(secrets: I) -> Self {
        let forms = secrets
            .into_iter()
            .flat_map(|secret| [secret.to_owned(), STANDARD.encode(secret)])
            .map(|form| letters_and_digits(&form, |_| 1));
        Self(forms.filter(|form| form.len() >= Self::MIN_LEN).collect())
    }
}

/// Returns whether `text` ends with a prefix of `secret`.
fn ends_with_prefix(text: &str, secret: &str) -> bool {
    (Secrets::MIN_LEN..=secret.len())
        .filter_map(|len| secret.get(..len))
        .any(|prefix| text.ends_with(prefix))
}

/// Returns the letters and digits of `text`, except those in escapes. Case is ignored, as it is in a
/// host name.
fn letters_and_digits(text: &str, escape_len: fn(&[u8]) -> usize) -> String {
    let mut found = String::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some(first) = rest.first() {
        if first.is_ascii_alphanumeric() {
            found.push(first.to_ascii_lowercase().into());
        }
        rest = rest.get(escape_len(rest)..).unwrap_or_default();
    }
    found
}

/// Returns the length of the escape of a URL, JSON or HTML with which `text` begins, or 1 if it begins
/// with none. The end of the text may cut an escape short.
fn escape_len(text: &[u8]) -> usize {
    match text {
        [b'%', hex @ ..] if hex.iter().take(2).all(u8::is_ascii_hexdigit) => 3,
        [b'\\', b'u', ..] => 6,
        [b'\\', b'x', ..] => 4,
        [b'\\', ..] => 2,
        [b'&', name @ ..] => {
            let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'#';
            let len = name.iter().take_while(is_name).count();
            match name.get(len) {
                None | Some(b';') => len + 2,
                Some(_) => 1,
            }
        }
        _ => 1,
    }
}

/// Cleans a text that was received as a whole.
pub(crate) fn clean(text: &str, secrets: &Secrets) -> String {
    clean_part(text, true, secrets)
}

/// Cleans a text. Unless it `is_whole`, its end may be the beginning of a secret.
pub(crate) fn clean_part(text: &str, is_whole: bool, secrets: &Secrets) -> String {
    let mut text = printable(text);
    let is_whole = is_whole && text.len() <= LIMIT;
    cut(&mut text, LIMIT);
    if secrets.are_shown_by(text.strip_suffix(MARK).unwrap_or(&text), is_whole) {
        return REDACTED.to_owned();
    }
    text
}

/// Replaces line breaks and tabs by spaces, and drops characters that are invisible or that a
/// terminal acts on.
fn printable(text: &str) -> String {
    // Nearly all text from Gong is printable ASCII.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    text.chars()
        .filter_map(|c| match c {
            // Unicode's line and paragraph separators break lines in many log viewers.
            '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => Some(' '),
            // Invisible marks, and those that reverse the direction of the text around them.
            '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' => None,
            c => (!c.is_control()).then_some(c),
        })
        .collect()
}

/// Cuts `text` to `limit` bytes, including a final `…`; clears it if the `…` does not fit.
pub(crate) fn cut(text: &mut String, limit: usize) {
    if text.len() <= limit {
        return;
    }
    let Some(longest) = limit.checked_sub(MARK.len_utf8()) else {
        return text.clear();
    };
    let end = (0..=longest).rev().find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or_default());
    text.push(MARK);
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;

    use super::*;

    /// Its Base64 has both of the characters in which the alphabets differ.
    const SECRET: &str = "se/?~?cret\"5>>>678&more";

    fn secrets() -> Secrets {
        Secrets::from_iter(["key-1234", SECRET])
    }

    #[test]
    fn a_secret_is_found_in_each_form_whole_and_cut_anywhere() {
        let standard = STANDARD.encode(SECRET);
        assert!(standard.contains('/') && standard.contains('+'));
        let forms: [fn(char) -> String; 12] = [
            |c| c.to_string(),
            |c| format!(r"\{c}"),
            |c| format!(r"\u{:04x}", u32::from(c)),
            |c| format!(r"\x{:02X}", u32::from(c)),
            |c| format!("%{:02X}", u32::from(c)),
            |c| format!("&#x{:X};", u32::from(c)),
            |c| format!("&#{};", u32::from(c)),
            |_| "&quot;".to_owned(),
            |c| format!("{c} "),
            |c| format!("{c}\r\n\t"),
            |_| r"\r\n".to_owned(),
            |c| format!("{c}\u{200b}"),
        ];
        for text in [SECRET, &standard, &URL_SAFE_NO_PAD.encode(SECRET)] {
            for (n, form) in forms.iter().enumerate() {
                let (mut body, mut letters) = ("your ".to_owned(), 0);
                for c in text.chars() {
                    let hidden = match c.is_ascii_alphanumeric() {
                        true => c.to_string(),
                        false => form(c),
                    };
                    letters += usize::from(c.is_ascii_alphanumeric());
                    for end in 1..=hidden.len() {
                        let hidden = String::from_utf8_lossy(&hidden.as_bytes()[..end]);
                        let cut = clean_part(&format!("{body}{hidden}"), false, &secrets());
                        let is_redacted = cut == REDACTED;
                        assert_eq!(is_redacted, letters >= 6, "form {n}, {body}{hidden}: {cut}");
                    }
                    body += &hidden;
                }
                let whole = clean(&format!("<p>{body}, 7</p>"), &secrets());
                assert_eq!(whole, REDACTED, "form {n}, {body}");
            }
        }
    }

    #[test]
    fn a_plain_secret_is_found_behind_what_looks_like_an_escape() {
        let secrets = Secrets::from_iter(["abcdef12", r"back\name%41-1", "xyz/abcdef"]);
        for text in [
            "100%abcdef12",
            r"C:\abcdef12",
            "x&abcdef12;",
            r"back\name%41-1",
            r"back\\name%2541-1",
            "100%xyz%2Fabcdef",
        ] {
            assert_eq!(clean(text, &secrets), REDACTED, "{text}");
        }
    }

    #[test]
    fn a_text_without_a_secret_is_kept() {
        let short = Secrets::from_iter(["a-bcd-e"]);
        for text in [
            "the key-123 of 4",
            "100% of a%b%2",
            "a & b &amp; c &no; &#999;",
            r"C:\\name\q",
            "a-bcd-e",
        ] {
            assert_eq!(clean(text, &secrets()), text);
            assert_eq!(clean(text, &short), text);
        }
    }

    #[test]
    fn a_secret_at_the_limit_is_found_and_a_text_that_fits_is_not_cut() {
        for (len, is_cut) in [(LIMIT, false), (LIMIT + 1, true)] {
            let text = clean(&"x".repeat(len), &secrets());
            assert_eq!((text.len(), text.ends_with('…')), (LIMIT, is_cut));
        }
        let before = "x".repeat(LIMIT - 11);
        assert_eq!(
            clean(&format!("{before} key-12345678"), &secrets()),
            REDACTED
        );
    }

    #[test]
    fn control_characters_are_dropped() {
        let text = "a\x1b[31mb\r\nc\u{9b}d\u{202e}e\0f\u{2028}g\u{2029}h\u{fff9}i\u{180e}j";
        assert_eq!(clean(text, &secrets()), "a[31mb  cdef g hij");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn cleaned_text_is_short_printable_and_without_a_secret(
            len in 0..2 * LIMIT,
            before in "[%&\\\\;a-f0-9]{0,9}|\\PC{0,9}",
            after in "(?s).{0,99}",
        ) {
            let text = format!("{}{before}key-1234{after}", "x".repeat(len));
            let cleaned = clean(&text, &secrets());
            prop_assert!(cleaned.len() <= LIMIT);
            prop_assert!(!cleaned.chars().any(char::is_control));
            prop_assert!(!cleaned.contains("key-1234"));
        }
    }
}
