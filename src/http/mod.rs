//! HTTP over ureq: bytes out; status, headers and bytes in. Nothing here is specific to Gong.

mod fault;
mod response;
pub(crate) mod retry_after;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod tls;
mod transport;

pub(crate) use fault::Fault;
pub(crate) use response::{ERROR_BODY_LIMIT, HttpResponse};
pub(crate) use transport::{Connection, HAS_TLS, Request, Settings, Transport};
pub(crate) use ureq::Proxy;
pub(crate) use ureq::http::{HeaderValue, Method, Uri};
