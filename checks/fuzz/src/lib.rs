//! What the fuzz targets call, compiled from the crate's own files: some of it is private there.

#![allow(dead_code, unexpected_cfgs, unused_imports)]

use std::collections::BTreeSet;

use ureq::Body;
use ureq::http::Response as HttpMessage;

#[path = "../../../src/access_list/mod.rs"]
mod access_list;
#[path = "../../../src/base_url.rs"]
mod base_url;
#[path = "../../../src/credentials.rs"]
mod credentials;
#[path = "../../../src/error.rs"]
mod error;
#[path = "../../../src/http/mod.rs"]
mod http;
#[path = "../../../src/id.rs"]
mod id;
#[path = "../../../src/json.rs"]
mod json;
#[path = "../../../src/redact.rs"]
mod redact;
#[path = "../../../src/response/mod.rs"]
mod response;
#[path = "../../../src/text.rs"]
mod text;

pub use access_list::CallAccessList;
pub use credentials::Credentials;
pub use id::{CallId, UserId};
pub use response::{ApiError, Listing, Response};

/// How large a body may be, in bytes.
pub const LIMIT: usize = 64 * 1024;

/// Decodes a response to a listing of these calls, or to a grant.
///
/// Returns `None` if the status or a header is not valid in HTTP.
pub fn decode(
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
    let http = http::HttpResponse::read(message, LIMIT).ok()?;
    Some(response::decode(http, listed, 1, &credentials.secrets))
}

/// Returns the URL of the resource below a base URL, or what is wrong with it.
pub fn resource_url(base_url: &str) -> Result<String, String> {
    let secrets = redact::Secrets::from_iter([]);
    let endpoint = base_url::Endpoint::below(base_url, &secrets)?;
    Ok(endpoint.uri.to_string())
}
