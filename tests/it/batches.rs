//! Jobs of any size, with every pair accounted for.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{self, Exchange, Server, Then, builder, client, http, ok, quick};
use gong_call_access::*;

type Pair = (CallId, UserId);

fn pair(call: usize, user: usize) -> Pair {
    let id = |n: usize| (10_000_000 + n).to_string();
    (id(call).parse().unwrap(), id(user).parse().unwrap())
}

/// `count` calls with one user each.
fn calls(count: usize) -> CallAccessList {
    (0..count).map(|call| pair(call, 1)).collect()
}

/// `calls` calls with `users` users each.
fn square(calls: usize, users: usize) -> CallAccessList {
    (0..calls)
        .flat_map(|call| (0..users).map(move |user| pair(call, user)))
        .collect()
}

const NOT_FOUND: &str = r#"{"requestId":"x","errors":["Some calls not found"]}"#;

/// A server that records which pairs it acknowledged, and answers each list with what `decide`
/// returns.
fn gong(
    decide: impl Fn(usize, &CallAccessList) -> Result<(), String> + Send + Sync + 'static,
) -> (Server, Arc<Mutex<BTreeSet<Pair>>>) {
    let granted = Arc::new(Mutex::new(BTreeSet::new()));
    let for_server = Arc::clone(&granted);
    let server = Server::start(move |exchange: &mut Exchange<'_>| {
        let list: CallAccessList = serde_json::from_str(&exchange.request.body).unwrap();
        match decide(exchange.nth, &list) {
            Ok(()) => {
                for_server.lock().unwrap().extend(&list);
                exchange.send(ok());
            }
            Err(response) if response.is_empty() => return Then::Close,
            Err(response) => {
                exchange.send(response);
            }
        }
        Then::KeepAlive
    });
    (server, granted)
}

/// A server that refuses lists with a pair for which `is_bad` returns `true`.
fn refusing_if(
    is_bad: impl Fn(Pair) -> bool + Send + Sync + 'static,
) -> (Server, Arc<Mutex<BTreeSet<Pair>>>) {
    gong(move |_, list| {
        if list.pairs().any(&is_bad) {
            return Err(http(400, "", NOT_FOUND));
        }
        Ok(())
    })
}

/// A server that refuses lists with any of these pairs.
fn refusing(bad: &[Pair]) -> (Server, Arc<Mutex<BTreeSet<Pair>>>) {
    let bad: BTreeSet<_> = bad.iter().copied().collect();
    refusing_if(move |pair| bad.contains(&pair))
}

/// A server that refuses lists with these calls or users.
fn without(calls: &[usize], users: &[usize]) -> (Server, Arc<Mutex<BTreeSet<Pair>>>) {
    let calls: BTreeSet<_> = calls.iter().map(|call| pair(*call, 0).0).collect();
    let users: BTreeSet<_> = users.iter().map(|user| pair(0, *user).1).collect();
    refusing_if(move |(call, user)| calls.contains(&call) || users.contains(&user))
}

/// The two calls that change access.
#[derive(Debug, Clone, Copy)]
enum Change {
    Grant,
    Revoke,
}

impl Change {
    const ALL: [Self; 2] = [Self::Grant, Self::Revoke];

    fn method(self) -> &'static str {
        match self {
            Self::Grant => "PUT",
            Self::Revoke => "DELETE",
        }
    }

    fn batches<'a>(self, client: &'a Client, list: &'a CallAccessList) -> Batches<'a> {
        match self {
            Self::Grant => client.grant_batches(list),
            Self::Revoke => client.revoke_batches(list),
        }
    }
}

/// The pairs of these lists, one list after the other.
fn union<'a>(lists: impl IntoIterator<Item = &'a CallAccessList>) -> Vec<Pair> {
    lists.into_iter().flatten().collect()
}

/// The same in the order of a list.
fn sorted<'a>(lists: impl IntoIterator<Item = &'a CallAccessList>) -> Vec<Pair> {
    let mut pairs = union(lists);
    pairs.sort_unstable();
    pairs
}

#[test]
fn nothing_is_sent_before_iteration_and_then_one_request_per_batch() {
    for change in Change::ALL {
        let (server, _) = refusing(&[]);
        let client = client(&server.url());
        let list = calls(250);
        let mut batches = change.batches(&client, &list);
        let shown = format!("{batches:?}");
        assert!(
            shown.starts_with("Batches") && shown.contains(change.method()),
            "{shown}"
        );
        assert_eq!(batches.remaining(), list);
        for (requests, calls, remaining) in [(1, 100, 150), (2, 100, 50), (3, 50, 0)] {
            assert_eq!(server.requests().len(), requests - 1);
            let batch = batches.next().unwrap();
            assert_eq!(server.requests().len(), requests);
            assert_eq!(
                (batch.access_list().len(), batches.remaining().len()),
                (calls, remaining)
            );
            assert!(matches!(batch.outcome(), Outcome::Done(receipt) if receipt.attempts() == 1));
        }
        assert!(batches.next().is_none() && batches.next().is_none());
        assert_eq!(server.requests().len(), 3);
    }
}

#[test]
fn one_unknown_call_among_100_is_refused_alone() {
    // Each list is sent with every method, and the places are spread over both.
    let mut requests = 0;
    for unknown in 0..100 {
        let change = Change::ALL[unknown % 2];
        let (server, granted) = refusing(&[pair(unknown, 1)]);
        let list = calls(100);
        let report: Report = change.batches(&client(&server.url()), &list).collect();
        let sent = server.requests().len();
        assert!(sent <= 17, "{sent} requests for call {unknown}");
        requests += sent;
        let refusals: Vec<_> = report.refusals().collect();
        let [refusal] = refusals[..] else {
            panic!("{report}")
        };
        assert_eq!(refusal.id(), Some(Id::Call(pair(unknown, 1).0)));
        assert_eq!(refusal.access_list(), report.refused());
        assert_eq!(refusal.error().messages(), ["Some calls not found"]);
        assert_eq!(
            (report.refused().len(), report.requests()),
            (1, sent as u64)
        );
        assert_eq!((report.done().len(), report.remaining().len()), (99, 0));
        assert!(granted.lock().unwrap().iter().copied().eq(report.done()));
        assert!(!report.all_done() && report.stopped_by().is_none());
    }
    assert!(requests <= 1200, "{requests} requests for 100 jobs");
}

#[test]
fn a_list_of_wrong_ids_ends_after_a_short_search() {
    for change in Change::ALL {
        let (server, _) = gong(|_, _| Err(http(400, "", NOT_FOUND)));
        let list = calls(10_000);
        let report: Report = change.batches(&client(&server.url()), &list).collect();
        let requests = server.requests().len();
        assert!(requests <= 30, "{requests} requests");
        assert_eq!(
            sorted([report.refused(), report.remaining()]),
            union([&list])
        );
        assert!(report.done().is_empty());
        let because = "status 400, bad request: Some calls not found (request id x, 1 attempt); \
                       check that every call and user exists";
        assert_eq!(
            report.to_string(),
            format!(
                "done: 0 pairs of 0 calls\n\
                 refused: 10 pairs of 10 calls\n  \
                   user 10000001 seems unknown to Gong: \
                   refused with 10 calls, accepted with none: {because}\n\
                 remaining: 9990 pairs of 9990 calls\n  \
                   9990 of them undecided: {because}\n\
                 requests: {requests}"
            )
        );
    }
}

#[test]
fn an_unknown_call_that_is_all_there_is_takes_few_requests_and_is_named() {
    for change in Change::ALL {
        for users in [50, 120, 1000] {
            let (server, _) = without(&[0], &[]);
            let list = square(1, users);
            let report: Report = change.batches(&client(&server.url()), &list).collect();
            assert!(server.requests().len() <= 12, "{report}");
            let ids: Vec<_> = report.refusals().map(Refusal::id).collect();
            assert_eq!(ids, [Some(Id::Call(pair(0, 0).0))]);
            assert_eq!(report.refused().len() + report.remaining().len(), users);
        }
    }
}

#[test]
fn a_413_halves_requests_until_they_fit() {
    for change in Change::ALL {
        // 8, 4, and then 2 four times or 1 eight times.
        for (fits, most) in [(2, 6), (0, 11)] {
            let (server, _) = gong(move |_, list| match list.len() > fits {
                true => Err(http(413, "", "")),
                false => Ok(()),
            });
            let list = calls(8);
            let report: Report = change.batches(&client(&server.url()), &list).collect();
            assert!(server.requests().len() <= most, "{report}");
            assert_eq!(report.all_done(), fits > 0, "{report}");
            if fits == 0 {
                assert_eq!(report.refused(), &list);
            }
            let is_single =
                |refusal: &Refusal| refusal.id().is_none() && refusal.error().status() == 413;
            assert!(report.refusals().all(is_single));
        }
    }
}

#[test]
fn a_413_limits_later_requests_even_among_bad_calls() {
    for change in Change::ALL {
        // One bad call in each thousand, and at most 500 in a request.
        let bad: BTreeSet<_> = (0..20).map(|n| pair(n * 1000 + 7, 1)).collect();
        let (server, _) = gong(move |_, list| match list {
            list if list.len() > 500 => Err(http(413, "", "")),
            list if list.pairs().any(|pair| bad.contains(&pair)) => Err(http(400, "", NOT_FOUND)),
            _ => Ok(()),
        });
        let builder = builder(&server.url()).max_calls_per_batch(1000);
        let client = builder.requests_per_second(None).build().unwrap();
        let list = calls(20_000);
        let report: Report = change.batches(&client, &list).collect();
        assert_eq!((report.done().len(), report.refused().len()), (19_980, 20));
        let too_large = server
            .requests()
            .iter()
            .filter(|request| request.body.len() > 500 * 60)
            .count();
        assert_eq!(too_large, 1);
    }
}

#[test]
fn any_other_failure_stops_the_job() {
    for change in Change::ALL {
        for (fault, response, attempts, retry_after) in [
            ("wrong credentials", http(401, "", ""), 1, None),
            ("forbidden", http(403, "", ""), 1, None),
            ("not found", http(404, "", ""), 1, None),
            (
                "a redirect",
                http(302, "location: https://other.example/\r\n", ""),
                1,
                None,
            ),
            (
                "a 200 that proves nothing",
                http(200, "", "<html>"),
                1,
                None,
            ),
            (
                "the daily limit",
                http(429, "retry-after: 86400\r\n", ""),
                1,
                Some(86_400),
            ),
            ("a server that keeps failing", http(500, "", ""), 4, None),
            ("a server that is gone", String::new(), 4, None),
        ] {
            let is_gone = response.is_empty();
            let (server, granted) = gong(move |nth, _| {
                if nth == 0 {
                    Ok(())
                } else {
                    Err(response.clone())
                }
            });
            let list = calls(350);
            let client = client(&server.url());
            let mut batches = change.batches(&client, &list);
            let parts: Vec<_> = batches.by_ref().map(Batch::into_parts).collect();
            assert!(batches.next().is_none(), "{fault}");
            assert_eq!(
                batches.remaining().len(),
                250,
                "{fault}: failed or not sent"
            );
            let [
                (done, Outcome::Done(_)),
                (failed, Outcome::Failed(error)),
                (rest, Outcome::NotSent),
            ] = &parts[..]
            else {
                panic!("{fault}: {parts:?}")
            };
            assert_eq!(
                (done.len(), failed.len(), rest.len()),
                (100, 100, 150),
                "{fault}"
            );
            assert_eq!(union([done, failed, rest]), union([&list]), "{fault}");
            assert_eq!(matches!(error, Error::Api(_)), !is_gone, "{fault}: {error}");
            assert_eq!(error.attempts(), attempts, "{fault}");
            assert_eq!(
                error.retry_after(),
                retry_after.map(Duration::from_secs),
                "{fault}"
            );
            assert_eq!(server.requests().len(), 1 + attempts as usize, "{fault}");
            assert!(granted.lock().unwrap().iter().copied().eq(done), "{fault}");
        }
    }
}

#[test]
fn an_unknown_user_or_call_is_found_once_and_costs_no_good_pair() {
    let user = "\n  user 10000004 seems unknown to Gong: refused with 4 calls, accepted with none; \
                4996 more not sent: status 400, bad request";
    let call = "\n  call 10000042 seems unknown to Gong: refused with 2 users, accepted with none; \
                198 more not sent: status 400, bad request";
    for change in Change::ALL {
        for (unknown_calls, unknown_users, list, most, done, expected) in [
            (&[][..], &[4][..], square(5000, 10), 70, 45_000, user),
            (&[42], &[], square(100, 200), 30, 19_800, call),
        ] {
            let (server, granted) = without(unknown_calls, unknown_users);
            let report: Report = change.batches(&client(&server.url()), &list).collect();
            assert!(server.requests().len() <= most, "{report}");
            assert!(report.to_string().contains(expected), "{report}");
            assert_eq!(report.done().len(), done);
            assert!(granted.lock().unwrap().iter().copied().eq(report.done()));
            // What is refused are the pairs of that id, and no others.
            assert_eq!(report.refusals().count(), 1);
            assert_eq!(report.refused().len(), list.len() - done);
        }
    }
}

#[test]
fn a_user_refused_with_some_calls_is_done_with_the_others() {
    for change in Change::ALL {
        let bad = [0, 3, 50, 51, 120].map(|call| pair(call, 1));
        let (server, _) = refusing(&bad);
        let list = square(200, 3);
        let report: Report = change.batches(&client(&server.url()), &list).collect();
        assert_eq!(union([report.refused()]), bad);
        assert_eq!(report.done().len(), 595);
        assert!(report.remaining().is_empty());
        let summary = report.to_string();
        // Both ids are good, so only the pair explains it.
        assert!(
            summary.contains("\n  call 10000003, user 10000001: status 400"),
            "{summary}"
        );
    }
}

#[test]
fn a_job_at_its_search_bound_leaves_pairs_undecided_and_goes_on() {
    for change in Change::ALL {
        // Every fourth pair or so, in no pattern that an id explains, once every user is known; and
        // good pairs behind them.
        let is_bad = |n: &u64| (n.wrapping_mul(2_654_435_761) >> 7) & 3 == 0;
        let bad = (200..8000).filter(is_bad).map(|n| n as usize);
        let bad: BTreeSet<_> = bad.map(|n| pair(n / 10, n % 10)).collect();
        let (server, granted) = refusing(&bad.iter().copied().collect::<Vec<_>>());
        let list = square(1600, 10);
        let client = client(&server.url());
        let batches: Vec<_> = change.batches(&client, &list).collect();
        let undecided: Vec<_> = batches
            .iter()
            .filter(|batch| matches!(batch.outcome(), Outcome::Undecided(error) if error.status() == 400))
            .map(Batch::access_list)
            .collect();
        let is_full = |list: &&&CallAccessList| list.len() == 1000;
        assert!(undecided.iter().filter(is_full).count() >= 3);
        let undecided = sorted(undecided);
        let report: Report = batches.into_iter().collect();
        assert_eq!(union([report.remaining()]), undecided);
        assert!(report.stopped_by().is_none() && !report.all_done());
        assert!(report.done().len() >= 8000, "the rest is still sent");
        let granted = granted.lock().unwrap();
        assert!(granted.iter().copied().eq(report.done()));
        // Where a server refuses pairs, a good pair may look like one of an unknown id.
        let good = report.refused().pairs().filter(|pair| !bad.contains(pair));
        assert!(good.count() < 20, "{report}");
        let shown = format!("\n  {} of them undecided: ", undecided.len());
        assert!(report.to_string().contains(&shown), "{report}");
    }
}

#[test]
fn a_dropped_job_sends_nothing_more_and_loses_no_pair() {
    for change in Change::ALL {
        let (server, _) = without(&[3, 30], &[2]);
        let client = client(&server.url());
        let list = square(40, 5);
        let mut yielded = Vec::new();
        // After each batch in turn.
        for batches in 0.. {
            let mut job = change.batches(&client, &list);
            yielded.clear();
            yielded.extend(job.by_ref().take(batches).map(|batch| batch.into_parts().0));
            let remaining = job.remaining();
            let before = server.requests().len();
            drop(job);
            assert_eq!(sorted(yielded.iter().chain([&remaining])), union([&list]));
            assert_eq!(server.requests().len(), before);
            if remaining.is_empty() {
                break;
            }
        }
        assert!(yielded.len() > 10);
    }
}

#[test]
fn a_million_pairs_are_all_done_in_a_thousand_requests() {
    let server = Server::sends(ok(), Then::KeepAlive);
    let client = client(&server.url());
    let list: CallAccessList = (0..100_000)
        .flat_map(|call| (0..10).map(move |user| pair(call, user)))
        .collect();
    let mut pairs = list.pairs();
    for batch in Change::Grant.batches(&client, &list) {
        assert!(matches!(batch.outcome(), Outcome::Done(_)));
        for pair in batch.access_list() {
            assert_eq!(Some(pair), pairs.next());
        }
    }
    assert_eq!((pairs.next(), server.requests().len()), (None, 1000));
}

#[test]
fn a_stopped_job_sends_nothing_more_and_its_report_is_complete() {
    for change in Change::ALL {
        for batches_before in 0..4 {
            let (server, _) = without(&[150], &[]);
            let client = client(&server.url());
            let list = calls(300);
            let mut batches = change.batches(&client, &list);
            let mut report: Report = batches.by_ref().take(batches_before).collect();
            let requests = server.requests().len();
            batches.stop();
            let remaining = batches.remaining();
            let rest = batches.next().unwrap();
            assert!(matches!(rest.outcome(), Outcome::NotSent), "{rest:?}");
            assert_eq!(rest.requests(), 0);
            report.extend([rest]);
            assert_eq!(report.remaining(), &remaining);
            assert!(batches.next().is_none());
            assert_eq!(batches.remaining(), remaining, "for the next run");
            let all = [report.refused(), report.done(), report.remaining()];
            assert_eq!(sorted(all), union([&list]));
            assert_eq!(server.requests().len(), requests);
        }
    }
}

thread_local! {
    /// Whether the next answer that is logged on this thread panics.
    static PANICS: Cell<bool> = const { Cell::new(false) };
}

struct Panicking;

impl log::Log for Panicking {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        PANICS.get()
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.args().to_string().starts_with("status") && PANICS.replace(false) {
            panic!("in a logger");
        }
    }

    fn flush(&self) {}
}

#[test]
fn a_panic_in_the_middle_of_a_batch_loses_no_pair() {
    log::set_logger(&Panicking).unwrap();
    log::set_max_level(log::LevelFilter::Debug);
    let (server, granted) = refusing(&[]);
    let client = builder(&server.url())
        .max_calls_per_batch(2)
        .requests_per_second(None);
    let client = client.build().unwrap();
    let list = calls(6);
    let mut batches = client.grant_batches(&list);
    let first = batches.next().unwrap().into_parts().0;
    PANICS.set(true);
    let panicked = panic::catch_unwind(AssertUnwindSafe(|| batches.next()));
    assert!(panicked.is_err());
    assert_eq!(union([&first, &batches.remaining()]), union([&list]));
    let rest: Report = batches.collect();
    assert_eq!(union([&first, rest.done()]), union([&list]));
    assert_eq!(server.requests().len(), 4, "the one in the middle twice");
    assert_eq!(granted.lock().unwrap().len(), 6);
}

#[test]
fn a_report_reads_well_and_its_remaining_pairs_can_be_loaded_again() {
    for change in Change::ALL {
        let (server, _) = gong(|nth, list| match nth {
            0 | 2 => Ok(()),
            1 if list.len() > 1 => Err(http(400, "", NOT_FOUND)),
            3 | 4 => Err(http(400, "", NOT_FOUND)),
            _ => Err(http(429, "retry-after: 7201\r\n", "")),
        });
        let client = builder(&server.url())
            .max_calls_per_batch(2)
            .requests_per_second(None)
            .retry(quick());
        let client = client.build().unwrap();
        let list = calls(9);
        let mut report = Report::default();
        report.extend(change.batches(&client, &list));
        assert_eq!(
            report.to_string(),
            "done: 3 pairs of 3 calls\n\
         refused: 1 pair of 1 call\n  \
           call 10000003 seems unknown to Gong: refused with 1 user, accepted with none: \
             status 400, bad request: \
             Some calls not found \
             (request id x, 1 attempt); check that every call and user exists\n\
         remaining: 5 pairs of 5 calls\n\
         requests: 6\n\
         stopped by: status 429, too many requests (retry after 7201 s, 1 attempt); \
           try again later; the limits are shared by all tools of the company"
        );
        let json = serde_json::to_string(report.remaining()).unwrap();
        assert!(
            json.starts_with(r#"{"callAccessList":[{"callId":"10000004","#),
            "{json}"
        );
        assert_eq!(
            &serde_json::from_str::<CallAccessList>(&json).unwrap(),
            report.remaining()
        );
    }
}

#[test]
fn a_report_shows_the_cause_of_a_transport_error() {
    for change in Change::ALL {
        let server = Server::sends("", Then::Close);
        let client = common::once(&server.url());
        let report: Report = change.batches(&client, &calls(1)).collect();
        let error = report.stopped_by().unwrap();
        let cause = std::error::Error::source(error).unwrap();
        let end = format!("\nstopped by: {error}\n  {cause}");
        assert!(report.to_string().ends_with(&end), "{report}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn the_id_with_the_most_refused_pairs_comes_first() {
    for change in Change::ALL {
        let (server, _) = without(&[0], &[2]);
        let list = (1..31).flat_map(|call| [pair(call, 1), pair(call, 2)]);
        let list = list.chain([pair(0, 1)]).collect();
        let report: Report = change.batches(&client(&server.url()), &list).collect();
        let refusals: Vec<_> = report
            .refusals()
            .map(|refusal| (refusal.id().unwrap(), refusal.access_list().len()))
            .collect();
        assert_eq!(
            refusals,
            [(Id::User(pair(0, 2).1), 30), (Id::Call(pair(0, 0).0), 1)]
        );
    }
}

#[test]
fn a_pair_that_is_too_large_says_nothing_about_its_ids() {
    for change in Change::ALL {
        let (server, _) = gong(|nth, _| match nth {
            0 | 1 => Err(http(413, "", "")),
            _ => Err(http(400, "", NOT_FOUND)),
        });
        let list = calls(2);
        let report: Report = change.batches(&client(&server.url()), &list).collect();
        let shown = report.to_string();
        // The user was refused with two calls, but only once because of an id.
        let pairs: Vec<_> = list.pairs().collect();
        let too_large = format!("call {}, user {}: status 413", pairs[0].0, pairs[0].1);
        // So nothing tells the other call from its user.
        let unknown = format!("call {}, user {}: status 400", pairs[1].0, pairs[1].1);
        assert!(
            shown.contains(&too_large) && shown.contains(&unknown),
            "{shown}"
        );
        assert_eq!(server.requests().len(), 3);
    }
}
