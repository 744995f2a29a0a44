//! Resolves the escapes of JSON, HTML and URLs, which may hide a secret.
//!
//! It never fails: a server's text is often none of these, or a part of one.

/// The characters with which an escape begins.
pub(super) const MARKS: [char; 3] = ['\\', '%', '&'];

/// Returns whether `text` has escapes or white space, which may hide a secret.
pub(super) fn may_hide(text: &str) -> bool {
    text.contains(|c| MARKS.contains(&c) || is_blank(c))
}

/// A text without escapes and white space, in two forms that differ where the white space was in the
/// middle of an escape, or of what would be one without it.
pub(super) type Resolved = [String; 2];

/// Returns `text` without escapes and white space.
///
/// A server may write the `/` of Base64 as `\/`, `%2F` or `&#x2F;`, wrap a long header over several
/// lines, and put the escaped text into another that is escaped in its turn.
pub(super) fn resolve(text: &str) -> Resolved {
    [
        join(&resolve_with(str::to_owned, text)),
        resolve_with(join, text),
    ]
}

/// Resolves escapes and escapes within them. `prepare` is applied before each level.
fn resolve_with(prepare: fn(&str) -> String, text: &str) -> String {
    /// Enough for JSON within JSON within HTML. A text of nothing but escapes may have thousands.
    const MAX_LEVELS: usize = 4;
    let mut text = prepare(text);
    for _ in 0..MAX_LEVELS {
        let resolved = prepare(&resolve_once(&text));
        if resolved.len() == text.len() {
            break;
        }
        text = resolved;
    }
    text
}

/// Returns `text` without white space and without what cannot be seen.
fn join(text: &str) -> String {
    text.chars().filter(|c| !is_blank(*c)).collect()
}

fn is_blank(c: char) -> bool {
    // A form writes a space as `+`.
    c == '+' || c.is_whitespace() || c.is_control() || is_invisible(c)
}

fn resolve_once(text: &str) -> String {
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(MARKS) {
        let (before, escape) = rest.split_at(at);
        resolved.push_str(before);
        if let Some((c, after)) = unescape(escape) {
            resolved.push(c);
            rest = after;
        } else {
            let (itself, after) = escape.split_at(1);
            resolved.push_str(itself);
            rest = after;
        }
    }
    resolved.push_str(rest);
    resolved
}

/// Returns the character for which the escape at the start of `text` stands, and what follows it.
fn unescape(text: &str) -> Option<(char, &str)> {
    let mut chars = text.chars();
    let escape = chars.next()?;
    let code = chars.as_str();
    match escape {
        '%' => from_hex(code, 2),
        '&' => from_html(code),
        _ => match (chars.next()?, chars.as_str()) {
            ('u', digits) => from_hex(digits, 4),
            ('x', digits) => from_hex(digits, 2),
            ('b' | 'f' | 'n' | 'r' | 't', after) => Some((' ', after)),
            (c, after) => Some((c, after)),
        },
    }
}

fn from_hex(text: &str, len: usize) -> Option<(char, &str)> {
    let (digits, after) = text.split_at_checked(len)?;
    Some((from_digits(digits, 16)?, after))
}

fn from_digits(digits: &str, radix: u32) -> Option<char> {
    char::from_u32(u32::from_str_radix(digits, radix).ok()?)
}

/// Resolves a character reference of HTML, given without its `&`. A number may lack its `;`.
fn from_html(text: &str) -> Option<(char, &str)> {
    const NAMES: [(&str, char); 8] = [
        ("amp;", '&'),
        ("lt;", '<'),
        ("gt;", '>'),
        ("quot;", '"'),
        ("apos;", '\''),
        ("sol;", '/'),
        ("equals;", '='),
        ("plus;", '+'),
    ];
    let Some(code) = text.strip_prefix('#') else {
        return NAMES
            .iter()
            .find_map(|(name, c)| Some((*c, text.strip_prefix(name)?)));
    };
    let (radix, digits) = match code.strip_prefix(['x', 'X']) {
        Some(digits) => (16, digits),
        None => (10, code),
    };
    let end = digits.find(|c: char| !c.is_digit(radix));
    let (digits, after) = digits.split_at_checked(end.unwrap_or(digits.len()))?;
    Some((
        from_digits(digits, radix)?,
        after.strip_prefix(';').unwrap_or(after),
    ))
}

/// Whether this character is an invisible mark, or reverses the direction of the text around it.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
    )
}
