//! When a limit is reset, in any of the ways in which servers say so.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::response::headers::Headers;

/// What is further off is no limit that could be waited for, or no time.
pub(crate) const LONGEST: f64 = 86_400.0;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// The server's, in seconds since the epoch: ours may differ.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(f64);

impl Clock {
    pub(crate) fn of(headers: &Headers, date: impl FnOnce() -> SystemTime) -> Self {
        let text = headers.get("date").and_then(|value| std::str::from_utf8(value).ok());
        let own = text.and_then(|text| httpdate::parse_http_date(text.trim()).ok());
        Self(since_epoch(own.unwrap_or_else(date)))
    }

    /// How long it is until then: a number of seconds, a moment in seconds or milliseconds, a duration with units, or a
    /// date in one of several ways.
    pub(crate) fn until(self, text: &str) -> Option<Duration> {
        let text = text.trim();
        let seconds = match text.parse::<f64>() {
            Ok(number) => self.until_number(number),
            Err(_) => duration(text).or_else(|| Some(moment(text)? - self.0)),
        };
        bounded(seconds?)
    }

    fn until_number(self, number: f64) -> Option<f64> {
        let is_near = |moment: f64| (moment - self.0).abs() <= LONGEST;
        [number, number / 1000.0]
            .into_iter()
            .find(|moment| is_near(*moment))
            .map(|moment| moment - self.0)
            .or(Some(number))
    }
}

/// As a time to wait, where it is one.
pub(crate) fn bounded(seconds: f64) -> Option<Duration> {
    (0.0..=LONGEST).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}

fn since_epoch(date: SystemTime) -> f64 {
    date.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// `6m0s`, `12ms`, `1h2m3.5s`: in seconds.
fn duration(text: &str) -> Option<f64> {
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = rest[..digits].parse().ok()?;
        let after = &rest[digits..];
        let unit_ends = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        total += number
            * match after[..unit_ends].trim() {
                "d" => 86_400.0,
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = &after[unit_ends..];
    }
    (!text.is_empty()).then_some(total)
}

/// A date, in seconds since the epoch.
fn moment(text: &str) -> Option<f64> {
    let of_http = || httpdate::parse_http_date(text).ok().map(since_epoch);
    iso(text).or_else(of_http).or_else(|| of_javascript(text))
}

/// `2026-01-02T03:04:05.5Z`, with any offset; without one it is taken as UTC.
fn iso(text: &str) -> Option<f64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (number(parts.next()?)?, number(parts.next()?)?, number(parts.next()?)?);
    let zone = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let offset = match time.get(zone..)? {
        "" | "Z" | "z" => 0.0,
        zone => offset(zone)?,
    };
    Some(days(year, month, day)? * 86_400.0 + of_day(&time[..zone])? - offset)
}

/// `Tue Feb 16 2021 09:02:42 GMT+0100 (Central European Standard Time)`.
fn of_javascript(text: &str) -> Option<f64> {
    let mut words = text.split_ascii_whitespace();
    words.next()?;
    let month = words.next()?;
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))? as i64 + 1;
    let (day, year) = (number(words.next()?)?, number(words.next()?)?);
    let time = of_day(words.next()?)?;
    let zone = words.next().map_or("", |zone| zone.trim_start_matches("GMT").trim_start_matches("UTC"));
    let offset = if zone.is_empty() { 0.0 } else { offset(zone)? };
    Some(days(year, month, day)? * 86_400.0 + time - offset)
}

/// `+0100`, `-07:30`: in seconds.
fn offset(text: &str) -> Option<f64> {
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    let digits: String = text.get(1..)?.chars().filter(|c| *c != ':').collect();
    let (hours, minutes) = (digits.get(..2)?, digits.get(2..).filter(|text| !text.is_empty()));
    Some(sign * (number(hours)? * 3600 + minutes.map_or(Some(0), number)? * 60) as f64)
}

/// `09:02:42.5`: in seconds.
fn of_day(text: &str) -> Option<f64> {
    let mut parts = text.splitn(3, ':');
    let (hours, minutes) = (number(parts.next()?)?, number(parts.next()?)?);
    let seconds: f64 = parts.next()?.parse().ok()?;
    let is_time = hours < 24 && minutes < 60 && (0.0..61.0).contains(&seconds);
    is_time.then_some((hours * 3600 + minutes * 60) as f64 + seconds)
}

/// Digits only, and few.
fn number(text: &str) -> Option<i64> {
    let is_number = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// The days since the epoch, by the calendar that begins its years in March, so that leap days come last.
fn days(year: i64, month: i64, day: i64) -> Option<f64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some((year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-01-02 03:04:05 UTC.
    const NOW: Clock = Clock(1_767_323_045.0);

    fn until(text: &str) -> Option<f64> {
        NOW.until(text).map(|wait| wait.as_secs_f64())
    }

    #[test]
    fn every_way_to_say_in_a_minute_is_read() {
        for text in [
            "60",
            "60.0",
            "1767323105",
            "1767323105.000",
            "1767323105000",
            "1m0s",
            "1m",
            "60s",
            "60000ms",
            "0h1m0s",
            "2026-01-02T03:05:05Z",
            "2026-01-02T03:05:05.000Z",
            "2026-01-02T04:05:05+01:00",
            "2026-01-01T20:05:05-0700",
            "2026-01-02 03:05:05",
            "Fri, 02 Jan 2026 03:05:05 GMT",
            "Fri Jan 02 2026 04:05:05 GMT+0100 (Central European Standard Time)",
            "Fri Jan 02 2026 03:05:05 UTC",
        ] {
            assert_eq!(until(text), Some(60.0), "{text}");
        }
        assert_eq!(
            (until("12ms"), until("6m0s"), until("1h2m3.5s")),
            (Some(0.012), Some(360.0), Some(3723.5))
        );
        assert_eq!((until("0"), until("1767323045.25")), (Some(0.0), Some(0.25)));
    }

    #[test]
    fn what_is_no_time_is_gone_by_or_is_further_off_than_a_day_is_dropped() {
        for text in [
            "",
            "soon",
            "-1",
            "-0.5s",
            "86401",
            "604800",
            "1767323044",
            "1767323044000",
            "1767499999",
            "99999999999999999999",
            "1e400",
            "inf",
            "nan",
            "5x",
            "5",
            "1767323044Z",
            "2026-01-02T03:04:04Z",
            "2026-01-04T03:04:05Z",
            "2026-13-02T03:04:05Z",
            "2026-01-02T25:04:05Z",
            "99999-01-02T03:04:05Z",
            "2026-01-02T03:04:05+",
            "Fri Foo 02 2026 04:05:05",
            "Fri Jan 02",
        ] {
            let expected = (text == "5").then_some(5.0);
            assert_eq!(until(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn delays_and_moments_are_told_apart_whatever_they_are(seconds in 0..86_400_u32) {
            let moment = u64::from(seconds) + 1_767_323_045;
            let expected = Some(f64::from(seconds));
            prop_assert_eq!(until(&seconds.to_string()), expected);
            prop_assert_eq!(until(&moment.to_string()), expected);
            prop_assert_eq!(until(&(moment * 1000).to_string()), expected);
            let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(moment));
            prop_assert_eq!(until(&date), expected);
        }

        #[test]
        fn whatever_is_said_the_wait_is_bounded(text in ".{0,40}") {
            prop_assert!(until(&text).is_none_or(|wait| (0.0..=LONGEST).contains(&wait)));
        }
    }
}
