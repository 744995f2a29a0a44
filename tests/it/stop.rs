//! A job that is stopped stops waiting, sends nothing more, and accounts for every pair.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Server, Then, Verb, builder, client, http, ok};
use gong_call_access::{Batch, CallAccessList, Error, Outcome, Report, RetryPolicy, UserId};

const SECOND: Duration = Duration::from_secs(1);

fn calls(count: usize) -> CallAccessList {
    let user: UserId = "7".parse().unwrap();
    (1..=count)
        .map(|call| (call.to_string().parse().unwrap(), user))
        .collect()
}

/// The kinds of these batches, which are a partition of the list.
#[track_caller]
fn outcomes(batches: &[Batch], list: &CallAccessList) -> Vec<&'static str> {
    let pairs: Vec<_> = batches.iter().flat_map(Batch::access_list).collect();
    assert!(pairs.into_iter().eq(list), "a partition: {batches:?}");
    let kind = |batch: &Batch| match batch.outcome() {
        Outcome::Done(_) => "Done",
        Outcome::Failed(Error::Api(error)) if error.status() == 503 => "Failed(503)",
        Outcome::NotSent => "NotSent",
        _ => panic!("{batch:?}"),
    };
    batches.iter().map(kind).collect()
}

#[test]
fn a_stop_ends_every_wait_at_once() {
    let asks_to_wait = |status| Server::sends(http(status, "retry-after: 60\r\n", ""), Then::Close);
    let (none, retries) = (RetryPolicy::none(), RetryPolicy::default());
    for (waits_for, retry, expected) in [
        ("a permit", none.clone(), &["NotSent"][..]),
        ("a hold", none, &["NotSent"]),
        ("a retry", retries, &["Failed(503)", "NotSent"]),
    ] {
        let stop = || {
            let server = match waits_for {
                // Another call has the only permit until the server is dropped.
                "a permit" => Server::sends("", Then::Hang),
                "a hold" => asks_to_wait(429),
                _ => asks_to_wait(503),
            };
            let builder = builder(&server.url())
                .max_calls_per_batch(1)
                .retry(retry.clone());
            let client = &builder.requests_per_second(1).build().unwrap();
            let list = &calls(3);
            thread::scope(move |scope| {
                if waits_for != "a retry" {
                    scope.spawn(|| drop(Verb::Revoke.send(client)));
                    assert_eq!(server.arrived(1), 1);
                }
                let batches = client.grant_batches(list);
                let handle = batches.stop_handle();
                let job = scope.spawn(|| (batches.collect::<Vec<_>>(), Instant::now()));
                assert_eq!(server.arrived(1), 1);
                // Most likely the job waits after that. If not, it must end all the same.
                thread::sleep(SECOND / 50);
                let stopped = Instant::now();
                handle.stop();
                let (batches, ended) = job.join().unwrap();
                assert_eq!(outcomes(&batches, list), expected, "{waits_for}");
                assert_eq!(server.requests().len(), 1, "{waits_for}");
                ended - stopped
            })
        };
        // A busy machine may be late once.
        let took = (0..3).map(|_| stop()).min().unwrap();
        assert!(took < SECOND / 10, "{waits_for}: {took:?}");
    }
}

#[test]
fn a_request_in_flight_is_waited_for_and_counts() {
    for (response, expected) in [
        (ok(), &["Done", "NotSent"][..]),
        (http(503, "", ""), &["Failed(503)", "NotSent"]),
        // It would be searched for the refused call.
        (http(400, "", ""), &["NotSent"]),
    ] {
        let steps = Arc::new(Barrier::new(2));
        let in_handler = Arc::clone(&steps);
        let server = Server::start(move |exchange| {
            in_handler.wait();
            in_handler.wait();
            exchange.send(&response);
            Then::KeepAlive
        });
        let builder = builder(&server.url()).max_calls_per_batch(4);
        let client = builder.build().unwrap();
        let list = calls(8);
        let batches = client.grant_batches(&list);
        let handle = batches.stop_handle();
        let batches: Vec<_> = thread::scope(|scope| {
            let job = scope.spawn(|| batches.collect());
            steps.wait();
            handle.stop();
            steps.wait();
            job.join().unwrap()
        });
        assert_eq!(outcomes(&batches, &list), expected);
        let requests: Vec<_> = batches.iter().map(Batch::requests).collect();
        assert_eq!(requests.iter().sum::<u32>(), 1, "{requests:?}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_handle_stops_its_own_job_alone_at_any_time() {
    let server = Server::sends(ok(), Then::KeepAlive);
    let client = client(&server.url());
    let list = calls(3);
    let batches = client.grant_batches(&list);
    let handles = [batches.stop_handle(), batches.stop_handle().clone()];
    handles[0].stop();
    assert!(format!("{:?}", handles[1]).contains("is_stopped: true"));
    handles[1].stop();
    let batches: Vec<_> = batches.collect();
    assert_eq!(outcomes(&batches, &list), ["NotSent"]);
    assert_eq!(server.connections(), 0);

    let mut batches = client.grant_batches(&list);
    let handle = batches.stop_handle();
    let report: Report = batches.by_ref().collect();
    handle.stop();
    assert!(report.all_done() && batches.next().is_none());
    drop(batches);
    handle.stop();
    assert_eq!(server.requests().len(), 1);
}
