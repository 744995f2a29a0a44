//! Names that are looked up and proxies of the environment: rows 11, 16 and 20.

#![cfg(any(feature = "rustls", feature = "native-tls"))]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod common;

use std::error::Error as _;
use std::time::{Duration, Instant};

use common::{
    SHORT, Server, Then, Verb, assert_is, client, impatient, is_child, once, run_in_child,
};

#[test]
fn row_11_an_unknown_host_name_is_no_connection() {
    // A proxy of the environment would be asked instead. No label of a host name may be this long,
    // so the name is not looked up outside this machine.
    if is_child() {
        let url = format!("https://{}.invalid", "a".repeat(64));
        let error = Verb::Grant.failure(&once(&url));
        assert_is(&error, &["connect"], "11");
        return assert!(
            error.to_string().contains("cannot connect to aaaa"),
            "{error}"
        );
    }
    run_in_child("row_11_an_unknown_host_name_is_no_connection", &[]);
}

/// Runs `test` in a child process whose proxy is this one, with a password.
#[track_caller]
fn run_behind_proxy(test: &str, proxy: &Server) {
    let url = format!("http://proxyuser:hunter2@{}", proxy.address());
    run_in_child(test, &[("HTTPS_PROXY", &url)]);
}

#[test]
fn row_16_a_proxy_that_refuses_keeps_its_password() {
    const NAME: &str = "row_16_a_proxy_that_refuses_keeps_its_password";
    if is_child() {
        let client = client("https://gong.invalid");
        let error = Verb::Grant.failure(&client);
        assert_is(&error, &[], "16");
        assert!(error.to_string().contains("proxy refused"), "{error}");
        let shown = format!("{error} {error:?} {client:?} {:?}", error.source());
        return assert!(!shown.contains("hunter2"), "{shown}");
    }
    let proxy = Server::sends(
        "HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n",
        Then::Close,
    );
    run_behind_proxy(NAME, &proxy);
    let requests = proxy.requests();
    assert_eq!(requests.len(), 1);
    assert!(
        requests[0]
            .head
            .starts_with("CONNECT gong.invalid:443 HTTP/1.1")
    );
    assert!(
        !requests[0].head.contains("S0VZ"),
        "the credentials are not for the proxy"
    );
}

#[test]
fn row_20_a_proxy_that_drips_or_never_answers_ends_in_time() {
    const NAME: &str = "row_20_a_proxy_that_drips_or_never_answers_ends_in_time";
    if is_child() {
        let started = Instant::now();
        let error = Verb::Grant.failure(&impatient("https://gong.invalid"));
        assert!(started.elapsed() < Duration::from_secs(5));
        return assert!(error.is_timeout(), "{error:?}");
    }
    let drips = Server::start(|exchange| {
        exchange.drip(
            "HTTP/1.1 200 OK\r\nx: "
                .bytes()
                .chain(std::iter::repeat(b'x')),
            SHORT / 10,
        );
        Then::Close
    });
    run_behind_proxy(NAME, &drips);
    let hangs = Server::sends("", Then::Hang);
    run_behind_proxy(NAME, &hangs);
    assert_eq!((drips.requests().len(), hangs.requests().len()), (1, 1));
}

#[test]
fn a_proxy_that_is_not_to_be_used_for_a_host_is_not_asked() {
    const NAME: &str = "a_proxy_that_is_not_to_be_used_for_a_host_is_not_asked";
    if is_child() {
        let server = Server::sends(common::ok(), Then::KeepAlive);
        assert!(
            Verb::Grant
                .send(&client(&server.url()))
                .unwrap()
                .is_success()
        );
        let url = format!("https://{}.invalid", "a".repeat(64));
        return assert!(Verb::Grant.failure(&once(&url)).is_connect());
    }
    let proxy = Server::sends("", Then::Close);
    let url = format!("http://{}", proxy.address());
    let host = format!("{}.invalid", "a".repeat(64));
    run_in_child(NAME, &[("ALL_PROXY", &url), ("NO_PROXY", &host)]);
    assert_eq!(proxy.connections(), 0);
}
