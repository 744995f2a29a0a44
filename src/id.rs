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
/// [Gong's own limit](crate::facts#ids); only a request shows whether Gong knows the call.
///
/// An id takes 24 bytes, is `Copy`, and does not allocate. It serialises as a JSON string, and
/// deserialises from a string only. A JSON number is an error, although a `u64` is not: most
/// programs that write JSON keep 15 to 17 digits of a number, so what arrives may be the id of
/// another call.
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
///
/// // From a number, for a program that has its ids in a column of numbers.
/// assert_eq!(CallId::from(7).as_str(), "7");
/// assert_ne!(CallId::from(7), "007".parse()?);
/// // But JSON must have it as a string.
/// assert!(serde_json::from_str::<CallId>("7").is_err());
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

impl UserId {
    /// A lower bound for range queries; never a valid id.
    pub(crate) const BEFORE_ALL: Self = Self(Digits([0; Digits::SIZE]));
}

/// Implements what both kinds of ids have.
macro_rules! impl_id {
    ($Id:ident, $kind:literal) => {
        impl $Id {
            /// Returns the digits as they were given.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl TryFrom<&str> for $Id {
            type Error = InvalidId;

            fn try_from(text: &str) -> Result<Self, InvalidId> {
                Digits::parse(text, $kind).map(Self)
            }
        }

        impl FromStr for $Id {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::try_from(text)
            }
        }

        /// Writes the number in decimal digits, without leading zeros.
        impl From<u64> for $Id {
            fn from(number: u64) -> Self {
                Self(Digits::copy(&number.to_string()))
            }
        }

        impl AsRef<str> for $Id {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        /// Writes the digits, and honours width and alignment.
        impl fmt::Display for $Id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $Id {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        /// Reads a string of 1 to 20 digits; a JSON number is an error, since it may have lost digits.
        impl<'de> Deserialize<'de> for $Id {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(IdVisitor(PhantomData))
            }
        }
    };
}

impl_id!(CallId, "call");
impl_id!(UserId, "user");

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
/// with which spreadsheets mark text, and surrounding white space, even if it is invisible.
///
/// # Examples
///
/// ```
/// use gong_call_access::CallId;
///
/// let error = "".parse::<CallId>().unwrap_err();
/// assert_eq!(error.to_string(), r#"invalid call id "": it is empty, expected 1 to 20 digits"#);
///
/// let error = "7.78E+18".parse::<CallId>().unwrap_err();
/// assert!(error.to_string().contains("spreadsheet"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct InvalidId(Box<str>);

impl InvalidId {
    /// How much of the text its message shows, in characters.
    const SHOWN_CHARS: usize = 40;

    // Keeps the formatting out of the loop that parses valid ids.
    #[cold]
    fn new(text: &str, kind: &'static str) -> Self {
        let start: String = text.chars().take(Self::SHOWN_CHARS).collect();
        let mark = if start.len() < text.len() { "…" } else { "" };
        let non_digit = text.chars().zip(1..).find(|(c, _)| !c.is_ascii_digit());
        let problem = match non_digit {
            None if text.is_empty() => "it is empty".to_owned(),
            None => format!("it has {} digits", text.len()),
            Some((c, at)) => format!("character {at} is {c:?}"),
        };
        let (shown, max) = (start.escape_debug(), Digits::MAX_LEN);
        let message = format!(
            "invalid {kind} id \"{shown}{mark}\": {problem}, expected 1 to {max} digits{}",
            hint(text)
        );
        Self(message.into())
    }
}

/// Names the most common causes.
fn hint(text: &str) -> &'static str {
    if text.starts_with('_') {
        "; Gong's CSV export puts a `_` before ids: leave it out"
    } else if text.starts_with(['=', '\'']) {
        "; a spreadsheet marks text like this: keep only the digits"
    } else if text.contains("E+") || text.contains("e+") {
        "; a spreadsheet turned it into a number and lost digits: export the column as text"
    } else if Digits::is_well_formed(text.trim_matches(is_blank)) {
        "; remove the space around it, which may be invisible"
    } else {
        ""
    }
}

/// Whether the character is invisible. Zero-width ones come with ids that were copied from a web
/// page or a chat.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}')
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for InvalidId {}
