//! `RateLimiter`: which request may be sent next, and when. It has no clock of its own.
//!
//! The life of a permit, with a limit of 1:
//!
//! ```text
//! |--- exchange ---|------ one second ------|--- exchange ---|
//!       ^ arrives                             ^ arrives, more than a second later
//! ```

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The time over which Gong counts requests.
const WINDOW: Duration = Duration::from_secs(1);

/// Hands out permits to send a request, first come, first served.
///
/// Gong counts a request when it arrives, which is some time between the start and the end of its
/// exchange. So a permit is taken at the start, and becomes free one [`WINDOW`] after the end: two
/// requests with the same permit arrive at least a window apart, whatever their latency. A token
/// bucket does not guarantee that: with 3 tokens a second it lets 5 requests start within one second
/// (3 at once, then one each third). Nor does spacing the starts, since a slow request may arrive
/// together with a later, fast one.
#[derive(Debug)]
pub(super) struct RateLimiter {
    /// How many permits there are.
    limit: usize,
    /// How many permits are taken by exchanges that have not ended.
    in_flight: usize,
    /// The ends of the exchanges whose permits are not free yet, oldest first.
    ///
    /// Ends arrive in order of time, so the permits that became free are at the front.
    ended: VecDeque<Instant>,
    /// No request is sent before this time.
    held_until: Option<Instant>,
    /// The tickets that wait, first come, first served.
    ///
    /// Without a queue, whichever thread woke up first would win, and a call could wait in vain until
    /// its timeout while later ones are sent.
    queue: VecDeque<Ticket>,
    next_ticket: Ticket,
}

/// A place in the queue.
pub(super) type Ticket = u64;

/// When to ask for a permit again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotYet {
    /// At this time, or earlier if something changes.
    Until(Instant),
    /// When something changes: another ticket leaves the queue, or an exchange ends.
    UntilChange,
}

impl RateLimiter {
    /// Creates a limiter with `limit` permits, or without a limit.
    pub(super) fn new(limit: Option<u32>) -> Self {
        Self {
            limit: limit.map_or(usize::MAX, |limit| limit as usize),
            in_flight: 0,
            ended: VecDeque::new(),
            held_until: None,
            queue: VecDeque::new(),
            next_ticket: 0,
        }
    }

    /// Joins the end of the queue.
    pub(super) fn enqueue(&mut self) -> Ticket {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.queue.push_back(ticket);
        ticket
    }

    /// Leaves the queue, from any place in it.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        self.queue.retain(|other| *other != ticket);
    }

    /// Takes a permit if this ticket is at the front of the queue, a permit is free and nothing holds
    /// the requests; otherwise returns when to ask again.
    pub(super) fn admit(&mut self, ticket: Ticket, now: Instant) -> Result<(), NotYet> {
        while self.ended.front().is_some_and(|end| *end + WINDOW <= now) {
            self.ended.pop_front();
        }
        if self.queue.front() != Some(&ticket) || self.in_flight >= self.limit {
            return Err(NotYet::UntilChange);
        }
        let earliest = self.earliest(now);
        if earliest > now {
            return Err(NotYet::Until(earliest));
        }
        self.queue.pop_front();
        self.in_flight += 1;
        Ok(())
    }

    /// Takes a permit back once its exchange has ended.
    pub(super) fn end(&mut self, now: Instant) {
        self.in_flight -= 1;
        self.ended.push_back(now);
    }

    /// Holds every request until then.
    pub(super) fn hold(&mut self, until: Instant) {
        // Responses may overtake each other; a shorter hold does not end a longer one.
        self.held_until = self.held_until.max(Some(until));
    }

    /// The end of a hold that has not passed yet.
    pub(super) fn held(&self, now: Instant) -> Option<Instant> {
        self.held_until.filter(|until| *until > now)
    }

    /// The earliest time at which a permit can be free, if the exchanges in flight end now.
    ///
    /// A call for which that is too late returns at once, instead of waiting in vain.
    pub(super) fn earliest(&self, now: Instant) -> Instant {
        let taken = self.in_flight + self.ended.len();
        let free = match taken < self.limit {
            true => now,
            false => *self.ended.front().unwrap_or(&now) + WINDOW,
        };
        free.max(self.held_until.unwrap_or(now)).max(now)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn a_permit_is_free_a_second_after_its_exchange_ended() {
        let start = Instant::now();
        let mut limiter = RateLimiter::new(Some(2));
        let tickets = [limiter.enqueue(), limiter.enqueue(), limiter.enqueue()];
        assert_eq!(limiter.admit(tickets[0], start), Ok(()));
        assert_eq!(
            limiter.admit(tickets[2], start),
            Err(NotYet::UntilChange),
            "not at the front"
        );
        assert_eq!(limiter.admit(tickets[1], start), Ok(()));
        assert_eq!(
            limiter.admit(tickets[2], start),
            Err(NotYet::UntilChange),
            "both in flight"
        );
        limiter.end(start + MILLI * 300);
        let free = start + MILLI * 1300;
        assert_eq!(
            limiter.admit(tickets[2], free - MILLI),
            Err(NotYet::Until(free))
        );
        assert_eq!(limiter.admit(tickets[2], free), Ok(()));
    }

    #[test]
    fn a_hold_delays_every_request_with_or_without_a_limit() {
        let start = Instant::now();
        for limit in [Some(2), None] {
            let mut limiter = RateLimiter::new(limit);
            limiter.hold(start + MILLI * 20);
            limiter.hold(start + MILLI * 10);
            let ticket = limiter.enqueue();
            assert_eq!(
                limiter.admit(ticket, start),
                Err(NotYet::Until(start + MILLI * 20))
            );
            assert_eq!(limiter.earliest(start), start + MILLI * 20);
            assert_eq!(limiter.admit(ticket, start + MILLI * 20), Ok(()));
        }
    }

    #[test]
    fn leaving_the_queue_makes_room_for_the_next() {
        let start = Instant::now();
        let mut limiter = RateLimiter::new(None);
        let (first, second) = (limiter.enqueue(), limiter.enqueue());
        assert_eq!(limiter.admit(second, start), Err(NotYet::UntilChange));
        limiter.leave(first);
        assert_eq!(limiter.admit(second, start), Ok(()));
    }

    #[test]
    fn the_earliest_time_is_that_of_the_first_permit_or_of_a_hold() {
        let start = Instant::now();
        let mut limiter = RateLimiter::new(Some(1));
        let ticket = limiter.enqueue();
        assert_eq!(limiter.earliest(start), start);
        assert_eq!(limiter.admit(ticket, start), Ok(()));
        assert_eq!(limiter.earliest(start), start + MILLI * 1000);
        limiter.end(start);
        assert_eq!(limiter.earliest(start), start + MILLI * 1000);
        limiter.hold(start + MILLI * 1200);
        assert_eq!(limiter.earliest(start), start + MILLI * 1200);
    }

    /// A request in a simulation, times in milliseconds.
    #[derive(Debug, Clone)]
    struct Call {
        asks: u32,
        latency: u32,
        /// When the request arrives, in hundredths of the latency.
        arrives: u32,
    }

    /// Runs the calls, and returns when each started and arrived, in the order of asking.
    fn simulate(limit: u32, calls: &[Call], origin: Instant) -> Vec<(u32, u32)> {
        let mut limiter = RateLimiter::new(Some(limit));
        let mut waiting: VecDeque<(Ticket, &Call, Instant)> = VecDeque::new();
        let mut in_flight: Vec<u32> = Vec::new();
        let mut started = Vec::new();
        let mut calls = calls.iter().peekable();
        for milli in 0.. {
            let now = origin + MILLI * milli;
            in_flight.retain(|end| {
                let is_over = *end <= milli;
                if is_over {
                    limiter.end(now);
                }
                !is_over
            });
            while let Some(call) = calls.next_if(|call| call.asks <= milli) {
                let ticket = limiter.enqueue();
                waiting.push_back((ticket, call, limiter.earliest(now)));
            }
            while let Some((ticket, call, earliest)) = waiting.front().copied() {
                if limiter.admit(ticket, now) != Ok(()) {
                    break;
                }
                assert!(now >= earliest, "a permit before its earliest time");
                waiting.pop_front();
                in_flight.push(milli + call.latency);
                started.push((milli, milli + call.latency * call.arrives / 100));
            }
            if calls.peek().is_none() && waiting.is_empty() {
                break;
            }
        }
        started
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_window_sees_more_arrivals_than_permits(
            limit in 1..5_u32,
            calls in proptest::collection::vec((0..3000_u32, 0..1500_u32, 0..=100_u32), 1..25),
        ) {
            let mut calls: Vec<_> = calls
                .into_iter()
                .map(|(asks, latency, arrives)| Call { asks, latency, arrives })
                .collect();
            calls.sort_by_key(|call| call.asks);
            let started = simulate(limit, &calls, Instant::now());
            prop_assert_eq!(started.len(), calls.len());
            let mut arrivals: Vec<_> = started.iter().map(|(_, arrival)| *arrival).collect();
            arrivals.sort_unstable();
            for window in arrivals.windows(limit as usize + 1) {
                prop_assert!(window[limit as usize] - window[0] >= 1000);
            }
            // The first ones, if they ask at once, are not delayed.
            for (call, (start, _)) in calls.iter().zip(&started).take(limit as usize) {
                prop_assert_eq!(call.asks, *start);
            }
        }
    }
}
