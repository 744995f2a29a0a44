//! The documentation says the numbers that hold: each default and limit where a reader finds it.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;

use std::time::Duration;

use gong_call_access::{Client, RetryPolicy};

const README: &str = include_str!("../README.md");
const FRONT_PAGE: &str = include_str!("../src/lib.rs");
const ACCESS_LIST: &str = include_str!("../src/access_list/mod.rs");
const API_ERROR: &str = include_str!("../src/response/api_error.rs");
const BATCHES: &str = include_str!("../src/batches/mod.rs");
const BUILDER: &str = include_str!("../src/builder.rs");
const CLIENT: &str = include_str!("../src/client.rs");
const RETRY: &str = include_str!("../src/send/retry.rs");
const TRANSPORT_ERROR: &str = include_str!("../src/error.rs");

/// Asserts that a text says this, wherever its lines break.
#[track_caller]
fn assert_says(text: &str, sentence: &str) {
    let words = |text: &str| {
        let lines = text.lines().map(|line| {
            let line = line.trim_start();
            line.strip_prefix("///")
                .or_else(|| line.strip_prefix("//!"))
                .unwrap_or(line)
        });
        let words = lines.flat_map(str::split_whitespace);
        words.collect::<Vec<_>>().join(" ")
    };
    assert!(
        words(text).contains(&words(sentence)),
        "not said: {sentence}"
    );
}

/// The value of a setting in what `Debug` shows of the defaults.
fn default(setting: &str) -> String {
    let shown = format!("{:?}", Client::builder(common::credentials()));
    let (_, value) = shown.split_once(&format!(" {setting}: ")).unwrap();
    value
        .split([',', ' ', '}', ')'])
        .next()
        .unwrap()
        .replace("Some(", "")
}

/// A number of seconds in the defaults.
fn seconds(setting: &str) -> u64 {
    default(setting).strip_suffix('s').unwrap().parse().unwrap()
}

#[test]
fn the_default_timeouts() {
    let (attempt, connect) = (seconds("timeout"), seconds("connect_timeout"));
    let total = seconds("total_timeout");
    let retry_after = seconds("max_retry_after");
    for (page, row) in [
        (
            README,
            format!("| `ClientBuilder::timeout` | {attempt} s |"),
        ),
        (
            README,
            format!("| `ClientBuilder::connect_timeout` | {connect} s |"),
        ),
        (
            README,
            format!("| `ClientBuilder::total_timeout` | {total} s |"),
        ),
        (
            README,
            format!("| `RetryPolicy::max_retry_after` | {retry_after} s |"),
        ),
        (
            FRONT_PAGE,
            format!("each attempt at most {attempt} seconds ([`timeout`])"),
        ),
        (
            FRONT_PAGE,
            format!("at most {total} seconds, waits included ([`total_timeout`])"),
        ),
        (
            FRONT_PAGE,
            format!("at most {retry_after} seconds ([`max_retry_after`])"),
        ),
        (
            BUILDER,
            format!("The default is {attempt} seconds. The whole call"),
        ),
        (
            BUILDER,
            format!("The default is {connect} seconds, or [`timeout`]"),
        ),
        (BUILDER, format!("The default is {total} seconds; it holds")),
        (
            RETRY,
            format!("as Gong asks for where that is at most {retry_after} s"),
        ),
        (
            RETRY,
            format!("The default is {retry_after} seconds. A longer one"),
        ),
    ] {
        assert_says(page, &row);
    }
}

#[test]
fn the_default_retries() {
    let attempts = default("max_attempts");
    let (base, max) = (default("base_delay"), seconds("max_delay"));
    let base = base.strip_suffix("ms").unwrap();
    for row in [
        format!("| `RetryPolicy::max_attempts` | {attempts} |"),
        format!("| `RetryPolicy::base_delay` | {base} ms |"),
        format!("| `RetryPolicy::max_delay` | {max} s |"),
    ] {
        assert_says(README, &row);
    }
    assert_says(RETRY, &format!("a call makes at most {attempts} attempts"));
    assert_says(
        RETRY,
        &format!("a random time of up to {base} ms before the second"),
    );
    assert_says(RETRY, &format!("doubling up to {max} s"));
    assert_says(RETRY, &format!("The default is {attempts}. Zero"));
    assert_says(RETRY, &format!("The default is {base} ms. The wait"));
    assert_says(RETRY, &format!("The default is {max} seconds. Zero"));
    assert_eq!(RetryPolicy::none(), RetryPolicy::default().max_attempts(1));
}

#[test]
fn the_default_rate_and_bounds() {
    let rate = default("requests_per_second");
    let calls = default("max_calls_per_batch");
    let pairs = default("max_pairs_per_batch");
    let thousands = |n: &str| match n.len() {
        0..=3 => n.to_owned(),
        len => format!("{},{}", &n[..len - 3], &n[len - 3..]),
    };
    let pairs = thousands(&pairs);
    assert_says(
        README,
        &format!("| `ClientBuilder::requests_per_second` | {rate} |"),
    );
    assert_says(
        FRONT_PAGE,
        &format!("At most {rate} requests reach Gong in any second"),
    );
    assert_says(
        BUILDER,
        &format!("The default is {rate}, which Gong documents"),
    );
    assert_says(
        README,
        &format!("| `ClientBuilder::max_calls_per_batch` | {calls} |"),
    );
    assert_says(
        README,
        &format!("| `ClientBuilder::max_pairs_per_batch` | {pairs} |"),
    );
    assert_says(
        BUILDER,
        &format!("The default is {calls}. Gong documents no limit"),
    );
    assert_says(
        BUILDER,
        &format!("The default is {pairs}. Gong documents no limit"),
    );
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[test]
fn the_default_base_url() {
    let client = Client::new(common::credentials()).unwrap();
    let host = format!("{client:?}").split('"').nth(1).unwrap().to_owned();
    for page in [README, BUILDER] {
        assert_says(page, &format!("The default is `https://{host}`"));
    }
}

#[test]
fn the_limits() {
    let receipt = common::RECEIPT_LIMIT / common::MEBIBYTE;
    let listing = common::LISTING_LIMIT / common::MEBIBYTE;
    assert_says(
        CLIENT,
        &format!("an answer of more than {listing} MiB is no success"),
    );
    assert_says(
        CLIENT,
        &format!("An acknowledgement of more than {receipt} MiB is no success"),
    );
    let text = common::SERVER_TEXT_LIMIT / 1024;
    assert_says(API_ERROR, &format!("is cut to {text} KiB"));
    assert_says(API_ERROR, &format!("at most {text} KiB, as text"));
    assert_says(TRANSPORT_ERROR, &format!("cut to {text} KiB"));
    let searches = format!("{},000", common::SEARCH_REQUESTS / 1000);
    assert_says(
        BATCHES,
        &format!("At most {searches} requests of a job are sent only to search"),
    );
    let days = common::LONGEST_DURATION.as_secs() / Duration::from_secs(24 * 60 * 60).as_secs();
    assert_says(BUILDER, &format!("more than {days} days, is an error"));
    assert_says(RETRY, &format!("more than {days} days, is an error"));
}

#[test]
fn the_memory_of_a_pair() {
    let bytes = common::BYTES_OF_A_PAIR;
    for page in [include_str!("../benches/README.md"), ACCESS_LIST] {
        assert_says(page, &format!("less than {bytes} bytes"));
    }
}

#[test]
fn the_readme_shows_a_test_that_passes() {
    let (_, test) = include_str!("readme.rs").split_once("\n\n").unwrap();
    assert!(
        README.contains(test),
        "tests/readme.rs is not in the README"
    );
}

#[test]
fn the_statuses_that_are_tried_again() {
    assert_says(RETRY, "408, 425, 429, 500, 502, 503, 504 and 520 to 526");
    let range: Vec<u16> = (520..=526).collect();
    let named = [&[408, 425, 429, 500, 502, 503, 504][..], &range].concat();
    assert_eq!(named, common::RETRIED_STATUSES);
}
