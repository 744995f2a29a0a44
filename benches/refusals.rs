//! Counts the requests of a job when Gong does not know some of its ids. No server is involved.

#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]

// The splitter is private, so it is compiled into the bench.
#[allow(dead_code, reason = "a report asks more")]
#[path = "../src/batches/ids.rs"]
mod ids;
#[path = "../src/batches/search.rs"]
mod search;
#[allow(dead_code, reason = "a job asks more")]
#[path = "../src/batches/split.rs"]
mod split;

use std::collections::BTreeSet;

use fastrand::Rng;
use gong_call_access::{CallAccessList, CallId, Pairs, UserId};
use split::{Bounds, Decision, Splitter};

/// How many random placements of the unknown ids each row is averaged over.
const PLACEMENTS: usize = 20;

const BOUNDS: Bounds = Bounds {
    calls: 100,
    pairs: 1000,
};

/// A list of `calls` calls with `users` users each, and how many ids or single pairs are refused.
struct Row {
    calls: usize,
    users: usize,
    unknown: &'static str,
    bad_calls: usize,
    bad_users: usize,
    bad_pairs: usize,
    /// How many requests the job may take on average.
    most: f64,
}

#[rustfmt::skip]
const ROWS: [Row; 11] = [
    row(100, 1, "1 call", [1, 0, 0], 12.0),
    row(1000, 1, "3 calls", [3, 0, 0], 36.0),
    row(10_000, 1, "100 calls", [100, 0, 0], 950.0),
    row(1000, 10, "5 calls", [5, 0, 0], 130.0),
    row(100, 200, "1 call", [1, 0, 0], 45.0),
    row(5000, 10, "50 calls", [50, 0, 0], 1150.0),
    row(5000, 10, "1 user", [0, 1, 0], 125.0),
    row(500, 50, "1 user", [0, 1, 0], 50.0),
    row(5000, 10, "2 users, 20 calls", [20, 2, 0], 650.0),
    row(5000, 10, "100 single pairs", [0, 0, 100], 1200.0),
    row(1000, 1, "every call", [1000, 0, 0], 40.0),
];

const fn row(
    calls: usize,
    users: usize,
    unknown: &'static str,
    [bad_calls, bad_users, bad_pairs]: [usize; 3],
    most: f64,
) -> Row {
    Row {
        calls,
        users,
        unknown,
        bad_calls,
        bad_users,
        bad_pairs,
        most,
    }
}

fn call(n: usize) -> CallId {
    (10_000_000 + n).to_string().parse().unwrap()
}

fn user(n: usize) -> UserId {
    (10_000_000 + n).to_string().parse().unwrap()
}

impl Row {
    fn list(&self) -> CallAccessList {
        (0..self.calls)
            .flat_map(|n| (0..self.users).map(move |m| (call(n), user(m))))
            .collect()
    }

    /// Sends a job to a model of Gong. Returns the number of requests, and of good pairs not done.
    fn send(&self, list: &CallAccessList, rng: &mut Rng) -> (usize, usize) {
        let mut choose = |count, of| rng.choose_multiple(0..of, count);
        let calls: BTreeSet<_> = choose(self.bad_calls, self.calls)
            .into_iter()
            .map(call)
            .collect();
        let users: BTreeSet<_> = choose(self.bad_users, self.users)
            .into_iter()
            .map(user)
            .collect();
        let pairs: BTreeSet<_> = choose(self.bad_pairs, self.calls * self.users)
            .into_iter()
            .map(|n| (call(n / self.users), user(n % self.users)))
            .collect();
        let is_bad = |(call, user): (CallId, UserId)| {
            calls.contains(&call) || users.contains(&user) || pairs.contains(&(call, user))
        };

        let mut splitter = Splitter::new(list, BOUNDS);
        let (mut requests, mut good) = (0, list.pairs().filter(|pair| !is_bad(*pair)).count());
        while let Some(request) = splitter.next_request() {
            requests += 1;
            if !request.pairs().any(is_bad) {
                splitter.acknowledged();
                good -= request.len();
            } else if let Some(Decision::Refused) = splitter.refused(false) {
                assert!(request.pairs().all(is_bad), "a good pair is refused");
            }
        }
        (requests, good)
    }

    /// About the fewest requests that any method needs.
    ///
    /// Each response is one bit, so telling the possible sets of refused ids apart takes the logarithm
    /// of their number; the pairs themselves take full requests.
    fn least(&self) -> f64 {
        let choices = |of: usize, count: usize| -> f64 {
            (0..count)
                .map(|n| (((of - n) as f64) / ((n + 1) as f64)).log2())
                .sum()
        };
        let pairs = self.calls * self.users;
        let answers = choices(self.calls, self.bad_calls)
            + choices(self.users, self.bad_users)
            + choices(pairs, self.bad_pairs);
        let full = self
            .calls
            .div_ceil(BOUNDS.calls)
            .max(pairs.div_ceil(BOUNDS.pairs));
        answers + full as f64
    }
}

fn main() {
    let mut rng = Rng::with_seed(0);
    println!(
        "| list | unknown | requests | fewest | most | log2 of the answers, and the pairs | good pairs not done |"
    );
    println!("|---|---|---|---|---|---|---|");
    for row in ROWS {
        let list = row.list();
        let sent: Vec<_> = (0..PLACEMENTS).map(|_| row.send(&list, &mut rng)).collect();
        let requests = || sent.iter().map(|(requests, _)| *requests);
        let mean = requests().sum::<usize>() as f64 / PLACEMENTS as f64;
        let good: usize = sent.iter().map(|(_, good)| good).sum();
        let (fewest, most) = (requests().min().unwrap(), requests().max().unwrap());
        println!(
            "| {} x {} | {} | {mean:.0} | {fewest} | {most} | {:.0} | {good} |",
            row.calls,
            row.users,
            row.unknown,
            row.least(),
        );
        assert!(mean <= row.most, "more than {} requests", row.most);
        assert_eq!(good, 0, "good pairs that are not done");
    }
}
