//! Cleans text from a server: removes secrets and control characters, and limits its length.
//!
//! All text from a response that this crate shows passes through here: messages, request ids,
//! bodies, redirect hosts, and the causes of transport errors. So does the base URL, which comes
//! from an operator who may have confused two settings.

mod escapes;

use std::collections::BTreeSet;
use std::iter::zip;
use std::ops::Range;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use escapes::{Resolved, is_invisible, may_hide, resolve};

/// How many bytes of a server's text are kept: a few paragraphs, and short enough for a log line.
pub(crate) const LIMIT: usize = 2048;

/// How many bytes of a body are searched for secrets.
///
/// A body of 64 MiB is not searched to the end when only its first 2 KiB are kept. The margin is for
/// stripped characters, so that what is kept has been searched with room to spare.
pub(crate) const SEARCHED: usize = 32 * LIMIT;

const REDACTED: &str = "[redacted]";

/// The texts that nothing may show: the credentials, plain and in Base64.
///
/// An error page or a proxy may echo the request's `Authorization` header.
#[derive(Clone)]
pub(crate) struct Secrets(Arc<[Secret]>);

struct Secret {
    plain: String,
    /// As it is in a text whose escapes are resolved.
    resolved: Resolved,
}

impl Secrets {
    /// A shorter text cannot be a real secret, and redacting it would garble every message.
    const MIN_LEN: usize = 4;

    /// A shorter text would match by chance where white space or case does not count.
    const MIN_HIDDEN_LEN: usize = 8;

    /// Returns whether a secret is part of `text`. Case is ignored, as it is in a host name.
    pub(crate) fn are_in(&self, text: &str) -> bool {
        let text = text.to_ascii_lowercase();
        self.0.iter().any(|Secret { plain, .. }| {
            plain.len() >= Self::MIN_HIDDEN_LEN && text.contains(&plain.to_ascii_lowercase())
        })
    }

    /// Returns `text` with a mark in place of every secret, or only the mark if a secret is hidden in
    /// it. Unless `is_whole`, the end of `text` may be the beginning of a secret.
    ///
    /// Secrets overlap: the pair in Base64 may begin like the access key in Base64. So each is searched
    /// for on its own.
    fn redact(&self, text: &str, is_whole: bool) -> String {
        // Most request ids are plain, and not worth the copies.
        let resolved = if may_hide(text) {
            resolve(text)
        } else {
            Resolved::default()
        };
        let mut found = Vec::new();
        for secret in self.0.iter() {
            let plain = secret.ranges_in(text);
            // Few texts have a secret, so few are resolved a second time.
            let mut is_hidden = if plain.is_empty() {
                secret.is_hidden_in(&resolved)
            } else {
                secret.is_hidden_in(&resolve(&without(text, &plain)))
            };
            found.extend(plain);
            if !is_whole {
                let end = longest_beginning(&secret.plain, Self::MIN_LEN, text).unwrap_or("");
                // It may be only the end of a longer beginning that is escaped.
                is_hidden |= secret.is_end_hidden_in(&resolved, end);
                if !end.is_empty() {
                    found.push(text.len() - end.len()..text.len());
                }
            }
            // Where it is in the text is not known, so none of the text is kept.
            if is_hidden {
                return REDACTED.to_owned();
            }
        }
        found.sort_by_key(|range| range.start);
        without(text, &found)
    }
}

impl<'a> FromIterator<&'a str> for Secrets {
    fn from_iter<I: IntoIterator<Item = &'a str>>(secrets: I) -> Self {
        let texts: BTreeSet<String> = secrets
            .into_iter()
            .flat_map(|secret| {
                // Without padding, a match does not depend on how the server pads.
                let base64 = STANDARD_NO_PAD.encode(secret);
                [secret.to_owned(), base64, URL_SAFE_NO_PAD.encode(secret)]
            })
            .filter(|secret| secret.len() >= Self::MIN_LEN)
            .collect();
        Self(texts.into_iter().map(Secret::new).collect())
    }
}

impl Secret {
    fn new(plain: String) -> Self {
        let resolved = resolve(&plain);
        Self { plain, resolved }
    }

    /// Returns where the secret is in `text`, as it is.
    fn ranges_in(&self, text: &str) -> Vec<Range<usize>> {
        // `match_indices` analyses the secret even if the text is too short for it, as most are.
        if text.len() < self.plain.len() {
            return Vec::new();
        }
        text.match_indices(&self.plain)
            .map(|(start, plain)| start..start + plain.len())
            .collect()
    }

    /// Whether the secret is in a text whose escapes are resolved.
    fn is_hidden_in(&self, text: &Resolved) -> bool {
        zip(&self.resolved, text)
            .any(|(secret, text)| secret.len() >= Secrets::MIN_HIDDEN_LEN && text.contains(secret))
    }

    /// Whether a text ends with a beginning of the secret that is longer than its plain `end`.
    fn is_end_hidden_in(&self, text: &Resolved, end: &str) -> bool {
        let forms = zip(&self.resolved, text);
        zip(forms, resolve(end)).any(|((secret, text), end)| {
            // The cut may go through an escape, which is then not resolved.
            let before_escape = text
                .rsplit_once(escapes::MARKS)
                .map_or("", |(before, _)| before);
            [text, before_escape]
                .into_iter()
                .filter_map(|text| longest_beginning(secret, Secrets::MIN_HIDDEN_LEN, text))
                .any(|beginning| beginning.len() > end.len())
        })
    }
}

/// Returns the longest beginning of `secret` with which `text` ends.
fn longest_beginning<'a>(secret: &'a str, min_len: usize, text: &str) -> Option<&'a str> {
    (min_len..=secret.len())
        .rev()
        .filter_map(|len| secret.get(..len))
        .find(|beginning| text.ends_with(*beginning))
}

/// Returns `text` with a mark in place of each range. The ranges are sorted by their start.
fn without(text: &str, ranges: &[Range<usize>]) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut end = 0;
    for range in ranges {
        // There is nothing between two that overlap.
        if let Some(between) = text.get(end..range.start) {
            clean.push_str(between);
            clean.push_str(REDACTED);
        }
        end = end.max(range.end);
    }
    clean.extend(text.get(end..));
    clean
}

/// Cleans a text that was received as a whole.
pub(crate) fn clean(text: &str, secrets: &Secrets) -> String {
    // Invisible characters go first, since one inside a secret would hide it; cutting comes last,
    // since it could leave the start of one.
    let mut text = secrets.redact(&strip(text), true);
    cut(&mut text, LIMIT);
    text
}

/// Cleans a body. Unless `is_whole`, its end may be the beginning of a secret.
pub(crate) fn clean_body(body: &[u8], is_whole: bool, secrets: &Secrets) -> String {
    let (body, is_whole) = match body.get(..SEARCHED) {
        Some(start) => (start, false),
        None => (body, is_whole),
    };
    let body = String::from_utf8_lossy(body);
    let body = match is_whole {
        true => &body,
        // The cut may go through a character.
        false => body.trim_end_matches(char::REPLACEMENT_CHARACTER),
    };
    let mut text = secrets.redact(&strip(body), is_whole);
    cut(&mut text, LIMIT);
    text
}

/// Replaces line breaks and tabs by spaces, and drops characters that are invisible or that a
/// terminal acts on.
fn strip(text: &str) -> String {
    // Nearly all text from Gong is printable ASCII.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    text.chars()
        .filter_map(|c| match c {
            // Unicode's line and paragraph separators break lines in many log viewers.
            '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => Some(' '),
            c if c.is_control() || is_invisible(c) => None,
            c => Some(c),
        })
        .collect()
}

/// Cuts `text` to `limit` bytes, including a final `…`; clears it if the `…` does not fit.
pub(crate) fn cut(text: &mut String, limit: usize) {
    const MARK: char = '…';
    if text.len() <= limit {
        return;
    }
    let Some(longest) = limit.checked_sub(MARK.len_utf8()) else {
        text.clear();
        return;
    };
    let end = (0..=longest)
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or_default();
    text.truncate(end);
    text.push(MARK);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secrets() -> Secrets {
        ["key-1234", "se/cret\"5678", "key-1234:se/cret\"5678", "abc"]
            .into_iter()
            .collect()
    }

    #[test]
    fn every_form_of_a_secret_is_redacted() {
        let base64 = STANDARD_NO_PAD.encode("key-1234:se/cret\"5678");
        for (text, clean_text) in [
            ("key-1234", "[redacted]"),
            ("no key-1234.", "no [redacted]."),
            ("se/cret\"5678", "[redacted]"),
            (r#"{"a":"se/cret\"5678"}"#, "[redacted]"),
            (r#"{"a":"se\/cret\"5678"}"#, "[redacted]"),
            (r#"{"a":"se\u002Fcret\u00225678"}"#, "[redacted]"),
            (
                r#"{"a":"no \u00e9 \q secret"}"#,
                r#"{"a":"no \u00e9 \q secret"}"#,
            ),
            ("se%2Fcret%225678", "[redacted]"),
            ("a=100%&b=se%2fcret\"5678", "[redacted]"),
            ("100% of a%b%2", "100% of a%b%2"),
            ("se&#47;cret&quot;5678", "[redacted]"),
            ("<p>se&#x2F;cret&#x22;5678 & more</p>", "[redacted]"),
            ("a & b &amp; c &no; &#999;", "a & b &amp; c &no; &#999;"),
            ("ke\u{200b}y-1234", "[redacted]"),
            (r"ke\n\r\ty-\u000a1234", "[redacted]"),
            (r"C:\\name key\\m-1234", r"C:\\name key\\m-1234"),
            // More than one escape, and line breaks.
            (r#"{"e":"{\"a\":\"se\\\/cret\\\"5678\"}"}"#, "[redacted]"),
            ("se%252Fcret%25225678", "[redacted]"),
            ("se&amp;#x2F;cret&amp;quot;5678", "[redacted]"),
            (r"se\/cret%225678", "[redacted]"),
            ("se%2\r\n Fcret%22567\t8", "[redacted]"),
            (r"se\u00 2Fcret\u200b\x225678", "[redacted]"),
            ("se&#47cret&#34;\u{a0}5678 &sol;", "[redacted]"),
            ("se/+cret\"56+78", "[redacted]"),
            (
                &format!("Basic {}\r\n{}", &base64[..9], &base64[9..]),
                "[redacted]",
            ),
            ("key-\x001234", "[redacted]"),
            (&format!("Basic {base64}=="), "Basic [redacted]=="),
            (
                "abc is too short to be a secret",
                "abc is too short to be a secret",
            ),
        ] {
            assert_eq!(clean(text, &secrets()), clean_text, "{text:?}");
        }
    }

    #[test]
    fn a_backslash_of_a_secret_may_be_escaped() {
        let secrets = Secrets::from_iter([r"back\name-1"]);
        for text in [r"back\name-1", r"back\\name-1"] {
            assert_eq!(clean(text, &secrets), "[redacted]", "{text}");
        }
    }

    #[test]
    fn a_percent_sign_in_front_of_a_secret_does_not_hide_it() {
        let secrets = Secrets::from_iter(["ab12/secret+9"]);
        for text in [
            r"quota 100% ab12\/secret+9",
            "100%\nab12/sec\nret+9",
            r"100%\nab12\/secret+9",
            "a\\ ab12/sec ret+9",
        ] {
            assert_eq!(clean(text, &secrets), "[redacted]", "{text}");
        }
    }

    #[test]
    fn every_named_character_reference_is_resolved() {
        let secrets = Secrets::from_iter(["a&b<c>d\"e'f/g=h+i"]);
        for reference in ["&lt;", "&#60;", "&#x3c;", "&#X3C;"] {
            let text = format!("a&amp;b{reference}c&gt;d&quot;e&apos;f&sol;g&equals;h&plus;i");
            assert_eq!(clean(&text, &secrets), "[redacted]", "{text}");
        }
    }

    #[test]
    fn the_beginning_of_a_secret_at_the_end_of_a_cut_body_is_redacted() {
        assert_eq!(
            clean_body(b"your key-12", false, &secrets()),
            "your [redacted]"
        );
        assert_eq!(clean_body(b"your key-12", true, &secrets()), "your key-12");
    }

    #[test]
    fn a_secret_that_is_cut_off_anywhere_is_redacted_in_every_form() {
        const SECRET: &str = "se/cret-4\"5678-and/more";
        let secrets = Secrets::from_iter([SECRET]);
        let code = u32::from;
        let forms: [&dyn Fn(char) -> String; 9] = [
            &|c| c.to_string(),
            &|c| match c {
                '/' | '"' => format!(r"\{c}"),
                c => c.to_string(),
            },
            &|c| format!(r"\u{:04x}", code(c)),
            &|c| format!("%{:02X}", code(c)),
            &|c| format!("&#x{:X};", code(c)),
            &|c| format!("&amp;#{};", code(c)),
            &|c| format!(r"\u0026#{};", code(c)),
            &|c| format!("%25{:02x}", code(c)),
            &|c| format!("{c}\r\n "),
        ];
        for form in forms {
            let chars: Vec<String> = SECRET.chars().map(form).collect();
            let all = chars.concat();
            let start = chars[..Secrets::MIN_HIDDEN_LEN].concat().len();
            for len in start..=all.len() {
                let body = format!("your {}", &all[..len]);
                let clean = clean_body(body.as_bytes(), false, &secrets);
                let is_redacted = clean == "your [redacted]" || clean == "[redacted]";
                assert!(is_redacted, "{body} is {clean}");
            }
        }
        for body in [
            r"your se\/cret-4\&quo",
            "your se%2Fcret-4%2\r\n",
            r"your se\u0026#x2F;cret-4\u0026quot;5678-an",
        ] {
            assert_eq!(clean_body(body.as_bytes(), false, &secrets), "[redacted]");
        }
    }

    #[test]
    fn a_plain_beginning_at_a_cut_does_not_hide_an_escaped_one() {
        let secrets = Secrets::from_iter(["abcd\"efghijabcd\"ghij"]);
        for (body, clean) in [
            (r#"x abcd\"efghijabcd"#, "[redacted]"),
            ("x abcd\"efghijabcd", "x [redacted]"),
            (r#"x efghij abcd"#, "x efghij [redacted]"),
        ] {
            assert_eq!(
                clean_body(body.as_bytes(), false, &secrets),
                clean,
                "{body}"
            );
        }
    }

    #[test]
    fn the_longest_of_several_secrets_is_redacted_at_a_cut() {
        let pair = STANDARD_NO_PAD.encode("key-12345:secret-6789");
        let secrets = Secrets::from_iter(["key-12345", "key-12345:secret-6789"]);
        // Base64 of the key alone is how Base64 of both begins.
        for len in [12, 13, 20, pair.len()] {
            let body = format!("Basic {}", &pair[..len]);
            let clean = clean_body(body.as_bytes(), false, &secrets);
            assert_eq!(clean, "Basic [redacted]", "{len}");
        }
        let secrets = Secrets::from_iter(["abcdQQQQ", "secretabcdZZZZ"]);
        assert_eq!(clean_body(b"x secretabcd", false, &secrets), "x [redacted]");
    }

    #[test]
    fn a_secret_is_found_although_another_begins_it() {
        let pair = STANDARD_NO_PAD.encode("key-12345:a?~?secret");
        let secrets = Secrets::from_iter(["key-12345", "key-12345:a?~?secret"]);
        assert!(pair.contains('/') && pair.starts_with(&STANDARD_NO_PAD.encode("key-12345")));
        for (text, shown) in [
            (format!("Basic {}", pair.replace('/', r"\/")), "[redacted]"),
            (
                format!("Basic {pair} {}", pair.replace('/', "%2F")),
                "[redacted]",
            ),
            (
                format!("Basic {pair} {pair}."),
                "Basic [redacted] [redacted].",
            ),
        ] {
            assert_eq!(clean(&text, &secrets), shown, "{text}");
        }
    }

    #[test]
    fn secrets_that_overlap_are_redacted_together() {
        let secrets = Secrets::from_iter(["hello-world", "world-of-all", "all-"]);
        assert_eq!(
            clean("a hello-world-of-all-b all-", &secrets),
            "a [redacted]b [redacted]"
        );
    }

    #[test]
    fn a_cut_in_a_character_does_not_hide_the_beginning_of_a_secret() {
        for body in ["your key-12\u{200b}", "your key-12é"] {
            let cut = &body.as_bytes()[..body.len() - 1];
            assert_eq!(clean_body(cut, false, &secrets()), "your [redacted]");
        }
        assert_eq!(
            clean_body(b"key-12\xff", true, &secrets()),
            "key-12\u{fffd}"
        );
    }

    #[test]
    fn a_whole_text_is_searched_to_its_end() {
        let invisible = "\u{200b}".repeat((SEARCHED - 9) / 3);
        let text = format!("{invisible}se/cret \"5678");
        assert_eq!(clean(&text, &secrets()), "[redacted]");
    }

    #[test]
    fn text_that_fits_is_not_cut() {
        for (len, is_cut) in [(LIMIT, false), (LIMIT + 1, true)] {
            let text = clean(&"x".repeat(len), &secrets());
            assert_eq!((text.len(), text.ends_with('…')), (LIMIT, is_cut));
        }
    }

    #[test]
    fn control_characters_are_dropped() {
        let text = "a\x1b[31mb\r\nc\u{9b}d\u{202e}e\0f\u{2028}g\u{2029}h\u{fff9}i\u{180e}j";
        assert_eq!(clean(text, &secrets()), "a[31mb  cdef g hij");
    }

    proptest! {
        #[test]
        fn cleaned_text_is_short_and_printable(text in "\\PC{0,4000}|(?s).{0,4000}") {
            let cleaned = clean(&text, &secrets());
            prop_assert!(cleaned.len() <= LIMIT);
            prop_assert!(!cleaned.chars().any(char::is_control));
        }

        #[test]
        fn no_secret_survives(before in ".{0,50}", after in ".{0,3000}") {
            let cleaned = clean(&format!("{before}key-1234{after}"), &secrets());
            prop_assert!(!cleaned.contains("key-1234"));
        }
    }
}
