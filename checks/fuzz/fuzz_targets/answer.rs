//! Decodes any response. It must not panic, not report a success without proof, and not keep a secret,
//! a control character or more than 2 KiB of a text.
//!
//! The input is a line with a method and a status, a line for each header, an empty line, and the body.

#![no_main]

use std::collections::BTreeSet;

use fuzz::{ApiError, CallAccessList, CallId, Credentials, LIMIT, Response, decode};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const KEY: &str = "KEY-4f9a1c7";
const SECRET: &str = "SECRET-e07b5d2a";
/// The key and the secret in Base64, as in the header.
const PAIR: &str = "S0VZLTRmOWExYzc6U0VDUkVULWUwN2I1ZDJh";

/// The limit for each text from the server, in bytes.
const MAX_TEXT: usize = 2048;

type Header<'a> = (&'a str, &'a [u8]);

fuzz_target!(|input: &[u8]| {
    answer(input);
});

fn answer(input: &[u8]) -> Option<()> {
    let end = input.windows(2).position(|two| two == b"\n\n")?;
    let (head, body) = (input.get(..end)?, input.get(end + 2..)?);
    let mut lines = head.split(|byte| *byte == b'\n');
    let (method, status) = str::from_utf8(lines.next()?).ok()?.split_once(' ')?;
    let status: u16 = status.parse().ok()?;
    let headers: Vec<Header> = lines.filter_map(header).collect();

    let credentials = Credentials::access_key(KEY, SECRET).ok()?;
    match method {
        "PUT" => assert_decoded(&credentials, None, status, &headers, body),
        "POST" => assert_decoded(&credentials, Some(&asked(body)), status, &headers, body),
        _ => None,
    }
}

fn assert_decoded(
    credentials: &Credentials,
    asked: Option<&BTreeSet<CallId>>,
    status: u16,
    headers: &[Header],
    body: &[u8],
) -> Option<()> {
    match decode(credentials, asked, status, headers, body)? {
        Response::Success(listing) => {
            assert_proof(status, headers, body);
            assert_listed(listing.access_list(), body);
            let is_asked = |call| asked.is_some_and(|asked| asked.contains(&call));
            assert!(listing.access_list().calls().all(is_asked));
            assert_clean(listing.receipt().request_id().unwrap_or_default());
        }
        other => assert_error(status, &other.into_result().err()?),
    }
    Some(())
}

/// The first call of the body, so that a listing of it alone is an answer.
fn asked(body: &[u8]) -> BTreeSet<CallId> {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let id = json["callAccessList"][0]["callId"].as_str();
    id.and_then(|id| id.parse().ok()).into_iter().collect()
}

fn header(line: &[u8]) -> Option<Header<'_>> {
    let colon = line.windows(2).position(|two| two == b": ")?;
    Some((
        str::from_utf8(line.get(..colon)?).ok()?,
        line.get(colon + 2..)?,
    ))
}

/// Asserts that the response is a complete, uncompressed 200 with a JSON object without errors.
fn assert_proof(status: u16, headers: &[Header], body: &[u8]) {
    assert_eq!(status, 200);
    assert!(body.len() <= LIMIT);
    let is_encoded = |(name, value): &Header| {
        name.eq_ignore_ascii_case("content-encoding") && !value.eq_ignore_ascii_case(b"identity")
    };
    assert!(!headers.iter().any(is_encoded));
    // serde_json takes an object with its own key for something else.
    let private = b"$serde_json::private";
    if body.windows(private.len()).any(|part| part == private) {
        return;
    }
    let fields = match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => fields,
        // What is skipped may be nested deeper than a `Value`, or hold a number too large for one.
        Err(error) if is_limit_of_value(&error.to_string()) => return,
        other => panic!("a success without a JSON object: {other:?}"),
    };
    assert!(match fields.get("errors") {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(fields)) => fields.is_empty(),
        Some(_) => false,
    });
}

fn is_limit_of_value(error: &str) -> bool {
    error.starts_with("recursion limit") || error.starts_with("number out of range")
}

/// Asserts that every pair of a listing is in the body.
fn assert_listed(list: &CallAccessList, body: &[u8]) {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let calls = json["callAccessList"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let pairs = list.pairs().filter(|(call, user)| {
        calls
            .iter()
            .filter(|entry| entry["callId"] == call.as_str())
            .filter_map(|entry| entry["users"].as_array())
            .flatten()
            .any(|entry| entry["userId"] == user.as_str())
    });
    assert_eq!(pairs.count(), list.len());
}

fn assert_error(status: u16, error: &ApiError) {
    assert_eq!((error.status(), error.attempts()), (status, 1));
    assert_clean(error.body());
    assert!(error.messages().iter().map(String::len).sum::<usize>() <= MAX_TEXT);
    for message in error.messages() {
        assert_clean(message);
        assert!(!message.trim().is_empty());
    }
    assert_clean(error.request_id().unwrap_or_default());
    let shown = error.to_string();
    assert!(!shown.contains(char::is_control) && shown.len() < 6 * MAX_TEXT);
    assert_no_secret(&shown);
    assert_no_secret(&format!("{error:?}"));
}

fn assert_clean(text: &str) {
    assert!(text.len() <= MAX_TEXT);
    assert!(!text.contains(char::is_control));
    assert_no_secret(text);
}

fn assert_no_secret(text: &str) {
    for secret in [KEY, SECRET, PAIR] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}
