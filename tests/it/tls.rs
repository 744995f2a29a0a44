//! Which servers a client trusts.

#![cfg(any(feature = "rustls", feature = "native-tls"))]
use crate::common::{
    self, Authority, Server, Then, VERBS, builder, for_each_verb, quick, server_config,
};
use gong_call_access::Client;
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;

fn serve(config: ServerConfig) -> Server {
    Server::start_tls(config, |exchange| {
        exchange.send(common::ok());
        Then::KeepAlive
    })
}

fn trusting(server: &Server, pem: &str) -> Client {
    let builder = builder(&server.url())
        .retry(quick())
        .requests_per_second(None);
    builder.root_certificates(pem).build().unwrap()
}

#[track_caller]
fn assert_refused(server: &Server, client: &Client) {
    for verb in VERBS {
        let before = server.connections();
        let error = verb.failure(client);
        assert!(
            error.is_tls() && !error.is_connect() && !error.is_timeout(),
            "{error:?}"
        );
        assert!(error.to_string().contains("TLS with 127.0.0.1"), "{error}");
        assert_eq!(error.attempts(), 1, "a refused certificate is not retried");
        assert_eq!(
            (server.connections(), server.requests().len()),
            (before + 1, 0),
            "one handshake and no request"
        );
    }
}

#[test]
fn a_certificate_under_root_certificates_is_trusted() {
    for_each_verb(|verb| {
        let authority = Authority::new("authority");
        let server = serve(authority.server("127.0.0.1", 2099));
        let bundle = format!(
            "# other\n{}{}",
            Authority::new("other").pem(),
            authority.pem()
        );
        for pem in [&authority.pem(), &bundle] {
            assert!(verb.send(&trusting(&server, pem)).unwrap().is_success());
        }
        assert_eq!((server.connections(), server.requests().len()), (2, 2));
    });
}

#[cfg(target_os = "linux")]
#[test]
fn the_system_certificates_are_trusted_if_the_features_say_so() {
    use crate::common::{Verb, is_child, run_in_child};

    const NAME: &str = "the_system_certificates_are_trusted_if_the_features_say_so";
    if is_child() {
        let client = common::client(&std::env::var("SERVER").unwrap());
        if cfg!(all(feature = "rustls", not(feature = "platform-verifier"))) {
            return assert!(Verb::Grant.failure(&client).is_tls());
        }
        return assert_eq!(Verb::Grant.receipt(&client).attempts(), 1);
    }
    let authority = Authority::new("authority");
    let server = serve(authority.server("127.0.0.1", 2099));
    let trusted = concat!(env!("CARGO_TARGET_TMPDIR"), "/authority.pem");
    std::fs::write(trusted, authority.pem()).unwrap();
    // The system's own variable for its file of certificates.
    run_in_child(
        NAME,
        &[("SSL_CERT_FILE", trusted), ("SERVER", &server.url())],
    );
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_connection_is_kept_alive() {
    for_each_verb(|verb| {
        let authority = Authority::new("authority");
        let server = serve(authority.server("127.0.0.1", 2099));
        let client = trusting(&server, &authority.pem());
        for _ in 0..3 {
            assert!(verb.send(&client).unwrap().is_success());
        }
        assert_eq!((server.connections(), server.requests().len()), (1, 3));
    });
}

#[test]
fn a_self_signed_certificate_is_refused() {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let server = serve(server_config(certificate.der().clone(), &key));
    assert_refused(
        &server,
        &trusting(&server, &Authority::new("authority").pem()),
    );
}

#[test]
fn a_certificate_from_an_untrusted_authority_is_refused() {
    let server = serve(Authority::new("authority").server("127.0.0.1", 2099));
    assert_refused(&server, &common::client(&server.url()));
}

#[test]
fn a_root_certificate_that_cannot_be_parsed_trusts_nothing() {
    let server = serve(Authority::new("authority").server("127.0.0.1", 2099));
    // The Base64 of a text, and a certificate that is cut short.
    for damaged in ["aGVsbG8gd29ybGQ=", "MIIBszCCAVmgAwIBAgIUfg=="] {
        let pem = format!("-----BEGIN CERTIFICATE-----\n{damaged}\n-----END CERTIFICATE-----\n");
        let client = trusting(&server, &pem);
        let error = VERBS[0].failure(&client);
        assert!(error.is_tls(), "{error:?}");
        assert!(error.to_string().contains("root_certificates"), "{error}");
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn an_expired_certificate_is_refused() {
    let authority = Authority::new("authority");
    let server = serve(authority.server("127.0.0.1", 2021));
    assert_refused(&server, &trusting(&server, &authority.pem()));
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new("authority");
    let server = serve(authority.server("api.gong.io", 2099));
    assert_refused(&server, &trusting(&server, &authority.pem()));
}

#[test]
fn a_port_that_speaks_plain_http_is_a_tls_error() {
    for_each_verb(|verb| {
        let (sender, receiver) = std::sync::mpsc::channel();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                if receiver.try_recv().is_ok() {
                    return;
                }
                let _ = std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n");
                // If it were closed before all is read, it would be reset.
                let _ = std::io::copy(&mut stream, &mut std::io::sink());
            }
        });
        let client = common::client(&format!("https://{address}"));
        let error = verb.send(&client).unwrap_err();
        assert!(error.is_tls(), "{error:?}");
        assert_eq!(error.attempts(), 1);
        sender.send(()).unwrap();
        std::net::TcpStream::connect(address).unwrap();
        server.join().unwrap();
    });
}

#[test]
fn two_hundred_connections_closed_while_idle_are_two_hundred_successes() {
    for_each_verb(|verb| {
        let authority = Authority::new("authority");
        for then in [Then::Close, Then::Reset, Then::CloseNotify] {
            let (sender, receiver) = std::sync::mpsc::channel();
            let receiver = std::sync::Mutex::new(receiver);
            let server = Server::start_tls(authority.server("127.0.0.1", 2099), move |exchange| {
                exchange.send(common::ok());
                // On Windows, a reset takes with it what the client has not read.
                receiver.lock().unwrap().recv_timeout(common::LONG).unwrap();
                then
            });
            let client = trusting(&server, &authority.pem());
            for _ in 0..200 {
                assert!(verb.send(&client).unwrap().is_success());
                sender.send(()).unwrap();
            }
            assert_eq!((server.requests().len(), server.connections()), (200, 200));
        }
    });
}
