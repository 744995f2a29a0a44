//! A blocking client for one resource of Gong's API, `/v2/calls/users-access`: it grants, revokes
//! and lists individual users' access to calls.
//!
//! It reports a change only if Gong acknowledged it, bounds every wait, and never shows a secret.
//!
//! ```no_run
//! use gong_call_access::{CallAccessList, Client};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // From GONG_ACCESS_KEY, GONG_ACCESS_KEY_SECRET and GONG_BASE_URL.
//! let client = Client::from_env()?;
//! let mut access = CallAccessList::new();
//! access.insert("7782342274025937895".parse()?, "234599484848423".parse()?);
//! let receipt = client.grant(&access)?.into_result()?;
//! println!("granted, request id {:?}", receipt.request_id());
//! # Ok(())
//! # }
//! ```
//!
//! [`facts`] lists what the crate relies on, and where each fact comes from. The [README] has a
//! table of all defaults, the TLS features, and what the crate costs.
//!
//! [README]: https://docs.rs/crate/gong-call-access/latest
//!
//! # Responses and errors
//!
//! [`Client::grant`], [`Client::revoke`] and [`Client::list`] send one request each. They return a
//! [`Response`] whatever Gong answers, and an [`Error`] if there is no usable answer.
//! [`Response::into_result`] turns every response but a success into an error.
//!
//! # Many pairs
//!
//! [`Client::grant_batches`] and [`Client::revoke_batches`] split a list of any size into requests.
//! They return [`Batches`], an iterator over the outcomes, which can be stopped at any time. A
//! [`Report`] collects them: what is done, what Gong refused and because of which id, and what
//! remains for the next run. [`Client::list_batches`] lists any number of calls.
//!
//! # Time, retries and the rate limit
//!
//! A call returns within 120 seconds, waits included ([`total_timeout`]). It retries network failures
//! and transient Gong errors; [`RetryPolicy`] lists them. At most 3 requests reach Gong in any second
//! ([`requests_per_second`]), across all clones and threads of a client and all clients that are made
//! from it. A 429 holds all of them for as long as Gong asks, up to a minute ([`max_retry_after`]).
//!
//! [`total_timeout`]: ClientBuilder::total_timeout
//! [`requests_per_second`]: ClientBuilder::requests_per_second
//! [`max_retry_after`]: RetryPolicy::max_retry_after
//!
//! # May have been applied
//!
//! After a transport error, a 5xx or an unexpected response, a request *may have been applied*: Gong
//! may have acted on it although no acknowledgement arrived. Send it again; [repeating a grant or a
//! revocation is harmless](facts#access).
//!
//! # Credentials and logs
//!
//! [`Credentials`] go to one host, since the client follows no redirect. They appear in no `Debug`
//! output, error or log record of this crate, not even where the server repeats them.
//!
//! Each attempt is logged at DEBUG, and each wait for a retry or a 429 at WARN, with the [`log`] target
//! `gong_call_access`. The HTTP library ureq logs whole request heads, **with the credentials**, to
//! `ureq_proto` at TRACE, and some response headers, which may repeat them, to `ureq` at DEBUG. Keep
//! both at INFO.
//!
//! [`log`]: https://docs.rs/log
//!
//! # Testing
//!
//! [`Client`] shows how to test [without HTTP](Client#testing-without-http), with a fake, and [with a
//! server](Client#testing-with-a-server) such as mockito.
//!
//! # What it does not do
//!
//! It covers no other resource of Gong, caches nothing, and has no async interface. It works inside
//! an async runtime, but blocks the thread that it is called on. For use in a shell, there is the
//! command-line tool `gong-call-access`, in the package `gong-call-access-cli`.

mod access_list;
mod base_url;
mod batches;
mod builder;
mod client;
mod credentials;
mod error;
pub mod facts;
mod http;
mod id;
mod json;
mod listings;
mod proxy;
mod redact;
mod response;
mod send;
mod text;

pub use access_list::{CallAccessList, IntoIter, Pairs};
pub use batches::{Batch, Batches, Id, Outcome, Refusal, Report};
pub use builder::ClientBuilder;
pub use client::Client;
pub use credentials::Credentials;
pub use error::{ConfigError, Error, TransportError};
pub use id::{CallId, InvalidId, UserId};
pub use listings::Listings;
pub use response::{ApiError, Listing, Receipt, Response};
pub use send::{RetryPolicy, StopHandle};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
