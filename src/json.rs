//! `Object` and `Array`: JSON that somebody else wrote, read strictly and in little memory.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Unexpected, Visitor};

/// A struct that is read from an object alone; a derived one accepts an array of its fields too.
pub(crate) type Object<T> = Strict<T, true>;

/// A vector that is read from an array.
pub(crate) type Array<T> = Strict<Vec<T>, false>;

/// What is read from JSON of one type alone, and never quoted in an error.
///
/// An error of serde_json quotes a text that stands in place of something else. That can take seven
/// times the memory of a large body, and seconds.
pub(crate) struct Strict<T, const IS_OBJECT: bool>(pub(crate) T);

impl<'de, T: Deserialize<'de>, const IS_OBJECT: bool> Deserialize<'de> for Strict<T, IS_OBJECT> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Only `deserialize_any` passes a text to the visitor.
        deserializer.deserialize_any(StrictVisitor(PhantomData))
    }
}

struct StrictVisitor<T, const IS_OBJECT: bool>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const IS_OBJECT: bool> Visitor<'de> for StrictVisitor<T, IS_OBJECT> {
    type Value = Strict<T, IS_OBJECT>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if IS_OBJECT { "an object" } else { "an array" })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Strict)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<Self::Value, A::Error> {
        match IS_OBJECT {
            true => Err(de::Error::invalid_type(Unexpected::Seq, &self)),
            false => T::deserialize(SeqAccessDeserializer::new(elements)).map(Strict),
        }
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Self::Value, E> {
        Err(E::invalid_type(Unexpected::Other("a string"), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_not_quoted_in_an_error() {
        let text = format!("{:?}", "é".repeat(1000));
        for error in [
            serde_json::from_str::<Object<u8>>(&text).err(),
            serde_json::from_str::<Array<u8>>(&text).err(),
        ] {
            let error = error.unwrap().to_string();
            assert!(error.len() < 100, "{error}");
        }
    }
}
