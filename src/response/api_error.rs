//! `ApiError`: any response from Gong that is not a success, and its one-line message.

use std::fmt;
use std::time::Duration;

use crate::text::count;

/// A response from Gong that is not a success.
///
/// `Display` and `Debug` say in one line what the status means, what Gong said, the request id, and
/// what to do. The variants of [`Response`](crate::Response) say more about each status. The
/// message is safe to log: the client cuts text from the server to 2 KiB, removes control
/// characters, and puts `[redacted]` in place of a text that shows the client's credentials.
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
/// let message = error.to_string();
/// assert!(message.starts_with("status 400, bad request: Some calls not found"));
/// assert!(message.ends_with("check that every call and user exists"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ApiError(pub(super) Box<Parts>);

#[derive(Clone)]
pub(super) struct Parts {
    pub(super) status: u16,
    pub(super) request_id: Option<Box<str>>,
    pub(super) messages: Vec<String>,
    pub(super) retry_after: Option<Duration>,
    pub(super) attempts: u32,
    pub(super) body: String,
    /// Why a 200 is not a success, or where a redirect points.
    pub(super) detail: Option<String>,
}

impl ApiError {
    /// Creates the error of a response with this status and these messages, for fakes in tests.
    ///
    /// It has one attempt, an empty body, and neither a request id nor a `Retry-After`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gong_call_access::{ApiError, Response};
    ///
    /// let error = ApiError::new(400, ["Some calls not found"]);
    /// assert_eq!((error.status(), error.attempts()), (400, 1));
    /// assert_eq!(error.messages(), ["Some calls not found"]);
    /// let refusal = Response::<()>::BadRequest(error);
    /// assert!(refusal.into_result().is_err());
    /// ```
    pub fn new(status: u16, messages: impl IntoIterator<Item: Into<String>>) -> Self {
        Self(Box::new(Parts {
            status,
            request_id: None,
            messages: messages.into_iter().map(Into::into).collect(),
            retry_after: None,
            attempts: 1,
            body: String::new(),
            detail: None,
        }))
    }

    /// Returns the HTTP status.
    ///
    /// It can be 200 if the response does not prove success, for instance because it is an HTML
    /// page or reports errors.
    ///
    /// # Examples
    ///
    /// ```
    /// use gong_call_access::ApiError;
    ///
    /// /// Whether the list has to be corrected before it is sent again.
    /// fn is_our_mistake(error: &ApiError) -> bool {
    ///     matches!(error.status(), 400 | 413)
    /// }
    /// ```
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// Returns Gong's id of the request, to quote to Gong's support.
    ///
    /// It is the `requestId` of the body, or else the header `x-traceid`, which
    /// [holds the same id](crate::facts#responses). A response from a proxy usually has neither.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Returns Gong's messages, which are the `errors` of the body.
    ///
    /// The slice is empty if the body has none or is not JSON. A message that is not a string is
    /// returned as its JSON text. All messages together are cut to 2 KiB. They are meant for
    /// people: Gong may reword them at any time.
    pub fn messages(&self) -> &[String] {
        &self.0.messages
    }

    /// Returns how long Gong asked to wait, from the header `Retry-After`, counted from the response.
    ///
    /// A 429 has it in seconds, which can amount to hours once the company has used up its requests
    /// for the day. A fraction of a second is rounded up. If it is an HTTP-date, the wait is
    /// counted from the response's own `Date`. It is `None` if the header is missing, repeated or
    /// malformed, is zero or a time in the past, or is a date in a response without `Date`. A
    /// number too large for a `u64` becomes `u64::MAX` seconds.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    ///
    /// use gong_call_access::ApiError;
    ///
    /// /// When to run a job again.
    /// fn next_run(error: &ApiError) -> Option<SystemTime> {
    ///     let wait = error.retry_after().unwrap_or(Duration::from_secs(60));
    ///     SystemTime::now().checked_add(wait)
    /// }
    /// ```
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Returns how many attempts were made, 1 or more. This is the response to the last one.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Returns the start of the body, at most 2 KiB, as text.
    ///
    /// It ends in `…` if it was cut. Bytes that are not UTF-8 appear as `\u{fffd}`, line breaks as
    /// spaces. Use it to see what answered in Gong's place, such as the HTML page of a proxy.
    pub fn body(&self) -> &str {
        &self.0.body
    }
}

/// Says what a status means.
fn explain(status: u16) -> &'static str {
    match status {
        200..=299 => "not an acknowledgement",
        300..=399 => "a redirect, which is never followed",
        400 => "bad request",
        401 => "access denied",
        403 => "forbidden",
        404 => "not found",
        408 => "request timeout",
        413 => "request too large",
        429 => "too many requests",
        500..=599 => "server error",
        _ => "not a documented answer",
    }
}

/// Says what to do about a status.
fn advise(status: u16) -> &'static str {
    match status {
        200..=299 => "check base_url; a grant or revocation may have been applied",
        300..=399 => "set base_url (GONG_BASE_URL) to your company's own host",
        400 => "check that every call and user exists",
        401 | 403 => "check the credentials, their scope and base_url",
        413 => "send fewer pairs at once",
        429 => "try again later; the limits are shared by all tools of the company",
        408 | 500..=599 => "try again later; repeating a request is harmless",
        _ => "check base_url",
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = &*self.0;
        write!(f, "status {}, {}", parts.status, explain(parts.status))?;
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
        let attempts = count(parts.attempts as usize, "attempt");
        write!(f, "{attempts}); {}", advise(parts.status))
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ApiError {}
