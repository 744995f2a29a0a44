//! A call ends within its total timeout wherever it hangs.
//!
//! `cargo test --test it total_timeout -- --nocapture` prints by how much each is late.

use std::time::{Duration, Instant};

use crate::common::{self, Server, Then, Verb, builder};

const TOTAL: Duration = Duration::from_millis(300);

/// Sees that a call to this URL, which would take far longer, is over when its time is.
#[track_caller]
fn assert_bounded(place: &str, url: &str) {
    let client = builder(url).total_timeout(TOTAL).build().unwrap();
    let started = Instant::now();
    let error = Verb::Grant.failure(&client);
    let elapsed = started.elapsed();
    assert!(error.is_timeout(), "{place}: {error:?}");
    let message = error.to_string();
    assert!(
        message.contains("ms that total_timeout left ("),
        "{place}: {message}"
    );
    assert!(
        elapsed < TOTAL + Duration::from_secs(5),
        "{place}: {elapsed:?}"
    );
    println!("{place}: {:?} late", elapsed.saturating_sub(TOTAL));
}

#[cfg(target_os = "linux")]
#[test]
fn connecting_ends_with_the_total_timeout() {
    let (_socket, address, _queue) = common::full_listener();
    assert_bounded("connect", &format!("http://{address}"));
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[test]
fn a_tls_handshake_ends_with_the_total_timeout() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    assert_bounded(
        "TLS handshake",
        &format!("https://{}", server.local_addr().unwrap()),
    );
}

#[test]
fn a_hanging_or_dripping_response_ends_with_the_total_timeout() {
    let every = TOTAL / 20;
    let no_head = Server::sends("", Then::Hang);
    let drips_head = Server::drips_head(every);
    let no_body = Server::sends("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n", Then::Hang);
    let drips_body = Server::start(move |exchange| {
        exchange.send("HTTP/1.1 200 OK\r\n\r\n");
        exchange.drip(std::iter::repeat(b' '), every);
        Then::Close
    });
    for (place, server) in [
        ("head", no_head),
        ("dripping head", drips_head),
        ("body", no_body),
        ("dripping body", drips_body),
    ] {
        assert_bounded(place, &server.url());
        assert_eq!(server.arrived(1), 1, "{place}");
    }
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[test]
fn a_hanging_or_dripping_proxy_ends_with_the_total_timeout() {
    if common::is_child() {
        return assert_bounded("proxy", "https://gong.invalid");
    }
    let hangs = Server::sends("", Then::Hang);
    let drips = Server::drips_head(TOTAL / 20);
    for proxy in [hangs, drips] {
        common::run_in_child(
            "a_hanging_or_dripping_proxy_ends_with_the_total_timeout",
            &[("ALL_PROXY", &format!("http://{}", proxy.address()))],
        );
        assert_eq!(proxy.arrived(1), 1);
    }
}
