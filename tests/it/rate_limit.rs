//! How many requests reach the server, and when; how long a 429 holds them back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Server, TOKEN, Then, builder, for_each_verb, http, ok, quick};
use gong_call_access::{
    CallAccessList, Client, Credentials, Error, Outcome, Report, RetryPolicy, UserId,
};

const SECOND: Duration = Duration::from_secs(1);

/// Another client within the same limits, of each kind that there is.
fn another(client: &Client, nth: usize) -> Client {
    match nth % 2 {
        0 => client.clone(),
        _ => client.to_builder().build().unwrap(),
    }
}

/// Asserts that no window of a second saw more requests than this.
#[track_caller]
fn assert_rate(server: &Server, limit: usize) {
    let mut arrivals: Vec<_> = server.requests().iter().map(|request| request.at).collect();
    arrivals.sort();
    for window in arrivals.windows(limit + 1) {
        let took = window[limit] - window[0];
        assert!(took >= SECOND, "{} requests in {took:?}", limit + 1);
    }
}

#[test]
fn no_window_of_a_second_sees_more_requests_than_the_limit() {
    for_each_verb(|verb| {
        thread::scope(|scope| {
            for latency in [0, 300] {
                scope.spawn(move || {
                    // Every fifth is refused, so that retries are counted too.
                    let server = Server::start(move |exchange| {
                        thread::sleep(Duration::from_millis(latency));
                        let is_fifth = exchange.nth % 5 == 4;
                        exchange.send(if is_fifth { http(500, "", "") } else { ok() });
                        Then::KeepAlive
                    });
                    let client = builder(&server.url())
                        .requests_per_second(5)
                        .retry(quick())
                        .build()
                        .unwrap();
                    let started = Instant::now();
                    thread::scope(|scope| {
                        for nth in 0..8 {
                            let client = another(&client, nth);
                            scope.spawn(move || {
                                for _ in 0..2 {
                                    assert!(verb.send(&client).unwrap().is_success());
                                }
                            });
                        }
                    });
                    assert_eq!(server.requests().len(), 19, "16 and 3 retries");
                    assert_rate(&server, 5);
                    // As fast as the limit allows: four rounds of five requests, each a second
                    // after the one before.
                    assert!(started.elapsed() < SECOND * 10, "{:?}", started.elapsed());
                });
            }
        });
    });
}

#[test]
fn as_many_requests_as_the_limit_are_sent_at_once() {
    for_each_verb(|verb| {
        // The first is answered when the third is there, so none of them may wait for another to end.
        let arrived = AtomicUsize::new(0);
        let server = Server::start(move |exchange| {
            arrived.fetch_add(1, Ordering::SeqCst);
            let deadline = Instant::now() + SECOND * 20;
            while arrived.load(Ordering::SeqCst) < 3 {
                if Instant::now() > deadline {
                    return Then::Close;
                }
                thread::yield_now();
            }
            exchange.send(ok());
            Then::KeepAlive
        });
        let builder = builder(&server.url()).retry(RetryPolicy::none());
        let client = builder.build().unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert!(verb.send(&client).unwrap().is_success()));
            }
        });
        assert_eq!(server.requests().len(), 4);
        assert_rate(&server, 3);
    });
}

#[test]
fn a_429_holds_every_clone_until_its_retry_after() {
    for_each_verb(|verb| {
        let server = Server::start(|exchange| {
            let busy = http(429, "retry-after: 1\r\n", "");
            exchange.send(if exchange.nth == 0 { busy } else { ok() });
            Then::KeepAlive
        });
        let client = builder(&server.url())
            .requests_per_second(None)
            .retry(quick().max_attempts(1))
            .build()
            .unwrap();
        assert!(!verb.send(&client).unwrap().is_success());
        thread::scope(|scope| {
            for nth in 0..4 {
                let client = another(&client, nth);
                scope.spawn(move || assert!(verb.send(&client).unwrap().is_success()));
            }
        });
        let requests = server.requests();
        assert_eq!(requests.len(), 5);
        for request in &requests[1..] {
            assert!(request.at - requests[0].at >= SECOND);
        }
    });
}

#[test]
fn a_client_with_a_limit_of_its_own_shares_nothing() {
    for_each_verb(|verb| {
        let server = Server::start(|exchange| {
            let busy = http(429, "retry-after: 60\r\n", "");
            exchange.send(if exchange.nth == 0 { busy } else { ok() });
            Then::KeepAlive
        });
        let builder = builder(&server.url()).requests_per_second(1);
        let client = builder.total_timeout(SECOND / 2).build().unwrap();
        assert_eq!(verb.refusal(&client).status(), 429);
        let other = client.to_builder().requests_per_second(1).build().unwrap();
        assert_eq!(verb.receipt(&other).attempts(), 1);
        assert_eq!(verb.failure(&client).attempts(), 0);
        assert_eq!(server.requests().len(), 2);
    });
}

#[test]
fn a_job_that_outlives_its_token_continues_within_the_same_limit() {
    let server = Server::start(|exchange| {
        let [token] = exchange.request.header("authorization")[..] else {
            return Then::Close;
        };
        let is_expired = exchange.nth > 0 && token == format!("Bearer {TOKEN}");
        exchange.send(if is_expired { http(401, "", "") } else { ok() });
        Then::KeepAlive
    });
    let client = Client::builder(Credentials::bearer(TOKEN).unwrap())
        .base_url(server.url())
        .requests_per_second(2)
        .max_calls_per_batch(1)
        .build()
        .unwrap();
    let user: UserId = "7".parse().unwrap();
    let list: CallAccessList = (1..=4)
        .map(|call| (call.to_string().parse().unwrap(), user))
        .collect();
    let batches: Vec<_> = client.grant_batches(&list).collect();
    let [done, failed, rest] = &batches[..] else {
        panic!("{batches:?}")
    };
    assert!(matches!(done.outcome(), Outcome::Done(_)));
    assert!(
        matches!(failed.outcome(), Outcome::Failed(Error::Api(error)) if error.status() == 401)
    );
    assert!(matches!(rest.outcome(), Outcome::NotSent));
    let report: Report = batches.into_iter().collect();
    let credentials = Credentials::bearer("new-token").unwrap();
    let client = client
        .to_builder()
        .credentials(credentials)
        .build()
        .unwrap();
    let rest: Report = client.grant_batches(report.remaining()).collect();
    assert_eq!((report.done().len(), rest.done().len()), (1, 3));
    assert_eq!(server.requests().len(), 5);
    assert_rate(&server, 2);
}

#[test]
fn a_call_held_back_by_a_429_is_a_timeout_with_a_retry_after() {
    for_each_verb(|verb| {
        let server = Server::sends(http(429, "retry-after: 60\r\n", ""), Then::KeepAlive);
        let client = builder(&server.url())
            .total_timeout(SECOND * 10)
            .build()
            .unwrap();
        let first = verb.refusal(&client);
        assert_eq!(
            (first.attempts(), first.retry_after()),
            (1, Some(SECOND * 60))
        );
        let started = Instant::now();
        let error = verb.failure(&client.clone());
        assert!(started.elapsed() < SECOND * 5, "the wait is not begun");
        assert!(error.is_timeout() && !error.is_connect(), "{error:?}");
        assert_eq!(error.attempts(), 0);
        let retry_after = error.retry_after().unwrap();
        assert!(
            retry_after > SECOND * 50 && retry_after <= SECOND * 60,
            "{retry_after:?}"
        );
        assert!(error.to_string().contains("Gong asked to wait"), "{error}");
        assert_eq!(server.requests().len(), 1);
    });
}

#[test]
fn waiting_for_a_permit_counts_towards_the_total_timeout() {
    for_each_verb(|verb| {
        let server = Server::sends(ok(), Then::KeepAlive);
        let client = builder(&server.url())
            .requests_per_second(1)
            .total_timeout(SECOND / 2)
            .build()
            .unwrap();
        assert!(verb.send(&client).unwrap().is_success());
        let error = verb.failure(&client);
        assert!(error.is_timeout(), "{error:?}");
        assert_eq!((error.attempts(), error.retry_after()), (0, None));
        assert_eq!(server.requests().len(), 1);
    });
}

#[test]
fn without_time_for_a_retry_the_last_response_is_returned() {
    for_each_verb(|verb| {
        let server = Server::sends(http(500, "", ""), Then::KeepAlive);
        let builder = builder(&server.url()).requests_per_second(1);
        let client = builder
            .retry(quick())
            // A permit is free a second after the first attempt, which is later than this.
            .total_timeout(SECOND)
            .build()
            .unwrap();
        let error = verb.refusal(&client);
        assert_eq!((error.status(), error.attempts()), (500, 1));
        assert_eq!(server.requests().len(), 1);
    });
}
