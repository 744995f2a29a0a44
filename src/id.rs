//! `CallId` and `UserId`: what an id may be.

use std::cmp::Ordering;
use std::fmt;
use std::marker::PhantomData;
use std::str::{self, FromStr};

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// The id of a call: 1 to 20 ASCII digits, kept as text and sent exactly as given.
///
/// Leading zeros are kept, so `007` and `7` are two different ids. Ids are ordered as text: `10`
/// comes before `9`. Gong documents ids as numeric strings of up to 20 digits. From JSON an id is read
/// from a string only, since a number may have lost digits.
///
/// # Errors
///
/// Parsing anything else gives an [`InvalidId`].
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
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(Digits);

/// The id of a user: 1 to 20 ASCII digits, kept as text and sent exactly as given.
///
/// The same rules as for a [`CallId`] hold; the two types cannot be mistaken for each other.
///
/// # Errors
///
/// Parsing anything else gives an [`InvalidId`].
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
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Digits);

impl CallId {
    /// Returns the digits as they were given.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl UserId {
    /// Sorts before every user, and is none.
    pub(crate) const BEFORE_ALL: Self = Self(Digits([0; Digits::SIZE]));

    /// Returns the digits as they were given.
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

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CallId").field(&self.as_str()).finish()
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UserId").field(&self.as_str()).finish()
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

impl<'de> Deserialize<'de> for CallId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(IdVisitor(PhantomData))
    }
}

impl<'de> Deserialize<'de> for UserId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(IdVisitor(PhantomData))
    }
}

/// Accepts strings only: an id that went through a JSON number may have lost digits.
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

/// The digits from the left, then zero bytes, with the length in the last byte.
///
/// So the order of the bytes is the order of the text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(align(8))]
struct Digits([u8; Self::SIZE]);

impl Digits {
    const MAX_LEN: usize = 20;
    const SIZE: usize = 24;

    fn parse(text: &str, kind: &'static str) -> Result<Self, InvalidId> {
        if !Self::is_well_formed(text) {
            return Err(InvalidId::new(text, kind));
        }
        let mut bytes = [0; Self::SIZE];
        for (to, from) in bytes.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        let [.., len] = &mut bytes;
        *len = text.len() as u8;
        Ok(Self(bytes))
    }

    fn is_well_formed(text: &str) -> bool {
        matches!(text.len(), 1..=Self::MAX_LEN) && text.bytes().all(|byte| byte.is_ascii_digit())
    }

    fn words(&self) -> (u128, u64) {
        let head = self.0.first_chunk().copied().map_or(0, u128::from_be_bytes);
        let tail = self.0.last_chunk().copied().map_or(0, u64::from_be_bytes);
        (head, tail)
    }

    fn as_str(&self) -> &str {
        let [digits @ .., len] = &self.0;
        let digits = digits.get(..usize::from(*len)).unwrap_or_default();
        str::from_utf8(digits).unwrap_or_default()
    }
}

impl Ord for Digits {
    /// Compares words: a set of pairs does little else, and comparing bytes is a call.
    fn cmp(&self, other: &Self) -> Ordering {
        self.words().cmp(&other.words())
    }
}

impl PartialOrd for Digits {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

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
