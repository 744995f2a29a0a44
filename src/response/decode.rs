//! Bytes to `Response`: what proves a success, and what an error says.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::api_error::{ApiError, Parts};
use super::{Receipt, Response, Success};
use crate::http::{BodyEnd, HttpResponse, retry_after};
use crate::redact::{self, Secrets};

/// Decodes the response to the `attempts`th attempt.
pub(crate) fn decode<T: Success>(
    http: &HttpResponse,
    question: &T::Question,
    attempts: u32,
    secrets: &Secrets,
) -> Response<T> {
    let (status, body) = (http.status, &http.body);
    let envelope = match status {
        200 => read_acknowledgement::<T::Content>(http).map_err(str::to_owned),
        // The status is the answer, so any text that can be read from the body is welcome.
        _ => Ok(read_error(body)),
    };
    let request_id = envelope
        .as_ref()
        .ok()
        .and_then(Envelope::request_id)
        .or_else(|| http.header("x-traceid").map(Cow::from))
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
            let problem = "it lists a call that was not asked for";
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

/// Reads the body of a 200, or says why it does not prove success.
fn read_acknowledgement<C: DeserializeOwned + Default>(
    http: &HttpResponse,
) -> Result<Envelope<C>, &'static str> {
    match http.end {
        BodyEnd::Complete => {}
        BodyEnd::TooLarge => return Err("its body is too large"),
        BodyEnd::CutShort => return Err("its body was cut short"),
        BodyEnd::Encoded => return Err("its body is compressed"),
    }
    let json = std::str::from_utf8(&http.body).map_err(|_| "its body is not UTF-8")?;
    serde_json::from_str(json).map_err(|_| "its body is not the documented JSON object")
}

/// Reads what there is to read in the body of any other status.
fn read_error<C: DeserializeOwned + Default>(body: &[u8]) -> Envelope<C> {
    let text = String::from_utf8_lossy(body);
    let json = text.trim_start_matches('\u{feff}');
    let envelope: Envelope<IgnoredAny> = serde_json::from_str(json).unwrap_or_default();
    Envelope {
        request_id: envelope.request_id,
        errors: envelope.errors,
        ..Envelope::default()
    }
}

/// Where a redirect points.
fn redirect(http: &HttpResponse, secrets: &Secrets) -> Option<String> {
    let location = http.header("location").filter(|_| http.status / 100 == 3)?;
    let host = redact::clean(host_of(location)?, secrets);
    Some(format!("to the host {host}"))
}

/// What all of Gong's responses have in common, and the list that some have.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", bound = "C: DeserializeOwned + Default")]
struct Envelope<C> {
    #[serde(default)]
    request_id: Value,
    #[serde(default)]
    errors: Value,
    #[serde(default)]
    call_access_list: C,
    /// Read and not skipped, since serde_json limits the depth of what it reads only.
    #[serde(flatten)]
    _rest: IgnoredAny,
}

impl<C> Envelope<C> {
    fn request_id(&self) -> Option<Cow<'_, str>> {
        match &self.request_id {
            Value::String(id) if id.is_empty() => None,
            Value::String(id) => Some(id.into()),
            // A number that is no 64-bit integer was rounded.
            Value::Number(id) if !id.is_f64() => Some(id.to_string().into()),
            _ => None,
        }
    }

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

/// Gong's messages, cleaned; all of them together are kept up to the limit for server text.
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

/// The host of an absolute `Location`, without user information.
fn host_of(location: &str) -> Option<&str> {
    let (scheme, rest) = location.split_once("//")?;
    // A path or a query may hold a URL of its own.
    if scheme.contains(['/', '?', '#']) {
        return None;
    }
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
