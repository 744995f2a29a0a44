//! `HttpResponse`: a response as it came, and how much of its body is read.

use std::io::Read;

use ureq::Body;
use ureq::http::{HeaderMap, Response};

/// Enough of an error's body to read its messages, whatever its size.
const ERROR_BODY_LIMIT: usize = 64 * 1024;

/// Holds most answers without growing.
const BODY_CAPACITY: usize = 512;

/// A response as it came, its body cut to a limit.
pub(crate) struct HttpResponse {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) end: BodyEnd,
}

/// How much of the body is there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyEnd {
    Complete,
    TooLarge,
    CutShort,
    Encoded,
}

impl HttpResponse {
    /// Reads a body of up to `limit` bytes; that of an error has a limit of its own.
    pub(crate) fn read(response: Response<Body>, limit: usize) -> Result<Self, ureq::Error> {
        let (head, body) = response.into_parts();
        let status = head.status.as_u16();
        let limit = if status == 200 {
            limit
        } else {
            ERROR_BODY_LIMIT
        };
        let (body, end) = read(body, limit);
        let end = match end {
            Ok(BodyEnd::Complete) if is_encoded(&head.headers) => BodyEnd::Encoded,
            Ok(end) => end,
            // No fault of its body hides an error's status; half an acknowledgement is none.
            Err(_) if status != 200 => BodyEnd::CutShort,
            Err(error) => return Err(error),
        };
        Ok(Self {
            status,
            headers: head.headers,
            body,
            end,
        })
    }

    /// The first field of this name, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// All fields of this name; one that is not text is empty.
    pub(crate) fn header_fields(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers
            .get_all(name)
            .iter()
            .map(|field| field.to_str().unwrap_or_default())
    }
}

/// Reads to the end, so that the connection can be used again, or one byte past the limit.
fn read(mut body: Body, limit: usize) -> (Vec<u8>, Result<BodyEnd, ureq::Error>) {
    let mut bytes = Vec::with_capacity(BODY_CAPACITY);
    let end = body
        .as_reader()
        .take(limit as u64 + 1)
        .read_to_end(&mut bytes);
    let end = match end {
        Ok(_) if bytes.len() > limit => Ok(BodyEnd::TooLarge),
        Ok(_) => Ok(BodyEnd::Complete),
        Err(error) => Err(error.into()),
    };
    bytes.truncate(limit);
    (bytes, end)
}

fn is_encoded(headers: &HeaderMap) -> bool {
    headers
        .get_all("content-encoding")
        .iter()
        .any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}
