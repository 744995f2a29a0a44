//! One call, from body to response.

mod permits;
mod rate_limiter;
mod retry;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, TransportError, TransportKind};
use crate::http::{Connection, NoResponse, Request, Transport};
use crate::redact::{Secrets, clean};
use crate::response::{Response, Success, decode};

use permits::{Delay, Permits};
pub use retry::RetryPolicy;
use retry::{Failure, Next};

/// The target of every log record.
const TARGET: &str = "gong_call_access";

/// Sends calls over one transport and within one rate limit.
pub(crate) struct Sender {
    transport: Transport,
    secrets: Secrets,
    retry: RetryPolicy,
    total_timeout: Duration,
    permits: Permits,
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
            permits: Permits::new(requests_per_second),
        }
    }

    pub(crate) fn host(&self) -> &str {
        self.transport.host()
    }

    /// Sends `request` until there is an answer worth returning, or no attempt or time is left.
    pub(crate) fn send<T: Success>(
        &self,
        request: &Request<'_>,
        question: &T::Question,
    ) -> Result<Response<T>, Error> {
        let deadline = Instant::now() + self.total_timeout;
        let mut attempts = 0;
        let mut was_cut_off = false;
        let mut connection = Connection::Any;
        let mut last = None;
        loop {
            let waiting = self.permits.wait();
            if let Some(delay) = waiting.delay() {
                self.log_delay(delay, attempts);
            }
            let permit = match waiting.permit(deadline) {
                Ok(permit) => permit,
                Err(delay) => return last.unwrap_or_else(|| Err(self.unsent(delay))),
            };
            attempts += 1;
            let outcome = self.attempt(request, question, attempts, connection, until(deadline));
            drop(permit);
            let Some(failure) = failure(&outcome, was_cut_off) else {
                return outcome;
            };
            if let Some(hold) = self.retry.hold(failure) {
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
        question: &T::Question,
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
                let response: Response<T> = decode(&http, question, attempt, &self.secrets);
                log::debug!(
                    target: TARGET,
                    "status {} from {host}, request id {}, after {:?}",
                    http.status,
                    response.request_id().unwrap_or("none"),
                    started.elapsed(),
                );
                Ok(response)
            }
            Err(NoResponse { fault, cause }) => {
                let cause = clean(&cause, &self.secrets);
                let error =
                    TransportError::new(TransportKind::Exchange(fault), host, attempt, Some(cause));
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

    fn log_delay(&self, Delay { held_for }: Delay, attempts: u32) {
        match held_for {
            Some(wait) => self.log_wait(wait, attempts, "Gong asked every request to wait"),
            None => log::debug!(target: TARGET, "waiting for the rate limit"),
        }
    }

    /// The error of a call that had no permit in all of its time.
    fn unsent(&self, Delay { held_for }: Delay) -> Error {
        let within = self.total_timeout;
        let kind = TransportKind::Unsent { within, held_for };
        Error::Transport(TransportError::new(kind, self.host(), 0, None))
    }
}

/// What the retry policy decides about; `None` for a success.
fn failure<T>(outcome: &Result<Response<T>, Error>, was_cut_off: bool) -> Option<Failure> {
    match outcome {
        Ok(response) => response.error().map(|error| Failure::Status {
            status: error.status(),
            retry_after: error.retry_after(),
        }),
        Err(error) => error
            .fault()
            .map(|fault| Failure::Transport { fault, was_cut_off }),
    }
}

/// Why there is another attempt, without text from the server.
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
