//! Jobs of any size, with every pair accounted for: rows 41 to 48.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod common;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Exchange, Server, Then, builder, client, http, ok, quick};
use gong_call_access::*;
use proptest::prelude::*;

type Pair = (CallId, UserId);

fn pair(call: usize, user: usize) -> Pair {
    let id = |n: usize| (10_000_000 + n).to_string();
    (id(call).parse().unwrap(), id(user).parse().unwrap())
}

/// So many calls, each with one user.
fn calls(count: usize) -> CallAccessList {
    (0..count).map(|call| pair(call, 1)).collect()
}

const NOT_FOUND: &str = r#"{"requestId":"x","errors":["Some calls not found"]}"#;

/// A server that knows which pairs it acknowledged, and answers what `decide` says of a list.
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

/// A server that refuses lists with any of these pairs.
fn refusing(bad: &[Pair]) -> (Server, Arc<Mutex<BTreeSet<Pair>>>) {
    let bad: BTreeSet<_> = bad.iter().copied().collect();
    gong(move |_, list| {
        if list.pairs().any(|pair| bad.contains(&pair)) {
            return Err(http(400, "", NOT_FOUND));
        }
        Ok(())
    })
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

fn union<'a>(lists: impl IntoIterator<Item = &'a CallAccessList>) -> Vec<Pair> {
    lists.into_iter().flatten().collect()
}

#[test]
fn nothing_is_sent_before_the_first_batch_and_one_request_for_each() {
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
fn row_10_an_empty_list_yields_nothing() {
    for change in Change::ALL {
        let (server, _) = refusing(&[]);
        let report: Report = change
            .batches(&client(&server.url()), &CallAccessList::new())
            .collect();
        assert!(report.all_done());
        assert_eq!(server.connections(), 0, "row 10");
    }
}

#[test]
fn row_41_one_unknown_call_among_100_is_refused_alone() {
    for change in Change::ALL {
        for unknown in [0, 1, 42, 50, 98, 99] {
            let (server, granted) = refusing(&[pair(unknown, 1)]);
            let list = calls(100);
            let report: Report = change.batches(&client(&server.url()), &list).collect();
            assert!(
                server.requests().len() <= 1 + common::EXTRA_REQUESTS_FOR_ONE_OF_100,
                "row 41: {}",
                server.requests().len()
            );
            let refused: Vec<_> = report.refused().collect();
            let [(alone, error)] = refused[..] else {
                panic!("row 41: {report}")
            };
            assert_eq!(union([alone]), [pair(unknown, 1)], "row 41");
            assert_eq!(error.messages(), ["Some calls not found"], "row 41");
            assert_eq!(
                (report.done().len(), report.remaining().len()),
                (99, 0),
                "row 41"
            );
            assert!(
                granted.lock().unwrap().iter().copied().eq(report.done()),
                "row 41"
            );
            assert!(
                !report.all_done() && report.stopped_by().is_none(),
                "row 41"
            );
        }
    }
}

#[test]
fn row_41_three_unknown_calls_among_1000_take_at_most_55_requests() {
    for change in Change::ALL {
        for (unknown, bound) in [
            ([0, 1, 2], 100),
            ([5, 500, 995], 100),
            ([1, 500, 998], 1000),
        ] {
            let (server, _) = refusing(&unknown.map(|call| pair(call, 1)));
            let client = builder(&server.url())
                .max_calls_per_batch(bound)
                .requests_per_second(None);
            let list = calls(1000);
            let report: Report = change.batches(&client.build().unwrap(), &list).collect();
            assert_eq!(
                (report.done().len(), report.refused().count()),
                (997, 3),
                "row 41"
            );
            assert!(
                server.requests().len() <= 55,
                "row 41: {}",
                server.requests().len()
            );
        }
    }
}

#[test]
fn row_41_a_bad_user_of_a_call_is_refused_alone() {
    for change in Change::ALL {
        let (server, _) = refusing(&[pair(2, 77)]);
        let list: CallAccessList = (0..5)
            .flat_map(|call| (0..100).map(move |user| pair(call, user)))
            .collect();
        let report: Report = change.batches(&client(&server.url()), &list).collect();
        assert_eq!(union(report.refused().map(|(list, _)| list)), [pair(2, 77)]);
        assert_eq!(report.done().len(), 499);
    }
}

#[test]
fn row_42_a_file_of_wrong_ids_ends_within_the_bound() {
    for change in Change::ALL {
        let (server, _) = gong(|_, _| Err(http(400, "", NOT_FOUND)));
        let list = calls(10_000);
        let report: Report = change.batches(&client(&server.url()), &list).collect();
        assert_eq!(
            server.requests().len(),
            100 + common::EXTRA_REQUESTS,
            "row 42"
        );
        assert_eq!(
            union(report.refused().map(|(list, _)| list)),
            union([&list]),
            "row 42"
        );
        assert!(
            report.remaining().is_empty() && report.done().is_empty(),
            "row 42"
        );
        let summary = report.to_string();
        assert!(
            summary.contains("refused: 10000 pairs of 10000 calls"),
            "{summary}"
        );
        let more = report.refused().count() - 5;
        let more = format!("  and {more} more, with 9995 pairs of 9995 calls\n");
        assert!(summary.contains(&more), "{summary}");
        assert!(
            summary.contains("requests: 1100") && summary.lines().count() < 12,
            "{summary}"
        );
    }
}

#[test]
fn row_42_a_400_that_is_about_the_whole_request_still_ends_in_a_partition() {
    for change in Change::ALL {
        let parse =
            r#"{"errors":["Json parse error, verify Json format matches the API description."]}"#;
        let (server, _) = gong(|_, _| Err(http(400, "", parse)));
        let list = calls(8);
        let report: Report = change.batches(&client(&server.url()), &list).collect();
        assert_eq!(
            union(report.refused().map(|(list, _)| list)),
            union([&list])
        );
        assert_eq!(server.requests().len(), 15);
    }
}

#[test]
fn row_43_a_413_halves_until_it_fits() {
    for change in Change::ALL {
        let fits = |most: usize| {
            gong(move |_, list| {
                if list.len() > most {
                    Err(http(413, "", ""))
                } else {
                    Ok(())
                }
            })
        };
        let list = calls(8);
        let (server, _) = fits(2);
        let report: Report = change.batches(&client(&server.url()), &list).collect();
        assert!(report.all_done(), "row 43: {report}");
        assert_eq!(server.requests().len(), 7, "row 43");

        let (server, _) = fits(0);
        let report: Report = change.batches(&client(&server.url()), &list).collect();
        assert_eq!(report.refused().count(), 8, "row 43");
        assert_eq!(server.requests().len(), 15, "row 43");
        assert!(
            report
                .refused()
                .all(|(list, error)| list.len() == 1 && error.status() == 413)
        );

        // Later batches are as small as what fitted, so the extra requests do not grow with the
        // job.
        let (server, _) = fits(30);
        let list = calls(100_000);
        let report: Report = change.batches(&client(&server.url()), &list).collect();
        assert!(report.all_done(), "row 43: {report}");
        assert!(
            server.requests().len() < 100_000 / 25 + 10,
            "row 43: {}",
            server.requests().len()
        );
    }
}

#[test]
fn row_43_a_413_teaches_a_size_although_there_are_bad_calls() {
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
        assert_eq!(
            (report.done().len(), report.refused().count()),
            (19_980, 20),
            "row 43"
        );
        let too_large = server
            .requests()
            .iter()
            .filter(|request| request.body.len() > 500 * 60)
            .count();
        assert_eq!(too_large, 1, "row 43");
    }
}

#[test]
fn rows_44_to_46_any_other_failure_stops_the_job() {
    for change in Change::ALL {
        for (row, response, attempts, retry_after) in [
            ("44", http(401, "", ""), 1, None),
            ("44", http(403, "", ""), 1, None),
            ("44", http(404, "", ""), 1, None),
            (
                "44",
                http(302, "location: https://other.example/\r\n", ""),
                1,
                None,
            ),
            ("44", http(200, "", "<html>"), 1, None),
            (
                "45",
                http(429, "retry-after: 86400\r\n", ""),
                1,
                Some(86_400),
            ),
            ("46", http(500, "", ""), 4, None),
            ("46", String::new(), 4, None),
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
            assert!(
                batches.next().is_none() && batches.remaining().is_empty(),
                "row {row}"
            );
            let [
                (done, Outcome::Done(_)),
                (failed, Outcome::Failed(error)),
                (rest, Outcome::NotSent),
            ] = &parts[..]
            else {
                panic!("row {row}: {parts:?}")
            };
            assert_eq!(
                (done.len(), failed.len(), rest.len()),
                (100, 100, 150),
                "row {row}"
            );
            assert_eq!(union([done, failed, rest]), union([&list]), "row {row}");
            assert_eq!(
                matches!(error, Error::Api(_)),
                !is_gone,
                "row {row}: {error}"
            );
            assert_eq!(error.attempts(), attempts, "row {row}");
            assert_eq!(
                error.retry_after(),
                retry_after.map(Duration::from_secs),
                "row {row}"
            );
            assert_eq!(server.requests().len(), 1 + attempts as usize, "row {row}");
            assert!(
                granted.lock().unwrap().iter().copied().eq(done),
                "row {row}"
            );
        }
    }
}

#[test]
fn row_44_a_failure_at_the_end_leaves_nothing_unsent() {
    for change in Change::ALL {
        let (server, _) = gong(|_, _| Err(http(401, "", "")));
        let list = calls(3);
        let client = client(&server.url());
        let outcomes: Vec<_> = change
            .batches(&client, &list)
            .map(|batch| batch.into_parts().1)
            .collect();
        assert!(
            matches!(outcomes[..], [Outcome::Failed(Error::Api(_))]),
            "row 44: {outcomes:?}"
        );
    }
}

#[test]
fn row_44_a_failure_among_halves_leaves_every_half_in_the_rest() {
    for change in Change::ALL {
        let (server, _) = gong(|nth, _| match nth {
            0 => Err(http(400, "", "")),
            1 => Ok(()),
            _ => Err(http(401, "", "")),
        });
        let client = builder(&server.url())
            .max_calls_per_batch(8)
            .build()
            .unwrap();
        let list = calls(12);
        let report: Report = change.batches(&client, &list).collect();
        assert_eq!((report.done().len(), report.remaining().len()), (4, 8));
        assert_eq!(union([report.done(), report.remaining()]), union([&list]));
        assert_eq!(server.requests().len(), 3);
    }
}

#[test]
fn row_47_a_million_pairs_are_a_partition_in_a_thousand_requests() {
    let server = Server::sends(ok(), Then::KeepAlive);
    let client = client(&server.url());
    let list: CallAccessList = (0..100_000)
        .flat_map(|call| (0..10).map(move |user| pair(call, user)))
        .collect();
    let mut pairs = list.pairs();
    for batch in Change::Grant.batches(&client, &list) {
        assert!(matches!(batch.outcome(), Outcome::Done(_)), "row 47");
        for pair in batch.access_list() {
            assert_eq!(Some(pair), pairs.next(), "row 47");
        }
    }
    assert_eq!(
        (pairs.next(), server.requests().len()),
        (None, 1000),
        "row 47"
    );
}

#[test]
fn row_48_a_dropped_iterator_sends_nothing_more_and_the_list_can_be_given_again() {
    for change in Change::ALL {
        let (server, granted) = refusing(&[]);
        let client = client(&server.url());
        let list = calls(300);
        let mut batches = change.batches(&client, &list);
        let first = batches.next().unwrap().into_parts().0;
        let remaining = batches.remaining();
        drop(batches);
        assert_eq!(server.requests().len(), 1, "row 48");
        assert_eq!(union([&first, &remaining]), union([&list]), "row 48");
        let report: Report = change.batches(&client, &list).collect();
        assert!(report.all_done(), "row 48");
        assert_eq!(
            (server.requests().len(), granted.lock().unwrap().len()),
            (4, 300),
            "row 48"
        );
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
fn row_48_a_panic_in_the_middle_of_a_batch_loses_no_pair() {
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
fn a_report_can_be_read_by_people_and_what_remains_by_the_next_run() {
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
           call 10000003, user 10000001: status 400, bad request: Some calls not found \
             (request id x, 1 attempt); check that every call and user exists\n\
         remaining: 5 pairs of 5 calls\n\
         requests: 6\n\
         stopped by: status 429, too many requests (retry after 7201 s, 1 attempt); \
           try again later; the limits are shared by all tools of the company\n\
         go on after: 3 h"
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
fn at_gongs_limit_a_job_of_30_requests_gets_no_429() {
    let arrivals = Mutex::new(Vec::new());
    let server = Server::start(move |exchange| {
        let mut arrivals = arrivals.lock().unwrap();
        arrivals.push(exchange.request.at);
        let is_over = arrivals.len() > 3
            && exchange.request.at - arrivals[arrivals.len() - 4] < Duration::from_secs(1);
        exchange.send(if is_over { http(429, "", "") } else { ok() });
        Then::KeepAlive
    });
    let client = builder(&server.url())
        .max_calls_per_batch(1)
        .build()
        .unwrap();
    let list = calls(30);
    let started = std::time::Instant::now();
    for batch in Change::Grant.batches(&client, &list) {
        assert!(matches!(batch.outcome(), Outcome::Done(receipt) if receipt.attempts() == 1));
    }
    println!("30 requests at 3 a second took {:?}", started.elapsed());
    assert_eq!(server.requests().len(), 30);
}

/// How the server of a property misbehaves.
#[derive(Debug, Clone)]
struct Faults {
    bad_calls: BTreeSet<usize>,
    bad_pairs: BTreeSet<(usize, usize)>,
    most_pairs: usize,
    fails_at: Option<(usize, u16)>,
}

fn faults() -> impl Strategy<Value = Faults> {
    let status = proptest::sample::select(vec![0, 401, 404, 429, 500, 302]);
    (
        proptest::collection::btree_set(0..12_usize, 0..4),
        proptest::collection::btree_set((0..12_usize, 0..6_usize), 0..4),
        prop_oneof![3 => Just(usize::MAX), 1 => 0..10_usize],
        proptest::option::of((0..30_usize, status)),
    )
        .prop_map(|(bad_calls, bad_pairs, most_pairs, fails_at)| Faults {
            bad_calls,
            bad_pairs,
            most_pairs,
            fails_at,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_pair_is_accounted_for_whatever_the_server_does(
        pairs in proptest::collection::btree_set((0..12_usize, 0..6_usize), 0..50),
        most_calls in 1..8_usize,
        most_pairs in 1..12_usize,
        faults in faults(),
        change in proptest::sample::select(Change::ALL.to_vec()),
    ) {
        let list: CallAccessList = pairs.iter().map(|(call, user)| pair(*call, *user)).collect();
        let is_bad = {
            let faults = faults.clone();
            let bad_calls: BTreeSet<_> = faults.bad_calls.iter().map(|call| pair(*call, 0).0).collect();
            let bad_pairs: BTreeSet<_> = faults.bad_pairs.iter().map(|(call, user)| pair(*call, *user)).collect();
            move |pair: Pair| bad_calls.contains(&pair.0) || bad_pairs.contains(&pair)
        };
        let (is_bad_for_server, server_faults) = (is_bad.clone(), faults.clone());
        let (server, granted) = gong(move |nth, list| match server_faults.fails_at {
            Some((at, 0)) if nth >= at => Err(String::new()),
            Some((at, status)) if nth >= at => Err(http(status, "retry-after: 86400\r\n", "")),
            _ if list.len() > server_faults.most_pairs => Err(http(413, "", "")),
            _ if list.pairs().any(&is_bad_for_server) => Err(http(400, "", NOT_FOUND)),
            _ => Ok(()),
        });
        let client = builder(&server.url())
            .retry(quick().max_attempts(2))
            .requests_per_second(None)
            .max_calls_per_batch(most_calls)
            .max_pairs_per_batch(most_pairs)
            .build()
            .unwrap();
        let batches: Vec<_> = change.batches(&client, &list).collect();

        let yielded = union(batches.iter().map(Batch::access_list));
        prop_assert_eq!(yielded, union([&list]), "a partition, in order");
        prop_assert!(batches.iter().all(|batch| !batch.access_list().is_empty()));

        let report: Report = batches.into_iter().collect();
        let granted = granted.lock().unwrap();
        prop_assert!(report.done().pairs().all(|pair| granted.contains(&pair)), "acknowledged");
        let refused = union(report.refused().map(|(list, _)| list));
        prop_assert_eq!(report.done().len() + refused.len() + report.remaining().len(), list.len());
        prop_assert_eq!(report.remaining().is_empty(), report.stopped_by().is_none());
        if report.stopped_by().is_none() {
            let expected: Vec<_> = list
                .pairs()
                .filter(|pair| is_bad(*pair) || faults.most_pairs == 0)
                .collect();
            prop_assert_eq!(refused, expected, "exactly the bad pairs");
        }
        prop_assert!(server.requests().len() <= 2 * list.len() + 1);
    }
}
