//! Host names that are looked up, and proxies from the environment.

#![cfg(any(feature = "rustls", feature = "native-tls"))]
use std::error::Error as _;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::common::{
    self, Authority, Server, Then, VERBS, Verb, assert_is, builder, client, is_child, once,
    one_pair, quick, run_in_child,
};

#[test]
fn an_unknown_host_name_is_a_connect_error() {
    // A proxy from the environment would be asked instead. No label of a host name may be this long,
    // so the name is not looked up outside this machine.
    if is_child() {
        let url = format!("https://{}.invalid", "a".repeat(64));
        let error = Verb::Grant.failure(&once(&url));
        assert_is(&error, &["connect"]);
        return assert!(
            error.to_string().contains("cannot connect to aaaa"),
            "{error}"
        );
    }
    run_in_child("an_unknown_host_name_is_a_connect_error", &[]);
}

/// Runs `test` in a child process that uses `proxy`, with a password, and spaces around the URL.
#[track_caller]
fn run_behind_proxy(test: &str, proxy: &Server) {
    let address = proxy.address().to_string();
    let url = format!(" http://proxyuser:hunter2@{address} ");
    run_in_child(test, &[("HTTPS_PROXY", &url), ("PROXY", &address)]);
}

/// Row 61.
#[test]
fn a_proxy_that_cannot_be_used_is_a_config_error_without_its_value() {
    const NAME: &str = "a_proxy_that_cannot_be_used_is_a_config_error_without_its_value";
    if is_child() {
        let error = builder("https://gong.invalid").build().unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(error.is_config() && shown.contains("ALL_PROXY"), "{shown}");
        assert!(!shown.contains("nter2"), "{shown}");
        // It is no concern of a client that needs no proxy.
        return assert!(builder("http://localhost").build().is_ok());
    }
    for value in [
        "\"http://user:hunter2@127.0.0.1:1\"",
        "http://user:hunter2@hunter2#@127.0.0.1:1",
        "http://CORP\\user:hunter2@127.0.0.1:1",
        "socks5://user:hunter2@127.0.0.1:1",
    ] {
        run_in_child(NAME, &[("ALL_PROXY", value)]);
    }
}

/// Row 63.
#[test]
fn a_proxy_that_is_down_or_unknown_is_a_connect_error_that_names_it() {
    const NAME: &str = "a_proxy_that_is_down_or_unknown_is_a_connect_error_that_names_it";
    if is_child() {
        let error = Verb::Grant.failure(&client("https://gong.invalid"));
        assert!(error.is_connect() && error.attempts() == 4, "{error:?}");
        let message = error.to_string();
        let proxy = std::env::var("HTTPS_PROXY").unwrap();
        let via =
            format!("cannot connect to gong.invalid through the proxy {proxy} from HTTPS_PROXY");
        return assert!(
            message.contains(&via) && message.contains("check the proxy"),
            "{message}"
        );
    }
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let unknown = format!("{}.invalid:3128", "a".repeat(64));
    for proxy in [closed.to_string(), unknown] {
        run_in_child(NAME, &[("HTTPS_PROXY", &proxy)]);
    }
}

/// Row 64.
#[test]
fn a_proxy_that_answers_with_502_503_or_504_is_tried_again() {
    const NAME: &str = "a_proxy_that_answers_with_502_503_or_504_is_tried_again";
    if is_child() {
        let error = Verb::Grant.failure(&client("https://gong.invalid"));
        assert_eq!(error.attempts(), 4);
        return assert!(error.to_string().contains("status 500"), "{error}");
    }
    let proxy = Server::start(|exchange| {
        let status = [502, 503, 504, 500].into_iter().nth(exchange.nth).unwrap();
        exchange.send(common::http(status, "", ""));
        Then::Close
    });
    run_behind_proxy(NAME, &proxy);
    assert_eq!(proxy.requests().len(), 4);
}

#[test]
fn a_proxy_that_does_not_speak_http_is_named() {
    const NAME: &str = "a_proxy_that_does_not_speak_http_is_named";
    if is_child() {
        let error = Verb::Grant.failure(&client("https://gong.invalid"));
        assert_is(&error, &[]);
        let proxy = std::env::var("PROXY").unwrap();
        let expected = format!("proxy {proxy} from HTTPS_PROXY did not speak HTTP");
        return assert!(error.to_string().contains(&expected), "{error}");
    }
    let proxy = Server::sends("SSH-2.0-OpenSSH_9.6\r\n\r\n", Then::Close);
    run_behind_proxy(NAME, &proxy);
    assert_eq!(proxy.requests().len(), 1);
}

#[test]
fn a_proxy_that_refuses_is_not_retried_and_its_password_stays_hidden() {
    const NAME: &str = "a_proxy_that_refuses_is_not_retried_and_its_password_stays_hidden";
    if is_child() {
        let client = client("https://gong.invalid");
        let error = Verb::Grant.failure(&client);
        assert_is(&error, &[]);
        assert!(error.to_string().contains("status 407"), "{error}");
        let proxy = format!("{} from HTTPS_PROXY", std::env::var("PROXY").unwrap());
        assert!(error.to_string().contains(&proxy), "{error}");
        assert!(format!("{client:?}").contains(&proxy), "{client:?}");
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
fn a_host_in_no_proxy_bypasses_the_proxy() {
    const NAME: &str = "a_host_in_no_proxy_bypasses_the_proxy";
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
    run_in_child(
        NAME,
        &[("ALL_PROXY", &url), ("NO_PROXY", "localhost, invalid")],
    );
    assert_eq!(proxy.connections(), 0);
}

fn read_until(end: &[u8], from: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(end) {
        let mut byte = [0];
        from.read_exact(&mut byte).unwrap();
        bytes.extend(byte);
    }
    bytes
}

fn accept_tls<S: Read + Write>(
    config: ServerConfig,
    stream: S,
) -> StreamOwned<ServerConnection, S> {
    StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream)
}

/// A proxy that connects every client to this address, and a count of the requests for it.
fn tunnel(to: SocketAddr) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let for_thread = Arc::clone(&asked);
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let head = read_until(b"\r\n\r\n", &mut client);
            assert!(head.starts_with(b"CONNECT gong.invalid:443 HTTP/1.1\r\n"));
            for_thread.fetch_add(1, Ordering::SeqCst);
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            let server = TcpStream::connect(to).unwrap();
            for (mut from, mut to) in [
                (client.try_clone().unwrap(), server.try_clone().unwrap()),
                (server, client),
            ] {
                // It ends when one of the two closes its connection, in whatever way.
                thread::spawn(move || {
                    std::io::copy(&mut from, &mut to).is_ok()
                        && to.shutdown(Shutdown::Write).is_ok()
                });
            }
        }
    });
    (address, asked)
}

#[test]
fn all_three_calls_work_through_a_proxy() {
    const NAME: &str = "all_three_calls_work_through_a_proxy";
    if is_child() {
        let client = builder("https://gong.invalid")
            .root_certificates(std::env::var("AUTHORITY").unwrap())
            .retry(quick())
            .requests_per_second(None)
            .build()
            .unwrap();
        for verb in VERBS {
            assert_eq!(verb.receipt(&client).attempts(), 1);
        }
        let closed = Verb::Grant.receipt(&client);
        return assert_eq!(closed.attempts(), 2, "the first one was cut off");
    }
    let authority = Authority::new("authority");
    let server = Server::start_tls(authority.server("gong.invalid", 2099), |exchange| {
        if exchange.nth == 3 {
            return Then::Close;
        }
        exchange.send(common::ok());
        Then::KeepAlive
    });
    let (proxy, asked) = tunnel(server.address());
    let variables = [
        ("HTTPS_PROXY", format!("http://{proxy}")),
        ("AUTHORITY", authority.pem()),
    ];
    run_in_child(
        NAME,
        &variables
            .each_ref()
            .map(|(name, value)| (*name, value.as_str())),
    );
    let requests = server.requests();
    let starts: Vec<_> = requests
        .iter()
        .map(|request| request.head.split(' ').next().unwrap())
        .collect();
    assert_eq!(starts, ["PUT", "DELETE", "POST", "PUT", "PUT"]);
    assert_eq!(
        requests[0].body,
        serde_json::to_string(&one_pair()).unwrap()
    );
    assert_eq!(requests[0].header("authorization").len(), 1);
    assert_eq!(
        (server.connections(), asked.load(Ordering::SeqCst)),
        (2, 2),
        "kept alive, then a new one"
    );
}

#[test]
fn a_proxy_may_speak_tls_itself() {
    if is_child() {
        let client = builder("https://gong.invalid")
            .root_certificates(std::env::var("AUTHORITY").unwrap())
            .build()
            .unwrap();
        return assert_eq!(Verb::Grant.receipt(&client).attempts(), 1);
    }
    let authority = Authority::new("authority");
    let proxy = authority.server("localhost", 2099);
    let server = authority.server("gong.invalid", 2099);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    let both = thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        let mut tunnel = accept_tls(proxy, socket);
        let head = read_until(b"\r\n\r\n", &mut tunnel);
        assert!(head.starts_with(b"CONNECT gong.invalid:443 HTTP/1.1\r\n"));
        tunnel.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let mut stream = accept_tls(server, tunnel);
        let request = read_until(b"]}", &mut stream);
        assert!(request.starts_with(b"PUT "));
        stream.write_all(common::ok().as_bytes()).unwrap();
        stream.flush().unwrap();
    });
    let variables = [("HTTPS_PROXY", &*url), ("AUTHORITY", &authority.pem())];
    run_in_child("a_proxy_may_speak_tls_itself", &variables);
    both.join().unwrap();
}
