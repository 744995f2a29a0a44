//! Runs the queue for permits under every schedule of two to four threads and a clock, with loom.

// The queue's files are compiled as they are. What they import from `std` is found in this crate:
// loom's threads, and a simulated clock.
extern crate self as std;
extern crate std as real;

pub mod collections {
    pub use real::collections::VecDeque;
}

pub mod fmt {
    pub use real::fmt::{Debug, Formatter, Result};
}

pub mod sync {
    pub use crate::simulated::{Condvar, Mutex, MutexGuard};
    pub use loom::sync::atomic;
    pub use real::sync::{Arc, PoisonError};
}

pub mod time {
    pub use crate::simulated::Instant;
    pub use real::time::Duration;
}

#[path = "../../../src/send/permits.rs"]
mod permits;
#[path = "../../../src/send/rate_limiter.rs"]
mod rate_limiter;
mod simulated;
#[allow(dead_code, reason = "jobs use the rest")]
#[path = "../../../src/send/stop.rs"]
mod stop;

use real::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use real::sync::{Arc, Mutex};
use real::time::{Duration, Instant as RealInstant};
use real::{panic, process};

use permits::{Permit, Permits};
use simulated::{FOREVER, Instant, at_this_time, sleep};
use stop::{Stop, StopHandle};

const SECOND: Duration = Duration::from_secs(1);
const HOLD: Duration = Duration::from_millis(1500);

/// What a thread does.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// Sends a request.
    Send,
    /// Sends a request that takes so long.
    Take(Duration),
    /// Sends a request that takes until so many threads have finished.
    Keep(usize),
    /// Sends a request, if it may within so long.
    Within(Duration),
    /// Sends a request, whose answer makes every request wait.
    Hold,
    /// Makes every request wait.
    HoldOnly,
    /// Sends a request of the job that may be stopped.
    OfJob,
    /// Waits until the job is stopped, as before a retry.
    Sleep,
    /// Stops the job.
    Stop,
    /// Joins the queue and panics after so long, before it asks for a permit. loom cannot interrupt a panic, so this and
    /// the panic of a permit's owner are a plain drop, which is all that unwinding does to them.
    Panic(Duration),
}

/// What the threads saw, apart from what the queue knows itself.
///
/// A thread notes a permit after it got it, and its end before it gives it back. So each permit
/// noted was out, and what this says of too many or of a wrong order is so.
#[derive(Default)]
struct Ledger {
    out: usize,
    ended: Vec<Instant>,
    held_until: Instant,
    /// The threads that wait for a permit and do not leave without it.
    waiting: Vec<usize>,
    is_stopped: bool,
}

struct Model {
    limit: Option<u32>,
    permits: Arc<Permits>,
    job: StopHandle,
    /// Locked only at a time, so loom need not know this lock.
    ledger: Mutex<Ledger>,
}

impl Model {
    fn new(limit: Option<u32>) -> Self {
        let permits = Arc::new(Permits::new(limit));
        Self {
            limit,
            job: StopHandle::new(permits.clone()),
            permits,
            ledger: Mutex::default(),
        }
    }

    /// Whether it sent what it was to send.
    fn act(&self, thread: usize, act: Act) -> bool {
        match act {
            Act::Send => self.send(thread, FOREVER, || ()),
            Act::Take(time) => self.send(thread, FOREVER, || sleep(time)),
            Act::Keep(others) => self.send(thread, FOREVER, || simulated::wait_for(others)),
            Act::Within(time) => self.send(thread, time, || ()),
            Act::Hold => {
                let is_sent = self.send(thread, FOREVER, || ());
                self.hold();
                is_sent
            }
            Act::HoldOnly => {
                self.hold();
                true
            }
            Act::OfJob => {
                let is_stopped = self.note(|ledger, _| ledger.is_stopped);
                let permit = self
                    .permits
                    .enqueue()
                    .wait(Instant::now() + FOREVER, self.job.as_stop());
                assert!(permit.is_err() || !is_stopped, "a permit after the stop");
                assert!(
                    permit.is_ok() || self.job.is_stopped(),
                    "gave up without a reason"
                );
                permit.is_ok()
            }
            Act::Sleep => {
                self.permits
                    .sleep(Instant::now() + FOREVER, self.job.as_stop());
                true
            }
            Act::Stop => {
                self.job.clone().stop();
                self.note(|ledger, _| ledger.is_stopped = true);
                true
            }
            Act::Panic(time) => {
                let waiting = self.permits.enqueue();
                sleep(time);
                drop(waiting);
                true
            }
        }
    }

    fn send(&self, thread: usize, within: Duration, exchange: impl Fn()) -> bool {
        let Some(permit) = self.take(thread, within) else {
            return false;
        };
        exchange();
        self.note(|ledger, now| {
            ledger.out -= 1;
            ledger.ended.push(now);
        });
        drop(permit);
        true
    }

    fn hold(&self) {
        let from = Instant::now();
        self.permits.hold(HOLD);
        self.note(|ledger, _| ledger.held_until = from + HOLD);
    }

    fn take(&self, thread: usize, within: Duration) -> Option<Permit<'_>> {
        let (ahead, held_until, deadline) = self.note(|ledger, now| {
            let ahead = ledger.waiting.clone();
            (ahead, ledger.held_until, now + within)
        });
        let waiting = self.permits.enqueue();
        if within == FOREVER {
            self.note(|ledger, _| ledger.waiting.push(thread));
        }
        let permit = waiting.wait(deadline, &Stop::default()).ok();
        assert!(
            permit.is_some() || within < FOREVER,
            "gave up without a reason"
        );
        self.note(|ledger, now| {
            ledger.waiting.retain(|other| *other != thread);
            if permit.is_none() {
                return;
            }
            assert!(now >= held_until, "a permit during a hold");
            ledger.out += 1;
            let Some(limit) = self.limit else { return };
            let taken = ledger
                .ended
                .iter()
                .filter(|end| **end + SECOND > now)
                .count();
            assert!(
                ledger.out + taken <= limit as usize,
                "more permits than the limit"
            );
            // With more than one permit, those ahead may have theirs without having noted it.
            let overtaken = ahead.iter().any(|other| ledger.waiting.contains(other));
            assert!(
                limit > 1 || !overtaken,
                "overtook a thread that came before"
            );
        });
        permit
    }

    fn note<T>(&self, note: impl FnOnce(&mut Ledger, Instant) -> T) -> T {
        at_this_time(|now| note(&mut self.ledger.lock().unwrap(), now))
    }

    /// Every permit came back, and nobody is left in the queue.
    fn check_end(&self) {
        simulated::pass(HOLD.max(SECOND));
        let soon = Instant::now() + SECOND / 2;
        let permits: Vec<_> = (0..self.limit.unwrap_or(3))
            .map(|_| {
                self.permits
                    .enqueue()
                    .wait(soon, &Stop::default())
                    .expect("a permit did not come back")
            })
            .collect();
        let later = soon + SECOND;
        assert_eq!(
            self.permits.enqueue().delay(later).is_some(),
            self.limit.is_some()
        );
        drop(permits);
    }
}

/// Runs the threads under every schedule in which a thread that could go on is interrupted at most
/// so many times.
fn explore(limit: Option<u32>, acts: &'static [Act], interruptions: usize) {
    let started = RealInstant::now();
    let (schedules, gave_up) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(interruptions);
    builder.check({
        let (schedules, gave_up) = (schedules.clone(), gave_up.clone());
        move || {
            let model = Arc::new(Model::new(limit));
            let threads: Vec<_> = (0..)
                .zip(acts)
                .map(|(thread, act)| {
                    let model = model.clone();
                    loom::thread::spawn(move || {
                        let is_sent = model.act(thread, *act);
                        simulated::finish();
                        is_sent
                    })
                })
                .collect();
            simulated::run_clock(threads.len());
            let are_sent = threads.into_iter().map(|thread| thread.join().unwrap());
            if are_sent.filter(|is_sent| !is_sent).count() > 0 {
                gave_up.fetch_add(1, Relaxed);
            }
            model.check_end();
            schedules.fetch_add(1, Relaxed);
        }
    });
    let (schedules, gave_up) = (schedules.load(Relaxed), gave_up.load(Relaxed));
    println!(
        "limit {limit:?}, {acts:?}, {interruptions} interruptions: {schedules} schedules, \
         in {gave_up} of them a request gave up; {:.1?}",
        started.elapsed(),
    );
    let may_give_up = acts
        .iter()
        .any(|act| matches!(act, Act::Within(_) | Act::OfJob));
    assert_eq!(gave_up > 0, may_give_up);
    assert!(gave_up < schedules);
}

fn main() {
    // A failed check is said once, rather than again while its threads unwind.
    let say = panic::take_hook();
    panic::set_hook(Box::new(move |failure| {
        say(failure);
        process::exit(1);
    }));
    let more = real::env::args()
        .nth(1)
        .map_or(0, |more| more.parse().expect("a number"));
    let models: [(_, &[Act], _); 13] = [
        (Some(1), &[Act::Send, Act::Send], 2),
        (Some(1), &[Act::Hold, Act::Within(HOLD)], 2),
        (Some(1), &[Act::Keep(1), Act::Within(HOLD)], 2),
        (
            Some(1),
            &[Act::Hold, Act::Within(HOLD), Act::Panic(Duration::ZERO)],
            2,
        ),
        (Some(1), &[Act::Send, Act::Send, Act::Send], 1),
        (
            Some(1),
            &[Act::Take(SECOND), Act::Within(HOLD), Act::Send],
            1,
        ),
        (Some(2), &[Act::Send, Act::Hold, Act::Send], 1),
        (
            Some(2),
            &[Act::Take(SECOND), Act::Within(HOLD), Act::Hold],
            1,
        ),
        (None, &[Act::HoldOnly, Act::Send, Act::Send], 1),
        (None, &[Act::Panic(SECOND), Act::Send, Act::Send], 1),
        (None, &[Act::Sleep, Act::Stop], 2),
        (None, &[Act::OfJob, Act::Stop, Act::Stop], 2),
        (
            Some(1),
            &[Act::Keep(2), Act::OfJob, Act::Send, Act::Stop],
            1,
        ),
    ];
    for (limit, acts, interruptions) in models {
        explore(limit, acts, interruptions + more);
    }
}
