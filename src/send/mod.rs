//! One call, from body to response.

mod http_response;
mod no_response;
mod rate_limiter;
mod retry;
pub(crate) mod retry_after;
pub(crate) mod tls;
mod transport;
mod turn;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, TransportError, TransportKind};
use crate::response::{Response, Secrets, Success, clean, decode};

pub(crate) use http_response::{BodyEnd, HttpResponse};
use no_response::NoResponse;
pub use retry::RetryPolicy;
use retry::{Failure, Next};
use transport::Connection;
pub(crate) use transport::{Request, Settings, Transport};
use turn::{NoTurn, Turns};

/// The target of every log record.
const TARGET: &str = "gong_call_access";

/// Sends calls over one transport, at one rate.
pub(crate) struct Sender {
    transport: Transport,
    secrets: Secrets,
    retry: RetryPolicy,
    total_timeout: Duration,
    turns: Turns,
}

impl Sender {
    pub(crate) fn new(
        transport: Transport,
        secrets: Secrets,
        retry: RetryPolicy,
        total_timeout: Duration,
        requests_per_second: Option<u32>,
    ) -> Self {
        Self {
            transport,
            secrets,
            retry,
            total_timeout,
            turns: Turns::new(requests_per_second),
        }
    }

    pub(crate) fn host(&self) -> &str {
        self.transport.host()
    }

    /// Sends `request` until there is an answer worth returning, or no attempt or time is left.
    pub(crate) fn send<T: Success>(&self, request: &Request<'_>) -> Result<Response<T>, Error> {
        let deadline = Instant::now() + self.total_timeout;
        let mut attempts = 0;
        let mut was_cut_off = false;
        let mut connection = Connection::Any;
        let mut last = None;
        loop {
            let on_wait = |held_for| match held_for {
                Some(wait) => self.log_wait(wait, attempts, "Gong asked every request to wait"),
                None => log::debug!(target: TARGET, "waiting for a turn of the rate limit"),
            };
            let turn = match self.turns.take(deadline, on_wait) {
                Ok(turn) => turn,
                Err(no_turn) => return last.unwrap_or_else(|| Err(self.unsent(no_turn))),
            };
            attempts += 1;
            let outcome = self.attempt(request, attempts, connection, until(deadline));
            drop(turn);
            let Some(failure) = failure(&outcome, was_cut_off) else {
                return outcome;
            };
            if let Some(hold) = self.retry.hold(failure) {
                self.turns.hold(hold);
            }
            match self
                .retry
                .next(failure, attempts, until(deadline), random())
            {
                Next::Stop => return outcome,
                Next::After(wait) if wait.is_zero() => connection = Connection::New,
                Next::After(wait) => {
                    self.log_wait(wait, attempts, &reason(&outcome));
                    thread::sleep(wait);
                    connection = Connection::Any;
                }
            }
            was_cut_off |= failure.is_cut_off();
            last = Some(outcome);
        }
    }

    fn attempt<T: Success>(
        &self,
        request: &Request<'_>,
        attempt: u32,
        connection: Connection,
        left: Duration,
    ) -> Result<Response<T>, Error> {
        let (method, host) = (request.method, self.host());
        log::debug!(
            target: TARGET,
            "{method} to {host}, attempt {attempt} of {}, {} bytes",
            self.retry.max_attempts,
            request.body.len(),
        );
        let started = Instant::now();
        match self.transport.exchange(request, connection, left) {
            Ok(http) => {
                let response: Response<T> = decode(&http, attempt, &self.secrets);
                log::debug!(
                    target: TARGET,
                    "status {} from {host}, request id {}, after {:?}",
                    http.status,
                    response.request_id().unwrap_or("none"),
                    started.elapsed(),
                );
                Ok(response)
            }
            Err(NoResponse { kind, cause }) => {
                let cause = clean(&cause, &self.secrets);
                let error = TransportError::new(kind, host, attempt, Some(cause));
                log::debug!(target: TARGET, "{error}, after {:?}", started.elapsed());
                Err(Error::Transport(error))
            }
        }
    }

    fn log_wait(&self, wait: Duration, attempts: u32, reason: &str) {
        log::warn!(
            target: TARGET,
            "waiting {wait:?} before attempt {} of {}: {reason}",
            attempts + 1,
            self.retry.max_attempts,
        );
    }

    /// The error of a call that had no turn in all of its time.
    fn unsent(&self, NoTurn { held_for }: NoTurn) -> Error {
        let within = self.total_timeout;
        let kind = TransportKind::NoTurn { within, held_for };
        Error::Transport(TransportError::new(kind, self.host(), 0, None))
    }
}

/// What there is to be decided about; `None` for a success.
fn failure<T>(outcome: &Result<Response<T>, Error>, was_cut_off: bool) -> Option<Failure> {
    match outcome {
        Ok(response) => response.error().map(|error| Failure::Status {
            status: error.status(),
            retry_after: error.retry_after(),
        }),
        Err(error) => error
            .transport_kind()
            .map(|kind| Failure::Transport { kind, was_cut_off }),
    }
}

/// Why there is another attempt, without the server's own words.
fn reason<T>(outcome: &Result<Response<T>, Error>) -> String {
    match outcome {
        Ok(response) => response
            .error()
            .map(|error| format!("status {}", error.status()))
            .unwrap_or_default(),
        Err(error) => error.to_string(),
    }
}

fn until(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// Spreads the waits of many clients; the standard library seeds each of its hashers anew.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
