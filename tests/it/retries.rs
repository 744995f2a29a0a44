//! What is retried, when, and for how long.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{
    self, Server, Then, Verb, builder, client, for_each_verb, http, ok, quick, variant,
};
use gong_call_access::{ClientBuilder, RetryPolicy};

const SECOND: Duration = Duration::from_secs(1);

/// A server that sends these responses in turn, then successes.
fn responds(responses: &[String]) -> Server {
    let responses = responses.to_vec();
    Server::start(move |exchange| {
        let response = responses.get(exchange.nth).cloned();
        exchange.send(response.unwrap_or_else(ok));
        Then::KeepAlive
    })
}

/// A builder of clients with two attempts and no rate limit, for waits of whole seconds.
fn twice(server: &Server) -> ClientBuilder {
    let builder = builder(&server.url()).requests_per_second(None);
    builder.retry(quick().max_attempts(2))
}

/// Random waits so long that only an immediate retry arrives in time.
fn patient() -> RetryPolicy {
    let month = SECOND * 60 * 60 * 24 * 30;
    RetryPolicy::default().base_delay(month).max_delay(month)
}

/// The time between the first two requests.
fn gap(server: &Server) -> Duration {
    let requests = server.requests();
    let [first, second] = &requests[..] else {
        panic!("expected two requests, got {requests:?}")
    };
    second.at - first.at
}

#[test]
fn a_refused_connection_is_retried() {
    for_each_verb(|verb| {
        let address = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let error = verb.failure(&client(&format!("http://{address}")));
        assert!(error.is_connect(), "{error:?}");
        assert_eq!(error.attempts(), 4);
        assert!(error.to_string().contains(" (4 attempts); "), "{error}");
    });
}

#[test]
fn a_stale_connection_is_replaced_at_once() {
    for_each_verb(|verb| {
        let both = Barrier::new(2);
        let server = Server::start(move |exchange| {
            if exchange.nth == 2 {
                return Then::Close;
            }
            // Two at a time, so that two connections are kept alive, and both are stale later.
            if exchange.nth < 2 {
                both.wait();
            }
            exchange.send(ok());
            Then::KeepAlive
        });
        let client = builder(&server.url())
            .retry(patient())
            .requests_per_second(None)
            .build()
            .unwrap();
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| assert!(verb.send(&client).unwrap().is_success()));
            }
        });
        assert_eq!(server.connections(), 2);
        let receipt = verb.receipt(&client);
        assert_eq!(receipt.attempts(), 2);
        let requests = server.requests();
        assert_eq!(requests.len(), 4);
        assert_eq!(
            (server.connections(), requests[3].connection),
            (3, 2),
            "not a kept-alive one"
        );
        assert_eq!(requests[2].body, requests[3].body);
    });
}

#[test]
fn two_hundred_connections_closed_while_idle_are_two_hundred_successes() {
    for_each_verb(|verb| {
        let server = Server::sends(ok(), Then::Close);
        let client = client(&server.url());
        for _ in 0..200 {
            assert!(verb.send(&client).unwrap().is_success());
        }
        assert_eq!((server.requests().len(), server.connections()), (200, 200));
    });
}

#[test]
fn the_first_lost_connection_is_retried_at_once_and_later_ones_after_a_wait() {
    for_each_verb(|verb| {
        for then in [Then::Close, Then::Reset] {
            let server = Server::sends("", then);
            let error = verb.failure(&client(&server.url()));
            assert_eq!(error.attempts(), 4);
            assert_eq!(server.requests().len(), 4);

            let server = Server::sends("", then);
            let impatient = builder(&server.url())
                .retry(patient())
                .total_timeout(SECOND * 20);
            let error = verb.failure(&impatient.build().unwrap());
            assert_eq!((error.attempts(), server.requests().len()), (2, 2));
        }
    });
}

#[test]
fn a_temporary_status_is_retried() {
    for_each_verb(|verb| {
        let is_not_429 = |status: &u16| *status != 429;
        for status in common::RETRIED_STATUSES.into_iter().filter(is_not_429) {
            let server = Server::sends(http(status, "", "<html>busy</html>"), Then::KeepAlive);
            let error = verb.refusal(&client(&server.url()));
            assert_eq!((error.status(), error.attempts()), (status, 4), "{status}");
            assert_eq!(server.requests().len(), 4, "{status}");
            assert!(error.to_string().contains("4 attempts"), "{error}");
        }
    });
}

#[test]
fn a_retry_waits_as_long_as_gong_asks_for_and_at_least_a_second_after_a_429() {
    for_each_verb(|verb| {
        thread::scope(|scope| {
            for (status, fields) in [
                (429, "retry-after: 1\r\n"),
                // It is rounded up.
                (429, "retry-after: 0.997\r\n"),
                // Years off, as seen from here: it is measured against the date of the response.
                (
                    429,
                    "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
                     retry-after: Sun, 06 Nov 1994 08:49:38 GMT\r\n",
                ),
                (429, "retry-after: soon\r\n"),
                (429, ""),
                (503, "retry-after: 1\r\n"),
            ] {
                scope.spawn(move || {
                    let server = responds(&[http(status, fields, "")]);
                    let receipt = verb.receipt(&twice(&server).build().unwrap());
                    assert_eq!(receipt.attempts(), 2);
                    let gap = gap(&server);
                    assert!(gap >= SECOND && gap < SECOND * 5, "{fields} {gap:?}");
                });
            }
        });
    });
}

#[test]
fn a_long_retry_after_is_returned_at_once_and_holds_nobody() {
    for_each_verb(|verb| {
        for (most, asked, seconds) in [
            (60, "86400", 86_400),
            (60, "123456789012345678901234567890", u64::MAX),
            (29, "30", 30),
        ] {
            let server = responds(&[http(429, &format!("retry-after: {asked}\r\n"), "")]);
            let policy = quick().max_retry_after(SECOND * most);
            let client = twice(&server).retry(policy).build().unwrap();
            let started = Instant::now();
            let response = verb.send(&client).unwrap();
            assert_eq!(variant(&response), "RateLimited");
            let error = response.into_result().unwrap_err();
            assert_eq!(error.retry_after(), Some(Duration::from_secs(seconds)));
            assert_eq!(error.attempts(), 1);
            assert!(verb.send(&client.clone()).unwrap().is_success());
            assert!(started.elapsed() < SECOND * 15, "a later call was held");
            assert_eq!(server.requests().len(), 2);
        }
    });
}

#[test]
fn a_failure_that_passes_is_a_success_in_two_attempts() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 18\r\n\r\n{\"requestId\":\"x\"}";
    let busy = http(500, "", r#"{"errors":["An error has occurred"]}"#);
    for_each_verb(|verb| {
        for (bytes, then) in [
            (half, Then::Close),
            ("", Then::Hang),
            (&*busy, Then::KeepAlive),
        ] {
            let bytes = bytes.to_owned();
            let server = Server::start(move |exchange| {
                if exchange.nth == 0 {
                    exchange.send(&bytes);
                    return then;
                }
                exchange.send(ok());
                Then::KeepAlive
            });
            let client = twice(&server).timeout(SECOND).build().unwrap();
            assert_eq!(verb.receipt(&client).attempts(), 2);
            let requests = server.requests();
            assert_eq!(requests.len(), 2);
            assert_eq!(requests[0].body, requests[1].body);
        }
    });
}

#[test]
fn a_call_inside_an_async_runtime_works_and_blocks_its_thread() {
    let server = Server::sends(ok(), Then::KeepAlive);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    // A client that drives a runtime of its own would panic here.
    runtime.block_on(async { Verb::Grant.receipt(&client(&server.url())) });
}

#[test]
fn a_wait_past_the_total_timeout_is_not_begun() {
    for_each_verb(|verb| {
        let busy = http(429, "", "");
        for (first, policy, total, retry_after) in [
            // After a 429 the wait is at least a second.
            (busy.clone(), quick(), 1, None),
            (busy, patient(), 20, None),
            (http(503, "retry-after: 30\r\n", ""), quick(), 20, Some(30)),
        ] {
            let server = responds(&[first]);
            let builder = twice(&server).total_timeout(SECOND * total);
            let client = builder.retry(policy).build().unwrap();
            let started = Instant::now();
            let error = verb.refusal(&client);
            assert!(started.elapsed() < SECOND * 15, "{error}");
            assert_eq!(error.retry_after(), retry_after.map(Duration::from_secs));
            assert_eq!((error.attempts(), server.requests().len()), (1, 1));
        }
    });
}

#[test]
fn the_total_timeout_bounds_all_attempts_together() {
    for_each_verb(|verb| {
        let (timeout, total) = (Duration::from_millis(100), SECOND / 2);
        let server = Server::sends("", Then::Hang);
        let builder = twice(&server).timeout(timeout).total_timeout(total);
        let client = builder.retry(quick().max_attempts(1000)).build().unwrap();
        let started = Instant::now();
        let error = verb.failure(&client);
        let elapsed = started.elapsed();
        assert!(elapsed >= total - timeout && elapsed < SECOND * 5);
        assert!(error.is_timeout(), "{error:?}");
        let attempts = error.attempts() as usize;
        assert!(attempts >= 2, "{error}");
        // An attempt can be over before its request is sent.
        assert!(server.requests().len() <= attempts, "{error}");
    });
}

#[test]
fn the_last_attempt_gets_only_the_time_that_is_left() {
    for_each_verb(|verb| {
        let (first, total) = (SECOND / 5, SECOND * 2);
        let server = Server::start(move |exchange| {
            if exchange.nth == 0 {
                thread::sleep(first);
                exchange.send(http(500, "", ""));
                return Then::KeepAlive;
            }
            Then::Hang
        });
        let builder = builder(&server.url())
            .timeout(SECOND * 30)
            .total_timeout(total);
        let client = builder.retry(quick()).build().unwrap();
        let started = Instant::now();
        let Err(error) = verb.send(&client) else {
            // On a busy machine, no time may be left after the first response.
            return assert!(started.elapsed() > total - SECOND / 10);
        };
        assert_eq!((error.attempts(), server.arrived(2)), (2, 2));
        let message = error.to_string();
        let (_, within) = message.split_once("in the ").unwrap();
        let (within, _) = within.split_once(" that total_timeout left").unwrap();
        // A whole number of milliseconds is shown in them or in seconds.
        let within = match within.strip_suffix("ms") {
            Some(millis) => millis.parse::<f64>().unwrap() / 1000.0,
            None => within.strip_suffix('s').unwrap().parse().unwrap(),
        };
        assert!(within <= (total - first).as_secs_f64(), "{message}");
    });
}
