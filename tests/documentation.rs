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
            format!("the last byte of the answer | {attempt} s | `ClientBuilder::timeout`"),
        ),
        (
            README,
            format!("then connecting | {connect} s each | `ClientBuilder::connect_timeout`"),
        ),
        (
            README,
            format!("the wait for a turn | {total} s | `ClientBuilder::total_timeout`"),
        ),
        (
            README,
            format!("a longer one is not begun | {retry_after} s | `RetryPolicy::max_retry_after`"),
        ),
        (
            README,
            format!("a `Retry-After` of up to {retry_after} seconds"),
        ),
        (
            FRONT_PAGE,
            format!("the last byte of the answer | {attempt} s | [`timeout`]"),
        ),
        (
            FRONT_PAGE,
            format!("then connecting | {connect} s each | [`connect_timeout`]"),
        ),
        (
            FRONT_PAGE,
            format!("every attempt and wait | {total} s | [`total_timeout`]"),
        ),
        (
            FRONT_PAGE,
            format!("a wait that Gong asks for | {retry_after} s | [`max_retry_after`]"),
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
            format!("If Gong asks for a wait of up to {retry_after} s"),
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
    let halves: Vec<_> = (0..3)
        .map(|n| f64::from(base.parse::<u32>().unwrap() << n) / 1000.0)
        .collect();
    assert_says(README, &format!("up to {attempts} attempts"));
    assert_says(
        README,
        &format!("| attempts | {attempts} | `RetryPolicy::max_attempts`"),
    );
    assert_says(
        README,
        &format!(
            "a random wait of up to {}, {} and {} seconds",
            halves[0], halves[1], halves[2]
        ),
    );
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
    let calls = default("Bounds { calls");
    let pairs = default("pairs");
    let thousands = |n: &str| match n.len() {
        0..=3 => n.to_owned(),
        len => format!("{},{}", &n[..len - 3], &n[len - 3..]),
    };
    let pairs = thousands(&pairs);
    assert_says(
        README,
        &format!("At most {rate} requests (`requests_per_second`)"),
    );
    assert_says(
        FRONT_PAGE,
        &format!("At most {rate} requests reach Gong in any second"),
    );
    assert_says(BUILDER, &format!("The default is {rate}, which is"));
    assert_says(README, &format!("at most {calls} calls and {pairs} pairs"));
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
        README,
        &format!("of more than {receipt} MiB, or a listing of more than {listing} MiB"),
    );
    assert_says(
        CLIENT,
        &format!("A response larger than {listing} MiB is not a success"),
    );
    assert_says(
        CLIENT,
        &format!("A response larger than {receipt} MiB is not a success"),
    );
    let text = common::SERVER_TEXT_LIMIT / 1024;
    assert_says(API_ERROR, &format!("is cut to {text} KiB"));
    assert_says(API_ERROR, &format!("at most {text} KiB, as text"));
    assert_says(TRANSPORT_ERROR, &format!("cut to {text} KiB"));
    let searches = format!("{},000", common::SEARCH_REQUESTS / 1000);
    for page in [README, BATCHES] {
        assert_says(
            page,
            &format!("At most {searches} requests of a job are sent only to search"),
        );
    }
    let days = common::LONGEST_DURATION.as_secs() / Duration::from_secs(24 * 60 * 60).as_secs();
    assert_says(BUILDER, &format!("more than {days} days, is an error"));
    assert_says(RETRY, &format!("more than {days} days, is an error"));
}

#[test]
fn the_memory_of_a_pair() {
    let bytes = common::BYTES_OF_A_PAIR;
    for page in [README, ACCESS_LIST] {
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
    for page in [README, RETRY] {
        assert_says(page, "408, 425, 429, 500, 502, 503, 504 and 520 to 526");
    }
    let range: Vec<u16> = (520..=526).collect();
    let named = [&[408, 425, 429, 500, 502, 503, 504][..], &range].concat();
    assert_eq!(named, common::RETRIED_STATUSES);
}
