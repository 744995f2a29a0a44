//! A blocking client for one resource of Gong's API, `/v2/calls/users-access`, which controls which
//! users may open which calls.
//!
//! It grants, revokes and lists access. It reports a change only if Gong acknowledged it, bounds
//! every wait, and never shows a secret.
//!
//! ```no_run
//! use gong_call_access::{CallAccessList, Client};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::from_env()?;
//! let mut access = CallAccessList::new();
//! access.insert("7782342274025937895".parse()?, "234599484848423".parse()?);
//! let receipt = client.grant(&access)?.into_result()?;
//! println!("acknowledged: {:?}", receipt.request_id());
//! # Ok(())
//! # }
//! ```
//!
//! The [README] has a table of all defaults, the TLS features, and what the crate costs; [`Client`]
//! shows how to [test](Client#testing-without-http) with it. This page describes what applies to all
//! calls.
//!
//! [README]: https://docs.rs/crate/gong-call-access/latest
//!
//! # Calls, responses and errors
//!
//! [`Client::grant`], [`Client::revoke`] and [`Client::list`] send one request each. They return
//! Gong's response, whatever its status, as a [`Response`], and an [`Error`] if there is no usable
//! one. [`Response::into_result`] turns every response but a success into an error.
//!
//! [`Client::grant_batches`] and [`Client::revoke_batches`] split a list of any size into requests.
//! They return [`Batches`], an iterator that yields the outcome of every pair; a [`Report`]
//! collects the outcomes. [`Client::list_batches`] lists any number of calls.
//!
//! The command-line tool `gong-call-access`, in the package `gong-call-access-cli`, does all of this
//! without a program.
//!
//! # Retries, rate limit and time
//!
//! A call retries network failures and transient Gong errors, as [`RetryPolicy`] describes, and
//! returns the last response or error.
//!
//! A call takes at most 120 seconds, waits included ([`total_timeout`]), and each attempt at most
//! 30 seconds ([`timeout`]). At most 3 requests reach Gong in any second, across all clones and
//! threads of a client and the clients made from it ([`requests_per_second`]). A 429 pauses all of
//! them for as long as Gong asks, if that is at most 60 seconds ([`max_retry_after`]).
//!
//! [`total_timeout`]: ClientBuilder::total_timeout
//! [`timeout`]: ClientBuilder::timeout
//! [`requests_per_second`]: ClientBuilder::requests_per_second
//! [`max_retry_after`]: RetryPolicy::max_retry_after
//!
//! # May have been applied
//!
//! After a transport error, a 5xx or an unexpected response, a request *may have been applied*: Gong
//! may have acted on it although no acknowledgement arrived. Send it again, since repeating a grant or
//! a revocation is harmless.
//!
//! # Credentials and logs
//!
//! [`Credentials`] appear in no `Debug` output, error or log record of this crate, and go to one
//! host: the client does not follow redirects, and removes the credentials from any text that the
//! server sends. Records go to [`log`] with the target `gong_call_access`. The HTTP library ureq logs
//! whole request heads, with the credentials, to the target `ureq_proto` at TRACE, and some response
//! headers, which may echo them, to `ureq` at DEBUG; keep both at INFO.
//!
//! [`log`]: https://docs.rs/log
//!
//! # What is known about Gong
//!
//! *Documented* facts are in Gong's documentation or its OpenAPI description. *Observed* facts come
//! from recorded responses and from reports of other clients, and may change.
//!
//! | fact | |
//! |---|---|
//! | Granting access that a user has, and revoking access that a user lacks, has no effect, so repeating a request is harmless | documented |
//! | A listing contains only access that was given through this API, and a revocation removes only such access. A shared call or a permission profile also gives access; then a grant has no effect, and the listing lacks the user | documented |
//! | A bearer token needs the scope `api:call-user-access:write` to grant and revoke, and `api:call-user-access:read` to list | documented |
//! | A missing scope is a 401 whose message names the scope; credentials of another region look revoked | observed |
//! | Responses have the status 200, 400, 401 or 500; `requestId`, `errors` and the list are optional, and fields may be added | documented |
//! | Other statuses, such as 404, 405, 409 and 415, occur too | observed |
//! | The header `x-traceid` equals the `requestId` of the body | observed |
//! | A company has 3 requests a second and 10,000 a day by default, shared by all its tools. Beyond that, the status is 429 with a `Retry-After` in seconds | documented |
//! | That `Retry-After` reaches hours once the day's requests are used up | observed |
//! | Ids are numeric strings of up to 20 digits | documented |
//! | Gong's CSV export puts a `_` before call ids, and spreadsheets turn ids into `7.78234E+18` | observed |
//! | One unknown call in a grant is a 400 "Some calls not found" for the whole request, which does not name the call; one malformed id is a 400 too | observed |
//! | Each company has its own host. `api.gong.io` may redirect to it, and may refuse the company's access keys | observed |
//! | Whether the size of a request is limited; Gong documents no limit | not known |
//! | Whether Gong applies a part of a request that it refuses; how it responds to an unknown or deleted user, or to a listing of an unknown call; the body of a 429 | not known |
//!
//! # What it does not do
//!
//! It covers no other resource of Gong's API and has no cache and no async interface. It works
//! inside an async runtime, but blocks the thread that it is called on.

mod access_list;
mod base_url;
mod batches;
mod builder;
mod client;
mod credentials;
mod error;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod id;
mod json;
mod listings;
mod proxy;
mod redact;
mod response;
mod send;

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
