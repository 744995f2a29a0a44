//! `Object` and `Array`: JSON that somebody else wrote, read strictly and in little memory.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Unexpected, Visitor};

/// A `T` that is read from a JSON object and from nothing else.
///
/// A derived struct also accepts a JSON array of its fields. A flattened field would prevent that
/// too, but serde then keeps all unknown fields in memory, which takes many times their size.
pub(crate) struct Object<T>(pub(crate) T);

impl<T: Default> Default for Object<T> {
    fn default() -> Self {
        Self(T::default())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Self::Value, E> {
        Err(unexpected_text(&self))
    }
}

/// A vector that is read from a JSON array and from nothing else.
pub(crate) struct Array<T>(pub(crate) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Array<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ArrayVisitor(PhantomData))
    }
}

struct ArrayVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ArrayVisitor<T> {
    type Value = Array<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(elements)).map(Array)
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Self::Value, E> {
        Err(unexpected_text(&self))
    }
}

/// Returns the error for a string in place of something else.
///
/// serde_json's own error quotes the string, which may take ten times its size. Only
/// `deserialize_any` passes a string to the visitor, where this error can replace it.
fn unexpected_text<E: de::Error>(expected: &dyn de::Expected) -> E {
    E::invalid_type(Unexpected::Other("a string"), expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_not_read_from_an_array() {
        #[derive(serde::Deserialize)]
        struct Point {
            x: u8,
        }
        let read = serde_json::from_str::<Object<Point>>;
        assert_eq!(read(r#"{"y":[{}],"x":1}"#).unwrap().0.x, 1);
        let error = read("[1]").err().unwrap().to_string();
        assert!(error.contains("expected an object"), "{error}");
    }

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
