//! Waiting for a permit to send a request, and giving it back.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::rate_limiter::{NotYet, RateLimiter, Ticket};

/// The permits of a client, shared by its clones and threads.
///
/// The lock is held only to look at the limiter, never while a thread sleeps or a request is in
/// flight. A thread looks and begins to wait under one lock, and whatever lets another go (a permit
/// that ends, a place given up) is done under the lock before it wakes all. So no wake-up is lost;
/// `schedules/` checks that.
pub(super) struct Permits {
    limiter: Mutex<RateLimiter>,
    changed: Condvar,
}

/// A permit to send one request, released on drop.
pub(super) struct Permit<'a>(&'a Permits);

/// A place in the queue for a permit, given up on drop.
pub(super) struct Waiting<'a> {
    permits: &'a Permits,
    ticket: Ticket,
}

/// Why a permit is not to be had at once, or not in time: the rate limit, or a 429.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Delay {
    /// For how long a 429 still holds every request, if it does.
    pub(super) held_for: Option<Duration>,
}

impl Permits {
    pub(super) fn new(limit: Option<u32>) -> Self {
        Self {
            limiter: Mutex::new(RateLimiter::new(limit)),
            changed: Condvar::new(),
        }
    }

    /// Joins the end of the queue.
    pub(super) fn wait(&self) -> Waiting<'_> {
        Waiting {
            permits: self,
            ticket: self.lock().enqueue(),
        }
    }

    /// Keeps every request waiting for so long.
    pub(super) fn hold(&self, duration: Duration) {
        self.lock().hold(Instant::now() + duration);
        self.changed.notify_all();
    }

    /// A panic under the lock cannot leave the limiter half changed, so poisoning is ignored.
    fn lock(&self) -> MutexGuard<'_, RateLimiter> {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Waiting<'a> {
    /// Why there is no permit yet; `None` if there is one.
    pub(super) fn delay(&self) -> Option<Delay> {
        let now = Instant::now();
        let limiter = self.permits.lock();
        (limiter.earliest(self.ticket, now) > now).then(|| Delay::of(&limiter, now))
    }

    /// Waits for a permit, unless there can be none before `deadline`.
    pub(super) fn permit(self, deadline: Instant) -> Result<Permit<'a>, Delay> {
        let mut limiter = self.permits.lock();
        loop {
            let now = Instant::now();
            if limiter.earliest(self.ticket, now) >= deadline {
                let delay = Delay::of(&limiter, now);
                // Dropping `self` takes the lock.
                drop(limiter);
                return Err(delay);
            }
            let until = match limiter.admit(self.ticket, now) {
                Ok(()) => {
                    drop(limiter);
                    return Ok(Permit(self.permits));
                }
                Err(NotYet::Until(until)) => until.min(deadline),
                Err(NotYet::Changed) => deadline,
            };
            limiter = self
                .permits
                .changed
                .wait_timeout(limiter, until - now)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

impl Delay {
    fn of(limiter: &RateLimiter, now: Instant) -> Self {
        Self {
            held_for: limiter.held(now).map(|until| until - now),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.permits.lock().leave(self.ticket);
        // The next in the queue may go now.
        self.permits.changed.notify_all();
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.lock().end(Instant::now());
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{self, AssertUnwindSafe};
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn a_panic_releases_the_permit() {
        let permits = Permits::new(Some(1));
        let panicked = panic::catch_unwind(AssertUnwindSafe(|| {
            let _permit = permits.wait().permit(soon()).unwrap();
            panic!("in the middle of an exchange");
        }));
        assert!(panicked.is_err());
        assert!(permits.wait().permit(soon()).is_ok());
    }

    #[test]
    fn a_poisoned_lock_still_works() {
        let permits = Permits::new(Some(1));
        let panicked = panic::catch_unwind(AssertUnwindSafe(|| {
            let _limiter = permits.lock();
            panic!("under the lock");
        }));
        assert!(panicked.is_err() && permits.limiter.is_poisoned());
        assert!(permits.wait().permit(soon()).is_ok());
    }

    #[test]
    fn a_panic_while_waiting_gives_up_the_place_in_the_queue() {
        let permits = Permits::new(Some(1));
        let permit = permits.wait().permit(soon()).unwrap();
        let panicked = panic::catch_unwind(AssertUnwindSafe(|| {
            let waiting = permits.wait();
            assert_eq!(waiting.delay(), None, "in a logger");
        }));
        assert!(panicked.is_err());
        drop(permit);
        assert!(permits.wait().permit(soon()).is_ok());
    }

    #[test]
    fn a_call_that_gives_up_holds_nobody_up() {
        let permits = Permits::new(Some(1));
        drop(permits.wait().permit(soon()));
        let waiting = permits.wait();
        let delay = Delay { held_for: None };
        assert_eq!(waiting.delay().as_ref(), Some(&delay));
        let too_soon = Instant::now() + Duration::from_millis(10);
        assert_eq!(waiting.permit(too_soon).err(), Some(delay));
        assert!(permits.wait().permit(soon()).is_ok());
    }

    #[test]
    fn the_end_of_a_hold_lets_every_waiting_thread_go() {
        let permits = Permits::new(None);
        let hold = Duration::from_millis(50);
        let started = Instant::now();
        permits.hold(hold);
        let all = Barrier::new(4);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let permit = permits.wait().permit(soon());
                    // No thread releases its permit before all have one.
                    all.wait();
                    assert!(permit.is_ok() && started.elapsed() >= hold);
                });
            }
        });
    }
}
