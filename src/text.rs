//! How counts and times appear in messages.

use std::time::Duration;

/// Writes `1 pair` or `2 pairs`.
pub(crate) fn count(count: usize, noun: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{s}")
}

/// Drops what is less than a millisecond, which says nothing to a reader.
pub(crate) fn rounded(time: Duration) -> Duration {
    match time.as_millis() {
        0 => time,
        millis => Duration::from_millis(millis.try_into().unwrap_or(u64::MAX)),
    }
}
