//! What is tried again, when, and for how long: rows 11 to 36 as far as they repeat, and row 50.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod common;

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use common::{Server, Then, Verb, builder, client, for_each_verb, http, ok, quick, variant};
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

/// A client for whole seconds: one second attempt, at any rate.
fn twice(server: &Server) -> ClientBuilder {
    let builder = builder(&server.url()).requests_per_second(None);
    builder.retry(quick().max_attempts(2))
}

/// Waits that are random and so long that only what is repeated at once comes in time.
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
fn row_12_a_refused_connection_is_tried_again() {
    for_each_verb(|verb| {
        let address = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let error = verb.failure(&client(&format!("http://{address}")));
        assert!(error.is_connect(), "row 12: {error:?}");
        assert_eq!(error.attempts(), 4, "row 12");
        assert!(
            error.to_string().ends_with("(4 attempts)"),
            "row 12: {error}"
        );
    });
}

#[test]
fn row_17_a_stale_connection_is_repeated_at_once_on_a_new_one() {
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
        assert_eq!(server.connections(), 2, "row 17");
        let receipt = verb.receipt(&client);
        assert_eq!(receipt.attempts(), 2, "row 17");
        let requests = server.requests();
        assert_eq!(requests.len(), 4, "row 17");
        assert_eq!(
            (server.connections(), requests[3].connection),
            (3, 2),
            "row 17: not a kept-alive one"
        );
        assert_eq!(requests[2].body, requests[3].body, "row 17");
    });
}

#[test]
fn row_17_two_hundred_connections_closed_while_idle_are_two_hundred_successes() {
    for_each_verb(|verb| {
        let server = Server::sends(ok(), Then::Close);
        let client = client(&server.url());
        for _ in 0..200 {
            assert!(verb.send(&client).unwrap().is_success(), "row 17");
        }
        assert_eq!(
            (server.requests().len(), server.connections()),
            (200, 200),
            "row 17"
        );
    });
}

#[test]
fn row_18_the_first_cut_off_is_repeated_at_once_and_the_others_after_a_wait() {
    for_each_verb(|verb| {
        for then in [Then::Close, Then::Reset] {
            let server = Server::sends("", then);
            let error = verb.failure(&client(&server.url()));
            assert_eq!(error.attempts(), 4, "row 18");
            assert_eq!(server.requests().len(), 4, "row 18");

            let server = Server::sends("", then);
            let impatient = builder(&server.url())
                .retry(patient())
                .total_timeout(SECOND);
            let error = verb.failure(&impatient.build().unwrap());
            assert_eq!(
                (error.attempts(), server.requests().len()),
                (2, 2),
                "row 18"
            );
        }
    });
}

#[test]
fn row_18_without_retries_a_cut_off_is_not_repeated() {
    for_each_verb(|verb| {
        let server = Server::sends("", Then::Close);
        let error = verb.failure(&common::once(&server.url()));
        assert_eq!(
            (error.attempts(), server.requests().len()),
            (1, 1),
            "row 18"
        );
    });
}

#[test]
fn row_19_half_an_acknowledgement_is_asked_for_again() {
    for_each_verb(|verb| {
        let half = "HTTP/1.1 200 OK\r\ncontent-length: 18\r\n\r\n{\"requestId\":\"x\"}";
        let server = Server::start(move |exchange| {
            if exchange.nth < 2 {
                exchange.send(half);
                return Then::Close;
            }
            exchange.send(ok());
            Then::KeepAlive
        });
        let receipt = verb.receipt(&client(&server.url()));
        assert_eq!(
            (receipt.attempts(), server.requests().len()),
            (3, 3),
            "row 19"
        );
    });
}

#[test]
fn row_20_an_attempt_without_an_answer_is_tried_again() {
    for_each_verb(|verb| {
        let server = Server::start(|exchange| {
            if exchange.nth < 3 {
                return Then::Hang;
            }
            exchange.send(ok());
            Then::KeepAlive
        });
        let client = builder(&server.url())
            .timeout(Duration::from_millis(200))
            .retry(quick())
            .requests_per_second(None);
        let receipt = verb.receipt(&client.build().unwrap());
        assert_eq!(
            (receipt.attempts(), server.requests().len()),
            (4, 4),
            "row 20"
        );
    });
}

#[test]
fn rows_30_and_35_a_passing_status_is_tried_again() {
    for_each_verb(|verb| {
        let is_not_429 = |status: &u16| *status != 429;
        for status in common::RETRIED_STATUSES.into_iter().filter(is_not_429) {
            let server = Server::sends(http(status, "", "<html>busy</html>"), Then::KeepAlive);
            let error = verb.refusal(&client(&server.url()));
            assert_eq!(
                (error.status(), error.attempts()),
                (status, 4),
                "row 30: {status}"
            );
            assert_eq!(server.requests().len(), 4, "row 30: {status}");
            assert!(error.to_string().contains("4 attempts"), "row 30: {error}");
        }
    });
}

#[test]
fn row_30_a_retry_after_of_a_503_is_honoured() {
    for_each_verb(|verb| {
        let server = responds(&[http(503, "retry-after: 1\r\n", "")]);
        let receipt = verb.receipt(&twice(&server).build().unwrap());
        assert_eq!(receipt.attempts(), 2, "row 30");
        assert!(gap(&server) >= SECOND, "row 30");
    });
}

#[test]
fn row_31_a_429_is_tried_again_when_gong_asks_for_it() {
    for_each_verb(|verb| {
        let server = responds(&[http(429, "retry-after: 1\r\n", "")]);
        let receipt = verb.receipt(&twice(&server).build().unwrap());
        assert_eq!(receipt.attempts(), 2, "row 31");
        assert!(gap(&server) >= SECOND, "row 31");
    });
}

#[test]
fn row_32_a_429_without_a_usable_retry_after_is_tried_again_after_a_second() {
    for_each_verb(|verb| {
        let fields = [
            "",
            "retry-after: 0\r\n",
            "retry-after: -1\r\n",
            "retry-after: 0.5\r\n",
            "retry-after: soon\r\n",
            "retry-after: 9\r\nretry-after: 9\r\n",
        ];
        thread::scope(|scope| {
            for fields in fields {
                scope.spawn(move || {
                    let busy = http(429, fields, "");
                    let server = responds(&[busy.clone(), busy]);
                    let response = verb.send(&twice(&server).build().unwrap()).unwrap();
                    assert_eq!(variant(&response), "RateLimited", "row 32: {fields}");
                    let error = response.into_result().unwrap_err();
                    assert_eq!(
                        (error.attempts(), error.retry_after()),
                        (2, None),
                        "row 32: {fields}"
                    );
                    let gap = gap(&server);
                    assert!(
                        gap >= SECOND && gap < SECOND * 5,
                        "row 32: {fields} {gap:?}"
                    );
                });
            }
        });
    });
}

#[test]
fn row_33_a_retry_after_date_is_measured_against_the_date_of_the_answer() {
    for_each_verb(|verb| {
        // Years off, as seen from here.
        let date = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
        let server = responds(&[http(
            429,
            &format!("{date}retry-after: Sun, 06 Nov 1994 08:49:38 GMT\r\n"),
            "",
        )]);
        let receipt = verb.receipt(&twice(&server).build().unwrap());
        assert_eq!(receipt.attempts(), 2, "row 33");
        assert!(gap(&server) >= SECOND, "row 33");
    });
}

#[test]
fn row_34_a_long_retry_after_is_the_callers_and_holds_nobody() {
    for_each_verb(|verb| {
        let day = http(429, "retry-after: 86400\r\n", "");
        let huge = http(429, "retry-after: 123456789012345678901234567890\r\n", "");
        let server = responds(&[day, huge]);
        let client = twice(&server).build().unwrap();
        for seconds in [86_400, u64::MAX] {
            let response = verb.send(&client).unwrap();
            assert_eq!(variant(&response), "RateLimited", "row 34");
            let error = response.into_result().unwrap_err();
            assert_eq!(
                error.retry_after(),
                Some(Duration::from_secs(seconds)),
                "row 34"
            );
            assert_eq!(error.attempts(), 1, "row 34");
        }
        assert!(verb.send(&client.clone()).unwrap().is_success(), "row 34");
        assert_eq!(server.requests().len(), 3, "row 34");
    });
}

#[test]
fn row_34_how_long_a_retry_after_may_be_is_a_setting() {
    let server = responds(&[http(429, "retry-after: 1\r\n", "")]);
    let policy = quick().max_retry_after(SECOND / 2);
    let builder = builder(&server.url())
        .requests_per_second(None)
        .retry(policy);
    let client = builder.build().unwrap();
    let started = Instant::now();
    assert_eq!(
        Verb::Grant.refusal(&client).retry_after(),
        Some(SECOND),
        "row 34"
    );
    Verb::Grant.receipt(&client);
    assert!(started.elapsed() < SECOND, "row 34: nobody is held");
    assert_eq!(server.requests().len(), 2, "row 34");
}

#[test]
fn row_36_a_500_and_then_a_200_is_a_success_of_two_attempts() {
    for_each_verb(|verb| {
        let server = responds(&[http(500, "", r#"{"errors":["An error has occurred"]}"#)]);
        let receipt = verb.receipt(&client(&server.url()));
        assert_eq!(receipt.attempts(), 2, "row 36");
        let requests = server.requests();
        assert_eq!(requests.len(), 2, "row 36");
        assert_eq!(requests[0].body, requests[1].body, "row 36");
    });
}

#[test]
fn row_50_a_call_inside_an_async_runtime_blocks_its_thread_and_works() {
    for_each_verb(|verb| {
        let server = responds(&[http(500, "", "")]);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let client = client(&server.url());
        let response = runtime.block_on(async { verb.send(&client) });
        assert!(response.unwrap().is_success(), "row 50");
        drop(runtime);
        assert_eq!(server.requests().len(), 2, "row 50");
    });
}

#[test]
fn a_wait_past_the_total_timeout_is_not_begun() {
    for_each_verb(|verb| {
        let busy = http(429, "", "");
        for (first, retry_after) in [
            (busy, None),
            (http(503, "retry-after: 30\r\n", ""), Some(30)),
        ] {
            let server = responds(&[first]);
            let client = twice(&server).total_timeout(SECOND).build().unwrap();
            let started = Instant::now();
            let error = verb.refusal(&client);
            assert!(started.elapsed() < SECOND, "{error}");
            assert_eq!(error.retry_after(), retry_after.map(Duration::from_secs));
            assert_eq!((error.attempts(), server.requests().len()), (1, 1));
        }
    });
}

#[test]
fn the_total_timeout_bounds_all_attempts_and_each_of_them() {
    for_each_verb(|verb| {
        let total = Duration::from_millis(500);
        for (policy, timeout, least) in [
            // The only attempt would take longer.
            (RetryPolicy::none(), SECOND * 30, 1),
            // Each attempt is short, and there are many.
            (quick().max_attempts(1000), Duration::from_millis(100), 2),
        ] {
            let server = Server::sends("", Then::Hang);
            let builder = builder(&server.url()).timeout(timeout).total_timeout(total);
            let client = builder
                .retry(policy)
                .requests_per_second(None)
                .build()
                .unwrap();
            let started = Instant::now();
            let error = verb.failure(&client);
            let elapsed = started.elapsed();
            assert!(
                elapsed >= total - Duration::from_millis(30) && elapsed < SECOND * 5,
                "{elapsed:?}"
            );
            assert!(error.is_timeout(), "{error:?}");
            assert!(error.attempts() >= least, "{error}");
            let attempts = error.attempts() as usize;
            assert_eq!(server.arrived(attempts), attempts);
        }
    });
}

#[test]
fn the_last_attempt_gets_only_the_time_that_is_left() {
    for_each_verb(|verb| {
        let server = Server::start(|exchange| {
            if exchange.nth == 0 {
                thread::sleep(Duration::from_millis(300));
                exchange.send(http(500, "", ""));
                return Then::KeepAlive;
            }
            Then::Hang
        });
        let builder = builder(&server.url())
            .timeout(SECOND * 30)
            .total_timeout(Duration::from_millis(600));
        let error = verb.failure(&builder.retry(quick()).build().unwrap());
        assert_eq!((error.attempts(), server.arrived(2)), (2, 2));
        let message = error.to_string();
        assert!(
            message.contains("within 2") || message.contains("within 1"),
            "about 300 ms: {message}"
        );
    });
}
