//! Decodes an HTTP response: what proves a success, and what an error says.
//!
//! A success is a 200 whose body is complete, not compressed, and a JSON object without errors.
//! Anything less may come from a proxy, a captive portal or a wrong host, and a caller must not take
//! it for a grant. An error is the opposite: it keeps whatever can be read.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;

use super::api_error::{ApiError, Parts};
use super::{Receipt, Response, Success};
use crate::http::{BodyEnd, HttpResponse, retry_after};
use crate::json::{self, Object};
use crate::redact::{self, Secrets};

/// Decodes the response to the `attempts`th attempt.
///
/// It never fails: a response that cannot be understood is an [`ApiError`] with the status it has.
pub(crate) fn decode<T: Success>(
    http: HttpResponse,
    requested: &T::Requested,
    attempts: u32,
    secrets: &Secrets,
) -> Response<T> {
    let (envelope, problem) = match http.status {
        200 => match read_acknowledgement::<T::Content>(&http) {
            Ok(envelope) => {
                let problem = problem::<T>(&envelope, requested);
                (envelope, problem)
            }
            Err(problem) => (Envelope::default(), Some(problem)),
        },
        // Here the status decides, so the body may be damaged, cut short or not JSON at all.
        _ => (read_error(&http.body), None),
    };
    let request_id = envelope
        .request_id()
        .or_else(|| http.header("x-traceid").map(Cow::from))
        // A server that answered in Gong's place may have echoed a header there.
        .map(|id| redact::clean(&id, secrets).into_boxed_str())
        .filter(|id| !id.is_empty());
    if http.status == 200 && problem.is_none() {
        // A long list takes more memory than its body, so the two are not kept side by side.
        drop(http);
        let receipt = Receipt {
            request_id,
            attempts,
        };
        return Response::Success(T::with(receipt, envelope.call_access_list));
    }
    Response::refusal(ApiError::with(Parts {
        status: http.status,
        request_id,
        messages: messages(envelope.errors, secrets),
        retry_after: retry_after::parse(http.header_fields("retry-after"), http.header("date")),
        attempts,
        body: redact::clean_body(&http.body, http.end == BodyEnd::Complete, secrets),
        detail: problem
            .map(str::to_owned)
            .or_else(|| redirect(&http, secrets)),
    }))
}

/// Returns why a body that was read does not prove success, if it does not.
fn problem<T: Success>(
    envelope: &Envelope<T::Content>,
    requested: &T::Requested,
) -> Option<&'static str> {
    if envelope.has_errors() {
        Some("it reports errors")
    } else if !T::lists_only(requested, &envelope.call_access_list) {
        Some("it lists a call that was not requested")
    } else {
        None
    }
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
    let Object(envelope) = parse(json).ok_or("its body is not the documented JSON object")?;
    Ok(envelope)
}

/// Reads what can be read of the body of any other status; an unreadable body gives an empty
/// envelope.
fn read_error<C: DeserializeOwned + Default>(body: &[u8]) -> Envelope<C> {
    // Lossy: an invalid byte in one message must not hide the others.
    let text = String::from_utf8_lossy(body);
    // A byte order mark is not JSON, but some gateways send one.
    let json = text.trim_start_matches('\u{feff}');
    // The list is skipped: an id in it that is invalid must not hide the messages.
    let Object(envelope) = parse::<Object<Envelope<IgnoredAny>>>(json).unwrap_or_default();
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
    // Cleaned first: a `/` in a secret would cut it in two.
    let location = redact::clean(location, secrets);
    Some(format!("to the host {}", host_of(&location)?))
}

fn parse<'a, T: Deserialize<'a>>(json: &'a str) -> Option<T> {
    if json::is_too_deep(json) {
        return None;
    }
    serde_json::from_str(json).ok()
}

/// The fields that all of Gong's responses have in common, and the list that some of them have.
///
/// `request_id` and `errors` may be any JSON: a success must not fail because one of them has a
/// type other than the documented one, and an error must not lose its message. Raw, they take no
/// more memory than they have in the body.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", bound = "C: DeserializeOwned + Default")]
struct Envelope<C> {
    #[serde(default)]
    request_id: Option<Box<RawValue>>,
    #[serde(default)]
    errors: Option<Box<RawValue>>,
    #[serde(default)]
    call_access_list: C,
}

impl<C> Envelope<C> {
    /// The id as text; `None` if it is missing, empty or not an id.
    fn request_id(&self) -> Option<Cow<'_, str>> {
        let raw = self.request_id.as_ref()?.get();
        // Nothing this long is an id, and resolving its escapes would take several times the body.
        if raw.len() > redact::SEARCHED {
            return None;
        }
        if raw.starts_with('"') {
            let id: String = serde_json::from_str(raw).ok()?;
            return (!id.is_empty()).then(|| id.into());
        }
        // A fraction or an exponent is not an id.
        let is_integer = raw.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'-'));
        is_integer.then(|| raw.into())
    }

    /// Whether the response reports any error, in whatever form.
    ///
    /// Gong's errors are an array of strings. Any other value that is not empty counts too, so that a
    /// form nobody expected does not pass for a success.
    fn has_errors(&self) -> bool {
        self.errors.as_ref().is_some_and(|errors| {
            let mut text = errors.get().chars();
            match (text.next(), text.next_back()) {
                (Some('[' | '{'), _) => !text.as_str().trim().is_empty(),
                (Some('"'), _) => !text.as_str().is_empty(),
                // `null` is not kept at all, so this is a number or a boolean.
                _ => true,
            }
        })
    }
}

/// Returns Gong's messages, cleaned, and all together cut to the limit for server text.
fn messages(errors: Option<Box<RawValue>>, secrets: &Secrets) -> Vec<String> {
    let Some(errors) = errors else {
        return Vec::new();
    };
    let mut messages = Vec::new();
    let mut left = redact::LIMIT;
    let mut push = |error: &str| {
        // The array may have a million more, which would be cleaned in vain.
        if left == 0 {
            return;
        }
        let mut message = clean_message(error, secrets);
        redact::cut(&mut message, left);
        // What is cleaned counts too: a million messages that are blank or redacted would take seconds.
        let cleaned = error.len() / (redact::SEARCHED / redact::LIMIT);
        left = left.saturating_sub(message.len().max(cleaned).max(1));
        if !message.trim().is_empty() {
            messages.push(message);
        }
    };
    let raw = errors.get();
    // Only an array: serde_json would resolve the escapes of a long text in vain.
    let is_array =
        raw.starts_with('[') && json::for_each_element(raw, |error| push(error.get())).is_ok();
    if !is_array {
        push(raw);
    }
    messages
}

/// Returns the cleaned text of an error. Anything but a string is shown as its JSON.
fn clean_message(error: &str, secrets: &Secrets) -> String {
    // Most of a very long text is cut off, so it is not worth another copy.
    if error.len() > redact::SEARCHED {
        return redact::clean_body(error.as_bytes(), true, secrets);
    }
    let text = serde_json::from_str::<String>(error);
    redact::clean(text.as_deref().unwrap_or(error), secrets)
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
    fn a_text_longer_than_what_is_searched_is_shown_as_its_json() {
        let secrets = Secrets::from_iter([]);
        for (len, start) in [(redact::SEARCHED, "xx"), (redact::SEARCHED + 1, "\"x")] {
            let json = format!("\"{}\"", "x".repeat(len - 2));
            let message = clean_message(&json, &secrets);
            assert!(message.starts_with(start), "{len} bytes: {message}");
        }
    }

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
