//! What is refused before anything is sent: rows 1 to 8 and 10.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod common;

use std::time::Duration;

use common::{Server, builder, client, credentials, is_child, one_pair, run_in_child};
use gong_call_access::{CallAccessList, Client, Credentials, Error, RetryPolicy};

/// Asserts that this is a config error which says all of `parts`.
#[track_caller]
fn assert_config<T>(result: Result<T, Error>, row: &str, parts: &[&str]) {
    let Err(error) = result else {
        panic!("row {row}: no error, expected one about {parts:?}")
    };
    let message = error.to_string();
    assert!(
        error.is_config() && matches!(error, Error::Config(_)),
        "row {row}: {message}"
    );
    assert!(
        !error.is_timeout() && !error.is_connect() && !error.is_tls(),
        "row {row}"
    );
    assert_eq!(
        (error.attempts(), error.retry_after()),
        (0, None),
        "row {row}"
    );
    for part in parts {
        assert!(
            message.contains(part),
            "row {row}: {message:?} does not say {part:?}"
        );
    }
    assert!(!message.contains("hunter2"), "row {row}: {message}");
}

#[test]
fn row_1_a_blank_credential_is_refused() {
    for blank in ["", " ", "\t", "\n"] {
        assert_config(
            Credentials::access_key(blank, "hunter2"),
            "1",
            &["access key is empty"],
        );
        assert_config(
            Credentials::access_key("hunter2", blank),
            "1",
            &["access key secret is empty"],
        );
        assert_config(Credentials::bearer(blank), "1", &["access token is empty"]);
    }
}

#[test]
fn row_2_half_a_pair_names_the_missing_variable() {
    if is_child() {
        let expected = std::env::var("EXPECTED").unwrap();
        return assert_config(Credentials::from_env(), "2", &[&expected]);
    }
    for (variables, expected) in [
        (
            &[("GONG_ACCESS_KEY", "hunter2")][..],
            "GONG_ACCESS_KEY_SECRET is missing",
        ),
        (
            &[
                ("GONG_ACCESS_KEY", "hunter2"),
                ("GONG_ACCESS_TOKEN", "hunter2"),
            ],
            "GONG_ACCESS_KEY_SECRET is missing",
        ),
        (
            &[
                ("GONG_ACCESS_KEY", "hunter2"),
                ("GONG_ACCESS_KEY_SECRET", ""),
            ],
            "GONG_ACCESS_KEY_SECRET is missing",
        ),
        (
            &[("GONG_ACCESS_KEY_SECRET", "hunter2")],
            "GONG_ACCESS_KEY_SECRET is set, but GONG_ACCESS_KEY is missing",
        ),
        (
            &[("GONG_ACCESS_SECRET", "hunter2")],
            "GONG_ACCESS_SECRET is set, but GONG_ACCESS_KEY is missing",
        ),
        (
            &[],
            "set GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET, or GONG_ACCESS_TOKEN",
        ),
        (&[("GONG_ACCESS_TOKEN", "\n")], "no credentials"),
        (&[("GONG_ACCESS_TOKEN", "hunter2 x")], "space"),
    ] {
        let mut variables = variables.to_vec();
        variables.push(("EXPECTED", expected));
        run_in_child("row_2_half_a_pair_names_the_missing_variable", &variables);
    }
}

#[test]
fn credentials_and_base_url_come_from_the_environment() {
    if is_child() {
        return assert!(
            Client::from_env()
                .unwrap()
                .grant(&one_pair())
                .unwrap()
                .is_success()
        );
    }
    let server = Server::sends(common::ok(), common::Then::KeepAlive);
    let url = server.url() + "/v2/\n";
    let basic = "Basic a2V5OnNlY3JldA==";
    let both = [
        ("GONG_ACCESS_KEY", "key"),
        ("GONG_ACCESS_KEY_SECRET", "secret"),
        ("GONG_ACCESS_SECRET", "x"),
        ("GONG_ACCESS_TOKEN", "x"),
    ];
    let short = [
        ("GONG_ACCESS_KEY", "key\r\n"),
        ("GONG_ACCESS_SECRET", "secret\n"),
    ];
    let token = [("GONG_ACCESS_TOKEN", "token\n")];
    for (variables, authorization) in [
        (&both[..], basic),
        (&short, basic),
        (&token, "Bearer token"),
    ] {
        let mut variables = variables.to_vec();
        variables.push(("GONG_BASE_URL", &url));
        run_in_child(
            "credentials_and_base_url_come_from_the_environment",
            &variables,
        );
        assert_eq!(
            server.requests().last().unwrap().header("authorization"),
            [authorization]
        );
    }
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_wrong_base_url_in_the_environment_is_refused() {
    if is_child() {
        return assert_config(Client::from_env(), "6", &["scheme"]);
    }
    let variables = [
        ("GONG_ACCESS_TOKEN", "token"),
        ("GONG_BASE_URL", "ftp://api.gong.io"),
    ];
    run_in_child("a_wrong_base_url_in_the_environment_is_refused", &variables);
}

#[test]
fn row_3_what_does_not_belong_in_a_header_is_refused() {
    for (text, problem) in [
        ("hunter2\r\nX-Evil: 1", "single line"),
        ("hunter2\n", "single line"),
        ("hunter2\0", "control character"),
        ("hunter2\x1b", "control character"),
        ("hunter2\u{7f}", "control character"),
        ("hunter2é", "not ASCII"),
        ("hunter2\u{200b}", "not ASCII"),
    ] {
        assert_config(
            Credentials::access_key(text, "secret"),
            "3",
            &["access key is", problem],
        );
        assert_config(
            Credentials::access_key("key", text),
            "3",
            &["secret is", problem],
        );
        assert_config(Credentials::bearer(text), "3", &["token is", problem]);
        let agent = text.replace("hunter2", "agent");
        assert_config(
            builder("http://localhost").user_agent(agent).build(),
            "3",
            &["user_agent"],
        );
    }
    for blank in ["", " "] {
        assert_config(
            builder("http://localhost").user_agent(blank).build(),
            "3",
            &["user_agent"],
        );
    }
}

#[test]
fn row_4_a_colon_in_the_access_key_is_refused() {
    assert_config(
        Credentials::access_key("hunter2:x", "secret"),
        "4",
        &["`:`"],
    );
    assert!(Credentials::access_key("key", "sec:ret").is_ok());
}

#[test]
fn row_5_and_6_a_base_url_that_cannot_be_used_is_refused() {
    for (row, url, problem) in [
        ("5", "http://api.gong.io", "loopback"),
        (
            "6",
            "https://hunter2:hunter2@api.gong.io",
            "user information",
        ),
        ("6", "https://api.gong.io?x=1", "query"),
        ("6", "https://api.gong.io/#x", "fragment"),
        ("6", "https://api.gong.io:0", "port"),
        ("6", "https://api.gong.io:65536", "port"),
        ("6", "https://", "host"),
        ("6", "ftp://api.gong.io", "scheme"),
        ("6", "api.gong.io", "https://"),
        ("6", "https://api.gong.io /", "' '"),
    ] {
        assert_config(builder(url).build(), row, &["base_url", problem]);
    }
    // What may be shown is: the URL itself, up to a query.
    for (url, shown) in [
        (
            "ftp://api.gong.io",
            "base_url \"ftp://api.gong.io\" is invalid",
        ),
        (
            "https://api.gong.io/v2?token=hunter2",
            "base_url \"https://api.gong.io/v2\" is invalid",
        ),
        (
            "https://api.gong.io/#access_token=hunter2",
            "base_url \"https://api.gong.io/\" is invalid",
        ),
    ] {
        assert_config(builder(url).build(), "6", &[shown]);
    }
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[test]
fn a_base_url_as_gong_shows_it_or_as_others_configure_it_is_accepted() {
    assert!(Client::new(credentials()).is_ok());
    for end in ["", "/", "//", "/v2", "/v2/"] {
        assert!(
            builder(&format!("https://us-12345.api.gong.io{end}"))
                .build()
                .is_ok(),
            "{end}"
        );
    }
}

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
#[test]
fn row_7_https_without_a_tls_feature_is_refused() {
    assert_config(
        Client::new(credentials()),
        "7",
        &["feature rustls or native-tls"],
    );
    let with_roots = builder("http://localhost").root_certificates("");
    assert_config(with_roots.build(), "7", &["root_certificates", "feature"]);
}

#[test]
fn row_8_a_duration_that_cannot_be_used_is_refused() {
    let local = || builder("http://localhost");
    let day = Duration::from_secs(24 * 60 * 60);
    let longest = common::LONGEST_DURATION;
    for duration in [
        Duration::ZERO,
        longest + Duration::from_nanos(1),
        Duration::MAX,
    ] {
        let what = &format!("is {duration:?}, expected");
        assert_config(
            local().timeout(duration).build(),
            "8",
            &["timeout", what, "30 days"],
        );
        assert_config(
            local().timeout(day).connect_timeout(duration).build(),
            "8",
            &["connect_timeout", what],
        );
        assert_config(
            local().total_timeout(duration).build(),
            "8",
            &["total_timeout", what],
        );
        for (setter, retry) in [
            ("base_delay", RetryPolicy::default().base_delay(duration)),
            ("max_delay", RetryPolicy::default().max_delay(duration)),
            (
                "max_retry_after",
                RetryPolicy::default().max_retry_after(duration),
            ),
        ] {
            assert_config(local().retry(retry).build(), "8", &[setter, what]);
        }
    }
    let contradiction = local().timeout(day).connect_timeout(day * 2).build();
    assert_config(
        contradiction,
        "8",
        &["connect_timeout is", "at most timeout"],
    );
    assert!(
        local()
            .timeout(longest)
            .connect_timeout(longest)
            .build()
            .is_ok()
    );
    // The default for connecting gives way to a shorter timeout.
    assert!(local().timeout(Duration::from_millis(1)).build().is_ok());
}

#[test]
fn row_8_a_count_of_zero_is_refused() {
    let local = || builder("http://localhost");
    let attempts = local().retry(RetryPolicy::default().max_attempts(0));
    assert_config(
        attempts.build(),
        "8",
        &["max_attempts is 0, expected 1 or more"],
    );
    let rate = local().requests_per_second(0);
    assert_config(
        rate.build(),
        "8",
        &["requests_per_second is 0, expected 1 or more"],
    );
    let calls = local().max_calls_per_batch(0);
    assert_config(
        calls.build(),
        "8",
        &["max_calls_per_batch is 0, expected 1 or more"],
    );
    let pairs = local().max_pairs_per_batch(0);
    assert_config(
        pairs.build(),
        "8",
        &["max_pairs_per_batch is 0, expected 1 or more"],
    );
    let largest = local()
        .max_calls_per_batch(usize::MAX)
        .max_pairs_per_batch(usize::MAX);
    assert!(largest.build().is_ok());
    assert!(local().requests_per_second(u32::MAX).build().is_ok());
}

#[test]
fn a_large_duration_does_not_panic_while_sending() {
    let server = Server::sends(common::ok(), common::Then::KeepAlive);
    let month = common::LONGEST_DURATION;
    let client = builder(&server.url())
        .timeout(month)
        .connect_timeout(month)
        .total_timeout(month)
        .build()
        .unwrap();
    assert!(client.grant(&one_pair()).unwrap().is_success());
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[test]
fn root_certificates_without_a_certificate_are_refused() {
    let nothing = builder("http://localhost").root_certificates("nothing");
    assert_config(
        nothing.build(),
        "PEM",
        &["root_certificates has no certificate"],
    );
    let broken = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    assert_config(
        builder("http://localhost")
            .root_certificates(broken)
            .build(),
        "PEM",
        &["root_certificates is not valid PEM"],
    );
}

#[test]
fn row_10_an_empty_list_is_refused() {
    let server = Server::sends(common::ok(), common::Then::KeepAlive);
    assert_config(
        client(&server.url()).grant(&CallAccessList::new()),
        "10",
        &["empty"],
    );
    let revoked = client(&server.url()).revoke(&CallAccessList::new());
    assert_config(revoked, "10", &["empty"]);
    assert_config(client(&server.url()).list([]), "10", &["no call"]);
    assert_eq!(server.connections(), 0);
}
