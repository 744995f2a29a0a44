//! Decodes an HTTP response: what proves a success, and what an error says.
//!
//! A success is a 200 whose body is complete, not compressed, and a JSON object without errors.
//! Anything less may come from a proxy, a captive portal or a wrong host, and a caller must not take
//! it for a grant. An error is the opposite: it keeps whatever can be read.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::api_error::{ApiError, Parts};
use super::{Receipt, Response, Success};
use crate::http::{BodyEnd, HttpResponse, retry_after};
use crate::redact::{self, Secrets};

/// Decodes the response to the `attempts`th attempt.
///
/// It never fails: a response that cannot be understood is an [`ApiError`] with the status it has.
pub(crate) fn decode<T: Success>(
    http: &HttpResponse,
    question: &T::Question,
    attempts: u32,
    secrets: &Secrets,
) -> Response<T> {
    let (status, body) = (http.status, &http.body);
    let envelope = match status {
        200 => read_acknowledgement::<T::Content>(http).map_err(str::to_owned),
        // Here the status decides, so the body may be damaged, cut short or not JSON at all.
        _ => Ok(read_error(body)),
    };
    let request_id = envelope
        .as_ref()
        .ok()
        .and_then(Envelope::request_id)
        .or_else(|| http.header("x-traceid").map(Cow::from))
        // A server that answered in Gong's place may have echoed a header there.
        .map(|id| redact::clean(&id, secrets).into_boxed_str())
        .filter(|id| !id.is_empty());
    let (errors, detail) = match envelope {
        Ok(envelope) if status == 200 && envelope.has_errors() => {
            (envelope.errors, Some("it reports errors".to_owned()))
        }
        Ok(envelope) if status == 200 && T::is_answered(question, &envelope.call_access_list) => {
            let receipt = Receipt {
                request_id,
                attempts,
            };
            return Response::Success(T::new(receipt, envelope.call_access_list));
        }
        Ok(_) if status == 200 => {
            let problem = "it lists a call that was not requested";
            (Value::Null, Some(problem.to_owned()))
        }
        Ok(envelope) => (envelope.errors, redirect(http, secrets)),
        Err(problem) => (Value::Null, Some(problem)),
    };
    Response::refusal(ApiError::new(Parts {
        status,
        request_id,
        messages: messages(errors, secrets),
        retry_after: retry_after::parse(http.header_fields("retry-after"), http.header("date")),
        attempts,
        body: redact::clean_body(body, http.end == BodyEnd::Complete, secrets),
        detail,
    }))
}

/// Reads the body of a 200.
///
/// # Errors
///
/// Returns why the body does not prove success.
fn read_acknowledgement<C: DeserializeOwned + Default>(
    http: &HttpResponse,
) -> Result<Envelope<C>, &'static str> {
    match http.end {
        BodyEnd::Complete => {}
        BodyEnd::TooLarge => return Err("its body is too large"),
        BodyEnd::CutShort => return Err("its body was cut short"),
        BodyEnd::Encoded => return Err("its body is compressed"),
    }
    // `serde_json::from_slice` does not check the UTF-8 of what it skips, and most of a body may be
    // skipped. JSON that is not UTF-8 did not come from Gong, or was damaged on the way.
    let json = std::str::from_utf8(&http.body).map_err(|_| "its body is not UTF-8")?;
    serde_json::from_str(json).map_err(|_| "its body is not the documented JSON object")
}

/// Reads what can be read of the body of any other status; an unreadable one gives an empty envelope.
fn read_error<C: DeserializeOwned + Default>(body: &[u8]) -> Envelope<C> {
    // Lossy: an invalid byte in one message must not hide the others.
    let text = String::from_utf8_lossy(body);
    // A byte order mark is not JSON, but some gateways send one.
    let json = text.trim_start_matches('\u{feff}');
    // The list is skipped: an id in it that is invalid must not hide the messages.
    let envelope: Envelope<IgnoredAny> = serde_json::from_str(json).unwrap_or_default();
    Envelope {
        request_id: envelope.request_id,
        errors: envelope.errors,
        ..Envelope::default()
    }
}

/// Returns the host to which a redirect points, as a remark for the message.
///
/// Redirects are not followed, so this is what an operator needs: Gong's shared host redirects to the
/// company's own.
fn redirect(http: &HttpResponse, secrets: &Secrets) -> Option<String> {
    let location = http.header("location").filter(|_| http.status / 100 == 3)?;
    let host = redact::clean(host_of(location)?, secrets);
    Some(format!("to the host {host}"))
}

/// The fields that all of Gong's responses have in common, and the list of some.
///
/// `request_id` and `errors` are read as any JSON: a success must not fail because one of them has
/// another type than documented, and an error must not lose its message.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", bound = "C: DeserializeOwned + Default")]
struct Envelope<C> {
    #[serde(default)]
    request_id: Value,
    #[serde(default)]
    errors: Value,
    #[serde(default)]
    call_access_list: C,
    // Without `flatten`, serde would accept a JSON array of the fields for the object. It also makes
    // serde_json read the unknown fields, where its limit of 128 levels applies; skipped ones have
    // no limit.
    #[serde(flatten)]
    _rest: IgnoredAny,
}

impl<C> Envelope<C> {
    /// The id as text; `None` if it is missing, empty or not an id.
    fn request_id(&self) -> Option<Cow<'_, str>> {
        match &self.request_id {
            Value::String(id) if id.is_empty() => None,
            Value::String(id) => Some(id.into()),
            // serde_json rounds a number that does not fit in 64 bits, and a rounded id is wrong.
            Value::Number(id) if !id.is_f64() => Some(id.to_string().into()),
            _ => None,
        }
    }

    /// Whether the response reports any error, in whatever form.
    ///
    /// Gong's errors are an array of strings. Any other value that is not empty counts too, so that a
    /// form nobody expected does not pass for a success.
    fn has_errors(&self) -> bool {
        match &self.errors {
            Value::Null => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Object(fields) => !fields.is_empty(),
            Value::Bool(_) | Value::Number(_) => true,
        }
    }
}

/// Returns Gong's messages, cleaned, and all together cut to the limit for server text.
fn messages(errors: Value, secrets: &Secrets) -> Vec<String> {
    let errors = match errors {
        Value::Null => Vec::new(),
        Value::Array(errors) => errors,
        error => vec![error],
    };
    let mut left = redact::LIMIT;
    errors
        .into_iter()
        .map(|error| match error {
            Value::String(message) => redact::clean(&message, secrets),
            other => {
                let json = serde_json::to_string(&other).unwrap_or_default();
                redact::clean(&json, secrets)
            }
        })
        .filter(|message| !message.trim().is_empty())
        .map_while(|mut message| {
            redact::cut(&mut message, left);
            left = left.saturating_sub(message.len());
            (!message.is_empty()).then_some(message)
        })
        .collect()
}

/// Returns the host of an absolute `Location`, without user information.
fn host_of(location: &str) -> Option<&str> {
    // Not `http::Uri`, which would reject a location that is only slightly wrong.
    let (scheme, rest) = location.split_once("//")?;
    // The `//` may belong to a URL inside a path or a query.
    if scheme.contains(['/', '?', '#']) {
        return None;
    }
    // Browsers read `\` as `/`.
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?;
    (!host.is_empty()).then_some(host)
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
            ("/login?next=https://other.example/x", None),
            ("login#//other.example", None),
            ("/a//b", None),
            ("", None),
        ] {
            assert_eq!(host_of(location), host, "{location:?}");
        }
    }
}
