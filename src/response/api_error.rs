//! `ApiError`: an answer that is not the success that was asked for, told to the person who reads
//! it.

use std::fmt;
use std::time::Duration;

/// An answer of Gong's that is not the success that was asked for.
///
/// All of its text was sent by the server, and is cut to 2 KiB, stripped of control characters and
/// cleaned of the client's own credentials. Its `Display` says in one line what the status means,
/// what Gong said, the request id, and what can be done.
///
/// # Examples
///
/// ```
/// # use gong_call_access::{Client, Credentials};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut gong = mockito::Server::new();
/// # let body = r#"{"requestId":"4al018gzaztcr8nbukw","errors":["Some calls not found"]}"#;
/// # let _mock = gong.mock("PUT", "/v2/calls/users-access").with_status(400).with_body(body).create();
/// # let client = Client::builder(Credentials::bearer("my-token")?).base_url(gong.url()).build()?;
/// # let access = [("5".parse()?, "7".parse()?)].into_iter().collect();
/// let error = client.grant(&access)?.into_result().unwrap_err();
/// assert_eq!(error.status(), 400);
/// assert_eq!(error.messages(), ["Some calls not found"]);
/// assert_eq!(error.request_id(), Some("4al018gzaztcr8nbukw"));
/// assert_eq!((error.attempts(), error.retry_after()), (1, None));
/// assert!(error.body().starts_with(r#"{"requestId":"#));
/// assert_eq!(
///     error.to_string(),
///     "status 400, bad request: Some calls not found (request id 4al018gzaztcr8nbukw, 1 attempt); \
///      check that every call and user exists",
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ApiError(Box<Parts>);

#[derive(Debug, Clone)]
pub(super) struct Parts {
    pub(super) status: u16,
    pub(super) request_id: Option<Box<str>>,
    pub(super) messages: Vec<String>,
    pub(super) retry_after: Option<Duration>,
    pub(super) attempts: u32,
    pub(super) body: String,
    /// What the status does not say: why a 200 proves nothing, where a redirect points.
    pub(super) detail: Option<String>,
}

impl ApiError {
    pub(super) fn new(parts: Parts) -> Self {
        Self(Box::new(parts))
    }

    /// Returns the HTTP status; 200 for an answer that does not prove success.
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// Returns Gong's id of the request, to quote to Gong's support.
    ///
    /// Gong documents it as optional in the body; the header `x-traceid` was observed to hold the
    /// same, and stands in where the body has none.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Returns Gong's messages, the `errors` of the body; empty if there are none.
    ///
    /// Gong documents them as strings; anything else is given as its JSON text.
    pub fn messages(&self) -> &[String] {
        &self.0.messages
    }

    /// Returns how long Gong asked to wait, from the header `Retry-After`.
    ///
    /// It counts from the answer. Gong documents it in seconds, with a 429. An HTTP-date is measured against the answer's own
    /// `Date`. A value that is neither, or that names no time to come, is none. A number too
    /// large to count is `u64::MAX` seconds.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Returns how many requests were attempted, 1 or more; this is the last one's answer.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Returns the start of the body, at most 2 KiB, as text.
    pub fn body(&self) -> &str {
        &self.0.body
    }
}

/// What a status means, and what can be done about it.
fn explain(status: u16) -> (&'static str, &'static str) {
    match status {
        200 => (
            "not an acknowledgement",
            "check base_url, and whether the request took effect",
        ),
        201..=299 => (
            "not the 200 that acknowledges",
            "check base_url, and whether the request took effect",
        ),
        300..=399 => (
            "a redirect, which is never followed",
            "set base_url to your company's own host",
        ),
        400 => ("bad request", "check that every call and user exists"),
        401 => (
            "access denied",
            "check the credentials, their scope and base_url",
        ),
        403 => (
            "forbidden",
            "check the rights of the credentials, and base_url",
        ),
        404 => ("not found", "check base_url"),
        408 => ("request timeout", "try again"),
        413 => ("request too large", "send fewer pairs at once"),
        429 => (
            "too many requests",
            "try again later; the limits are shared by all tools of the company",
        ),
        501 | 505 => ("not supported", "check base_url"),
        500..=599 => ("server error", "try again later; a repeat does no harm"),
        _ => ("not a documented answer", "check base_url"),
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = &*self.0;
        let (meaning, advice) = explain(parts.status);
        write!(f, "status {}, {meaning}", parts.status)?;
        if let Some(detail) = &parts.detail {
            write!(f, " ({detail})")?;
        }
        if !parts.messages.is_empty() {
            write!(f, ": {}", parts.messages.join("; "))?;
        }
        f.write_str(" (")?;
        if let Some(request_id) = &parts.request_id {
            write!(f, "request id {request_id}, ")?;
        }
        if let Some(retry_after) = parts.retry_after {
            write!(f, "retry after {} s, ", retry_after.as_secs())?;
        }
        match parts.attempts {
            1 => f.write_str("1 attempt"),
            n => write!(f, "{n} attempts"),
        }?;
        write!(f, "); {advice}")
    }
}

impl std::error::Error for ApiError {}
