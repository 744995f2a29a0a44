//! Bytes to `Response`: what proves a success, and what an error says.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::api_error::{ApiError, Parts};
use super::text::{self, Secrets};
use super::{Receipt, Response, Success};
use crate::send::{BodyEnd, HttpResponse, retry_after};

/// Decodes the answer to the `attempts`th attempt.
pub(crate) fn decode<T: Success>(
    http: &HttpResponse,
    attempts: u32,
    secrets: &Secrets,
) -> Response<T> {
    let envelope = read::<T::Content>(http);
    let request_id = envelope
        .as_ref()
        .ok()
        .and_then(Envelope::request_id)
        .or_else(|| http.header("x-traceid").map(Cow::from))
        .map(|id| text::clean(&id, secrets).into_boxed_str())
        .filter(|id| !id.is_empty());
    let (problem, messages) = match envelope {
        Ok(envelope) if http.status == 200 && !envelope.has_errors() => {
            let receipt = Receipt {
                request_id,
                attempts,
            };
            return Response::Success(T::new(receipt, envelope.call_access_list));
        }
        Ok(envelope) => ("it reports errors", messages(envelope.errors, secrets)),
        Err(problem) => (problem, Vec::new()),
    };
    let detail = match http.status {
        200 => Some(problem.to_owned()),
        300..=399 => http
            .header("location")
            .and_then(host_of)
            .map(|host| format!("to the host {}", text::clean(host, secrets))),
        _ => None,
    };
    Response::refusal(ApiError::new(Parts {
        status: http.status,
        request_id,
        messages,
        retry_after: retry_after::parse(http.header_fields("retry-after"), http.header("date")),
        attempts,
        body: text::clean_body(&http.body, http.end == BodyEnd::Complete, secrets),
        detail,
    }))
}

/// Reads the body, or says why it is not what Gong documents.
fn read<C: DeserializeOwned + Default>(http: &HttpResponse) -> Result<Envelope<C>, &'static str> {
    if http.status != 200 {
        // The status says it all already, so whatever can be read is welcome.
        let text = String::from_utf8_lossy(&http.body);
        let envelope: Envelope<IgnoredAny> =
            serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|_| "")?;
        return Ok(Envelope {
            request_id: envelope.request_id,
            errors: envelope.errors,
            call_access_list: C::default(),
            _rest: IgnoredAny,
        });
    }
    match http.end {
        BodyEnd::Complete => {}
        BodyEnd::TooLarge => return Err("its body is too large"),
        BodyEnd::CutShort => return Err("its body was cut short"),
        BodyEnd::Encoded => return Err("its body is compressed"),
    }
    let json = std::str::from_utf8(&http.body).map_err(|_| "its body is not UTF-8")?;
    serde_json::from_str(json).map_err(|_| "its body is not the documented JSON object")
}

/// What every answer of Gong's has in common, and what some have beside it.
#[derive(Deserialize)]
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
    let mut left = text::LIMIT;
    errors
        .into_iter()
        .map(|error| match error {
            Value::String(message) => text::clean(&message, secrets),
            other => {
                let json = serde_json::to_string(&other).unwrap_or_default();
                text::clean(&json, secrets)
            }
        })
        .filter(|message| !message.trim().is_empty())
        .map_while(|mut message| {
            text::cut(&mut message, left);
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
