//! Runs the splitter against models of Gong, without a client or a network.

use std::borrow::Cow;
use std::collections::BTreeSet;

use proptest::prelude::*;

use super::ids::{Id, Ids};
use super::search::Search;
use super::split::{Bounds, Decided, Splitter};
use crate::{CallAccessList, CallId, UserId};

type Pair = (CallId, UserId);

fn square(calls: usize, users: usize) -> CallAccessList {
    let pairs = (0..calls).flat_map(|call| (0..users).map(move |user| pair(call, user)));
    pairs.collect()
}

fn pair(call: usize, user: usize) -> Pair {
    let id = |n: usize| (100_000 + n).to_string();
    (id(call).parse().unwrap(), id(user).parse().unwrap())
}

/// Which status Gong answers a request with: 200, 400 or 413.
type Model<'a> = &'a dyn Fn(&CallAccessList) -> u16;

/// A model that answers 400 if any pair is bad.
fn refusing(is_bad: impl Fn(&Pair) -> bool) -> impl Fn(&CallAccessList) -> u16 {
    move |request| match request.pairs().any(|pair| is_bad(&pair)) {
        true => 400,
        false => 200,
    }
}

/// A model that does not know these calls and users.
fn without<'a>(calls: &'a [usize], users: &'a [usize]) -> impl Fn(&Pair) -> bool + 'a {
    let calls: BTreeSet<_> = calls.iter().map(|call| pair(*call, 0).0).collect();
    let users: BTreeSet<_> = users.iter().map(|user| pair(0, *user).1).collect();
    move |(call, user)| calls.contains(call) || users.contains(user)
}

/// The outcome of a job.
#[derive(Debug, Default)]
struct Job {
    /// The number of pairs of each request.
    sent: Vec<usize>,
    done: CallAccessList,
    refused: CallAccessList,
    undecided: CallAccessList,
    searches: usize,
}

/// Runs a job to its end, and checks what holds for every one.
fn run(list: &CallAccessList, (calls, pairs): (usize, usize), gong: Model<'_>) -> Job {
    let mut splitter = Splitter::new(Cow::Borrowed(list), Bounds { calls, pairs });
    let mut job = Job::default();
    // Halving the calls of a request and then the users of one call cannot take more.
    let halvings = |count: usize| count.next_power_of_two().ilog2();
    let longest_search =
        halvings(calls.min(list.call_count())) + halvings(pairs.min(list.len())) + 1;
    let mut searching = 0;
    let is_small = list.len() <= 500;
    // How many requests are left if nothing else is refused.
    let mut left = splitter.min_requests();
    while let Some(request) = splitter.next_request() {
        assert!(request.call_count() <= calls && (1..=pairs).contains(&request.len()));
        job.sent.push(request.len());
        searching += 1;
        assert!(searching <= longest_search, "{searching} decided nothing");
        match gong(&request) {
            200 => {
                splitter.acknowledged();
                job.done.extend(&request);
                searching = 0;
                assert!(!is_small || splitter.min_requests() == left - 1);
                left = left.saturating_sub(1);
            }
            status => {
                let Decided { refused, undecided } = splitter.refused(status == 413);
                searching *= u32::from(refused.is_empty() && undecided.is_empty());
                job.refused.extend(&refused);
                job.undecided.extend(&undecided);
                left = if is_small { splitter.min_requests() } else { 0 };
            }
        }
        if is_small {
            let parts = [
                &splitter.remaining(),
                &job.done,
                &job.refused,
                &job.undecided,
            ];
            assert_eq!(
                parts.iter().map(|part| part.len()).sum::<usize>(),
                list.len()
            );
            assert_eq!(
                &parts.into_iter().flatten().collect::<CallAccessList>(),
                list
            );
        }
    }
    let all = job.done.len() + job.refused.len() + job.undecided.len();
    assert_eq!(all, list.len());
    assert!(splitter.remaining().is_empty());
    job.searches = splitter.search.requests;
    assert!(job.searches <= Search::MAX_REQUESTS);
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
        let of = |(call, users): (usize, &usize)| (0..*users).map(move |user| pair(call, user));
        let list = users.iter().enumerate().flat_map(of).collect();
        let job = run(&list, (calls, pairs), &|_| 200);
        assert_eq!(job.sent, want, "{users:?} {calls} {pairs}");
    }
}

#[test]
fn a_server_that_finds_everything_too_large_ends_the_search() {
    let job = run(&square(3000, 1), DEFAULTS, &|_| 413);
    assert!(job.sent.len() <= 20);
}

#[test]
fn an_unknown_user_in_requests_of_single_pairs_costs_no_good_pair() {
    for (calls, users, unknown) in [(130, 4, &[0][..]), (2, 3, &[0, 1])] {
        let list = square(calls, users);
        let is_bad = without(&[], unknown);
        let job = run(&list, (1, 1), &refusing(&is_bad));
        let good = list.pairs().filter(|pair| !is_bad(pair));
        assert!(good.eq(&job.done));
    }
}

#[test]
fn after_the_bound_an_unknown_user_stays_out_of_the_other_requests() {
    let list = square(5000, 10);
    let calls: Vec<_> = (0..2000).step_by(10).collect();
    let is_bad = without(&calls, &[4]);
    let job = run(&list, DEFAULTS, &refusing(&is_bad));
    let lost = job.undecided.pairs().filter(|pair| !is_bad(pair)).count();
    assert!(lost < 10_000, "{lost} undecided");
}

/// `cargo bench --bench refusals` shows what they take, with larger lists too.
#[test]
fn a_few_unknown_ids_take_few_requests() {
    let mut rng = fastrand::Rng::with_seed(0);
    #[rustfmt::skip]
    let rows = [
        // Calls and users of the list; unknown calls, unknown users, refused pairs; most requests.
        ((100, 1), [1, 0, 0], 10.2),
        ((100, 10), [0, 1, 0], 16.0),
        ((3, 50), [1, 0, 0], 11.6),
        ((1, 50), [0, 2, 0], 15.7),
        ((1, 1000), [1, 0, 0], 11.0),
        ((100, 20), [2, 2, 0], 44.9),
        ((200, 4), [0, 2, 0], 28.6),
        ((100, 10), [0, 0, 5], 53.6),
        ((100, 1), [95, 0, 0], 46.0),
        ((100, 1), [100, 0, 0], 16.0),
    ];
    for ((calls, users), [bad_calls, bad_users, bad_pairs], most) in rows {
        let list = square(calls, users);
        let mut requests = 0;
        for _ in 0..20 {
            // The numbers are the same on every machine, as those of `choose_multiple` are not.
            let mut choose = |of: usize, count| {
                let mut chosen: Vec<_> = (0..of).collect();
                chosen.sort_by_cached_key(|_| rng.u64(..));
                chosen.truncate(count);
                chosen
            };
            let bad_calls = choose(calls, bad_calls);
            let bad_users = choose(users, bad_users);
            let bad_pairs = choose(calls * users, bad_pairs);
            let bad_pairs = bad_pairs.iter().map(|n| pair(n / users, n % users));
            let bad_pairs: BTreeSet<_> = bad_pairs.collect();
            let is_unknown = without(&bad_calls, &bad_users);
            let is_bad = |pair: &Pair| bad_pairs.contains(pair) || is_unknown(pair);
            requests += run(&list, DEFAULTS, &refusing(is_bad)).sent.len();
        }
        let mean = requests as f64 / 20.0;
        let unknown = (bad_calls, bad_users, bad_pairs);
        assert!(mean <= most, "{calls} x {users}, {unknown:?}: {mean}");
    }
}

/// Gong deletes the oldest calls first, so unknown ids stand side by side.
#[test]
fn ids_that_are_unknown_side_by_side_cost_no_good_pair() {
    for (calls, users, unknown_calls, unknown_users) in [
        (100, 1, 20, 0),
        (100, 1, 90, 0),
        (1, 50, 0, 45),
        (3, 200, 0, 150),
    ] {
        let list = square(calls, users);
        let unknown = [unknown_calls, unknown_users].map(|count| (0..count).collect::<Vec<_>>());
        let is_bad = without(&unknown[0], &unknown[1]);
        let job = run(&list, DEFAULTS, &refusing(&is_bad));
        let good = list.pairs().filter(|pair| !is_bad(pair));
        assert!(good.eq(&job.done), "{unknown_calls}, {unknown_users}");
    }
}

#[test]
fn an_id_refused_with_a_known_one_explains_more_than_one_refused_often() {
    let mut ids = Ids::default();
    let ((call, user), known) = (pair(0, 0), pair(9, 9));
    ids.acknowledge([known]);
    ids.refuse(call, known.1);
    (0..3).for_each(|other| ids.refuse(pair(other, 0).0, user));
    assert_eq!(ids.culprit(call, user), Some(Id::Call(call)));
}

#[test]
fn planning_takes_linear_time() {
    // Quadratic time would take minutes.
    let list = square(200_000, 1);
    let calls: Vec<_> = (0..200_000).step_by(50).collect();
    for bound in [usize::MAX, 100] {
        let bounds = (bound, usize::MAX);
        let job = run(&list, bounds, &refusing(without(&calls, &[])));
        assert_eq!(job.searches, Search::MAX_REQUESTS);
    }
}

/// A random list, and bounds that are small enough to matter.
fn jobs() -> impl Strategy<Value = (CallAccessList, (usize, usize))> {
    let pairs = proptest::collection::btree_set((0..15_usize, 0..8_usize), 0..80);
    let list = pairs.prop_map(|pairs| {
        let pairs = pairs.iter().map(|(call, user)| pair(*call, *user));
        pairs.collect()
    });
    (list, (1..16_usize, 1..40_usize))
}

fn some(of: usize) -> impl Strategy<Value = Vec<usize>> {
    proptest::sample::subsequence((0..of).collect::<Vec<_>>(), 0..of)
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
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_job_without_a_refusal_takes_the_fewest_requests((list, bounds) in jobs()) {
        let job = run(&list, bounds, &|_| 200);
        prop_assert_eq!(job.sent.len(), fewest(&list, bounds));
    }

    #[test]
    fn no_good_pair_is_refused_if_only_ids_are_unknown(
        (list, bounds) in jobs(),
        calls in some(15),
        users in some(8),
    ) {
        let is_bad = without(&calls, &users);
        let job = run(&list, bounds, &refusing(&is_bad));
        prop_assert!(!job.done.pairs().any(|pair| is_bad(&pair)));
        prop_assert!(job.refused.pairs().all(|pair| is_bad(&pair)));
    }

    #[test]
    fn every_good_pair_is_done_if_few_ids_are_unknown(
        users in 3..6_usize,
        bounds in (1..200_usize, 1..400_usize),
        calls in proptest::sample::subsequence((0..130).collect::<Vec<_>>(), 0..9),
        user in proptest::option::of(0..6_usize),
    ) {
        let list = square(130, users);
        let user = user.as_slice();
        let is_bad = without(&calls, user);
        let job = run(&list, bounds, &refusing(&is_bad));
        prop_assert!(list.pairs().filter(|pair| !is_bad(pair)).eq(&job.done));
        prop_assert!(job.undecided.is_empty());
    }

    #[test]
    fn whatever_is_refused_each_pair_is_decided_once_and_no_bad_pair_is_done(
        (list, bounds) in jobs(),
        calls in some(15),
        users in some(8),
        pairs in proptest::collection::btree_set((0..15_usize, 0..8_usize), 0..20),
        most in prop_oneof![3 => Just(usize::MAX), 1 => 0..20_usize],
        by_chance in proptest::collection::vec(proptest::bool::weighted(0.05), 0..40),
    ) {
        let pairs: BTreeSet<_> = pairs.iter().map(|(call, user)| pair(*call, *user)).collect();
        let is_unknown = without(&calls, &users);
        let is_bad = |pair: &Pair| pairs.contains(pair) || is_unknown(pair);
        let nth = std::cell::Cell::new(0);
        let gong = |request: &CallAccessList| {
            nth.set(nth.get() + 1);
            match refusing(is_bad)(request) {
                _ if request.len() > most => 413,
                200 if by_chance.get(nth.get()) == Some(&true) => 400,
                status => status,
            }
        };
        let job = run(&list, bounds, &gong);
        prop_assert!(!job.done.pairs().any(|pair| is_bad(&pair)));
    }
}
