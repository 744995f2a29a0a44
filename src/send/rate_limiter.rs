//! Whose turn it is, and when.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The unit of time in which Gong counts requests.
const WINDOW: Duration = Duration::from_secs(1);

/// Gives turns to send a request, in the order in which they were asked for.
///
/// Gong counts requests as they arrive, which is some time between the start of an exchange and its
/// end. So a turn is taken at the start and is free again one [`WINDOW`] after the end, and no
/// window can see more arrivals than there are turns. Neither a spacing of the starts nor a token
/// bucket would do.
#[derive(Debug)]
pub(super) struct RateLimiter {
    /// How many turns there are; `None` is no limit.
    limit: Option<usize>,
    in_flight: usize,
    /// When exchanges ended whose turns are not free yet, in order.
    ended: VecDeque<Instant>,
    /// Nobody has a turn before this.
    held_until: Option<Instant>,
    queue: VecDeque<Ticket>,
    next_ticket: Ticket,
}

/// A place in the queue.
pub(super) type Ticket = u64;

/// What a ticket gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    Granted,
    /// Ask again at this time, or when something changed before.
    WaitUntil(Instant),
    /// Ask again when something changed.
    WaitForChange,
}

impl RateLimiter {
    pub(super) fn new(limit: Option<u32>) -> Self {
        Self {
            limit: limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)),
            in_flight: 0,
            ended: VecDeque::new(),
            held_until: None,
            queue: VecDeque::new(),
            next_ticket: 0,
        }
    }

    /// Takes a place at the end of the queue.
    pub(super) fn enqueue(&mut self) -> Ticket {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.queue.push_back(ticket);
        ticket
    }

    /// Gives a place up.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        self.queue.retain(|other| *other != ticket);
    }

    /// Grants a turn to whoever is at the front, once one is free.
    pub(super) fn admit(&mut self, ticket: Ticket, now: Instant) -> Admission {
        while self.ended.front().is_some_and(|end| *end + WINDOW <= now) {
            self.ended.pop_front();
        }
        if self.queue.front() != Some(&ticket) {
            return Admission::WaitForChange;
        }
        if let Some(until) = self.held(now) {
            return Admission::WaitUntil(until);
        }
        let is_free = self
            .limit
            .is_none_or(|limit| self.in_flight + self.ended.len() < limit);
        if is_free {
            self.queue.pop_front();
            self.in_flight += 1;
            return Admission::Granted;
        }
        match self.ended.front() {
            Some(end) => Admission::WaitUntil(*end + WINDOW),
            None => Admission::WaitForChange,
        }
    }

    /// Gives a turn back when its exchange has ended.
    pub(super) fn end(&mut self, now: Instant) {
        self.in_flight -= 1;
        if self.limit.is_some() {
            self.ended.push_back(now);
        }
    }

    /// Keeps everyone waiting until then.
    pub(super) fn hold(&mut self, until: Instant) {
        self.held_until = self.held_until.max(Some(until));
    }

    /// Until when everyone is kept waiting, if so.
    pub(super) fn held(&self, now: Instant) -> Option<Instant> {
        self.held_until.filter(|until| *until > now)
    }

    /// A time before which this ticket cannot have its turn, if every exchange ahead of it ended at
    /// once.
    pub(super) fn earliest(&self, ticket: Ticket, now: Instant) -> Instant {
        let start = self.held(now).unwrap_or(now);
        let ahead = self
            .queue
            .iter()
            .take_while(|other| **other != ticket)
            .count();
        let Some(limit) = self.limit else {
            return start;
        };
        let rounds = u32::try_from(ahead / limit).unwrap_or(u32::MAX);
        let free = limit.saturating_sub(self.in_flight + self.ended.len());
        let turn = (ahead % limit).checked_sub(free).map(|nth| {
            self.ended
                .get(nth)
                .map_or(now + WINDOW, |end| *end + WINDOW)
        });
        start.max(turn.unwrap_or(now)) + WINDOW.saturating_mul(rounds)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn a_turn_is_free_a_second_after_its_exchange_ended() {
        let start = Instant::now();
        let mut limiter = RateLimiter::new(Some(2));
        let tickets = [limiter.enqueue(), limiter.enqueue(), limiter.enqueue()];
        assert_eq!(limiter.admit(tickets[0], start), Admission::Granted);
        assert_eq!(
            limiter.admit(tickets[2], start),
            Admission::WaitForChange,
            "not at the front"
        );
        assert_eq!(limiter.admit(tickets[1], start), Admission::Granted);
        assert_eq!(
            limiter.admit(tickets[2], start),
            Admission::WaitForChange,
            "both in flight"
        );
        limiter.end(start + MILLI * 300);
        let free = start + MILLI * 1300;
        assert_eq!(
            limiter.admit(tickets[2], free - MILLI),
            Admission::WaitUntil(free)
        );
        assert_eq!(limiter.admit(tickets[2], free), Admission::Granted);
    }

    #[test]
    fn a_hold_keeps_everyone_waiting_with_or_without_a_limit() {
        let start = Instant::now();
        for limit in [Some(2), None] {
            let mut limiter = RateLimiter::new(limit);
            limiter.hold(start + MILLI * 20);
            limiter.hold(start + MILLI * 10);
            let ticket = limiter.enqueue();
            assert_eq!(
                limiter.admit(ticket, start),
                Admission::WaitUntil(start + MILLI * 20)
            );
            assert_eq!(limiter.earliest(ticket, start), start + MILLI * 20);
            assert_eq!(
                limiter.admit(ticket, start + MILLI * 20),
                Admission::Granted
            );
        }
    }

    #[test]
    fn giving_up_makes_room_for_the_next_caller() {
        let start = Instant::now();
        let mut limiter = RateLimiter::new(None);
        let (first, second) = (limiter.enqueue(), limiter.enqueue());
        assert_eq!(limiter.admit(second, start), Admission::WaitForChange);
        limiter.leave(first);
        assert_eq!(limiter.admit(second, start), Admission::Granted);
    }

    #[test]
    fn the_earliest_turn_counts_those_ahead() {
        let start = Instant::now();
        let mut limiter = RateLimiter::new(Some(2));
        let tickets: Vec<_> = (0..7).map(|_| limiter.enqueue()).collect();
        assert_eq!(limiter.admit(tickets[0], start), Admission::Granted);
        assert_eq!(limiter.admit(tickets[1], start), Admission::Granted);
        limiter.end(start);
        let now = start + MILLI * 400;
        // One turn is free at 1000, the other not before 1400, and so again a second later.
        for (ticket, millis) in [(2, 1000), (3, 1400), (4, 2000), (5, 2400), (6, 3000)] {
            assert_eq!(
                limiter.earliest(tickets[ticket], now),
                start + MILLI * millis,
                "{ticket}"
            );
        }
        limiter.hold(start + MILLI * 1200);
        assert_eq!(limiter.earliest(tickets[2], now), start + MILLI * 1200);
        assert_eq!(limiter.earliest(tickets[4], now), start + MILLI * 2200);
    }

    /// A request in a simulation, times in milliseconds.
    #[derive(Debug, Clone)]
    struct Call {
        asks: u32,
        latency: u32,
        /// When the request arrives, in hundredths of the latency.
        arrives: u32,
    }

    /// Lets the calls wait and run, and returns when each started and arrived, in the order of
    /// asking.
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
                waiting.push_back((ticket, call, limiter.earliest(ticket, now)));
            }
            while let Some((ticket, call, earliest)) = waiting.front().copied() {
                if limiter.admit(ticket, now) != Admission::Granted {
                    break;
                }
                assert!(now >= earliest, "a turn before its earliest time");
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
        #[test]
        fn no_window_sees_more_arrivals_than_turns(
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
