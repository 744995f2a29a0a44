//! `Sender`: one call, from body to response, with its waits and retries.
//!
//! ```text
//! wait for a permit -> one exchange -> success, or nothing to retry -> return
//!         ^                 |
//!         +---- sleep <-----+ a failure that is retried
//! ```
//!
//! Only this module sleeps between attempts and logs them. The retry policy and the rate limiter,
//! which have neither clock nor socket, decide what to do next, and when.

mod permits;
mod rate_limiter;
mod retry;
mod stop;

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{Error, TransportError, via};
use crate::http::{Connection, Fault, Request, Transport};
use crate::id::CallId;
use crate::redact::{Secrets, clean};
use crate::response::{ApiError, Listing, Response, decode};
use crate::text::rounded;

use permits::Delay;
pub(crate) use permits::Permits;
pub use retry::RetryPolicy;
use retry::{Failure, Next};
pub(crate) use stop::Stop;
pub use stop::StopHandle;

/// The target of every log record, which does not change when modules move.
const TARGET: &str = "gong_call_access";

/// Sends calls over one transport and within one rate limit.
pub(crate) struct Sender {
    pub(crate) transport: Transport,
    /// The texts to remove from what the server sends.
    pub(crate) secrets: Secrets,
    pub(crate) retry: RetryPolicy,
    /// The bound of a whole call, which counts every attempt and wait.
    pub(crate) total_timeout: Duration,
    /// Shared by all clones of a client, the clients made from it, and all threads.
    pub(crate) permits: Arc<Permits>,
}

impl Sender {
    /// Sends `request` until it succeeds, fails for good, runs out of attempts or time, or is stopped.
    ///
    /// `listed` are the calls to be listed, if any; see [`decode`].
    ///
    /// # Errors
    ///
    /// Returns the error of the last attempt, or one with 0 attempts if there was no permit in time
    /// or before `stop`.
    pub(crate) fn send(
        &self,
        request: &Request<'_>,
        listed: Option<&BTreeSet<CallId>>,
        stop: &Stop,
    ) -> Result<Response<Listing>, Error> {
        let started = Instant::now();
        // Cannot overflow: `build` limits durations to 30 days.
        let deadline = started + self.total_timeout;
        let mut attempts = 0;
        let mut connection = Connection::Any;
        let mut last = None;
        loop {
            // A retry rejoins the queue at its end, so a failing call does not block the others.
            let waiting = self.permits.enqueue();
            if let Some(delay) = waiting.delay(deadline) {
                self.log_delay(delay, attempts);
            }
            let permit = match waiting.wait(deadline, stop) {
                Ok(permit) => permit,
                // What Gong said last is worth more to a caller than the wait that followed it.
                Err(delay) => return last.unwrap_or_else(|| Err(self.unsent(delay))),
            };
            attempts += 1;
            let outcome = self.attempt(request, listed, attempts, connection, until(deadline));
            // The exchange is over; a sleep before a retry must not hold a permit.
            drop(permit);
            let Some(failure) = failure(&outcome) else {
                return outcome;
            };
            // Before `next` decides: a 429 concerns all clones, even if this call gives up.
            if let Some(hold) = self.retry.hold_after(failure) {
                self.permits.hold(hold);
            }
            match self
                .retry
                .next(failure, attempts, until(deadline), random())
            {
                Next::Stop => return outcome,
                Next::Reconnect => connection = Connection::New,
                Next::After(wait) => {
                    self.log_wait(wait, attempts, &reason(&outcome));
                    self.permits.sleep(Instant::now() + wait, stop);
                    connection = Connection::Any;
                }
            }
            last = Some(outcome);
        }
    }

    /// Sends `request` once, within `left`, and logs what happened.
    fn attempt(
        &self,
        request: &Request<'_>,
        listed: Option<&BTreeSet<CallId>>,
        attempt: u32,
        connection: Connection,
        left: Duration,
    ) -> Result<Response<Listing>, Error> {
        let method = request.method;
        let (host, proxy) = (self.transport.host(), self.transport.proxy());
        log::debug!(
            target: TARGET,
            "{method} to {host}{}, attempt {attempt} of {}, {} bytes",
            via(proxy),
            self.retry.max_attempts,
            request.body.len(),
        );
        let started = Instant::now();
        match self.transport.exchange(request, connection, left) {
            Ok(http) => {
                let status = http.status;
                let response = decode(http, listed, attempt, &self.secrets);
                log::debug!(
                    target: TARGET,
                    "status {status} from {host}, request id {}, after {:?}",
                    request_id(&response).unwrap_or("none"),
                    started.elapsed(),
                );
                Ok(response)
            }
            Err((fault, cause)) => {
                // It may quote a proxy's reply, which may echo a header.
                let cause = clean(&cause, &self.secrets);
                let error = TransportError::new(fault, left, host, proxy, attempt, cause);
                log::debug!(target: TARGET, "{error}, after {:?}", started.elapsed());
                Err(Error::Transport(error))
            }
        }
    }

    // A warning, since an operator who sees a slow program should find the reason by default.
    fn log_wait(&self, wait: Duration, attempts: u32, reason: &str) {
        log::warn!(
            target: TARGET,
            "waiting {:?} before attempt {} of {}: {reason}",
            rounded(wait),
            attempts + 1,
            self.retry.max_attempts,
        );
    }

    fn log_delay(&self, delay: Delay, attempts: u32) {
        match delay.held_for {
            Some(wait) => self.log_wait(wait, attempts, "a 429 holds every request"),
            // Waiting for the rate limit is normal operation, so it is not a warning.
            None => {
                let wait = rounded(delay.at_least);
                log::debug!(target: TARGET, "waiting {wait:?} for the rate limit");
            }
        }
    }

    /// The error of a call that got no permit within `total_timeout`, and so sent nothing.
    fn unsent(&self, Delay { held_for, .. }: Delay) -> Error {
        let error = TransportError::unsent(self.transport.host(), self.total_timeout, held_for);
        Error::Transport(error)
    }
}

fn request_id(response: &Response<Listing>) -> Option<&str> {
    match response {
        Response::Success(listing) => listing.receipt().request_id(),
        other => other.error()?.request_id(),
    }
}

/// Returns what the retry policy needs to know about an attempt, or `None` after a success.
fn failure(outcome: &Result<Response<Listing>, Error>) -> Option<Failure> {
    match outcome {
        Ok(response) => response.error().map(|error| Failure::Status {
            status: error.status(),
            retry_after: error.retry_after(),
        }),
        Err(Error::Transport(error)) => error.fault().map(|fault| match fault {
            // A proxy's status says as much as Gong's: a 502 may pass, a 407 does not.
            Fault::Proxy(status) => Failure::Status {
                status,
                retry_after: None,
            },
            fault => Failure::Transport(fault),
        }),
        Err(_) => None,
    }
}

/// Describes a failed attempt for the log, without text from the server.
///
/// A server's message may quote ids, which this crate does not log.
fn reason(outcome: &Result<Response<Listing>, Error>) -> String {
    match outcome {
        Ok(response) => format!("status {}", response.error().map_or(200, ApiError::status)),
        Err(error) => error.to_string(),
    }
}

/// The time left until `deadline`; zero after it.
fn until(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// A random number, good enough to spread the retries of many clients.
///
/// Each `RandomState` of the standard library has new keys, which saves a dependency.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
