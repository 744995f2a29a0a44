//! What happens when no usable response comes.

use std::error::Error as _;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use crate::common::{self, SHORT, Server, Then, assert_is, client, for_each_verb, impatient, once};

fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

#[test]
fn a_refused_connection_is_a_connect_error() {
    for_each_verb(|verb| {
        let address = closed_port();
        let error = verb.failure(&once(&format!("http://{address}")));
        assert_is(&error, &["connect"]);
        assert_eq!(
            error.to_string(),
            format!("cannot connect to {address} (1 attempt); check base_url and the network")
        );
        // What a `main` that returns the error prints.
        let source = error.source().unwrap();
        assert_eq!(
            format!("{:?}", error.clone()),
            format!("{error}\ncaused by: {source}")
        );
    });
}

#[cfg(target_os = "linux")]
#[test]
fn connecting_that_never_finishes_times_out() {
    for_each_verb(|verb| {
        let (_socket, address, _queue) = common::full_listener();
        let url = format!("http://{address}");
        let client = common::builder(&url)
            .connect_timeout(SHORT)
            .retry(gong_call_access::RetryPolicy::none())
            .build()
            .unwrap();
        let started = Instant::now();
        let error = verb.failure(&client);
        assert!(started.elapsed() < Duration::from_secs(5));
        assert_is(&error, &["timeout", "connect"]);
        assert!(
            error.to_string().contains("within 150ms (1 attempt)"),
            "{error}"
        );
    });
}

#[test]
fn connections_are_kept_alive_and_shared_by_clones() {
    for_each_verb(|verb| {
        let server = Server::sends(common::ok(), Then::KeepAlive);
        let client = client(&server.url());
        for _ in 0..3 {
            assert!(verb.send(&client).unwrap().is_success());
            assert!(verb.send(&client.clone()).unwrap().is_success());
        }
        assert_eq!((server.requests().len(), server.connections()), (6, 1));
    });
}

#[test]
fn a_connection_is_reused_after_an_error_unless_the_body_was_cut() {
    for_each_verb(|verb| {
        let long = "x".repeat(100 * 1024);
        for (body, connections) in [("no", 1), (long.as_str(), 3)] {
            let server = Server::sends(common::http(400, "", body), Then::KeepAlive);
            let client = client(&server.url());
            for _ in 0..3 {
                assert!(!verb.send(&client).unwrap().is_success());
            }
            assert_eq!(
                (server.requests().len(), server.connections()),
                (3, connections)
            );
        }
    });
}

#[test]
fn a_connection_with_more_responses_than_requests_is_closed() {
    for_each_verb(|verb| {
        for padding in [0, 10, 4 * 1024, 16 * 1024, 200 * 1024] {
            let surplus = format!(r#"{{"requestId":"surplus","x":"{}"}}"#, "x".repeat(padding));
            let surplus = common::http(200, "", &surplus);
            let server = Server::start(move |exchange| {
                let id = format!(r#"{{"requestId":"{}"}}"#, exchange.nth);
                exchange.send(common::http(200, "", &id) + &surplus);
                Then::KeepAlive
            });
            let client = client(&server.url());
            for nth in ["0", "1", "2"] {
                let receipt = verb.receipt(&client);
                assert_eq!(receipt.request_id(), Some(nth), "{padding}");
                assert_eq!(receipt.attempts(), 1);
            }
            assert_eq!((server.requests().len(), server.connections()), (3, 3));
        }
    });
}

#[test]
fn a_connection_closed_before_the_response_is_an_error() {
    for_each_verb(|verb| {
        for then in [Then::Close, Then::Reset] {
            let server = Server::sends("", then);
            let error = verb.failure(&once(&server.url()));
            assert_is(&error, &[]);
            assert!(
                error.to_string().contains("closed the connection"),
                "{error}"
            );
            assert_eq!(server.requests().len(), 1);
        }
    });
}

#[test]
fn half_an_acknowledgement_is_not_a_success() {
    for_each_verb(|verb| {
        let head = "HTTP/1.1 200 OK\r\n";
        for rest in [
            "content-length: 18\r\n\r\n{\"requestId\":\"x\"}",
            "content-length: 18\r\n\r\n",
            "transfer-encoding: chunked\r\n\r\n11\r\n{\"requestId\":\"x\"}\r\n",
        ] {
            for then in [Then::Close, Then::Reset] {
                let server = Server::sends(format!("{head}{rest}"), then);
                let error = verb.failure(&once(&server.url()));
                assert_is(&error, &[]);
                assert!(
                    error
                        .to_string()
                        .contains("before its response was complete"),
                    "{error}"
                );
                assert_eq!(server.requests().len(), 1);
            }
        }
    });
}

#[test]
fn a_response_that_never_comes_or_drips_times_out() {
    for_each_verb(|verb| {
        let hangs = Server::sends("", Then::Hang);
        let drips_head = Server::drips_head(SHORT / 10);
        let drips_body = Server::start(|exchange| {
            exchange.send("HTTP/1.1 200 OK\r\n\r\n{");
            exchange.drip(std::iter::repeat(b' '), SHORT / 10);
            Then::Close
        });
        let endless_1xx = Server::start(|exchange| {
            while exchange.send("HTTP/1.1 102 Processing\r\n\r\n") {
                std::thread::sleep(SHORT / 10);
            }
            Then::Close
        });
        for server in [hangs, drips_head, drips_body, endless_1xx] {
            let started = Instant::now();
            let error = verb.failure(&impatient(&server.url()));
            let elapsed = started.elapsed();
            assert!(
                elapsed >= SHORT && elapsed < Duration::from_secs(5),
                "{elapsed:?} {error:?}"
            );
            assert!(
                error.to_string().contains("within 150ms (1 attempt)"),
                "{error}"
            );
            // On a busy machine, the time may be over before the request is sent.
            match server.requests().len() {
                0 => assert!(error.is_timeout(), "{error:?}"),
                arrived => {
                    assert_eq!(arrived, 1);
                    assert_is(&error, &["timeout"]);
                }
            }
        }
    });
}

#[test]
fn a_reply_that_is_not_http_is_an_error_and_is_not_retried() {
    for_each_verb(|verb| {
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(200));
        let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(65 * 1024));
        let stalled = format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;{}",
            "x".repeat(80_000)
        );
        for raw in [
            "SSH-2.0-OpenSSH_9.6\r\n\r\n",
            "{\"requestId\":\"x\"}\r\n\r\n",
            "HTTP/1.1 abc OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
            &many,
            &long,
            &stalled,
        ] {
            let server = Server::sends(raw, Then::Close);
            let error = verb.failure(&client(&server.url()));
            let start: String = raw.chars().take(60).collect();
            assert!(
                error
                    .to_string()
                    .contains(" (or a proxy) did not speak HTTP"),
                "{start:?}: {error}"
            );
            assert_is(&error, &[]);
            assert_eq!(server.requests().len(), 1, "{start:?}");
        }
        let endless = Server::start(|exchange| {
            exchange.send("HTTP/1.1 200 OK\r\n");
            while exchange.send("x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n") {}
            Then::Close
        });
        assert!(
            verb.failure(&client(&endless.url()))
                .to_string()
                .contains("did not speak HTTP")
        );
        assert_eq!(endless.requests().len(), 1);
    });
}
