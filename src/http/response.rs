//! `HttpResponse`: a response as received, and how much of its body is read.

use std::io::{self, Read};

use ureq::Body;
use ureq::http::{HeaderMap, Response};

/// How much of an error's body is read, in bytes.
///
/// Gong's messages fit many times over. A larger body is an HTML page from a proxy. Its status says
/// enough, and reading the body would only delay the retry.
pub(crate) const ERROR_BODY_LIMIT: usize = 64 * 1024;

/// A response as received, with its body cut to a limit.
pub(crate) struct HttpResponse {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Why the body is not what the server meant to send, if so.
    pub(crate) problem: Option<&'static str>,
}

impl HttpResponse {
    /// Reads a response whose body may have up to `limit` bytes; the body of an error has its own
    /// limit.
    ///
    /// # Errors
    ///
    /// Returns an error if the body of a 200 cannot be read to its end.
    pub(crate) fn read(response: Response<Body>, limit: usize) -> Result<Self, ureq::Error> {
        let (head, body) = response.into_parts();
        let status = head.status.as_u16();
        let limit = if status == 200 {
            limit
        } else {
            ERROR_BODY_LIMIT
        };
        let (mut body, end) = read(body, limit);
        let problem = match end {
            // A damaged body must not hide an error status, but a truncated 200 proves nothing.
            Err(error) if status == 200 => return Err(error.into()),
            Err(_) => Some("its body was cut short"),
            Ok(_) if body.len() > limit => Some("its body is too large"),
            // Although the request asked for `identity`.
            Ok(_) if is_encoded(&head.headers) => Some("its body is compressed"),
            Ok(_) => None,
        };
        body.truncate(limit);
        Ok(Self {
            status,
            headers: head.headers,
            body,
            problem,
        })
    }

    /// The first field of this name, if it is visible ASCII.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// All fields of this name. One that is not visible ASCII is empty, so that it still counts.
    pub(crate) fn header_fields(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers
            .get_all(name)
            .iter()
            .map(|field| field.to_str().unwrap_or_default())
    }
}

/// Reads to the end of the body, or one byte past the limit.
fn read(mut body: Body, limit: usize) -> (Vec<u8>, io::Result<usize>) {
    // ureq's own limit causes an error that loses what was read. One byte more than the limit tells a
    // body that is too large from one that just fits, and ureq reuses a connection only after a read
    // has reached the end.
    let readable = limit as u64 + 1;
    // A vector that grows by doubling holds three times the body while it moves. One of the right
    // size does not grow: `read_to_end` looks for the end in a small buffer of its own. The length is
    // only a claim, so it is capped.
    let length = body.content_length().map(|length| length.min(readable));
    let capacity = length.and_then(|length| length.try_into().ok());
    let mut bytes = Vec::with_capacity(capacity.unwrap_or_default());
    let end = body.as_reader().take(readable).read_to_end(&mut bytes);
    (bytes, end)
}

/// Whether the body is still compressed. ureq decodes `gzip` if another crate turns its feature on,
/// and then removes the header.
fn is_encoded(headers: &HeaderMap) -> bool {
    headers
        .get_all("content-encoding")
        .iter()
        .any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}
