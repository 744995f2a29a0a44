//! No credential is shown, whatever is printed and whatever the server sends.

use std::error::Error as StdError;
use std::fmt::Write;
use std::sync::Mutex;
use std::time::Duration;

use crate::common::{
    self, KEY, SECRET, Server, TOKEN, Then, VERBS, builder, client, credentials, for_each_verb,
    http,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use gong_call_access::{Client, Credentials, Error, Response, RetryPolicy};

/// The forms in which these credentials must not be shown.
fn forms_of(secrets: &[&str]) -> Vec<String> {
    secrets
        .iter()
        .flat_map(|secret| [(*secret).to_owned(), STANDARD_NO_PAD.encode(secret)])
        .collect()
}

#[track_caller]
fn assert_clean(shown: &str) {
    for form in forms_of(&[KEY, SECRET, TOKEN, &format!("{KEY}:{SECRET}")]) {
        assert!(!shown.contains(&form), "{form} is in: {shown}");
    }
}

/// Everything that an error says in any way.
fn show(error: &Error) -> String {
    let mut shown = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(error) = source {
        write!(shown, " {error} {error:?}").unwrap();
        source = error.source();
    }
    shown
}

fn show_response(response: Response) -> String {
    let mut shown = format!("{response:?} {response:#?}");
    match response {
        Response::Success(receipt) => write!(shown, " {receipt:?}").unwrap(),
        other => {
            let error = other.into_result().unwrap_err();
            write!(
                shown,
                " {error} {} {:?} {:?}",
                error.body(),
                error.messages(),
                error.request_id()
            )
            .unwrap();
            shown += &show(&Error::from(error));
        }
    }
    shown
}

fn client_of(credentials: Credentials, url: &str) -> Client {
    Client::builder(credentials)
        .base_url(url)
        .retry(common::quick())
        .requests_per_second(None)
        .build()
        .unwrap()
}

fn bearer(url: &str) -> Client {
    client_of(Credentials::bearer(TOKEN).unwrap(), url)
}

/// A client whose secret has characters that servers escape.
fn slashed(url: &str) -> Client {
    client_of(
        Credentials::access_key(KEY, "a/long-secret&more").unwrap(),
        url,
    )
}

#[test]
fn no_debug_shows_a_credential() {
    let bearer = Credentials::bearer(TOKEN).unwrap();
    assert_clean(&format!("{:?} {:?}", credentials(), bearer));
    let builder = builder(&format!("https://{KEY}:{SECRET}@api.gong.io"));
    assert_clean(&format!("{builder:?} {builder:#?}"));
    assert_clean(&show(&builder.build().unwrap_err()));
    let client = client("http://localhost");
    assert_clean(&format!("{client:?} {client:#?}"));
    assert!(format!("{:?}", credentials()).contains("Basic"));
    assert!(format!("{client:?}").contains("localhost"));
    assert!(format!("{:?}", client.to_builder()).contains("Basic"));
}

#[test]
fn no_transport_error_shows_a_credential() {
    for_each_verb(|verb| {
        for raw in [
            format!("{SECRET}\r\n\r\n"),
            format!("HTTP/1.1 200 OK\r\n{SECRET}\r\n\r\n"),
            String::new(),
        ] {
            let server = Server::sends(raw, Then::Close);
            assert_clean(&show(&verb.send(&client(&server.url())).unwrap_err()));
        }
        let server = Server::sends("", Then::Hang);
        assert_clean(&show(&verb.failure(&common::impatient(&server.url()))));
    });
}

#[test]
fn a_credential_that_the_server_echoes_is_removed() {
    for_each_verb(|verb| {
        let pair = format!("{KEY}:{SECRET}");
        // A client knows its own credentials only.
        let of_key: fn(&str) -> Client = client;
        for (client, secrets) in [(of_key, &[KEY, SECRET, &pair][..]), (bearer, &[TOKEN])] {
            for echo in forms_of(secrets) {
                let json = format!(
                    r#"{{"errors":["denied: {echo}"],"requestId":"{echo}","{echo}":"{echo}"}}"#
                );
                let success = format!(r#"{{"requestId":"{echo}"}}"#);
                let header = format!("x-traceid: {echo}\r\nlocation: https://{echo}/\r\n");
                for (status, body) in [
                    (200, &json),
                    (200, &success),
                    (307, &json),
                    (400, &json),
                    (401, &json),
                    (500, &String::new()),
                ] {
                    // A 500 is tried again, and a connection closed meanwhile would be an error of its own.
                    let server = Server::sends(http(status, &header, body), Then::KeepAlive);
                    let shown = show_response(verb.send(&client(&server.url())).unwrap());
                    assert_clean(&shown);
                    assert!(shown.contains("[redacted]"), "{shown}");
                }
            }
        }
    });
}

#[test]
fn a_credential_cut_short_by_a_broken_body_is_removed() {
    for_each_verb(|verb| {
        // The beginning may be escaped for JSON, a URL or HTML, and the cut may go through an escape.
        for cut in [
            "a/long-secret&m",
            r"a\/long-secret\u00",
            "a%2Flong-se",
            "a&#x2F;long-secret&am",
            "a/lo\r\n ng-secret",
        ] {
            let body = format!("HTTP/1.1 500 Status\r\ncontent-length: 1000\r\n\r\nyour {cut}");
            let server = Server::sends(body, Then::Close);
            let client = slashed(&server.url());
            assert_eq!(verb.refusal(&client).body(), "[redacted]", "{cut}");
        }
    });
}

#[test]
fn a_credential_in_the_location_of_a_redirect_is_removed() {
    for_each_verb(|verb| {
        for (user_information, host) in [
            (format!("{KEY}:a-long-secret-more"), "gong.example"),
            // A `/` ends the host.
            (format!("{KEY}:a/long-secret&more"), "[redacted]"),
            ("x:secret-after/-the-slash".to_owned(), "[redacted]"),
        ] {
            let location = format!("location: https://{user_information}@gong.example/x\r\n");
            let server = Server::sends(http(302, &location, ""), Then::Close);
            let client = Credentials::access_key(KEY, "secret-after/-the-slash").unwrap();
            let shown = verb.refusal(&client_of(client, &server.url())).to_string();
            assert_clean(&shown);
            assert!(shown.contains(&format!("to the host {host})")), "{shown}");
        }
    });
}

#[test]
fn a_credential_in_the_wrong_setting_is_not_shown() {
    let builder = || Client::builder(Credentials::bearer(TOKEN).unwrap());
    for url in [
        TOKEN.to_owned(),
        format!("https://api.gong.io/?access_token={TOKEN}"),
        format!("http://{TOKEN}"),
        format!("https://{TOKEN}/v2"),
        format!("https://us.{TOKEN}.:8443"),
        format!("https://{}", TOKEN.to_lowercase()),
    ] {
        let shown = show(&builder().base_url(url).build().unwrap_err());
        assert_clean(&shown);
        assert!(
            !shown.to_lowercase().contains(&TOKEN.to_lowercase()),
            "{shown}"
        );
    }
    let in_host = builder().base_url(format!("https://{TOKEN}/v2")).build();
    let shown = in_host.unwrap_err().to_string();
    assert!(shown.contains("its host contains a credential"), "{shown}");
    // Longer than what is shown of a base URL, as a secret of Gong's may be.
    let long = format!("eyJhbGciOiJIUzI1NiJ9.{}.signature", "abcDEF123".repeat(20));
    for url in [
        long.clone(),
        format!("Bearer {long}"),
        format!("http://gong.example/{long}"),
        format!("https://api.gong.io/#access_token={long}"),
    ] {
        let client = Client::builder(Credentials::access_key(KEY, &long).unwrap());
        let shown = show(&client.base_url(url).build().unwrap_err());
        assert!(!shown.contains("abcDEF123"), "{shown}");
    }
    #[cfg(any(feature = "rustls", feature = "native-tls"))]
    {
        let key = format!("-----BEGIN CERTIFICATE-----\n{SECRET}!\n-----END CERTIFICATE-----");
        let shown = show(&builder().root_certificates(&key).build().unwrap_err());
        assert_clean(&shown);
        let bytes = format!("{:?}", SECRET.as_bytes());
        assert!(!shown.contains(bytes.trim_matches(['[', ']'])), "{shown}");
    }
    let user_agent = builder()
        .base_url("http://localhost")
        .user_agent(format!("{TOKEN}\n"));
    assert_clean(&show(&user_agent.build().unwrap_err()));
}

#[test]
fn a_credential_of_any_length_is_sent() {
    for_each_verb(|verb| {
        let secret = "s".repeat(50_000);
        let server = Server::sends(common::ok(), Then::Close);
        let credentials = Credentials::access_key(KEY, &secret).unwrap();
        let client = Client::builder(credentials).base_url(format!("{}/{secret}", server.url()));
        assert!(verb.send(&client.build().unwrap()).unwrap().is_success());
        assert!(server.requests()[0].header("authorization")[0].len() > 50_000);
    });
}

struct Records(Mutex<String>);

impl log::Log for Records {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.target() == "gong_call_access" || record.level() <= log::Level::Debug {
            let mut records = self.0.lock().unwrap();
            writeln!(
                records,
                "{} {} {}",
                record.level(),
                record.target(),
                record.args()
            )
            .unwrap();
        }
    }

    fn flush(&self) {}
}

#[test]
fn no_log_record_shows_a_credential_or_an_id() {
    static RECORDS: Records = Records(Mutex::new(String::new()));
    // Alone in its process, since a logger hears the other tests too, and what ureq says of their servers.
    if !common::is_child() {
        return common::run_in_child("no_log_record_shows_a_credential_or_an_id", &[]);
    }
    log::set_logger(&RECORDS).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let body = format!(r#"{{"errors":["{KEY}"]}}"#);
    let echo = Server::sends(
        http(401, &format!("x-traceid: {SECRET}\r\n"), &body),
        Then::Close,
    );
    let cut_off = Server::sends("", Then::Close);
    let succeeds = Server::sends(common::ok(), Then::Close);
    for verb in VERBS {
        assert_eq!(verb.receipt(&client(&succeeds.url())).attempts(), 1);
        assert_eq!(verb.refusal(&client(&echo.url())).status(), 401);
        assert_eq!(verb.failure(&client(&cut_off.url())).attempts(), 4);
    }
    let busy = Server::sends(http(429, "retry-after: 1\r\n", ""), Then::Close);
    for server in [&busy, &succeeds] {
        let builder = common::builder(&server.url()).requests_per_second(1);
        let client = builder.retry(RetryPolicy::none()).build().unwrap();
        drop(VERBS[0].send(&client).unwrap());
        // What it waits for is logged, unless that is too long to wait for.
        let builder = client
            .to_builder()
            .total_timeout(Duration::from_millis(500));
        let error = VERBS[0].failure(&builder.build().unwrap());
        assert_eq!(error.attempts(), 0);
        drop(VERBS[0].send(&client).unwrap());
    }
    assert_eq!((busy.requests().len(), succeeds.requests().len()), (2, 5));
    let records = RECORDS.0.lock().unwrap();
    assert_clean(&records);
    let has_ids = records.contains(common::CALL) || records.contains(common::USER);
    assert!(!has_ids, "{records}");
    for part in [
        ", attempt 1 of 4, 83 bytes",
        "status 401 from 127.0.0.1:",
        "request id [redacted], after ",
        "request id 4al018gzaztcr8nbukw, after ",
        "closed the connection",
        "WARN gong_call_access waiting ",
        "before attempt 3 of 4: 127.0.0.1:",
        "before attempt 1 of 1: a 429 holds every request",
    ] {
        assert!(records.contains(part), "{part} is not in: {records}");
    }
    // A call that does not wait says nothing of it.
    let waits: Vec<_> = records
        .lines()
        .filter_map(|line| line.strip_prefix("DEBUG gong_call_access waiting "))
        .collect();
    // The permit is free a second after the first call.
    let [wait] = waits[..] else {
        panic!("{records}")
    };
    let millis: u64 = wait
        .strip_suffix("ms for the rate limit")
        .unwrap()
        .parse()
        .unwrap();
    assert!(millis < 1000, "{wait}");
}
