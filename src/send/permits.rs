//! `Permits`: blocks a thread until the rate limiter gives it a permit to send a request.

use std::sync::atomic::Ordering;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::rate_limiter::{NotYet, RateLimiter, Ticket};
use super::stop::Stop;

/// The permits of a client, shared by its clones and threads, and by the clients made from it.
///
/// The lock is held only for a look at the limiter, never while a thread sleeps or a request is in
/// flight. A permit and a place in the queue are released on drop, whatever ends the call.
///
/// A thread checks the limiter and its [`Stop`], and begins to wait, under one lock. Whatever lets
/// another thread continue (a permit released, a place given up, a stop) changes them under that lock
/// and then wakes all. So no wake-up is lost; `checks/schedules/` checks that.
pub(crate) struct Permits {
    limiter: Mutex<RateLimiter>,
    /// Notified when a thread may have less time to wait, or more.
    changed: Condvar,
}

/// A permit to send one request, released on drop.
pub(super) struct Permit<'a>(&'a Permits);

/// A place in the queue for a permit, released on drop.
pub(super) struct Waiting<'a> {
    permits: &'a Permits,
    ticket: Ticket,
}

/// Why a permit is not available at once, or not in time: the rate limit, or a 429.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Delay {
    /// The shortest time until there may be one.
    pub(super) at_least: Duration,
    /// How much longer a 429 holds every request; `None` if only the rate limit does.
    pub(super) held_for: Option<Duration>,
}

impl Permits {
    pub(crate) fn new(limit: Option<u32>) -> Self {
        Self {
            limiter: Mutex::new(RateLimiter::new(limit)),
            changed: Condvar::new(),
        }
    }

    /// Joins the end of the queue.
    pub(super) fn enqueue(&self) -> Waiting<'_> {
        Waiting {
            permits: self,
            ticket: self.lock().enqueue(),
        }
    }

    /// Holds every request of the client, starting now.
    pub(super) fn hold(&self, duration: Duration) {
        self.lock().hold(Instant::now() + duration);
        self.changed.notify_all();
    }

    /// Ends every wait of the calls with this `stop`; no later one gets a permit.
    pub(super) fn stop(&self, stop: &Stop) {
        let limiter = self.lock();
        // The lock makes `Relaxed` enough.
        stop.store(true, Ordering::Relaxed);
        drop(limiter);
        self.changed.notify_all();
    }

    /// Waits until this time, or until it is stopped.
    pub(super) fn sleep(&self, until: Instant, stop: &Stop) {
        let mut limiter = self.lock();
        while !stop.load(Ordering::Relaxed) && Instant::now() < until {
            limiter = self.wait(limiter, until - Instant::now());
        }
    }

    /// Waits until something changes or this time has passed. It may also wake up for no reason.
    fn wait<'a>(
        &self,
        limiter: MutexGuard<'a, RateLimiter>,
        time: Duration,
    ) -> MutexGuard<'a, RateLimiter> {
        self.changed
            .wait_timeout(limiter, time)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    /// Locks the limiter, even after a panic.
    fn lock(&self) -> MutexGuard<'_, RateLimiter> {
        // No method of the limiter can panic halfway through a change, so its state is sound, and a
        // panic of one thread must not disable the client for the others.
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Waiting<'a> {
    /// Returns why there is no permit yet; `None` if one is free, or none can be before `deadline`.
    pub(super) fn delay(&self, deadline: Instant) -> Option<Delay> {
        let now = Instant::now();
        let delay = Delay::of(&self.permits.lock(), now);
        (!delay.at_least.is_zero() && now + delay.at_least < deadline).then_some(delay)
    }

    /// Waits for a permit, or returns at once if it is stopped or none can be free before `deadline`.
    ///
    /// Dropping `self` leaves the queue, whether it got a permit or not.
    pub(super) fn wait(self, deadline: Instant, stop: &Stop) -> Result<Permit<'a>, Delay> {
        let mut limiter = self.permits.lock();
        loop {
            let now = Instant::now();
            if stop.load(Ordering::Relaxed) || limiter.earliest(now) >= deadline {
                let delay = Delay::of(&limiter, now);
                // Dropping `self` takes the lock, which would deadlock here.
                drop(limiter);
                return Err(delay);
            }
            let until = match limiter.admit(self.ticket, now) {
                Ok(()) => {
                    drop(limiter);
                    return Ok(Permit(self.permits));
                }
                Err(NotYet::Until(until)) => until.min(deadline),
                Err(NotYet::UntilChange) => deadline,
            };
            limiter = self.permits.wait(limiter, until - now);
        }
    }
}

impl Delay {
    fn of(limiter: &RateLimiter, now: Instant) -> Self {
        Self {
            at_least: limiter.earliest(now) - now,
            held_for: limiter.held(now).map(|until| until - now),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.permits.lock().leave(self.ticket);
        // The next ticket is now at the front. `notify_one` might wake another one, which would go
        // back to sleep.
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
            let _permit = permits.enqueue().wait(soon(), &Stop::default()).unwrap();
            panic!("in the middle of an exchange");
        }));
        assert!(panicked.is_err());
        assert!(permits.enqueue().wait(soon(), &Stop::default()).is_ok());
    }

    #[test]
    fn a_poisoned_lock_still_works() {
        let permits = Permits::new(Some(1));
        let panicked = panic::catch_unwind(AssertUnwindSafe(|| {
            let _limiter = permits.lock();
            panic!("under the lock");
        }));
        assert!(panicked.is_err() && permits.limiter.is_poisoned());
        assert!(permits.enqueue().wait(soon(), &Stop::default()).is_ok());
    }

    #[test]
    fn a_panic_while_waiting_gives_up_the_place_in_the_queue() {
        let permits = Permits::new(Some(1));
        let panicked = panic::catch_unwind(AssertUnwindSafe(|| {
            let _waiting = permits.enqueue();
            panic!("in a logger");
        }));
        assert!(panicked.is_err());
        assert!(permits.enqueue().wait(soon(), &Stop::default()).is_ok());
    }

    #[test]
    fn a_call_that_gives_up_leaves_the_queue() {
        let permits = Permits::new(Some(1));
        drop(permits.enqueue().wait(soon(), &Stop::default()));
        let waiting = permits.enqueue();
        let delay = waiting.delay(soon()).unwrap();
        assert!(delay.at_least > Duration::ZERO && delay.held_for.is_none());
        let too_soon = Instant::now() + Duration::from_millis(10);
        assert!(waiting.wait(too_soon, &Stop::default()).is_err());
        assert!(permits.enqueue().wait(soon(), &Stop::default()).is_ok());
    }

    #[test]
    fn every_waiting_thread_continues_after_a_hold() {
        let permits = Permits::new(None);
        let hold = Duration::from_millis(50);
        let started = Instant::now();
        permits.hold(hold);
        let all = Barrier::new(4);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let permit = permits.enqueue().wait(soon(), &Stop::default());
                    // No thread releases its permit before all have one.
                    all.wait();
                    assert!(permit.is_ok() && started.elapsed() >= hold);
                });
            }
        });
    }
}
