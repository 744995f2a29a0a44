//! Parses the header `Retry-After`, in both of its forms.

use std::time::Duration;

/// Parses `Retry-After`, given all fields of that name and the response's own `Date`.
///
/// Returns `None` unless there is exactly one field, with a number of seconds above zero or with an
/// HTTP-date after `Date`. A malformed value must neither lengthen nor shorten a wait. A fraction of a
/// second is rounded up: the header has none by its grammar, but some servers send one.
pub(crate) fn parse<'a>(
    mut fields: impl Iterator<Item = &'a str>,
    date: Option<&str>,
) -> Option<Duration> {
    let (field, None) = (fields.next()?, fields.next()) else {
        return None;
    };
    let (whole, fraction) = field.split_once('.').unwrap_or((field, "0"));
    // `u64::from_str` accepts a leading `+`, which the header's grammar does not.
    let is_number =
        |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let wait = if is_number(whole) && is_number(fraction) {
        // A number that overflows exceeds every limit, as `u64::MAX` does.
        let seconds: u64 = whole.parse().unwrap_or(u64::MAX);
        let has_fraction = fraction.bytes().any(|digit| digit != b'0');
        Duration::from_secs(seconds.saturating_add(has_fraction.into()))
    } else {
        let until = httpdate::parse_http_date(field).ok()?;
        // The server's clock, since the local one may be off by more than the wait.
        let now = httpdate::parse_http_date(date?).ok()?;
        until.duration_since(now).ok()?
    };
    (!wait.is_zero()).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    #[test]
    fn seconds_and_dates_are_read_and_anything_else_is_ignored() {
        let seconds = |n| Some(Duration::from_secs(n));
        for (fields, date, want) in [
            (&["1"][..], None, seconds(1)),
            (&["0120"], None, seconds(120)),
            (&["86400"], Some(DATE), seconds(86_400)),
            (&["123456789012345678901234567890"], None, seconds(u64::MAX)),
            (&[], None, None),
            (&[""], None, None),
            (&["0"], None, None),
            (&["-1"], None, None),
            (&["+1"], None, None),
            (&["1.5"], None, seconds(2)),
            (&["299.997"], None, seconds(300)),
            (&["2.0"], None, seconds(2)),
            (&["0.5"], None, seconds(1)),
            (&["0.0"], None, None),
            (&["-1.5"], None, None),
            (&["1."], None, None),
            (&[".5"], None, None),
            (&["1.5.5"], None, None),
            (&["1, 2"], None, None),
            (&["1 s"], None, None),
            (&["soon"], None, None),
            (&["1", "1"], None, None),
            (&["Sun, 06 Nov 1994 08:49:40 GMT"], Some(DATE), seconds(3)),
            (&["Sun, 06 Nov 1994 08:49:37 GMT"], Some(DATE), None),
            (&["Sun, 06 Nov 1994 08:49:36 GMT"], Some(DATE), None),
            (&["Sun, 06 Nov 1994 08:49:40 GMT"], None, None),
            (&["Sun, 06 Nov 1994 08:49:40 GMT"], Some("today"), None),
        ] {
            assert_eq!(
                parse(fields.iter().copied(), date),
                want,
                "{fields:?} at {date:?}"
            );
        }
    }
}
