//! Decodes an HTTP response: what proves a success, and what an error says.
//!
//! A success is a 200 whose body is complete, not compressed, and a JSON object without errors.
//! Anything less may come from a proxy, a captive portal or a wrong host, and a caller must not take
//! it for a grant. An error is the opposite: it keeps whatever can be read.

use std::collections::BTreeSet;
use std::str;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::api_error::{ApiError, Parts};
use super::listing::CallAccess;
use super::{Listing, Receipt, Response};
use crate::http::{ERROR_BODY_LIMIT, HttpResponse, retry_after};
use crate::id::CallId;
use crate::json::{Array, Object, Strict};
use crate::redact::{self, Secrets};

/// Why a body does not prove success, if it is not even what Gong documents.
const UNDOCUMENTED: &str = "its body is not the documented JSON object";

/// Decodes the response to the `attempts`th attempt.
///
/// `listed` are the calls that were to be listed; without them, a success lists nothing. This never
/// fails: a response that cannot be understood is an [`ApiError`] with the status it has.
pub(crate) fn decode(
    http: HttpResponse,
    listed: Option<&BTreeSet<CallId>>,
    attempts: u32,
    secrets: &Secrets,
) -> Response<Listing> {
    let detail = if http.status == 200 {
        match read_success(&http, listed) {
            Ok((id, calls)) => {
                let request_id = request_id(id, &http, secrets);
                // A long list takes more memory than its body, so the two are not kept side by side.
                drop(http);
                let receipt = Receipt {
                    request_id,
                    attempts,
                };
                return Response::Success(Listing::with(receipt, calls));
            }
            Err(problem) => Some(problem.to_owned()),
        }
    } else {
        redirect(&http, secrets)
    };
    Response::refusal(refusal(&http, detail, attempts, secrets))
}

/// Reads the request id and the list in the body of a 200.
///
/// # Errors
///
/// Returns why the body does not prove success.
fn read_success<'a>(
    http: &'a HttpResponse,
    listed: Option<&BTreeSet<CallId>>,
) -> Result<(Option<&'a RawValue>, Vec<Object<CallAccess>>), &'static str> {
    if let Some(problem) = http.problem {
        return Err(problem);
    }
    // `serde_json::from_slice` does not check the UTF-8 of what it skips, and most of a body may be
    // skipped. JSON that is not UTF-8 did not come from Gong, or was damaged on the way.
    let json = str::from_utf8(&http.body).map_err(|_| "its body is not UTF-8")?;
    let Strict(envelope): Object<Envelope<'_>> =
        serde_json::from_str(json).map_err(|_| UNDOCUMENTED)?;
    if envelope.has_errors() {
        return Err("it reports errors");
    }
    let calls = match listed {
        Some(listed) => envelope.list(listed)?,
        None => Vec::new(),
    };
    Ok((envelope.request_id, calls))
}

/// Reads what can be read of any response but a success.
///
/// Its status decides, so the body may be damaged, cut short or not JSON at all.
fn refusal(
    http: &HttpResponse,
    detail: Option<String>,
    attempts: u32,
    secrets: &Secrets,
) -> ApiError {
    let start = http.body.get(..ERROR_BODY_LIMIT);
    let is_whole = start.is_none() && http.problem.is_none();
    // Lossy: an invalid byte in one message must not hide the others.
    let body = String::from_utf8_lossy(start.unwrap_or(&http.body));
    // A byte order mark is not JSON, but some gateways send one.
    let json = body.trim_start_matches('\u{feff}');
    let envelope = serde_json::from_str::<Object<Envelope<'_>>>(json);
    let envelope = envelope.map_or_else(|_| Envelope::default(), |Strict(envelope)| envelope);
    ApiError(Box::new(Parts {
        status: http.status,
        request_id: request_id(envelope.request_id, http, secrets),
        messages: messages(envelope.errors, secrets),
        retry_after: retry_after::parse(http.header_fields("retry-after"), http.header("date")),
        attempts,
        body: redact::clean_part(&body, is_whole, secrets),
        detail,
    }))
}

/// Returns the host to which a redirect points, as a remark for the message.
///
/// Redirects are not followed, so this is what an operator needs: Gong's shared host redirects to the
/// company's own.
fn redirect(http: &HttpResponse, secrets: &Secrets) -> Option<String> {
    let location = http.header("location").filter(|_| http.status / 100 == 3)?;
    // A `/` in a secret ends the host, which then has a part of the secret.
    let host = redact::clean_part(host_of(location)?, false, secrets);
    Some(format!("to the host {host}"))
}

/// The fields that all of Gong's responses have in common, and the list that some of them have.
///
/// Each may be any JSON: a success must not fail because one of them has a type other than the
/// documented one, and an error must not lose its message.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(borrow)]
    request_id: Option<&'a RawValue>,
    #[serde(borrow)]
    errors: Option<&'a RawValue>,
    #[serde(borrow)]
    records: Option<&'a RawValue>,
    #[serde(borrow)]
    call_access_list: Option<&'a RawValue>,
}

impl Envelope<'_> {
    /// Whether the response reports any error, in whatever form.
    ///
    /// Gong's errors are an array of strings. Any other value that is not empty counts too, so that a
    /// form nobody expected does not pass for a success.
    fn has_errors(&self) -> bool {
        self.errors.is_some_and(|errors| {
            let json = errors.get();
            let elements = json
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'));
            json != "\"\"" && elements.is_none_or(|elements| !elements.trim_start().is_empty())
        })
    }

    /// Reads the list of these calls. In Gong's schema, it may be missing, and so may a call's users.
    ///
    /// # Errors
    ///
    /// Returns why a program must not act on the list, for example revoke what is not in it.
    fn list(&self, calls: &BTreeSet<CallId>) -> Result<Vec<Object<CallAccess>>, &'static str> {
        if self.has_more() {
            return Err("it is one page of several, so it may not show all access");
        }
        let Some(list) = self.call_access_list else {
            return Ok(Vec::new());
        };
        let Strict(list): Array<Object<CallAccess>> =
            serde_json::from_str(list.get()).map_err(|_| UNDOCUMENTED)?;
        let is_requested = |Strict(call): &Object<CallAccess>| calls.contains(&call.call_id);
        match list.iter().all(is_requested) {
            true => Ok(list),
            false => Err("it lists a call that was not requested"),
        }
    }

    /// Whether the response says that it is one page of several.
    fn has_more(&self) -> bool {
        #[derive(Deserialize)]
        struct Records<'a> {
            #[serde(borrow)]
            cursor: Option<&'a RawValue>,
        }
        self.records.is_some_and(|records| {
            let records = serde_json::from_str::<Object<Records<'_>>>(records.get());
            // What cannot be read may say so too.
            records.map_or(true, |Strict(Records { cursor })| {
                cursor.is_some_and(|cursor| cursor.get() != "\"\"")
            })
        })
    }
}

/// Returns Gong's id of the request, cleaned, from the body or else from its header.
fn request_id(raw: Option<&RawValue>, http: &HttpResponse, secrets: &Secrets) -> Option<Box<str>> {
    let id = raw.and_then(read_id);
    let id = id.as_deref().or_else(|| http.header("x-traceid"));
    id.map(|id| redact::clean(id, secrets).into_boxed_str())
        .filter(|id| !id.is_empty())
}

/// Returns an id as text; `None` if it is empty, or anything but a string or an integer.
fn read_id(raw: &RawValue) -> Option<String> {
    let json = raw.get();
    // Nothing this long is an id, and resolving its escapes would take several times the body.
    if json.len() > redact::LIMIT {
        return None;
    }
    let is_integer = json.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'-'));
    let id = match is_integer {
        true => Some(json.to_owned()),
        false => serde_json::from_str(json).ok(),
    };
    id.filter(|id: &String| !id.is_empty())
}

/// Returns Gong's messages, cleaned, and all together cut to the limit for server text.
fn messages(errors: Option<&RawValue>, secrets: &Secrets) -> Vec<String> {
    let Some(errors) = errors else {
        return Vec::new();
    };
    let all = serde_json::from_str(errors.get()).unwrap_or_else(|_| vec![errors]);
    let mut left = redact::LIMIT;
    let mut messages = Vec::new();
    for error in all {
        // Anything but a string is shown as its JSON.
        let text: Result<String, _> = serde_json::from_str(error.get());
        let mut message = redact::clean(text.as_deref().unwrap_or_else(|_| error.get()), secrets);
        redact::cut(&mut message, left);
        left -= message.len();
        if !message.trim().is_empty() {
            messages.push(message);
        }
    }
    messages
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
