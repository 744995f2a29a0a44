//! `check`: what is good, and what is not.

use std::io::Write;
use std::net::TcpListener;
use std::thread;

use crate::common::{Gong, assert_has, pairs, run};

#[test]
fn an_unknown_call_shows_that_all_is_well() {
    let gong = Gong::new(pairs([]));
    let url = gong.url.clone();
    for call in ["1", "99"] {
        let said = run(&mut gong.tool(["check", call]), 0);
        let scope = "good: credentials and scope api:call-user-access:read";
        let expected = [
            &url,
            "GONG_BASE_URL",
            "an OAuth token",
            "proxy       none",
            scope,
            "write scope not tested",
        ];
        assert_has(&said.out, &expected.map(|part: &str| part));
    }
    assert_eq!(gong.methods(), ["POST", "POST"], "it changes nothing");
}

#[test]
fn a_refusal_and_a_closed_port_are_told_apart() {
    let refusing = Gong::answering(pairs([]), |_, _| Some((401, "no scope")));
    let said = run(&mut refusing.tool(["check"]), 1);
    assert_has(
        &said.out,
        &[
            "connection  good",
            "access      BAD: status 401",
            "no scope",
        ],
    );
    assert!(!said.out.contains("write scope"), "{}", said.out);

    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let https = format!("https://{}", plain.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = plain.accept().unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .unwrap();
        stream
    });
    let said = run(&mut refusing.tool(["check", "--base-url", &https]), 1);
    server.join().unwrap();
    assert_has(&said.out, &["TLS         BAD: "]);

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let said = run(&mut refusing.tool(["check", "--base-url", &closed]), 1);
    assert_has(&said.out, &["connection  BAD: cannot connect"]);

    let proxy = closed.replace("//", "//name:pass@");
    let mut check = refusing.tool(["check", "--base-url", "https://gong.invalid"]);
    let said = run(check.env("HTTPS_PROXY", proxy), 1);
    let proxy = format!(
        "proxy       {} from HTTPS_PROXY",
        &closed["http://".len()..]
    );
    assert_has(&said.out, &[&proxy, "connection  BAD: cannot connect"]);
    assert!(!said.out.contains("pass"), "{}", said.out);
}
