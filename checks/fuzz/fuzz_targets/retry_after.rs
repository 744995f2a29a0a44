//! Parses any `Date` and any fields of `Retry-After`: the wait is never zero, and seconds are exact.
//!
//! The input is a line with the date, and a line for each field.

#![no_main]

use std::time::Duration;

use fuzz::{Credentials, decode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    retry_after(input);
});

fn retry_after(input: &[u8]) -> Option<()> {
    let mut lines = input.split(|byte| *byte == b'\n');
    let mut headers = vec![("date", lines.next()?)];
    headers.extend(lines.map(|line| ("retry-after", line)));

    let credentials = Credentials::bearer("a-token").ok()?;
    let response = decode(&credentials, None, 429, &headers, b"")?;
    let wait = response.into_result().err()?.retry_after();
    assert_ne!(wait, Some(Duration::ZERO));
    match headers.get(1..)? {
        [(_, field)] => {
            let text = str::from_utf8(field).unwrap_or_default();
            if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
                let seconds = text.parse().unwrap_or(u64::MAX);
                assert_eq!(wait.unwrap_or_default(), Duration::from_secs(seconds));
            }
        }
        _ => assert_eq!(wait, None, "none, or several that contradict each other"),
    }
    Some(())
}
