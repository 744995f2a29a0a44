//! Waiting for a turn, and giving it back.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::rate_limiter::{Admission, RateLimiter};

/// The turns of a client, shared by all its clones and threads.
///
/// The lock is held for a look at the limiter only, never while a thread sleeps or a request is in
/// flight.
pub(super) struct Turns {
    limiter: Mutex<RateLimiter>,
    changed: Condvar,
}

/// Leave to send one request; given back when it is dropped, however the exchange ends.
pub(super) struct Turn<'a>(&'a Turns);

/// There is no turn before the deadline.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoTurn {
    /// How long a 429 still keeps everyone waiting.
    pub(super) held_for: Option<Duration>,
}

impl Turns {
    pub(super) fn new(limit: Option<u32>) -> Self {
        Self {
            limiter: Mutex::new(RateLimiter::new(limit)),
            changed: Condvar::new(),
        }
    }

    /// Waits for a turn, for as long as there can be one before `deadline`; `on_hold` is told of a
    /// wait that a 429 asked for.
    pub(super) fn take(
        &self,
        deadline: Instant,
        on_hold: impl Fn(Duration),
    ) -> Result<Turn<'_>, NoTurn> {
        let mut limiter = self.lock();
        let ticket = limiter.enqueue();
        let mut is_told = false;
        loop {
            let now = Instant::now();
            let held_for = limiter.held(now).map(|until| until - now);
            if limiter.earliest(ticket, now) >= deadline {
                limiter.leave(ticket);
                self.changed.notify_all();
                return Err(NoTurn { held_for });
            }
            let until = match limiter.admit(ticket, now) {
                Admission::Granted => {
                    self.changed.notify_all();
                    return Ok(Turn(self));
                }
                Admission::WaitUntil(until) => until.min(deadline),
                Admission::WaitForChange => deadline,
            };
            if let (Some(held_for), false) = (held_for, is_told) {
                is_told = true;
                drop(limiter);
                on_hold(held_for);
                limiter = self.lock();
                continue;
            }
            limiter = self
                .changed
                .wait_timeout(limiter, until - now)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Keeps everyone waiting for so long.
    pub(super) fn hold(&self, duration: Duration) {
        self.lock().hold(Instant::now() + duration);
        self.changed.notify_all();
    }

    /// Nothing is done under the lock that could leave the limiter half changed by a panic.
    fn lock(&self) -> MutexGuard<'_, RateLimiter> {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.lock().end(Instant::now());
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{self, AssertUnwindSafe};

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn a_panic_gives_the_turn_back() {
        let turns = Turns::new(Some(1));
        let panicked = panic::catch_unwind(AssertUnwindSafe(|| {
            let _turn = turns.take(soon(), |_| ()).unwrap();
            panic!("in the middle of an exchange");
        }));
        assert!(panicked.is_err());
        assert!(turns.take(soon(), |_| ()).is_ok());
    }

    #[test]
    fn a_poisoned_lock_is_used_all_the_same() {
        let turns = Turns::new(Some(1));
        let panicked = panic::catch_unwind(AssertUnwindSafe(|| {
            let _limiter = turns.lock();
            panic!("under the lock");
        }));
        assert!(panicked.is_err() && turns.limiter.is_poisoned());
        assert!(turns.take(soon(), |_| ()).is_ok());
    }
}
