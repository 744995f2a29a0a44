//! Settings and input that are refused before anything is sent.

use std::error::Error as _;
use std::time::Duration;

use crate::common::{self, Server, builder, client, is_child, one_pair, run_in_child};
use gong_call_access::{CallAccessList, Client, Credentials, Error, RetryPolicy};

/// Asserts that this is a config error which says all of `parts`.
#[track_caller]
fn assert_config<T>(result: Result<T, Error>, parts: &[&str]) {
    let Err(error) = result else {
        panic!("no error, expected one about {parts:?}")
    };
    assert_eq!(format!("{error:?}"), error.to_string());
    let message = format!("{error} {:?}", error.source());
    assert!(
        error.is_config() && matches!(error, Error::Config(_)),
        "{message}"
    );
    assert!(
        !error.is_invalid_id() && !error.is_timeout() && !error.is_connect() && !error.is_tls(),
        "more than a config error: {error:?}"
    );
    assert_eq!(
        (error.attempts(), error.retry_after()),
        (0, None),
        "something was sent: {error:?}"
    );
    for part in parts {
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn half_a_pair_of_credentials_names_the_missing_variable() {
    if is_child() {
        let expected = std::env::var("EXPECTED").unwrap();
        return assert_config(Credentials::from_env(), &[&expected]);
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
                ("GONG_ACCESS_KEY_SECRET", " \t"),
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
        // As `docker --env-file` keeps them.
        (&[("GONG_ACCESS_TOKEN", "\"hunter2\"\n")], "a quote"),
        (&[("GONG_ACCESS_TOKEN", "hunter2 \r\n")], "white space"),
    ] {
        let mut variables = variables.to_vec();
        variables.push(("EXPECTED", expected));
        run_in_child(
            "half_a_pair_of_credentials_names_the_missing_variable",
            &variables,
        );
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
        return assert_config(Client::from_env(), &["scheme"]);
    }
    let variables = [
        ("GONG_ACCESS_TOKEN", "token"),
        ("GONG_BASE_URL", "ftp://api.gong.io"),
    ];
    run_in_child("a_wrong_base_url_in_the_environment_is_refused", &variables);
}

#[test]
fn a_credential_that_cannot_be_sent_is_refused() {
    let at_an_end = "begins or ends with white space, a line break or a quote";
    for (text, problem) in [
        ("", "is blank"),
        (" ", "is blank"),
        ("\t\n", "is blank"),
        ("hunter2\r\nX-Evil: 1", "not printable ASCII"),
        ("hunter2\n", at_an_end),
        ("hunter2\0", "not printable ASCII"),
        ("hunter2\x1b", "not printable ASCII"),
        ("hunter2\u{7f}", "not printable ASCII"),
        ("hunter2é", "not printable ASCII"),
        ("hunter2\u{200b}", "not printable ASCII"),
        (" hunter2", at_an_end),
        ("hunter2\t", at_an_end),
        ("'hunter2'", at_an_end),
        ("\"hunter2", at_an_end),
        ("hunter2\"", at_an_end),
    ] {
        let key = Credentials::access_key(text, "hunter2");
        assert_config(key, &["access key ", problem]);
        let secret = Credentials::access_key("hunter2", text);
        assert_config(secret, &["access key secret ", problem]);
        assert_config(Credentials::bearer(text), &["access token ", problem]);
    }
    for agent in ["", " ", "a\r\nX-Evil: 1", "a\0", "aé"] {
        let builder = builder("http://localhost").user_agent(agent);
        assert_config(builder.build(), &["user_agent"]);
    }
}

#[test]
fn a_colon_in_the_access_key_is_refused() {
    assert_config(Credentials::access_key("hunter2:x", "secret"), &["`:`"]);
    assert!(Credentials::access_key("key", "sec:ret").is_ok());
}

#[test]
fn an_unusable_base_url_is_refused() {
    // What may be shown is: the URL itself, up to a query.
    for (url, shown) in [
        (
            "https://hunter2:hunter2@api.gong.io",
            "base_url is invalid: it has user information",
        ),
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
        assert_config(builder(url).build(), &[shown]);
    }
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[test]
fn the_default_host_is_gongs() {
    let client = Client::new(common::credentials()).unwrap();
    assert!(format!("{client:?}").contains("api.gong.io"), "{client:?}");
}

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
#[test]
fn https_without_a_tls_feature_is_refused() {
    assert_config(
        Client::new(common::credentials()),
        &["feature rustls or native-tls"],
    );
    let with_roots = builder("http://localhost").root_certificates("");
    assert_config(with_roots.build(), &["root_certificates", "feature"]);
}

#[test]
fn an_unusable_duration_is_refused() {
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
            &["timeout", what, "30 days"],
        );
        assert_config(
            local().timeout(day).connect_timeout(duration).build(),
            &["connect_timeout", what],
        );
        assert_config(
            local().total_timeout(duration).build(),
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
            assert_config(local().retry(retry).build(), &[setter, what]);
        }
    }
    let contradiction = local().timeout(day).connect_timeout(day * 2).build();
    assert_config(contradiction, &["connect_timeout is", "at most timeout"]);
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
fn a_count_of_zero_is_refused() {
    let local = || builder("http://localhost");
    let attempts = local().retry(RetryPolicy::default().max_attempts(0));
    assert_config(attempts.build(), &["max_attempts is 0, expected 1 or more"]);
    let rate = local().requests_per_second(0);
    assert_config(
        rate.build(),
        &["requests_per_second is 0, expected 1 or more"],
    );
    let calls = local().max_calls_per_batch(0);
    assert_config(
        calls.build(),
        &["max_calls_per_batch is 0, expected 1 or more"],
    );
    let pairs = local().max_pairs_per_batch(0);
    assert_config(
        pairs.build(),
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
    assert_config(nothing.build(), &["root_certificates has no certificate"]);
    let broken = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    assert_config(
        builder("http://localhost")
            .root_certificates(broken)
            .build(),
        &["root_certificates is not valid PEM"],
    );
}

#[test]
fn an_empty_list_is_refused() {
    let server = Server::sends(common::ok(), common::Then::KeepAlive);
    assert_config(
        client(&server.url()).grant(&CallAccessList::new()),
        &["empty"],
    );
    let revoked = client(&server.url()).revoke(&CallAccessList::new());
    assert_config(revoked, &["empty"]);
    assert_config(client(&server.url()).list([]), &["no call"]);
    assert_eq!(server.connections(), 0);
}
