//! The parts of `std::sync` and `std::time` that the queue uses, with loom's threads and a clock
//! that moves only when somebody waits for it.
//!
//! loom's own `wait_timeout` never times out. Here it is made of loom's locks: a waiting thread is
//! an entry in a list, and whoever takes it off the list wakes it, be it a notification or the
//! clock. A wake-up by the clock reaches nobody whose time has not come, so it cannot stand in for
//! a notification that is missing.

use loom::sync::{Arc, Condvar as Bell, Mutex as Lock, MutexGuard as LockGuard};
use real::ops::{Add, Deref, DerefMut, Sub};
use real::sync::LockResult;
use real::time::Duration;

/// A deadline that far away never comes.
pub const FOREVER: Duration = Duration::from_secs(1_000_000);

/// A longer wait never times out: without a notification it is a deadlock, which loom reports.
const LONGEST: Duration = Duration::from_secs(1000);

loom::lazy_static! {
    static ref WORLD: Lock<World> = Lock::new(World::default());
    /// Rung when the clock has something to do.
    static ref CLOCK: Bell = Bell::new();
    /// Rung when a thread has finished.
    static ref FINISHED: Bell = Bell::new();
}

#[derive(Default)]
struct World {
    now: Instant,
    waiting: Vec<Waiting>,
    entries: usize,
    finished: usize,
}

struct Waiting {
    entry: usize,
    until: Option<Instant>,
    /// Whether a notification ends this wait too.
    is_notified: bool,
    bell: Arc<Bell>,
}

fn world() -> LockGuard<'static, World> {
    WORLD.lock().unwrap()
}

/// Lets time pass until so many threads have finished.
pub fn run_clock(threads: usize) {
    let mut world = world();
    loop {
        let next = world
            .waiting
            .iter()
            .filter_map(|waiting| waiting.until)
            .min();
        match next {
            _ if world.finished == threads => return,
            None => world = CLOCK.wait(world).unwrap(),
            Some(next) => {
                world.now = world.now.max(next);
                wake(&mut world, |waiting| waiting.until == Some(next));
                // The woken may run before time goes on.
                drop(world);
                world = self::world();
            }
        }
    }
}

/// What each thread calls at its end.
pub fn finish() {
    world().finished += 1;
    CLOCK.notify_one();
    FINISHED.notify_all();
}

/// Waits until so many threads have finished.
pub fn wait_for(threads: usize) {
    let mut world = world();
    while world.finished < threads {
        world = FINISHED.wait(world).unwrap();
    }
}

/// Looks at the clock, and does not let it move meanwhile.
pub fn at_this_time<T>(look: impl FnOnce(Instant) -> T) -> T {
    look(world().now)
}

/// Lets this much time pass at once.
pub fn pass(time: Duration) {
    let mut world = world();
    world.now = world.now + time;
}

/// Sleeps for a finite time.
pub fn sleep(time: Duration) {
    if !time.is_zero() {
        wait(world(), time, false, || ());
    }
}

fn wait(mut world: LockGuard<'_, World>, time: Duration, is_notified: bool, go: impl FnOnce()) {
    let entry = world.entries;
    let bell = Arc::new(Bell::new());
    let until = (time < LONGEST).then(|| world.now + time);
    world.entries += 1;
    world.waiting.push(Waiting {
        entry,
        until,
        is_notified,
        bell: bell.clone(),
    });
    if until.is_some() {
        CLOCK.notify_one();
    }
    go();
    while world.waiting.iter().any(|waiting| waiting.entry == entry) {
        world = bell.wait(world).unwrap();
    }
}

fn wake(world: &mut World, whom: impl Fn(&Waiting) -> bool) {
    world.waiting.retain(|waiting| {
        let is_woken = whom(waiting);
        if is_woken {
            waiting.bell.notify_one();
        }
        !is_woken
    });
}

pub struct Condvar;

#[allow(clippy::new_without_default, reason = "as the queue calls it")]
impl Condvar {
    pub fn new() -> Self {
        Self
    }

    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        time: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, ())> {
        let mutex = guard.mutex;
        wait(world(), time, true, || drop(guard));
        mutex
            .lock()
            .map(|guard| (guard, ()))
            .map_err(|_| unreachable!())
    }

    /// Wakes all that wait: a model has one `Condvar`.
    pub fn notify_all(&self) {
        wake(&mut world(), |waiting| waiting.is_notified);
    }

    /// Wakes the one that came last; the real one may wake any. The queue does not use it, but a
    /// mutant of it does.
    #[allow(dead_code, reason = "for mutants")]
    pub fn notify_one(&self) {
        let mut world = world();
        let last = world.waiting.iter().rfind(|waiting| waiting.is_notified);
        if let Some(last) = last.map(|waiting| waiting.entry) {
            wake(&mut world, |waiting| waiting.entry == last);
        }
    }
}

pub struct Mutex<T>(Lock<T>);

pub struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    guard: LockGuard<'a, T>,
}

impl<T> Mutex<T> {
    pub fn new(value: T) -> Self {
        Self(Lock::new(value))
    }

    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        let guard = self.0.lock().unwrap();
        Ok(MutexGuard { mutex: self, guard })
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(Duration);

impl Instant {
    pub fn now() -> Self {
        world().now
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0 + time)
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}
