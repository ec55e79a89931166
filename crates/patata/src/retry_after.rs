//! What a server asks for with `Retry-After`: a pure reading of headers.

use std::time::{Duration, SystemTime};

use http::StatusCode;

use crate::headers::Headers;

/// The longest wait that is obeyed: a server that asks for a day is not worth waiting for.
pub(crate) const MOST: Duration = Duration::from_secs(300);

/// How long the server wants to be left alone, where it says "not now" (429, 503) and for how long. At most
/// [`MOST`]; a time that has passed, or is none, is as if nothing had been said.
///
/// A date is compared with the server's own `Date` where it sends one: its clock may differ from ours.
pub(crate) fn retry_after(
    status: StatusCode,
    headers: &Headers,
    date: impl FnOnce() -> SystemTime,
) -> Option<Duration> {
    if !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        return None;
    }
    let text = std::str::from_utf8(headers.get("retry-after")?).ok()?.trim();
    let wait = match text.parse::<f64>() {
        // Not by the standard, yet some servers say halves of a second.
        Ok(seconds) => seconds_of(seconds),
        Err(_) => {
            let until = httpdate::parse_http_date(text).ok()?;
            let own_date = headers.get("date").and_then(|text| std::str::from_utf8(text).ok());
            let now = own_date.and_then(|text| httpdate::parse_http_date(text).ok()).unwrap_or_else(date);
            until.duration_since(now).unwrap_or_default()
        }
    };
    (!wait.is_zero()).then_some(wait.min(MOST))
}

/// Negative numbers and what is no number are no wait.
fn seconds_of(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.clamp(0.0, MOST.as_secs_f64())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn asked(status: u16, lines: &[(&str, &str)]) -> Option<f64> {
        let headers = Headers::from_pairs(lines.iter().map(|(name, value)| (*name, value.as_bytes())));
        // Sun, 06 Nov 1994 08:49:37 GMT
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let status = StatusCode::from_u16(status).unwrap();
        retry_after(status, &headers, || date).map(|wait| wait.as_secs_f64())
    }

    #[test]
    fn seconds_and_dates_are_read_and_bounded() {
        for (text, expected) in [
            ("2", Some(2.0)),
            (" 2 ", Some(2.0)),
            ("1.5", Some(1.5)),
            ("0", None),
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
            ("Sun, 06 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1993 08:49:37 GMT", None),
            ("Sat, 06 Nov 2094 08:49:37 GMT", Some(300.0)),
            ("Sun, 46 Nov 1994 08:49:57 GMT", None),
        ] {
            assert_eq!(asked(429, &[("retry-after", text)]), expected, "{text}");
        }
    }

    #[test]
    fn a_date_is_measured_by_the_servers_own_clock() {
        let lines =
            [("date", "Sun, 06 Nov 2033 08:00:00 GMT"), ("retry-after", "Sun, 06 Nov 2033 08:00:07 GMT")];
        assert_eq!(asked(503, &lines), Some(7.0));
    }

    #[test]
    fn only_statuses_that_say_not_now_are_asked() {
        for status in [200, 301, 404, 500, 502] {
            assert_eq!(asked(status, &[("retry-after", "7")]), None, "{status}");
        }
        assert_eq!(asked(429, &[]), None);
    }

    proptest! {
        #[test]
        fn any_number_of_seconds_is_obeyed_up_to_the_most(seconds in 1..10_000_u32) {
            let wait = asked(503, &[("retry-after", &seconds.to_string())]);
            prop_assert_eq!(wait, Some(f64::from(seconds.min(300))));
        }
    }
}
