//! Bytes to `Response`: what proves a success, and what an error says.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::api_error::{ApiError, Parts};
use super::text::{self, Secrets};
use super::{Receipt, Response};
use crate::send::{BodyEnd, HttpResponse, retry_after};

/// Decodes the answer to the `attempts`th attempt.
pub(crate) fn decode(http: &HttpResponse, attempts: u32, secrets: &Secrets) -> Response {
    let whole = match http.end {
        BodyEnd::Complete => Ok(&http.body),
        BodyEnd::TooLarge => Err("its body is too large"),
        BodyEnd::CutShort => Err("its body was cut short"),
        BodyEnd::Encoded => Err("its body is compressed"),
    };
    let envelope = whole.and_then(|body| {
        let json = std::str::from_utf8(body).map_err(|_| "its body is not UTF-8")?;
        serde_json::from_str::<Envelope<'_>>(json)
            .map_err(|_| "its body is not the documented JSON object")
    });
    let request_id = |envelope: Option<&Envelope<'_>>| {
        let in_body = envelope.and_then(|envelope| envelope.request_id.as_deref());
        let id = in_body
            .filter(|id| !id.is_empty())
            .or_else(|| http.header("x-traceid"))?;
        let id = text::clean(id, secrets);
        (!id.is_empty()).then(|| id.into_boxed_str())
    };
    let problem = match &envelope {
        Ok(envelope) if http.status == 200 && envelope.errors.is_none() => {
            return Response::Success(Receipt {
                request_id: request_id(Some(envelope)),
                attempts,
            });
        }
        Ok(_) => "it reports errors",
        Err(problem) => problem,
    };
    let detail = match http.status {
        200 => Some(problem.to_owned()),
        300..=399 => http
            .header("location")
            .and_then(host_of)
            .map(|host| format!("to the host {}", text::clean(host, secrets))),
        _ => None,
    };
    let envelope = envelope.ok();
    Response::refusal(ApiError::new(Parts {
        status: http.status,
        request_id: request_id(envelope.as_ref()),
        messages: envelope
            .and_then(|envelope| envelope.errors)
            .map(|errors| messages(errors, secrets))
            .unwrap_or_default(),
        retry_after: retry_after::parse(http.header_fields("retry-after"), http.header("date")),
        attempts,
        body: text::clean_body(&http.body, matches!(http.end, BodyEnd::Complete), secrets),
        detail,
    }))
}

/// Cleans the messages, which are kept up to the limit for server text in all.
fn messages(errors: Value, secrets: &Secrets) -> Vec<String> {
    let errors = match errors {
        Value::Array(errors) => errors,
        error => vec![error],
    };
    let mut left = text::LIMIT;
    errors
        .into_iter()
        .map(|error| match error {
            Value::String(message) => text::clean(&message, secrets),
            other => text::clean(&other.to_string(), secrets),
        })
        .filter(|message| !message.trim().is_empty())
        .map_while(|mut message| {
            text::cut(&mut message, left);
            let is_room = left > 0;
            left = left.saturating_sub(message.len());
            is_room.then_some(message)
        })
        .collect()
}

/// The host of an absolute `Location`, without user information.
fn host_of(location: &str) -> Option<&str> {
    let (_, rest) = location.split_once("//")?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?;
    (!host.is_empty()).then_some(host)
}

/// What every answer of Gong's has in common.
///
/// Written by hand because a field that is not known is read with the limit of depth that serde
/// gives values and not to fields it skips, and because `requestId` may be anything.
#[derive(Default)]
struct Envelope<'a> {
    request_id: Option<Cow<'a, str>>,
    /// `None` if there are none: no such field, or an empty one.
    errors: Option<Value>,
}

impl<'de> Deserialize<'de> for Envelope<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EnvelopeVisitor;

        impl<'de> Visitor<'de> for EnvelopeVisitor {
            type Value = Envelope<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope<'de>, A::Error> {
                let mut envelope = Envelope::default();
                while let Some(Text(name)) = map.next_key()? {
                    match name.as_deref() {
                        Some("requestId") => envelope.request_id = map.next_value::<Text<'_>>()?.0,
                        Some("errors") => {
                            if envelope.errors.is_some() {
                                return Err(A::Error::duplicate_field("errors"));
                            }
                            envelope.errors =
                                Some(map.next_value()?).filter(|errors| !is_empty(errors));
                        }
                        _ => {
                            map.next_value::<Text<'_>>()?;
                        }
                    }
                }
                Ok(envelope)
            }
        }

        deserializer.deserialize_map(EnvelopeVisitor)
    }
}

fn is_empty(errors: &Value) -> bool {
    match errors {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Any value, of which a string or a number is kept as text.
struct Text<'a>(Option<Cow<'a, str>>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Some(Cow::Borrowed(text))))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Some(Cow::Owned(text.to_owned()))))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Text<'de>, E> {
                Ok(Text(Some(Cow::Owned(number.to_string()))))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Text<'de>, E> {
                Ok(Text(Some(Cow::Owned(number.to_string()))))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Text<'de>, E> {
                Ok(Text(Some(Cow::Owned(number.to_string()))))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Text<'de>, E> {
                Ok(Text(None))
            }

            fn visit_unit<E>(self) -> Result<Text<'de>, E> {
                Ok(Text(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Text<'de>, A::Error> {
                while items.next_element::<Text<'_>>()?.is_some() {}
                Ok(Text(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Text<'de>, A::Error> {
                while fields.next_entry::<Text<'_>, Text<'_>>()?.is_some() {}
                Ok(Text(None))
            }
        }

        deserializer.deserialize_any(TextVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_location_has_no_user_information() {
        for (location, host) in [
            (
                "https://us-1.api.gong.io/v2/calls",
                Some("us-1.api.gong.io"),
            ),
            (
                "https://user:hunter2@host.example:8443?x#y",
                Some("host.example:8443"),
            ),
            ("//host.example/path", Some("host.example")),
            ("https://", None),
            ("/v2/calls", None),
            ("", None),
        ] {
            assert_eq!(host_of(location), host, "{location:?}");
        }
    }
}
