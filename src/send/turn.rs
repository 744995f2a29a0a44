//! Waiting for a turn, and giving it back.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::rate_limiter::{Admission, RateLimiter, Ticket};

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

    /// Waits for a turn, for as long as there can be one before `deadline`.
    ///
    /// Before it waits, `on_wait` is told, and for how long if a 429 asked for it.
    pub(super) fn take(
        &self,
        deadline: Instant,
        on_wait: impl Fn(Option<Duration>),
    ) -> Result<Turn<'_>, NoTurn> {
        let mut is_told = false;
        // It is dropped after the lock, and so when a panic of `on_wait` unwinds.
        let place = Place::at_the_end(self);
        let mut limiter = self.lock();
        loop {
            let now = Instant::now();
            let held_for = limiter.held(now).map(|until| until - now);
            if limiter.earliest(place.ticket, now) >= deadline {
                return Err(NoTurn { held_for });
            }
            let until = match limiter.admit(place.ticket, now) {
                Admission::Granted => return Ok(Turn(self)),
                Admission::WaitUntil(until) => until.min(deadline),
                Admission::WaitForChange => deadline,
            };
            if !is_told {
                is_told = true;
                drop(limiter);
                on_wait(held_for);
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

/// A place in the queue, given up when it is dropped; whoever is next then has a look.
struct Place<'a> {
    turns: &'a Turns,
    ticket: Ticket,
}

impl<'a> Place<'a> {
    fn at_the_end(turns: &'a Turns) -> Self {
        let ticket = turns.lock().enqueue();
        Self { turns, ticket }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.turns.lock().leave(self.ticket);
        self.turns.changed.notify_all();
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
    use std::sync::Barrier;
    use std::thread;

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

    #[test]
    fn a_panic_while_waiting_gives_the_place_up() {
        let turns = Turns::new(Some(1));
        let turn = turns.take(soon(), |_| ()).unwrap();
        let panicked = panic::catch_unwind(AssertUnwindSafe(|| {
            let _turn = turns.take(soon(), |_| panic!("in a logger"));
        }));
        assert!(panicked.is_err());
        drop(turn);
        assert!(turns.take(soon(), |_| ()).is_ok());
    }

    #[test]
    fn nobody_waits_for_a_caller_that_gave_up() {
        let turns = Turns::new(Some(1));
        drop(turns.take(soon(), |_| ()));
        let too_soon = Instant::now() + Duration::from_millis(10);
        let no_turn = turns.take(too_soon, |_| ()).err();
        assert_eq!(no_turn, Some(NoTurn { held_for: None }));
        assert!(turns.take(soon(), |_| ()).is_ok());
    }

    #[test]
    fn everyone_waiting_goes_when_a_hold_ends() {
        let turns = Turns::new(None);
        let hold = Duration::from_millis(50);
        let started = Instant::now();
        turns.hold(hold);
        let all = Barrier::new(4);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let turn = turns.take(soon(), |_| ());
                    // Nobody gives a turn back before all have one.
                    all.wait();
                    assert!(turn.is_ok() && started.elapsed() >= hold);
                });
            }
        });
    }
}
