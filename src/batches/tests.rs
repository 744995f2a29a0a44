//! Runs the splitter against a model of Gong, without a client or a network.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::search::Search;
use super::split::{Bounds, Decision, Splitter};
use crate::{CallAccessList, CallId, UserId};

type Pair = (CallId, UserId);

/// One call for each number, with that many users.
fn list(users: &[usize]) -> CallAccessList {
    let calls = users.iter().enumerate();
    calls
        .flat_map(|(call, users)| (0..*users).map(move |user| pair(call, user)))
        .collect()
}

fn square(calls: usize, users: usize) -> CallAccessList {
    list(&vec![users; calls])
}

fn pair(call: usize, user: usize) -> Pair {
    let id = |n: usize| (100_000 + n).to_string();
    (id(call).parse().unwrap(), id(user).parse().unwrap())
}

/// A model of Gong that does not know some ids, refuses some pairs, and limits the size of a request.
#[derive(Debug, Clone)]
struct Gong {
    /// The unknown calls and users.
    calls: BTreeSet<CallId>,
    users: BTreeSet<UserId>,
    /// The pairs that get a 400 although both ids are known.
    pairs: BTreeSet<Pair>,
    /// The pairs that get a 413, even alone.
    too_large: BTreeSet<Pair>,
    /// How many pairs a request may have.
    most: usize,
}

impl Gong {
    fn new() -> Self {
        Self {
            calls: BTreeSet::new(),
            users: BTreeSet::new(),
            pairs: BTreeSet::new(),
            too_large: BTreeSet::new(),
            most: usize::MAX,
        }
    }

    fn without_calls(self, calls: impl IntoIterator<Item = usize>) -> Self {
        let calls = calls.into_iter().map(|call| pair(call, 0).0).collect();
        Self { calls, ..self }
    }

    fn without_users(self, users: impl IntoIterator<Item = usize>) -> Self {
        let users = users.into_iter().map(|user| pair(0, user).1).collect();
        Self { users, ..self }
    }

    fn without_pairs(self, pairs: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let pairs = pairs.into_iter().map(|(call, user)| pair(call, user));
        let pairs = pairs.collect();
        Self { pairs, ..self }
    }

    fn is_bad(&self, (call, user): Pair) -> bool {
        self.calls.contains(&call)
            || self.users.contains(&user)
            || self.pairs.contains(&(call, user))
            || self.too_large.contains(&(call, user))
    }

    fn answer(&self, request: &CallAccessList) -> u16 {
        if request.len() > self.most || request.pairs().any(|pair| self.too_large.contains(&pair)) {
            413
        } else if request.pairs().any(|pair| self.is_bad(pair)) {
            400
        } else {
            200
        }
    }
}

/// The outcome of a job.
#[derive(Debug, Default)]
struct Job {
    /// The number of pairs of each request.
    sent: Vec<usize>,
    /// The pairs in the order in which they were decided.
    order: Vec<Pair>,
    done: CallAccessList,
    refused: Vec<CallAccessList>,
    undecided: CallAccessList,
    searches: usize,
}

fn run(list: &CallAccessList, (calls, pairs): (usize, usize), gong: &Gong) -> Job {
    let mut splitter = Splitter::new(list, Bounds { calls, pairs });
    let mut job = Job::default();
    // Halving the calls of a request and then the users of one call cannot take more.
    let halvings = |count: usize| count.next_power_of_two().ilog2();
    let longest_search =
        halvings(calls.min(list.call_count())) + halvings(pairs.min(list.len())) + 1;
    let mut searching = 0;
    while let Some(request) = splitter.next_request() {
        assert!(request.call_count() <= calls && (1..=pairs).contains(&request.len()));
        job.sent.push(request.len());
        searching += 1;
        assert!(
            searching <= longest_search,
            "{searching} requests decided nothing"
        );
        let decided = job.order.len();
        match gong.answer(&request) {
            200 => {
                splitter.acknowledged();
                job.order.extend(&request);
                job.done.extend(&request);
            }
            status => match splitter.refused(status == 413) {
                Some(Decision::Refused) => {
                    job.order.extend(&request);
                    job.refused.push(request);
                }
                Some(Decision::Undecided) => {
                    job.order.extend(&request);
                    job.undecided.extend(&request);
                }
                None => {}
            },
        }
        if job.order.len() > decided {
            searching = 0;
        }
        if list.len() < 500 {
            let remaining = splitter.remaining();
            let order = job.order.iter().copied();
            assert_eq!(remaining.len() + order.len(), list.len());
            assert_eq!(
                &remaining.pairs().chain(order).collect::<CallAccessList>(),
                list
            );
        }
    }
    job.searches = splitter.search_requests();
    job
}

const DEFAULTS: (usize, usize) = (100, 1000);

#[test]
fn requests_are_as_full_as_both_bounds_allow() {
    for (users, calls, pairs, want) in [
        (&[][..], 2, 3, &[][..]),
        (&[1, 1, 1], 2, 9, &[2, 1]),
        (&[2, 2, 2], 9, 4, &[4, 2]),
        // A call that would fit into a request of its own is not split.
        (&[2, 3], 9, 4, &[2, 3]),
        // A larger call fills the room that is left.
        (&[2, 5, 1], 9, 4, &[4, 4]),
        (&[9], 9, 4, &[4, 4, 1]),
        // Without a bound on calls, a full request still ends.
        (&[9], usize::MAX, 4, &[4, 4, 1]),
        (&[1, 9], 2, usize::MAX, &[10]),
        (&[1, 9], usize::MAX, usize::MAX, &[10]),
        (&[1, 9], 1, 4, &[1, 4, 4, 1]),
        (&[3, 3], 1, 1, &[1; 6]),
    ] {
        let job = run(&list(users), (calls, pairs), &Gong::new());
        assert_eq!(job.sent, want, "{users:?} {calls} {pairs}");
    }
}

#[test]
fn planning_looks_at_most_two_requests_ahead() {
    let bounds = Bounds {
        calls: 10,
        pairs: 100,
    };
    for (list, looked_at) in [(square(1000, 1), 11), (square(1, 1000), 201)] {
        let mut splitter = Splitter::new(&list, bounds);
        assert!(splitter.next_request().is_some());
        assert_eq!(splitter.queued(), looked_at);
    }
}

#[test]
fn a_search_sends_only_the_first_half_of_the_suspected_pairs() {
    let list = square(16, 1);
    let bounds = (8, 8);
    for (unknown, want, searches) in [
        // The refused pair is in each first half of 8, 4 and 2 pairs. Then requests grow from 1.
        (0, &[8, 4, 2, 1, 1, 2, 4, 8][..], 3),
        // The second 4 pairs are known to include it, so they are not sent together.
        (7, &[8, 4, 2, 1, 1, 7, 1], 4),
        (8, &[8, 8, 4, 2, 1, 7], 3),
        (15, &[8, 8, 4, 2, 1, 1], 4),
    ] {
        let job = run(&list, bounds, &Gong::new().without_calls([unknown]));
        assert_eq!((&job.sent[..], job.searches), (want, searches), "{unknown}");
        assert_eq!(job.refused, [[pair(unknown, 0)].into_iter().collect()]);
        assert!(list.pairs().eq(job.order.iter().copied()), "in order");
    }
}

#[test]
fn the_users_of_a_single_call_are_halved() {
    let gong = Gong::new().without_pairs([(0, 5)]);
    let job = run(&square(1, 8), (8, 8), &gong);
    assert_eq!(job.sent, [8, 4, 2, 1, 1, 2]);
    assert_eq!(job.refused, [[pair(0, 5)].into_iter().collect()]);
}

#[test]
fn the_requests_that_each_kind_of_unknown_id_costs() {
    let gong = Gong::new;
    // One in each part of the list, at varying places within the part.
    let spread = |parts: usize, size: usize| (0..parts).map(move |n| size * n + 37 * n % size);
    for ((calls, users), gong, requests) in [
        ((10_000, 1), gong(), 100),
        ((100, 1), gong().without_calls([42]), 11),
        ((1000, 1), gong().without_calls([5, 500, 995]), 40),
        ((10_000, 1), gong().without_calls(spread(100, 100)), 930),
        ((1000, 10), gong().without_calls(spread(5, 200)), 87),
        ((100, 200), gong().without_calls([42]), 33),
        ((5000, 10), gong().without_calls(spread(50, 100)), 741),
        ((5000, 10), gong().without_users([4]), 121),
        ((500, 50), gong().without_users([21]), 48),
        (
            (5000, 10),
            gong().without_users([1, 8]).without_calls(spread(20, 250)),
            432,
        ),
        (
            (5000, 10),
            gong().without_pairs(spread(100, 500).map(|n| (n / 10, n % 10))),
            1214,
        ),
    ] {
        let list = square(calls, users);
        let job = run(&list, DEFAULTS, &gong);
        assert_eq!(job.sent.len(), requests, "{calls} x {users}");
        let good = list.pairs().filter(|pair| !gong.is_bad(*pair));
        assert!(
            good.eq(&job.done),
            "{calls} x {users}: every good pair is done"
        );
        assert!(job.searches <= Search::MAX_REQUESTS);
    }
}

#[test]
fn the_pairs_of_an_unknown_user_come_last_and_are_refused_together() {
    let list = square(300, 10);
    let job = run(&list, DEFAULTS, &Gong::new().without_users([4]));
    let of_user = |pair: &Pair| pair.1 == self::pair(0, 4).1;
    let (first, last) = job.order.split_at(job.order.len() - 299);
    assert_eq!(
        first.iter().filter(|pair| of_user(pair)).count(),
        1,
        "refused where it was found"
    );
    assert!(first.is_sorted() && last.iter().all(of_user));
    let refused: Vec<_> = job.refused.iter().map(CallAccessList::len).collect();
    assert_eq!(
        refused,
        [1, 1, 1, 100, 100, 97],
        "three alone, the rest once"
    );
}

#[test]
fn an_unknown_call_is_refused_with_three_users_alone_and_then_with_the_rest_together() {
    let list = square(100, 200);
    let job = run(&list, DEFAULTS, &Gong::new().without_calls([42]));
    let refused: Vec<_> = job.refused.iter().map(CallAccessList::len).collect();
    assert_eq!(refused, [1, 1, 1, 197]);
    assert!(
        job.refused
            .iter()
            .flatten()
            .all(|(call, _)| call == pair(42, 0).0)
    );
}

#[test]
fn a_single_acknowledgement_clears_a_user() {
    // The user is refused with some calls, including the first one.
    let list = square(200, 3);
    let bad = [(0, 1), (3, 1), (50, 1), (120, 1)];
    let job = run(&list, DEFAULTS, &Gong::new().without_pairs(bad));
    let refused: CallAccessList = job.refused.iter().flatten().collect();
    assert_eq!(
        refused,
        bad.iter().map(|(call, user)| pair(*call, *user)).collect()
    );
    assert_eq!((job.done.len(), job.undecided.len()), (596, 0));
}

#[test]
fn a_user_whose_calls_have_no_other_user_is_undecided() {
    // Each call has one of ten users. Whether one user is unknown, or all of their calls are, cannot
    // be told apart.
    let list: CallAccessList = (0..5000).map(|call| pair(call, call % 10)).collect();
    let job = run(&list, DEFAULTS, &Gong::new().without_users([4]));
    assert_eq!(
        (job.done.len(), job.refused.len(), job.undecided.len()),
        (4500, 23, 477)
    );
    assert_eq!(job.sent.len(), 176);
    // The last hundred are searched all the same.
    for (pairs, refused, undecided) in [(122, 122, 0), (123, 23, 100)] {
        let list: CallAccessList = (0..10 * pairs).map(|call| pair(call, call % 10)).collect();
        let job = run(&list, DEFAULTS, &Gong::new().without_users([4]));
        assert_eq!(
            (job.refused.len(), job.undecided.len()),
            (refused, undecided)
        );
    }
}

#[test]
fn where_nothing_is_acknowledged_the_search_ends_early() {
    // In the last list, each call has a user of its own, so no id is refused twice.
    let pairs = (0..1000).map(|n| pair(n, n)).collect();
    for (list, requests) in [
        (square(1000, 1), 39),
        (square(5000, 10), 161),
        (square(500, 50), 136),
        (pairs, 117),
    ] {
        let job = run(&list, DEFAULTS, &Gong::new().without_calls(0..5000));
        assert_eq!(job.sent.len(), requests);
        assert_eq!(job.refused.len() + job.undecided.len(), list.len());
    }
}

#[test]
fn a_late_acknowledgement_resumes_the_search() {
    for (calls, users, unknown) in [(1000, 1, 500), (1000, 10, 60), (150, 1, 110)] {
        let list = square(calls, users);
        let gong = Gong::new().without_calls(0..unknown);
        let job = run(&list, DEFAULTS, &gong);
        let good = list.pairs().filter(|pair| !gong.is_bad(*pair));
        assert!(good.eq(&job.done), "{calls} x {users}: {}", job.done.len());
        assert!(job.undecided.is_empty(), "{calls} x {users}");
    }
}

#[test]
fn after_the_bound_the_rest_goes_out_at_full_size() {
    // Every fourth pair or so, in no pattern that an id explains, once every user is known. In the
    // second case, the bound comes in the middle of a search.
    for (first, one_in, requests, undecided) in [(200, 4, 1924, 47_994), (320, 32, 1366, 44_190)] {
        let list = square(5000, 10);
        let is_bad = |n: &usize| (n.wrapping_mul(2_654_435_761) >> 7) & (one_in - 1) == 0;
        let bad = (first..50_000).filter(is_bad);
        let gong = Gong::new().without_pairs(bad.map(|n| (n / 10, n % 10)));
        let job = run(&list, DEFAULTS, &gong);
        assert_eq!(job.searches, Search::MAX_REQUESTS);
        let full = job.sent.iter().filter(|size| **size == 1000);
        assert!(full.count() > 40, "{:?}", job.sent);
        assert_eq!((job.sent.len(), job.undecided.len()), (requests, undecided));
    }
}

#[test]
fn one_good_pair_anywhere_ends_the_doubt() {
    // Unknown ids at the front, and one more in each full request behind them.
    for (list, gong) in [
        (
            square(200, 50),
            Gong::new().without_users((0..8).chain([49])),
        ),
        (
            square(2000, 1),
            Gong::new().without_calls((0..2000).filter(|n| *n < 100 || n % 50 == 0)),
        ),
        (
            square(1, 2000),
            Gong::new().without_users((0..2000).filter(|n| *n < 30 || n % 90 == 0)),
        ),
    ] {
        let job = run(&list, DEFAULTS, &gong);
        let good = list.pairs().filter(|pair| !gong.is_bad(*pair));
        assert!(good.eq(&job.done), "{} undecided", job.undecided.len());
    }
}

#[test]
fn good_pairs_in_the_middle_end_the_doubt() {
    // In the first list, all single pairs that are tried would be refused without those that were set
    // aside; in the second, if they came from the same place each time.
    for (pairs, calls, users, known, done) in
        [(400, 170, 30, 90..140, 87), (300, 90, 11, 52..77, 71)]
    {
        let list: CallAccessList = (0..pairs)
            .map(|n| pair(7 * n % calls, n * n % users))
            .collect();
        let gong = Gong::new().without_calls((0..calls).filter(|call| !known.contains(call)));
        let job = run(&list, DEFAULTS, &gong);
        let good = list.pairs().filter(|pair| !gong.is_bad(*pair));
        assert!(good.eq(&job.done), "{calls} calls");
        assert_eq!((job.done.len(), job.undecided.len()), (done, 0));
    }
}

#[test]
fn unknown_users_who_sort_first_are_named() {
    let list = square(500, 10);
    let job = run(&list, DEFAULTS, &Gong::new().without_users([0, 1, 2]));
    assert_eq!((job.done.len(), job.undecided.len()), (3500, 0));
    let refused: usize = job.refused.iter().map(CallAccessList::len).sum();
    assert_eq!(refused, 1500);
}

#[test]
fn a_user_who_is_refused_with_the_first_calls_only_is_done_with_the_others() {
    let list = square(500, 10);
    let bad = [0, 1, 2, 50].map(|call| (call, 4));
    let job = run(&list, DEFAULTS, &Gong::new().without_pairs(bad));
    assert_eq!((job.done.len(), job.undecided.len()), (4996, 0));
}

#[test]
fn after_the_bound_an_unknown_user_stays_out_of_the_other_requests() {
    let list = square(5000, 10);
    let gong = Gong::new()
        .without_users([4])
        .without_calls((0..2000).step_by(10));
    let job = run(&list, DEFAULTS, &gong);
    let lost = job.undecided.pairs().filter(|pair| !gong.is_bad(*pair));
    assert!(lost.count() < 10_000, "{} undecided", job.undecided.len());
}

#[test]
fn a_size_learned_after_the_bound_is_respected() {
    let mut gong = Gong::new().without_calls((0..10_000).step_by(4));
    gong.most = 500;
    let list: CallAccessList = square(10_000, 1)
        .into_iter()
        .chain((10_000..11_000).flat_map(|call| (0..10).map(move |user| pair(call, user))))
        .collect();
    let job = run(&list, DEFAULTS, &gong);
    let good = list.pairs().filter(|(call, _)| *call >= pair(10_000, 0).0);
    let (all, done) = good.fold((0, 0), |(all, done), (call, user)| {
        (all + 1, done + usize::from(job.done.contains(call, user)))
    });
    assert!(done > all - 1000, "{done} of {all}");
}

#[test]
fn a_server_that_finds_everything_too_large_ends_the_search() {
    for (list, most) in [
        (square(3000, 1), 250),
        (square(30, 100), 250),
        (square(20_000, 1), 900),
    ] {
        let gong = Gong {
            most: 0,
            ..Gong::new()
        };
        let job = run(&list, DEFAULTS, &gong);
        assert!(job.sent.len() <= most, "{} requests", job.sent.len());
        // The first request is acknowledged, so nothing else is in doubt.
        let large = list.pairs().skip(100).collect();
        let gong = Gong {
            too_large: large,
            ..Gong::new()
        };
        let job = run(&list, DEFAULTS, &gong);
        let most = Search::MAX_REQUESTS + list.len() / 10;
        assert!(job.sent.len() <= most, "{} requests", job.sent.len());
    }
}

#[test]
fn what_is_too_large_makes_later_requests_smaller() {
    let list = square(20, 1);
    for (most, want) in [
        (8, &[8, 8, 4][..]),
        (4, &[8, 4, 4, 4, 4, 4]),
        (3, &[8, 4, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]),
    ] {
        let job = run(
            &list,
            (9, 8),
            &Gong {
                most,
                ..Gong::new()
            },
        );
        assert_eq!(job.sent, want, "at most {most}");
    }
}

#[test]
fn an_unknown_call_does_not_change_the_size_learned_from_a_413() {
    let list = square(20, 1);
    for (call, want) in [
        (0, &[8, 4, 2, 1, 1, 2, 4, 4, 4, 4][..]),
        (7, &[8, 4, 4, 2, 1, 1, 4, 4, 4]),
    ] {
        let gong = Gong {
            most: 4,
            ..Gong::new().without_calls([call])
        };
        assert_eq!(run(&list, (9, 8), &gong).sent, want, "call {call}");
    }
}

#[test]
fn a_single_pair_that_is_too_large_restores_the_size() {
    let list = square(20, 1);
    for (call, want) in [
        (0, &[8, 4, 2, 1, 1, 2, 4, 8, 4][..]),
        (7, &[8, 4, 4, 2, 2, 1, 1, 7, 5]),
    ] {
        let too_large = BTreeSet::from([pair(call, 0)]);
        let job = run(
            &list,
            (9, 8),
            &Gong {
                too_large,
                ..Gong::new()
            },
        );
        assert_eq!(job.sent, want, "call {call}");
        assert_eq!(job.refused, [[pair(call, 0)].into_iter().collect()]);
    }
}

#[test]
fn a_size_is_doubted_only_until_its_pairs_are_decided() {
    // The second half has a pair that is too large alone. That it is found says nothing about the size
    // that was learned before.
    let too_large = BTreeSet::from([pair(17, 0)]);
    let gong = Gong {
        most: 4,
        too_large,
        ..Gong::new()
    };
    let job = run(&square(24, 1), (16, 16), &gong);
    assert_eq!(job.sent, [16, 8, 4, 4, 4, 4, 4, 2, 1, 1, 4, 2]);
}

/// A random list, and bounds that are small enough to matter.
fn jobs() -> impl Strategy<Value = (CallAccessList, (usize, usize))> {
    let pairs = proptest::collection::btree_set((0..15_usize, 0..8_usize), 0..80);
    let list = pairs.prop_map(|pairs| {
        pairs
            .iter()
            .map(|(call, user)| pair(*call, *user))
            .collect()
    });
    (list, (1..16_usize, 1..40_usize))
}

fn some(of: usize) -> impl Strategy<Value = BTreeSet<usize>> {
    proptest::collection::btree_set(0..of, 0..of / 2)
}

/// The fewest requests that carry the calls in order, by dynamic programming over every possible cut.
fn fewest(list: &CallAccessList, (calls, pairs): (usize, usize)) -> usize {
    let owner: Vec<_> = list.pairs().map(|(call, _)| call).collect();
    let mut best = vec![usize::MAX; owner.len() + 1];
    best[0] = 0;
    for end in 1..best.len() {
        for start in end.saturating_sub(pairs)..end {
            let span: BTreeSet<_> = owner[start..end].iter().collect();
            // A call may be split only if it does not fit into one request.
            let is_cut_at = |at: usize| at > 0 && at < owner.len() && owner[at - 1] == owner[at];
            let may_end = |at: usize| !is_cut_at(at) || list.users(owner[at]).count() > pairs;
            if span.len() <= calls && may_end(start) && may_end(end) && best[start] != usize::MAX {
                best[end] = best[end].min(best[start] + 1);
            }
        }
    }
    best[owner.len()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_job_without_a_refusal_takes_the_fewest_requests_in_order((list, bounds) in jobs()) {
        let job = run(&list, bounds, &Gong::new());
        prop_assert!(list.pairs().eq(job.order.iter().copied()));
        prop_assert_eq!(job.sent.len(), fewest(&list, bounds));
    }

    #[test]
    fn every_good_pair_is_done_if_only_ids_are_unknown(
        (list, bounds) in jobs(),
        calls in some(15),
        users in some(8),
    ) {
        let gong = Gong::new().without_calls(calls).without_users(users);
        let job = run(&list, bounds, &gong);
        let good = list.pairs().filter(|pair| !gong.is_bad(*pair));
        prop_assert!(good.eq(&job.done), "{:?}", job);
        prop_assert!(job.undecided.is_empty(), "{:?}", job);
    }

    #[test]
    fn no_good_pair_is_refused_if_only_ids_are_unknown(
        users in 1..6_usize,
        bounds in (1..200_usize, 1..400_usize),
        unknown_calls in proptest::collection::btree_set(0..150_usize, 0..150),
        unknown_users in some(8),
    ) {
        let list = square(130, users);
        let gong = Gong::new().without_calls(unknown_calls).without_users(unknown_users);
        let job = run(&list, bounds, &gong);
        prop_assert_eq!(&job.order.iter().copied().collect::<CallAccessList>(), &list);
        prop_assert!(job.refused.iter().flatten().all(|pair| gong.is_bad(pair)));
        prop_assert!(!job.done.pairs().any(|pair| gong.is_bad(pair)));
        let lost = job.undecided.pairs().filter(|pair| !gong.is_bad(*pair));
        prop_assert!(job.done.is_empty() || lost.count() == 0 || job.searches == Search::MAX_REQUESTS, "{:?}", job);
    }

    #[test]
    fn the_batches_are_a_partition_of_the_list_and_no_bad_pair_is_done(
        (list, bounds) in jobs(),
        calls in some(15),
        users in some(8),
        pairs in proptest::collection::btree_set((0..15_usize, 0..8_usize), 0..20),
        too_large in proptest::collection::btree_set((0..15_usize, 0..8_usize), 0..4),
        most in prop_oneof![3 => Just(usize::MAX), 1 => 0..20_usize],
    ) {
        let too_large = too_large.into_iter().map(|(call, user)| pair(call, user)).collect();
        let gong = Gong { too_large, most, ..Gong::new() };
        let gong = gong.without_calls(calls).without_users(users).without_pairs(pairs);
        let job = run(&list, bounds, &gong);
        let order = || job.order.iter().copied();
        prop_assert_eq!(order().count(), list.len());
        prop_assert_eq!(&order().collect::<CallAccessList>(), &list);
        prop_assert!(!job.done.pairs().any(|pair| gong.is_bad(pair)));
        prop_assert!(job.searches <= Search::MAX_REQUESTS);
        // A good pair can be refused only together with others of an id that looked unknown.
        let alone = job.refused.iter().filter(|pairs| pairs.len() == 1).flatten();
        let mut alone = alone.filter(|_| most > 0);
        prop_assert!(alone.all(|pair| gong.is_bad(pair)));
    }
}
