//! `RetryPolicy`: which failures are retried, and after how long.

use std::time::Duration;

use crate::error::{ConfigError, check_duration, check_not_zero};
use crate::http::Fault;

/// How often a call is attempted, and how long it waits between attempts.
///
/// By default a call makes at most 4 attempts. It waits a random time of up to 500 ms before the
/// second, up to 1 s before the third and so on, doubling up to 20 s; after a 429 it waits at least
/// one second. If Gong asks for a wait of up to 60 s with `Retry-After`, the call waits exactly
/// that long. All attempts and waits together are bounded by
/// [`total_timeout`](crate::ClientBuilder::total_timeout).
///
/// # What is retried
///
/// - a connection that cannot be made, because the host name is unknown or nothing accepts it
/// - a connection that closes before the response is complete; after the first attempt, the call
///   retries at once on a new connection, since the server may have closed a kept-alive one long before
/// - an attempt that times out
/// - the statuses 408, 425, 429, 500, 502, 503, 504 and 520 to 526, from Gong, or from a proxy in
///   answer to `CONNECT`
///
/// There is no retry after an untrusted certificate, a response that is not HTTP, a redirect, any
/// other status, or a 200 that does not prove success: another attempt would fail in the same way.
///
/// Retrying is safe because
/// [granting and revoking are idempotent](crate::facts#access).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use gong_call_access::{Client, Credentials, RetryPolicy};
///
/// let policy = RetryPolicy::default()
///     .max_attempts(6)
///     .base_delay(Duration::from_millis(200))
///     .max_delay(Duration::from_secs(5))
///     .max_retry_after(Duration::from_secs(30));
/// let builder = Client::builder(Credentials::bearer("my-token")?).retry(policy);
/// # let builder = builder.base_url("http://localhost");
/// let client = builder.build()?;
/// # Ok::<(), gong_call_access::Error>(())
/// ```
#[must_use = "a policy does nothing until a client is built with it"]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The first attempt included.
    pub(super) max_attempts: u32,
    /// The longest wait before the second attempt.
    base_delay: Duration,
    /// The longest wait before any attempt, unless Gong asks for more.
    max_delay: Duration,
    max_retry_after: Duration,
}

/// Why an attempt was not a success.
#[derive(Debug, Clone, Copy)]
pub(super) enum Failure {
    /// A response with this status.
    Status {
        status: u16,
        retry_after: Option<Duration>,
    },
    /// No response.
    Transport(Fault),
}

/// What follows a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Return the failure to the caller.
    Stop,
    /// Retry at once, on a new connection.
    Reconnect,
    /// Retry after this time.
    After(Duration),
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 4,
            base_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(20),
            max_retry_after: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// Gong counts requests by the second, so retrying sooner would only get another 429.
    const MIN_AFTER_429: Duration = Duration::from_secs(1);

    /// Creates a policy of a single attempt.
    ///
    /// A call still waits for the rate limit, within
    /// [`total_timeout`](crate::ClientBuilder::total_timeout). A 429 still holds the other calls of
    /// the client, as described under [`max_retry_after`](Self::max_retry_after). Without retries,
    /// expect an occasional failure from a kept-alive connection that the server closed.
    pub fn none() -> Self {
        Self::default().max_attempts(1)
    }

    /// Sets the maximum number of attempts of a call, including the first one.
    ///
    /// The default is 4. Zero is an error in [`build`](crate::ClientBuilder::build). An attempt counts
    /// even if it could not connect; [`Error::attempts`](crate::Error::attempts) and
    /// [`Receipt::attempts`](crate::Receipt::attempts) return how many there were.
    ///
    /// # Examples
    ///
    /// ```
    /// use gong_call_access::{Client, Credentials, RetryPolicy};
    ///
    /// # let builder = Client::builder(Credentials::bearer("my-token")?).base_url("http://localhost");
    /// let policy = RetryPolicy::default().max_attempts(0);
    /// let error = builder.retry(policy).build().unwrap_err();
    /// assert_eq!(error.to_string(), "max_attempts is 0, expected 1 or more");
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    pub fn max_attempts(mut self, max_attempts: u32) -> Self {
        self.max_attempts = max_attempts;
        self
    }

    /// Sets the longest wait before the second attempt; it doubles with each further attempt.
    ///
    /// The default is 500 ms. The wait is a random part of this (full jitter), so that clients that
    /// failed together do not retry together. After a 429 it is at least one second. Zero, or more
    /// than 30 days, is an error in [`build`](crate::ClientBuilder::build).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use gong_call_access::RetryPolicy;
    ///
    /// // Waits up to 2, 4 and 8 seconds before the second, third and fourth attempt.
    /// let policy = RetryPolicy::default().base_delay(Duration::from_secs(2));
    /// ```
    pub fn base_delay(mut self, base_delay: Duration) -> Self {
        self.base_delay = base_delay;
        self
    }

    /// Sets the longest wait between two attempts, where the doubling of
    /// [`base_delay`](Self::base_delay) stops.
    ///
    /// The default is 20 seconds. Zero, or more than 30 days, is an error in
    /// [`build`](crate::ClientBuilder::build). A value below `base_delay` bounds every wait. A wait
    /// that Gong asks for has its own limit, [`max_retry_after`](Self::max_retry_after).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use gong_call_access::RetryPolicy;
    ///
    /// let policy = RetryPolicy::default()
    ///     .max_attempts(10)
    ///     .max_delay(Duration::from_secs(5));
    /// ```
    pub fn max_delay(mut self, max_delay: Duration) -> Self {
        self.max_delay = max_delay;
        self
    }

    /// Sets the longest `Retry-After` that a call waits for.
    ///
    /// The default is 60 seconds. Up to this limit, a 429 holds all requests that share the
    /// client's rate limit until its `Retry-After` has passed. A longer one ends the call at once
    /// and holds nothing, so the program itself has to wait for
    /// [`ApiError::retry_after`](crate::ApiError::retry_after) before it sends anything else. The
    /// wait also has to fit in [`total_timeout`](crate::ClientBuilder::total_timeout). Zero, or
    /// more than 30 days, is an error in [`build`](crate::ClientBuilder::build).
    ///
    /// # Examples
    ///
    /// A nightly job can accept longer waits than a web handler:
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use gong_call_access::{Client, Credentials, RetryPolicy};
    ///
    /// # let builder = Client::builder(Credentials::bearer("my-token")?);
    /// let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    /// let builder = builder
    ///     .retry(RetryPolicy::default().max_retry_after(minutes(15)))
    ///     .total_timeout(minutes(20));
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    pub fn max_retry_after(mut self, max_retry_after: Duration) -> Self {
        self.max_retry_after = max_retry_after;
        self
    }

    /// Checks what the setters accepted; `ClientBuilder::build` calls it.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        check_not_zero("max_attempts", self.max_attempts as usize)?;
        check_duration("base_delay", self.base_delay)?;
        check_duration("max_delay", self.max_delay)?;
        check_duration("max_retry_after", self.max_retry_after)
    }

    /// Decides what follows the failure of the `attempt`th attempt, with `left` of the call's time.
    ///
    /// The clock and the randomness are arguments, so that every decision can be tested.
    pub(super) fn next(&self, failure: Failure, attempt: u32, left: Duration, random: u64) -> Next {
        if attempt >= self.max_attempts || !is_retried(failure) {
            return Next::Stop;
        }
        let wait = match failure {
            // A kept-alive connection that the server has closed looks like this, and ureq does not
            // say whether a connection was a new one. Since a repeat is harmless, the first one goes
            // out at once; a later one waits, as after any other failure.
            Failure::Transport(Fault::Disconnected) if attempt == 1 => return Next::Reconnect,
            Failure::Status {
                retry_after: Some(wait),
                ..
            } => {
                // Retrying earlier than Gong asked would only get the same response, and count as a
                // request.
                if wait > self.max_retry_after {
                    return Next::Stop;
                }
                wait
            }
            Failure::Status { status: 429, .. } => {
                self.backoff(attempt, random).max(Self::MIN_AFTER_429)
            }
            _ => self.backoff(attempt, random),
        };
        match wait < left {
            true => Next::After(wait),
            false => Next::Stop,
        }
    }

    /// Returns how long every call of the client waits after this failure.
    ///
    /// Only a 429 concerns all of them. One with a `Retry-After` over the limit, such as hours once
    /// the day's quota is used up, holds no other call: each caller decides for itself.
    pub(super) fn hold_after(&self, failure: Failure) -> Option<Duration> {
        match failure {
            Failure::Status {
                status: 429,
                retry_after,
            } => retry_after.filter(|wait| *wait <= self.max_retry_after),
            _ => None,
        }
    }

    /// A random part of a time that doubles with each attempt, up to `max_delay`.
    fn backoff(&self, attempt: u32, random: u64) -> Duration {
        let doublings = 2_u32.saturating_pow(attempt.saturating_sub(1));
        let longest = self
            .base_delay
            .saturating_mul(doublings)
            .min(self.max_delay);
        let nanos = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX);
        // `random / 2^64` of `nanos`: the product needs 128 bits, and its high half is below `nanos`.
        Duration::from_nanos(((u128::from(nanos) * u128::from(random)) >> 64) as u64)
    }
}

/// Whether another attempt may succeed; see the documentation of [`RetryPolicy`].
fn is_retried(failure: Failure) -> bool {
    match failure {
        Failure::Status { status, .. } => {
            // 501 and 505 are permanent. 520 to 526 are Cloudflare's, for a server behind it that
            // did not answer.
            matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504 | 520..=526)
        }
        Failure::Transport(fault) => match fault {
            Fault::Connect | Fault::ConnectTimeout(_) | Fault::Timeout(_) | Fault::Disconnected => {
                true
            }
            Fault::Tls | Fault::Proxy(_) | Fault::NotHttp => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn status(status: u16) -> Failure {
        Failure::Status {
            status,
            retry_after: None,
        }
    }

    fn asked(status: u16, seconds: u64) -> Failure {
        Failure::Status {
            status,
            retry_after: Some(Duration::from_secs(seconds)),
        }
    }

    #[test]
    fn these_statuses_and_no_others_are_retried() {
        let retried: Vec<u16> = (100..=999)
            .filter(|code| RetryPolicy::default().next(status(*code), 1, MINUTE, 0) != Next::Stop)
            .collect();
        let expected = [
            408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526,
        ];
        assert_eq!(retried, expected);
    }

    #[test]
    fn these_transport_failures_and_no_others_are_retried() {
        for (fault, is_retried) in [
            (Fault::Connect, true),
            (Fault::ConnectTimeout(MINUTE), true),
            (Fault::Timeout(MINUTE), true),
            (Fault::Disconnected, true),
            (Fault::Tls, false),
            (Fault::NotHttp, false),
        ] {
            let next = RetryPolicy::default().next(Failure::Transport(fault), 1, MINUTE, 0);
            assert_eq!(next != Next::Stop, is_retried, "{fault:?}");
        }
    }

    #[test]
    fn the_longest_wait_doubles_up_to_its_limit() {
        let longest = |attempt| {
            let policy = RetryPolicy::default().max_attempts(u32::MAX);
            policy.next(status(500), attempt, MINUTE, u64::MAX)
        };
        for (attempt, millis) in [
            (1, 500),
            (2, 1000),
            (3, 2000),
            (6, 16_000),
            (7, 20_000),
            (1000, 20_000),
        ] {
            let Next::After(wait) = longest(attempt) else {
                panic!("no wait after attempt {attempt}")
            };
            assert_eq!(wait.as_micros().div_ceil(1000), millis, "attempt {attempt}");
        }
    }

    #[test]
    fn a_disconnection_is_retried_at_once_after_the_first_attempt_only() {
        let lost = Failure::Transport(Fault::Disconnected);
        let next = |attempt| RetryPolicy::default().next(lost, attempt, MINUTE, u64::MAX);
        assert_eq!(next(1), Next::Reconnect);
        assert!(matches!(next(2), Next::After(wait) if !wait.is_zero()));
        assert_eq!(RetryPolicy::none().next(lost, 1, MINUTE, 0), Next::Stop);
    }

    #[test]
    fn a_retry_after_up_to_the_limit_is_honoured() {
        let policy = RetryPolicy::default();
        let left = Duration::from_secs(120);
        for code in [429, 500, 503] {
            let next = |seconds| policy.next(asked(code, seconds), 1, left, 0);
            assert_eq!(next(1), Next::After(Duration::from_secs(1)));
            assert_eq!(next(60), Next::After(Duration::from_secs(60)));
            assert_eq!(next(61), Next::Stop);
            assert_eq!(next(u64::MAX), Next::Stop);
        }
        assert_eq!(
            policy.next(status(429), 1, left, 0),
            Next::After(Duration::from_secs(1))
        );
        assert_eq!(policy.next(asked(400, 1), 1, left, 0), Next::Stop);
        let second = Duration::from_secs(1);
        assert_eq!(policy.next(asked(429, 1), 1, second, 0), Next::Stop);
    }

    #[test]
    fn only_a_429_with_a_retry_after_up_to_the_limit_holds_every_call() {
        let policy = RetryPolicy::none();
        assert_eq!(
            policy.hold_after(asked(429, 60)),
            Some(Duration::from_secs(60))
        );
        assert_eq!(policy.hold_after(asked(429, 61)), None);
        assert_eq!(policy.hold_after(asked(503, 1)), None);
        assert_eq!(policy.hold_after(status(429)), None);
        assert_eq!(policy.hold_after(Failure::Transport(Fault::Connect)), None);
    }

    fn any_failure() -> impl Strategy<Value = Failure> {
        let retry_after = proptest::option::of(any::<u64>().prop_map(Duration::from_secs));
        let small = proptest::option::of((0..200_u64).prop_map(Duration::from_secs));
        let faults = proptest::sample::select(vec![
            Fault::Connect,
            Fault::Timeout(MINUTE),
            Fault::Disconnected,
            Fault::Tls,
        ]);
        prop_oneof![
            (any::<u16>(), retry_after).prop_map(|(status, retry_after)| Failure::Status {
                status,
                retry_after
            }),
            (proptest::sample::select(vec![429, 503, 500]), small).prop_map(
                |(status, retry_after)| Failure::Status {
                    status,
                    retry_after
                }
            ),
            faults.prop_map(Failure::Transport),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_wait_keeps_every_bound(
            failure in any_failure(),
            attempt in prop_oneof![0..10_u32, any::<u32>()],
            max_attempts in prop_oneof![1..10_u32, any::<u32>()],
            base in any::<Duration>(),
            max in any::<Duration>(),
            max_retry_after in prop_oneof![any::<Duration>(), (0..200_u64).prop_map(Duration::from_secs)],
            left in prop_oneof![any::<Duration>(), (0..200_u64).prop_map(Duration::from_secs)],
            random in any::<u64>(),
        ) {
            let policy = RetryPolicy { max_attempts, base_delay: base, max_delay: max, max_retry_after };
            if let Next::After(wait) = policy.next(failure, attempt, left, random) {
                prop_assert!(attempt < max_attempts);
                prop_assert!(wait < left);
                match failure {
                    Failure::Status { retry_after: Some(asked), .. } => {
                        prop_assert_eq!(wait, asked);
                        prop_assert!(wait <= max_retry_after);
                    }
                    Failure::Status { status: 429, .. } => {
                        prop_assert!(wait >= RetryPolicy::MIN_AFTER_429);
                        prop_assert!(wait <= max.max(RetryPolicy::MIN_AFTER_429));
                    }
                    _ => prop_assert!(wait <= max),
                }
            }
        }
    }
}
