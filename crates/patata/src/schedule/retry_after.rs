//! When a server wants to be asked again, by its `Retry-After` or `retry-after-ms`, and whether, by its `x-should-retry`:
//! a pure reading of headers.

use std::time::{Duration, SystemTime};

use crate::response::headers::Headers;

/// The longest wait that is obeyed: a server that asks for a day is not worth waiting for.
pub(crate) const MOST: Duration = Duration::from_secs(300);

/// How long the server wants to be left alone, where it says so: at most [`MOST`], and zero where it may be asked
/// at once. What is no time is as if nothing had been said.
///
/// `retry-after-ms` goes before `Retry-After`: servers that send both round the latter. A date is compared with
/// the server's own `Date` where it sends one: its clock may differ from ours.
pub(crate) fn retry_after(headers: &Headers, date: impl FnOnce() -> SystemTime) -> Option<Duration> {
    milliseconds(headers).or_else(|| seconds_or_date(headers, date))
}

/// Whether the server says that it should be asked again, or should not be.
pub(crate) fn should_retry(headers: &Headers) -> Option<bool> {
    match text(headers, "x-should-retry")? {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn milliseconds(headers: &Headers) -> Option<Duration> {
    bounded(text(headers, "retry-after-ms")?.parse::<f64>().ok()? / 1000.0)
}

fn seconds_or_date(headers: &Headers, date: impl FnOnce() -> SystemTime) -> Option<Duration> {
    let when = text(headers, "retry-after")?;
    if let Ok(seconds) = when.parse::<f64>() {
        // Not by the standard, yet some servers say halves of a second.
        return bounded(seconds);
    }
    let until = httpdate::parse_http_date(when).ok()?;
    let own_date = text(headers, "date").and_then(|text| httpdate::parse_http_date(text).ok());
    let wait = until.duration_since(own_date.unwrap_or_else(date)).unwrap_or_default();
    Some(wait.min(MOST))
}

fn text<'h>(headers: &'h Headers, name: &str) -> Option<&'h str> {
    Some(std::str::from_utf8(headers.get(name)?).ok()?.trim())
}

/// Negative numbers and what is no number say nothing.
fn bounded(seconds: f64) -> Option<Duration> {
    (seconds >= 0.0).then(|| Duration::try_from_secs_f64(seconds.min(MOST.as_secs_f64())).unwrap_or(MOST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn asked(lines: &[(&str, &str)]) -> Option<f64> {
        let headers = Headers::from_pairs(lines.iter().map(|(name, value)| (*name, value.as_bytes())));
        // Sun, 06 Nov 1994 08:49:37 GMT
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        retry_after(&headers, || date).map(|wait| wait.as_secs_f64())
    }

    #[test]
    fn seconds_and_dates_are_read_and_bounded() {
        for (text, expected) in [
            ("2", Some(2.0)),
            (" 2 ", Some(2.0)),
            ("1.5", Some(1.5)),
            ("0", Some(0.0)),
            ("0.0", Some(0.0)),
            ("-5", None),
            ("86400", Some(300.0)),
            ("99999999999999999999999999", Some(300.0)),
            ("1e400", Some(300.0)),
            ("inf", Some(300.0)),
            ("nan", None),
            ("", None),
            ("soon", None),
            ("2s", None),
            ("Sun, 06 Nov 1994 08:49:57 GMT", Some(20.0)),
            ("Sunday, 06-Nov-94 08:49:57 GMT", Some(20.0)),
            ("Sun Nov  6 08:49:57 1994", Some(20.0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0.0)),
            ("Sat, 06 Nov 1993 08:49:37 GMT", Some(0.0)),
            ("Sat, 06 Nov 2094 08:49:37 GMT", Some(300.0)),
            ("Sun, 46 Nov 1994 08:49:57 GMT", None),
        ] {
            assert_eq!(asked(&[("retry-after", text)]), expected, "{text}");
        }
    }

    #[test]
    fn a_date_is_measured_by_the_servers_own_clock() {
        let lines =
            [("date", "Sun, 06 Nov 2033 08:00:00 GMT"), ("retry-after", "Sun, 06 Nov 2033 08:00:07 GMT")];
        assert_eq!(asked(&lines), Some(7.0));
    }

    #[test]
    fn milliseconds_are_read_and_go_before_seconds() {
        for (text, expected) in [
            ("250", Some(0.25)),
            (" 1500 ", Some(1.5)),
            ("0", Some(0.0)),
            ("0.5", Some(0.0005)),
            ("86400000", Some(300.0)),
            ("soon", Some(7.0)),
            ("-1", Some(7.0)),
        ] {
            assert_eq!(asked(&[("retry-after", "7"), ("retry-after-ms", text)]), expected, "{text}");
        }
        assert_eq!(asked(&[("retry-after-ms", "20")]), Some(0.02));
        assert_eq!(asked(&[]), None);
    }

    #[test]
    fn only_true_and_false_say_whether_it_should_be_asked_again() {
        for (text, expected) in [("true", Some(true)), (" false ", Some(false)), ("1", None), ("", None)] {
            let headers = Headers::from_pairs([("x-should-retry", text.as_bytes())]);
            assert_eq!(should_retry(&headers), expected, "{text}");
        }
        assert_eq!(should_retry(&Headers::default()), None);
    }

    proptest! {
        #[test]
        fn any_number_of_seconds_is_obeyed_up_to_the_most(seconds in 1..10_000_u32) {
            let wait = asked(&[("retry-after", &seconds.to_string())]);
            prop_assert_eq!(wait, Some(f64::from(seconds.min(300))));
        }
    }
}
