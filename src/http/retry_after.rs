//! The header `Retry-After`, in both its forms.

use std::time::Duration;

/// Reads `Retry-After`, given all fields of that name and the response's own `Date`.
///
/// Anything but one field with a whole number of seconds above zero, or with an HTTP-date after
/// `Date`, is none: a value that cannot be trusted must not hold a caller, nor hurry one.
pub(crate) fn parse<'a>(
    mut fields: impl Iterator<Item = &'a str>,
    date: Option<&str>,
) -> Option<Duration> {
    let (field, None) = (fields.next()?, fields.next()) else {
        return None;
    };
    let is_number = !field.is_empty() && field.bytes().all(|byte| byte.is_ascii_digit());
    let wait = if is_number {
        // Digits that do not fit are longer than any limit.
        Duration::from_secs(field.parse().unwrap_or(u64::MAX))
    } else {
        let until = httpdate::parse_http_date(field).ok()?;
        let now = httpdate::parse_http_date(date?).ok()?;
        until.duration_since(now).ok()?
    };
    (!wait.is_zero()).then_some(wait)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
            (&["1.5"], None, None),
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

    proptest! {
        #[test]
        fn any_text_is_a_wait_above_zero_or_none(field in "\\PC*|[0-9]{1,40}|[A-Za-z0-9,: ]{0,40}") {
            let wait = parse([field.as_str()].into_iter(), Some(DATE));
            prop_assert_ne!(wait, Some(Duration::ZERO));
        }
    }
}
