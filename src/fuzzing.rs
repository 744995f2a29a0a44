//! Entry points for the fuzz targets, compiled with `--cfg fuzzing` only.

use std::collections::BTreeSet;

use ureq::Body;
use ureq::http::Response as HttpMessage;

use crate::base_url::Endpoint;
use crate::credentials::Credentials;
use crate::http::HttpResponse;
use crate::id::CallId;
use crate::redact::Secrets;
use crate::response::{Listing, Response, decode};

/// How large a body may be, in bytes.
pub const LIMIT: usize = 64 * 1024;

/// Decodes a response to a [`list`](crate::Client::list) of these calls, or to a
/// [`grant`](crate::Client::grant).
///
/// Returns `None` if the status or a header is not valid in HTTP.
pub fn decode_response(
    credentials: &Credentials,
    listed: Option<&BTreeSet<CallId>>,
    status: u16,
    headers: &[(&str, &[u8])],
    body: &[u8],
) -> Option<Response<Listing>> {
    let mut message = HttpMessage::builder().status(status);
    for (name, value) in headers {
        message = message.header(*name, *value);
    }
    let message = message.body(Body::builder().data(body)).ok()?;
    let http = HttpResponse::read(message, LIMIT).ok()?;
    let (_, secrets) = credentials.clone().into_parts();
    Some(decode(http, listed, 1, &secrets))
}

/// Returns the URL of the resource below a base URL.
///
/// # Errors
///
/// Returns the message of the error from [`build`](crate::ClientBuilder::build).
pub fn resource_url(base_url: &str) -> Result<String, String> {
    Endpoint::below(base_url, &Secrets::from_iter([])).map(|endpoint| endpoint.uri.to_string())
}
