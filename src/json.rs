//! Reading JSON that somebody else wrote: strict about what is read, frugal about what is skipped.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Unexpected, Visitor};
use serde_json::value::RawValue;

/// The deepest nesting of arrays and objects that serde_json reads.
const MAX_DEPTH: usize = 127;

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
///
/// It grows by half: while its elements move, it takes two and a half times their size, and one that
/// doubles takes three times. A listing is by far the largest response.
pub(crate) struct Array<T>(pub(crate) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Array<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut elements = Vec::new();
        let push = |element| {
            if elements.len() == elements.capacity() {
                elements.reserve_exact(elements.len() / 2 + 1);
            }
            elements.push(element);
        };
        deserializer.deserialize_any(ArrayVisitor(push, PhantomData))?;
        Ok(Self(elements))
    }
}

/// Calls `f` with each element of a JSON array.
///
/// They are read one at a time: a vector of a million empty strings would take many times the size
/// of the JSON.
///
/// # Errors
///
/// Returns an error if `json` is not an array.
pub(crate) fn for_each_element(json: &str, f: impl FnMut(&RawValue)) -> serde_json::Result<()> {
    serde_json::Deserializer::from_str(json).deserialize_any(ArrayVisitor(f, PhantomData))
}

struct ArrayVisitor<F, T>(F, PhantomData<T>);

impl<'de, F: FnMut(T), T: Deserialize<'de>> Visitor<'de> for ArrayVisitor<F, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element()? {
            (self.0)(element);
        }
        Ok(())
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<(), E> {
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

/// Returns whether arrays and objects are nested deeper than serde_json reads them.
///
/// serde_json has no such limit for what it skips, and Gong may add fields that are skipped.
pub(crate) fn is_too_deep(json: &str) -> bool {
    let (mut depth, mut is_string, mut is_escaped) = (0_usize, false, false);
    json.bytes().any(|byte| {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => is_string = !is_string,
            b'[' | b'{' if !is_string => depth += 1,
            b']' | b'}' if !is_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > MAX_DEPTH
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_limit_is_that_of_serde_json() {
        for depth in [1, MAX_DEPTH, MAX_DEPTH + 1, 1000] {
            for (open, close) in [("[", "]"), (r#"{"a]":"#, "}")] {
                let json = format!("{}1{}", open.repeat(depth), close.repeat(depth));
                let is_read = serde_json::from_str::<serde_json::Value>(&json).is_ok();
                assert_eq!(is_too_deep(&json), !is_read, "{depth} {open}");
            }
        }
    }

    #[test]
    fn only_nesting_counts() {
        for (open, close) in [("[", "]"), ("{", "}")] {
            let siblings = format!("[{open}{close}").repeat(MAX_DEPTH - 1);
            assert!(!is_too_deep(&siblings));
            assert!(is_too_deep(&format!("{siblings}[{open}")));
        }
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        let brackets = "[{".repeat(200);
        for text in [
            brackets.clone(),
            format!(r#"\"{brackets}"#),
            format!(r"\\\\{brackets}"),
        ] {
            assert!(!is_too_deep(&format!(r#"["{text}"]"#)), "{text}");
        }
        assert!(is_too_deep(&format!(r#"["\\",{brackets}"#)));
    }

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
            for_each_element(&text, |_| {}).err(),
        ] {
            let error = error.unwrap().to_string();
            assert!(
                error.starts_with("invalid type: a string, expected an "),
                "{error}"
            );
            assert!(error.len() < 100, "{error}");
        }
    }

    #[test]
    fn an_array_grows_by_half() {
        let mut growths = BTreeSet::new();
        for len in 0..2000 {
            let json = serde_json::to_string(&vec![7; len]).unwrap();
            let Array::<u8>(elements) = serde_json::from_str(&json).unwrap();
            assert_eq!(elements, vec![7; len]);
            let capacity = elements.capacity();
            assert!(capacity <= len + len / 2 + 1, "{capacity} for {len}");
            growths.insert(capacity);
        }
        // If it grew by a fixed number, its elements would move far more often.
        assert!(growths.len() < 20, "{growths:?}");
        let error = serde_json::from_str::<Array<u8>>("{}").err().unwrap();
        assert!(error.to_string().contains("expected an array"), "{error}");
    }

    #[test]
    fn elements_are_those_of_an_array() {
        let elements = |json| {
            let mut elements = Vec::new();
            for_each_element(json, |element| elements.push(element.get().to_owned()))
                .map(|()| elements)
                .map_err(|error| error.to_string())
        };
        assert_eq!(
            elements(r#"["a",{"b": 1}]"#).unwrap(),
            [r#""a""#, r#"{"b": 1}"#]
        );
        let error = elements("{}").unwrap_err();
        assert!(error.contains("expected an array"), "{error}");
    }
}
