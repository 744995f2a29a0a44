//! `CallId` and `UserId`: validated ids, and `InvalidId` for everything else.

use std::fmt;
use std::marker::PhantomData;
use std::str::{self, FromStr};

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// The id of a call: 1 to 20 ASCII digits, kept as text and sent exactly as given.
///
/// An id is never converted to a number. Leading zeros are kept, so `007` and `7` are different
/// ids, and ids are ordered as text: `7` sorts before `70`, and `10` before `9`. The length is
/// [Gong's own limit](crate::facts#ids); only a request shows whether Gong knows the
/// call.
///
/// An id takes 24 bytes, is `Copy`, and does not allocate. It serialises as a JSON string, and
/// deserialises from a string only. A JSON number is an error although a `u64` is not: most programs
/// that write JSON keep 15 to 17 digits of a number, so it may already be the id of another call.
///
/// # Errors
///
/// Parsing returns an [`InvalidId`] if the text is empty, is longer than 20 digits, or contains
/// anything but ASCII digits. Surrounding white space is not trimmed.
///
/// # Examples
///
/// ```
/// use gong_call_access::CallId;
///
/// let call: CallId = "7782342274025937895".parse()?;
/// assert_eq!(call.as_str(), "7782342274025937895");
/// let error = "_7782342274025937895".parse::<CallId>().unwrap_err();
/// assert!(error.to_string().contains("leave it out"));
/// # Ok::<(), gong_call_access::InvalidId>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(Digits);

/// The id of a user: 1 to 20 ASCII digits, kept as text and sent exactly as given.
///
/// It follows the rules of a [`CallId`], but is a separate type, so that you cannot swap a call and
/// a user by mistake.
///
/// # Errors
///
/// Parsing returns an [`InvalidId`] if the text is empty, is longer than 20 digits, or contains
/// anything but ASCII digits.
///
/// # Examples
///
/// ```
/// use gong_call_access::UserId;
///
/// let user = UserId::try_from("234599484848423")?;
/// assert_eq!(user.to_string(), "234599484848423");
/// # Ok::<(), gong_call_access::InvalidId>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Digits);

impl CallId {
    /// Returns the digits as they were given.
    ///
    /// # Examples
    ///
    /// ```
    /// use gong_call_access::CallId;
    ///
    /// assert_eq!("007".parse::<CallId>()?.as_str(), "007");
    /// # Ok::<(), gong_call_access::InvalidId>(())
    /// ```
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl UserId {
    /// A lower bound for range queries; never a valid id.
    pub(crate) const BEFORE_ALL: Self = Self(Digits([0; Digits::SIZE]));

    /// Returns the digits as they were given.
    ///
    /// # Examples
    ///
    /// ```
    /// use gong_call_access::UserId;
    ///
    /// assert_eq!("007".parse::<UserId>()?.as_str(), "007");
    /// # Ok::<(), gong_call_access::InvalidId>(())
    /// ```
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl TryFrom<&str> for CallId {
    type Error = InvalidId;

    fn try_from(text: &str) -> Result<Self, InvalidId> {
        Digits::parse(text, "call").map(Self)
    }
}

impl TryFrom<&str> for UserId {
    type Error = InvalidId;

    fn try_from(text: &str) -> Result<Self, InvalidId> {
        Digits::parse(text, "user").map(Self)
    }
}

impl FromStr for CallId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::try_from(text)
    }
}

impl FromStr for UserId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::try_from(text)
    }
}

/// Writes the number in decimal digits, without leading zeros.
///
/// It is for a program that holds its ids as numbers, in a column of a database for instance. An id
/// that has leading zeros is a different one.
///
/// # Examples
///
/// ```
/// use gong_call_access::CallId;
///
/// let call = CallId::from(7_782_342_274_025_937_895);
/// assert_eq!(call.as_str(), "7782342274025937895");
/// assert_ne!(CallId::from(7), CallId::try_from("007")?);
/// # Ok::<(), gong_call_access::InvalidId>(())
/// ```
impl From<u64> for CallId {
    fn from(number: u64) -> Self {
        Self(Digits::copy(&number.to_string()))
    }
}

/// Writes the number in decimal digits, without leading zeros.
impl From<u64> for UserId {
    fn from(number: u64) -> Self {
        Self(Digits::copy(&number.to_string()))
    }
}

impl AsRef<str> for CallId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for UserId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

/// Writes the digits, and honours width and alignment.
impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Writes the digits, and honours width and alignment.
impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for CallId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for UserId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Reads a string of 1 to 20 digits; a JSON number is an error, since it may have lost digits.
///
/// # Examples
///
/// ```
/// use gong_call_access::CallId;
///
/// assert!(serde_json::from_str::<CallId>(r#""7782342274025937895""#).is_ok());
/// assert!(serde_json::from_str::<CallId>("7782342274025937895").is_err());
/// ```
impl<'de> Deserialize<'de> for CallId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(IdVisitor(PhantomData))
    }
}

/// Reads a string of 1 to 20 digits; a JSON number is an error.
impl<'de> Deserialize<'de> for UserId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(IdVisitor(PhantomData))
    }
}

/// Reads an id from a string.
///
/// It has no `visit_u64`: most programs that write JSON keep only 15 to 17 digits of a number.
struct IdVisitor<T>(PhantomData<T>);

impl<T: for<'a> TryFrom<&'a str, Error = InvalidId>> Visitor<'_> for IdVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a string of 1 to {} digits", Digits::MAX_LEN)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        T::try_from(text).map_err(E::custom)
    }
}

/// The digits from the left, zero bytes, and the length in the last byte.
///
/// The derived order is that of the texts: a zero byte sorts before every digit, so `7` sorts
/// before `70`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Digits([u8; Self::SIZE]);

impl Digits {
    const MAX_LEN: usize = 20;

    /// 20 digits and the length need 21 bytes. With 24, three words, encoding a list takes a seventh
    /// less.
    const SIZE: usize = 24;

    fn parse(text: &str, kind: &'static str) -> Result<Self, InvalidId> {
        if Self::is_well_formed(text) {
            Ok(Self::copy(text))
        } else {
            Err(InvalidId::new(text, kind))
        }
    }

    fn is_well_formed(text: &str) -> bool {
        matches!(text.len(), 1..=Self::MAX_LEN) && text.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// Copies a text that is well-formed, as that of any `u64` is.
    fn copy(text: &str) -> Self {
        let mut bytes = [0; Self::SIZE];
        for (to, from) in bytes.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        let [.., len] = &mut bytes;
        *len = text.len() as u8;
        Self(bytes)
    }

    fn as_str(&self) -> &str {
        let [digits @ .., len] = &self.0;
        let digits = digits.get(..usize::from(*len)).unwrap_or_default();
        // Skipping this check would take `unsafe`, which this crate forbids.
        str::from_utf8(digits).unwrap_or_default()
    }
}

impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// The error for a text that is not a valid [`CallId`] or [`UserId`].
///
/// Its `Display` names the kind of id, shows the text (escaped, and cut after 40 characters) and the
/// first problem with it, and hints at the most common causes: the `_` that Gong's CSV export puts
/// before ids, a spreadsheet that turned an id into a number such as `7.78E+18`, the `'` or `="…"`
/// with which spreadsheets mark text, and surrounding space, also where it is invisible.
///
/// # Examples
///
/// ```
/// use gong_call_access::CallId;
///
/// let error = "".parse::<CallId>().unwrap_err();
/// let message = r#"invalid call id "": it is empty, expected 1 to 20 digits"#;
/// assert_eq!(error.to_string(), message);
///
/// let error = "7.78E+18".parse::<CallId>().unwrap_err();
/// assert!(error.to_string().contains("spreadsheet"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct InvalidId(Box<Invalid>);

#[derive(Clone, PartialEq, Eq)]
struct Invalid {
    kind: &'static str,
    shown: String,
    problem: String,
    hint: Option<&'static str>,
}

impl InvalidId {
    /// Twice the longest id, so that a reader recognises what was passed instead.
    const SHOWN_CHARS: usize = 40;

    // Keeps the formatting out of the loop that parses valid ids.
    #[cold]
    fn new(text: &str, kind: &'static str) -> Self {
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
        Self(Box::new(Invalid {
            kind,
            shown,
            problem,
            hint: hint(text),
        }))
    }
}

/// What most likely went wrong with the text, and what to do about it.
fn hint(text: &str) -> Option<&'static str> {
    if text.starts_with('_') {
        Some("Gong's CSV export puts a `_` before ids: leave it out")
    } else if text.starts_with(['=', '\'']) {
        Some("a spreadsheet marks text like this: leave only the digits")
    } else if is_scientific(text) {
        Some("a spreadsheet turned it into a number and lost digits: export the column as text")
    } else if Digits::is_well_formed(text.trim_matches(is_blank)) {
        Some("remove the space around it, which may be invisible")
    } else {
        None
    }
}

/// Whether nothing is seen of the character. Zero-width ones come with ids that were copied from a
/// web page or a chat.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}')
}

/// Whether the text looks like `7.78E+18`, or `7,78E+18` from a spreadsheet with a decimal comma.
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

impl fmt::Debug for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for InvalidId {}
