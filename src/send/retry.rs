//! `RetryPolicy`: what is tried again, and after how long.

use std::time::Duration;

use crate::error::{ConfigError, check_duration};
use crate::http::Fault;

/// How often a call is attempted, and how long it waits in between.
///
/// By default a call makes at most 4 attempts. It waits a random time of up to 500 ms before the
/// second, up to 1 s before the third and so on, doubling up to 20 s (after a 429, at least one
/// second), and it waits as long as Gong asks for where that is at most 60 s. The whole call, its waits included, is bounded by
/// [`total_timeout`](crate::ClientBuilder::total_timeout).
///
/// Tried again are: no connection, a connection that is cut off (the first time at once, on a new
/// connection), a timeout, and the statuses 408, 425, 429, 500, 502, 503, 504 and 520 to 526. Never
/// tried again are: a certificate that is not trusted, a proxy that refuses, bytes that are not
/// HTTP, a redirect, any other status, and a 200 that does not prove success. Gong documents that
/// granting what a user has, and revoking what a user has not, has no effect, so a repeat is
/// harmless.
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    pub(super) max_attempts: u32,
    base_delay: Duration,
    max_delay: Duration,
    max_retry_after: Duration,
}

/// What happened to an attempt that was no success.
#[derive(Debug, Clone, Copy)]
pub(super) enum Failure {
    /// There was an answer, with this status.
    Status {
        status: u16,
        retry_after: Option<Duration>,
    },
    /// There was none.
    Transport {
        fault: Fault,
        /// Whether an attempt of this call was cut off before.
        was_cut_off: bool,
    },
}

impl Failure {
    pub(super) fn is_cut_off(self) -> bool {
        matches!(
            self,
            Self::Transport {
                fault: Fault::Disconnected,
                ..
            }
        )
    }
}

/// What follows a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Stop,
    /// Try again at once, on a new connection.
    Reconnect,
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
    /// Gong's unit for a rate is the second, so nothing less helps after a 429.
    const MIN_AFTER_429: Duration = Duration::from_secs(1);

    /// Creates a policy of one attempt, with nothing tried again.
    ///
    /// A 429 still holds the other calls of the client, as
    /// [`max_retry_after`](Self::max_retry_after) says.
    ///
    /// # Examples
    ///
    /// ```
    /// use gong_call_access::RetryPolicy;
    ///
    /// assert_eq!(RetryPolicy::none(), RetryPolicy::default().max_attempts(1));
    /// ```
    pub fn none() -> Self {
        Self::default().max_attempts(1)
    }

    /// Sets how many requests a call sends at most, the first included.
    ///
    /// The default is 4. Zero is an error in [`build`](crate::ClientBuilder::build).
    #[must_use]
    pub fn max_attempts(mut self, max_attempts: u32) -> Self {
        self.max_attempts = max_attempts;
        self
    }

    /// Sets the longest wait before the second attempt; it doubles with each further one.
    ///
    /// The default is 500 ms. The wait itself is random, from nothing to this, so that clients that
    /// failed together do not come back together; after a 429 it is at least one second. Zero,
    /// or more than 30 days, is an error in [`build`](crate::ClientBuilder::build).
    #[must_use]
    pub fn base_delay(mut self, base_delay: Duration) -> Self {
        self.base_delay = base_delay;
        self
    }

    /// Sets where the doubling ends.
    ///
    /// The default is 20 seconds. Zero, or more than 30 days, is an error in
    /// [`build`](crate::ClientBuilder::build).
    #[must_use]
    pub fn max_delay(mut self, max_delay: Duration) -> Self {
        self.max_delay = max_delay;
        self
    }

    /// Sets the longest wait that Gong may ask for with a `Retry-After`.
    ///
    /// The default is 60 seconds. A longer one is not waited for: the call returns the answer at
    /// once, with its [`retry_after`](crate::ApiError::retry_after). A 429 with one that is not
    /// longer holds all requests of the client and its clones until then. Zero, or more than 30
    /// days, is an error in [`build`](crate::ClientBuilder::build).
    #[must_use]
    pub fn max_retry_after(mut self, max_retry_after: Duration) -> Self {
        self.max_retry_after = max_retry_after;
        self
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.max_attempts == 0 {
            return Err(ConfigError::new("max_attempts is 0, expected 1 or more"));
        }
        check_duration("base_delay", self.base_delay)?;
        check_duration("max_delay", self.max_delay)?;
        check_duration("max_retry_after", self.max_retry_after)
    }

    /// What follows `failure`, the `attempt`th, with `left` of the call's time; `random` is any
    /// number.
    pub(super) fn next(&self, failure: Failure, attempt: u32, left: Duration, random: u64) -> Next {
        if attempt >= self.max_attempts || !is_retried(failure) {
            return Next::Stop;
        }
        let wait = match failure {
            // A kept-alive connection that the server closed looks like this. The request was not
            // answered and may be repeated, so the first is, at once; a second waits
            // like any other failure.
            Failure::Transport {
                fault: Fault::Disconnected,
                was_cut_off: false,
            } if !left.is_zero() => return Next::Reconnect,
            Failure::Status {
                retry_after: Some(wait),
                ..
            } if wait > self.max_retry_after => return Next::Stop,
            Failure::Status {
                retry_after: Some(wait),
                ..
            } => wait,
            Failure::Status { status: 429, .. } => {
                self.backoff(attempt, random).max(Self::MIN_AFTER_429)
            }
            _ => self.backoff(attempt, random),
        };
        if wait < left {
            Next::After(wait)
        } else {
            Next::Stop
        }
    }

    /// Whether every call of the client waits after this failure, and how long.
    pub(super) fn hold(&self, failure: Failure) -> Option<Duration> {
        match failure {
            Failure::Status {
                status: 429,
                retry_after,
            } => retry_after.filter(|wait| *wait <= self.max_retry_after),
            _ => None,
        }
    }

    /// A random part of a time that doubles with each attempt.
    fn backoff(&self, attempt: u32, random: u64) -> Duration {
        let doublings = 2_u32.saturating_pow(attempt.saturating_sub(1));
        let longest = self
            .base_delay
            .saturating_mul(doublings)
            .min(self.max_delay);
        let nanos = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX);
        // The high half of the product is below `nanos`, so it fits.
        Duration::from_nanos(((u128::from(nanos) * u128::from(random)) >> 64) as u64)
    }
}

fn is_retried(failure: Failure) -> bool {
    match failure {
        Failure::Status { status, .. } => {
            matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504 | 520..=526)
        }
        Failure::Transport { fault, .. } => match fault {
            Fault::Connect | Fault::ConnectTimeout(_) | Fault::Timeout(_) | Fault::Disconnected => {
                true
            }
            Fault::Tls | Fault::Proxy | Fault::NotHttp => false,
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

    fn transport(fault: Fault) -> Failure {
        Failure::Transport {
            fault,
            was_cut_off: true,
        }
    }

    #[test]
    fn these_statuses_and_no_others_are_tried_again() {
        let retried: Vec<u16> = (100..=999)
            .filter(|code| RetryPolicy::default().next(status(*code), 1, MINUTE, 0) != Next::Stop)
            .collect();
        let expected = [
            408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526,
        ];
        assert_eq!(retried, expected);
    }

    #[test]
    fn these_transport_failures_and_no_others_are_tried_again() {
        for (fault, is_retried) in [
            (Fault::Connect, true),
            (Fault::ConnectTimeout(MINUTE), true),
            (Fault::Timeout(MINUTE), true),
            (Fault::Disconnected, true),
            (Fault::Tls, false),
            (Fault::Proxy, false),
            (Fault::NotHttp, false),
        ] {
            let next = RetryPolicy::default().next(transport(fault), 1, MINUTE, 0);
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
    fn the_first_cut_off_is_repeated_at_once() {
        let first = Failure::Transport {
            fault: Fault::Disconnected,
            was_cut_off: false,
        };
        let next = |failure| RetryPolicy::default().next(failure, 1, MINUTE, u64::MAX);
        assert_eq!(next(first), Next::Reconnect);
        assert!(
            matches!(next(transport(Fault::Disconnected)), Next::After(wait) if !wait.is_zero())
        );
        assert_eq!(RetryPolicy::none().next(first, 1, MINUTE, 0), Next::Stop);
        assert_eq!(
            RetryPolicy::default().next(first, 1, Duration::ZERO, 0),
            Next::Stop
        );
    }

    #[test]
    fn only_a_disconnection_is_a_cut_off() {
        assert!(transport(Fault::Disconnected).is_cut_off());
        assert!(!transport(Fault::Connect).is_cut_off());
        assert!(!status(500).is_cut_off());
    }

    #[test]
    fn a_retry_after_is_waited_for_up_to_its_limit() {
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
    }

    #[test]
    fn only_a_429_with_a_bearable_retry_after_holds_everyone() {
        let policy = RetryPolicy::none();
        assert_eq!(policy.hold(asked(429, 60)), Some(Duration::from_secs(60)));
        assert_eq!(policy.hold(asked(429, 61)), None);
        assert_eq!(policy.hold(asked(503, 1)), None);
        assert_eq!(policy.hold(status(429)), None);
        assert_eq!(policy.hold(transport(Fault::Connect)), None);
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
            (faults, any::<bool>())
                .prop_map(|(fault, was_cut_off)| Failure::Transport { fault, was_cut_off }),
        ]
    }

    proptest! {
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
