//! Entry points for the fuzz targets, compiled with `--cfg fuzzing` only.

use ureq::Body;
use ureq::http::Response as HttpMessage;

use crate::base_url::Endpoint;
use crate::credentials::Credentials;
use crate::http::HttpResponse;
use crate::redact::Secrets;
use crate::response::{Response, Success, decode};

/// How large a body may be, in bytes.
pub const LIMIT: usize = 64 * 1024;

/// Decodes a response to a [`grant`](crate::Client::grant), with `T` a [`Receipt`](crate::Receipt), or
/// to a [`list`](crate::Client::list) of the requested calls, with `T` a [`Listing`](crate::Listing).
///
/// Returns `None` if the status or a header is not valid in HTTP.
#[expect(
    private_bounds,
    private_interfaces,
    reason = "only the fuzz targets call it"
)]
pub fn decode_answer<T: Success>(
    credentials: &Credentials,
    requested: &T::Requested,
    status: u16,
    headers: &[(&str, &[u8])],
    body: &[u8],
) -> Option<Response<T>> {
    let mut message = HttpMessage::builder().status(status);
    for (name, value) in headers {
        message = message.header(*name, *value);
    }
    let message = message.body(Body::builder().data(body)).ok()?;
    let http = HttpResponse::read(message, LIMIT).ok()?;
    let (_, secrets) = credentials.clone().into_parts();
    Some(decode(http, requested, 1, &secrets))
}

/// Returns the URL of the resource below a base URL.
///
/// # Errors
///
/// Returns the message of the error from [`build`](crate::ClientBuilder::build).
pub fn resource_url(base_url: &str) -> Result<String, String> {
    Endpoint::below(base_url, &Secrets::from_iter([])).map(|endpoint| endpoint.uri.to_string())
}
