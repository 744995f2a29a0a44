//! What several test files need: the three calls, clients for them, and the limits that are documented.

#![cfg_attr(
    not(any(feature = "rustls", feature = "native-tls")),
    expect(dead_code, unused_imports, reason = "only the tests of TLS use them")
)]

mod process;
mod server;
mod tls;

use std::error::Error as _;
use std::thread;
use std::time::Duration;

use gong_call_access::{
    ApiError, CallAccessList, Client, ClientBuilder, Credentials, Error, Receipt, Response,
    RetryPolicy,
};

pub use process::{is_child, run_in_child};
#[cfg(target_os = "linux")]
pub use server::full_listener;
pub use server::{Exchange, Request, Server, Then, http, ok};
pub use tls::{Authority, server_config};

pub const PATH: &str = "/v2/calls/users-access";
pub const CALL: &str = "7782342274025937895";
pub const USER: &str = "234599484848423";

/// The documented limits, as the tests need them.
pub const MEBIBYTE: usize = 1024 * 1024;
pub const RECEIPT_LIMIT: usize = MEBIBYTE;
pub const LISTING_LIMIT: usize = 64 * MEBIBYTE;
pub const SERVER_TEXT_LIMIT: usize = 2048;
pub const RETRIED_STATUSES: [u16; 14] = [
    408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526,
];
pub const LONGEST_DURATION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The three calls of the resource.
#[derive(Debug, Clone, Copy)]
pub enum Verb {
    Grant,
    Revoke,
    List,
}

pub const VERBS: [Verb; 3] = [Verb::Grant, Verb::Revoke, Verb::List];

/// Runs the same test for the three calls, side by side.
pub fn for_each_verb(test: impl Fn(Verb) + Sync) {
    thread::scope(|scope| {
        for verb in VERBS {
            thread::Builder::new()
                .name(format!("{verb:?}"))
                .spawn_scoped(scope, {
                    let test = &test;
                    move || test(verb)
                })
                .unwrap();
        }
    });
}

impl Verb {
    pub fn method(self) -> &'static str {
        match self {
            Self::Grant => "PUT",
            Self::Revoke => "DELETE",
            Self::List => "POST",
        }
    }

    /// Sends the example; of a listing only the receipt is kept.
    pub fn send(self, client: &Client) -> Result<Response, Error> {
        match self {
            Self::Grant => client.grant(&one_pair()),
            Self::Revoke => client.revoke(&one_pair()),
            Self::List => client
                .list(one_pair().calls())
                .map(|response| response.map(|listing| listing.receipt().clone())),
        }
    }

    /// Sends the example, which must be acknowledged.
    #[track_caller]
    pub fn receipt(self, client: &Client) -> Receipt {
        self.send(client).unwrap().into_result().unwrap()
    }

    /// Sends the example, which must be refused.
    #[track_caller]
    pub fn refusal(self, client: &Client) -> ApiError {
        self.send(client).unwrap().into_result().unwrap_err()
    }

    /// Sends the example, which must fail before there is an answer.
    #[track_caller]
    pub fn failure(self, client: &Client) -> Error {
        match self.send(client) {
            Err(error @ Error::Transport(_)) => error,
            other => panic!("expected a transport error, got {other:?}"),
        }
    }
}

/// Distinctive enough to be searched for in everything that is shown.
/// With a `:` it fills whole groups of Base64, so that the secret's own Base64 is found in the
/// pair's.
pub const KEY: &str = "KEY-4f9a1c7";
pub const SECRET: &str = "SECRET-e07b5d2a";
pub const TOKEN: &str = "TOKEN-91d3b6f8";

pub fn credentials() -> Credentials {
    Credentials::access_key(KEY, SECRET).unwrap()
}

pub fn builder(base_url: &str) -> ClientBuilder {
    Client::builder(credentials()).base_url(base_url)
}

/// Four attempts, with next to no wait in between.
pub fn quick() -> RetryPolicy {
    RetryPolicy::default()
        .base_delay(Duration::from_millis(1))
        .max_delay(Duration::from_millis(4))
}

/// A client that retries quickly and has no rate limit.
pub fn client(base_url: &str) -> Client {
    let builder = builder(base_url).retry(quick()).requests_per_second(None);
    builder.build().unwrap()
}

/// A client that sends each request once.
pub fn once(base_url: &str) -> Client {
    let builder = builder(base_url).retry(RetryPolicy::none());
    builder.requests_per_second(None).build().unwrap()
}

/// The example of Gong's page.
pub fn one_pair() -> CallAccessList {
    [(CALL.parse().unwrap(), USER.parse().unwrap())]
        .into_iter()
        .collect()
}

pub fn variant<T>(response: &Response<T>) -> &'static str {
    match response {
        Response::Success(_) => "Success",
        Response::BadRequest(_) => "BadRequest",
        Response::Unauthorized(_) => "Unauthorized",
        Response::RateLimited(_) => "RateLimited",
        Response::ServerError(_) => "ServerError",
        Response::Unexpected(_) => "Unexpected",
        _ => "unknown to the tests",
    }
}

/// Longer than anything that is expected to happen takes.
pub const LONG: Duration = Duration::from_secs(20);

pub const SHORT: Duration = Duration::from_millis(150);

pub fn impatient(url: &str) -> Client {
    let builder = builder(url).timeout(SHORT).retry(RetryPolicy::none());
    builder.requests_per_second(None).build().unwrap()
}

/// Asserts that exactly these predicates hold of an error after one attempt, and that it has a source.
#[track_caller]
pub fn assert_is(error: &Error, predicates: &[&str]) {
    let found: Vec<_> = [
        ("timeout", error.is_timeout()),
        ("connect", error.is_connect()),
        ("tls", error.is_tls()),
        ("config", error.is_config()),
    ]
    .into_iter()
    .filter_map(|(name, holds)| holds.then_some(name))
    .collect();
    assert_eq!(found, predicates, "{error}, {error:?}");
    assert_eq!(error.attempts(), 1, "{error}");
    assert!(error.source().is_some(), "no source: {error}");
}
