//! A blocking client for one Gong resource: which users may open which calls.
//!
//! It gives access, takes it away, and lists it. It reports a change only when Gong acknowledged it,
//! never waits without bound, and never shows a secret.
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
//! # The three calls
//!
//! | call | request | scope | what a success proves |
//! |---|---|---|---|
//! | [`Client::grant`] | `PUT` | `api:call-user-access:write` | Gong acknowledged every pair |
//! | [`Client::revoke`] | `DELETE` | `api:call-user-access:write` | Gong acknowledged every pair; access that a user has for other reasons stays |
//! | [`Client::list`] | `POST` | `api:call-user-access:read` | these users were given access through this API; others may have access for other reasons |
//!
//! # Responses and errors
//!
//! Whatever Gong answers is a [`Response`]: [`Success`](Response::Success) with a [`Receipt`], or a
//! variant that holds an [`ApiError`] with Gong's own messages. Without an answer there is an
//! [`Error`]. For programs that make no difference between the two, [`Response::into_result`] and
//! `?` turn an answer that is no success into an [`Error::Api`]:
//!
//! ```no_run
//! use gong_call_access::{CallAccessList, Client, Error, Receipt};
//!
//! fn grant(client: &Client, access: &CallAccessList) -> Result<Receipt, Error> {
//!     Ok(client.grant(access)?.into_result()?)
//! }
//!
//! # let (client, access) = (Client::from_env().unwrap(), CallAccessList::new());
//! match grant(&client, &access) {
//!     Ok(receipt) => println!("granted: {:?}", receipt.request_id()),
//!     Err(error) if error.is_config() => eprintln!("nothing was sent: {error}"),
//!     // A connection that takes too long is a timeout too, so this comes first.
//!     Err(error) if error.is_connect() => eprintln!("Gong cannot be reached: {error}"),
//!     Err(error) if error.is_timeout() => eprintln!("no answer in time, grant again: {error}"),
//!     Err(error) if error.is_tls() => eprintln!("no secure connection: {error}"),
//!     Err(Error::Api(answer)) => eprintln!("Gong refused: {answer}"),
//!     Err(error) => eprintln!("{error}"),
//! }
//! ```
//!
//! # Many pairs
//!
//! [`Client::grant`] sends one request. [`Client::grant_batches`] cuts a list of any size into
//! requests, searches the refused ones for the pairs at fault, and yields what became of every pair;
//! a [`Report`] collects it:
//!
//! ```no_run
//! use gong_call_access::{CallAccessList, Client, Report};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (client, access) = (Client::from_env()?, CallAccessList::new());
//! let report: Report = client.grant_batches(&access).collect();
//! println!("{report}");
//! let next_run = serde_json::to_string(report.remaining())?;
//! # Ok(())
//! # }
//! ```
//!
//! # Retries, rate limit and time
//!
//! What the network or a busy Gong did is tried again, as [`RetryPolicy`] says; a repeat is
//! harmless. At most 3 requests reach Gong in any second, over all clones and threads of a
//! [`Client`] ([`ClientBuilder::requests_per_second`]), and a 429 holds all of them for as long as
//! Gong asks.
//!
//! | what | at most | setter |
//! |---|---|---|
//! | one attempt, from the host name to the last byte of the answer | 30 s | [`timeout`](ClientBuilder::timeout) |
//! | of that, the look-up of the host name, and then connecting | 10 s each | [`connect_timeout`](ClientBuilder::connect_timeout) |
//! | a whole call, with every attempt and wait | 120 s | [`total_timeout`](ClientBuilder::total_timeout) |
//! | a wait that Gong asks for | 60 s | [`max_retry_after`](RetryPolicy::max_retry_after) |
//!
//! # Credentials and logs
//!
//! [`Credentials`] are an access key with its secret, or an OAuth token. They appear in no `Debug`,
//! error or log record of this crate, they are removed from what the server sends back, and they go
//! to one host: redirects are not followed. Records go to [`log`] with the target
//! `gong_call_access`. At the level TRACE, the HTTP library ureq writes whole request heads, with
//! the credentials, to its own target `ureq_proto`; keep that one at DEBUG.
//!
//! [`log`]: https://docs.rs/log
//!
//! # Features
//!
//! | feature | TLS by | trusts |
//! |---|---|---|
//! | `rustls` (default) | rustls, with ring | Mozilla's root certificates, compiled in |
//! | `native-tls` | the operating system, OpenSSL on Linux | the system's root certificates |
//! | `platform-verifier` | rustls, with ring | what the operating system trusts |
//!
//! With several of them, rustls is used, and with `platform-verifier` among them the operating system
//! decides what is trusted. With none, the crate builds, and an `https` base URL is an error.
//!
//! # What it does not do
//!
//! It has no other resource of Gong's API, no cache, and no async interface; inside an async
//! runtime it works and blocks the thread it is called on.

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
mod listings;
mod redact;
mod response;
mod send;

pub use access_list::{CallAccessList, Pairs};
pub use batches::{Batch, Batches, Outcome, Report};
pub use builder::ClientBuilder;
pub use client::Client;
pub use credentials::Credentials;
pub use error::{ConfigError, Error, TransportError};
pub use id::{CallId, InvalidId, UserId};
pub use listings::Listings;
pub use response::{ApiError, Listing, Receipt, Response};
pub use send::RetryPolicy;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
