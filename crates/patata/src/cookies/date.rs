//! Dates as cookies have them: a pure reading, as RFC 6265 (5.1.1) says, of what no other format has in common.

use std::time::{Duration, SystemTime};

/// The first letters of the months.
const MONTHS: [&[u8; 3]; 12] =
    [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];

/// The first year that a date may have.
const FIRST_YEAR: u64 = 1601;

/// The date that a text names: a day, a month, a year and a time, in any order and with anything between. What
/// is before 1970 is 1970: both are long past.
pub(crate) fn parse(text: &[u8]) -> Option<SystemTime> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.split(|byte| is_delimiter(*byte)).filter(|token| !token.is_empty()) {
        // A token is the first of these that is not known yet.
        let _ = set(&mut time, || time_of(token))
            || set(&mut day, || number(token, 1, 2))
            || set(&mut month, || month_of(token))
            || set(&mut year, || number(token, 2, 4));
    }
    let year = match year? {
        year @ 70..=99 => 1900 + year,
        year @ 0..=69 => 2000 + year,
        year => year,
    };
    seconds_since_1970(year, month?, day?, time?).map(|seconds| SystemTime::UNIX_EPOCH + seconds)
}

/// Whether a value was not known before and is now.
fn set<V>(known: &mut Option<V>, read: impl FnOnce() -> Option<V>) -> bool {
    if known.is_some() {
        return false;
    }
    *known = read();
    known.is_some()
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, 0x09 | 0x20..=0x2f | 0x3b..=0x40 | 0x5b..=0x60 | 0x7b..=0x7e)
}

/// Hours, minutes and seconds, with anything but a digit behind.
fn time_of(token: &[u8]) -> Option<[u64; 3]> {
    let mut parts = token.splitn(3, |byte| *byte == b':');
    let mut next = || parts.next();
    let (hours, minutes, seconds) = (next()?, next()?, next()?);
    let whole = |part: &[u8]| if part.iter().all(u8::is_ascii_digit) { number(part, 1, 2) } else { None };
    Some([whole(hours)?, whole(minutes)?, number(seconds, 1, 2)?])
}

/// A number of so many digits, with anything but a digit behind.
fn number(token: &[u8], least: usize, most: usize) -> Option<u64> {
    let digits = token.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(least..=most).contains(&digits) {
        return None;
    }
    std::str::from_utf8(&token[..digits]).ok()?.parse().ok()
}

/// The number of a month, counted from 1, that a token begins with.
fn month_of(token: &[u8]) -> Option<u64> {
    let begin = token.get(..3)?.to_ascii_lowercase();
    let index = MONTHS.iter().position(|month| begin == **month)?;
    Some(index as u64 + 1)
}

fn seconds_since_1970(year: u64, month: u64, day: u64, time: [u64; 3]) -> Option<Duration> {
    let [hours, minutes, seconds] = time;
    let is_time = hours <= 23 && minutes <= 59 && seconds <= 59;
    if year < FIRST_YEAR || day == 0 || day > days_in(year, month) || !is_time {
        return None;
    }
    let Some(years) = year.checked_sub(1970) else { return Some(Duration::ZERO) };
    // Those between this year and 1970 in which February has 29 days.
    let leap_days = leap_years_before(year) - leap_years_before(1970);
    let days_before: u64 = (1..month).map(|month| days_in(year, month)).sum();
    let days = years * 365 + leap_days + days_before + day - 1;
    Some(Duration::from_secs(((days * 24 + hours) * 60 + minutes) * 60 + seconds))
}

fn leap_years_before(year: u64) -> u64 {
    let before = year - 1;
    before / 4 - before / 100 + before / 400
}

fn days_in(year: u64, month: u64) -> u64 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> Option<String> {
        parse(text.as_bytes()).map(httpdate::fmt_http_date)
    }

    #[test]
    fn a_date_is_read_in_every_form_that_servers_send() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 6 Nov 1994 8:49:37 GMT",
            "Sun,  6 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06-Nov-1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 GMT+0000 (Coordinated Universal Time)",
            "Sun, 06 Nov 1994 08:49:37 -0400",
            "sun, 06 nov 1994 08:49:37 gmt",
            "06 November 1994 08:49:37",
            "1994 Nov 06 08:49:37",
            "08:49:37 Sun Nov 06 1994",
            "Nov 08:49:37 06 94",
            "6 94 novem 08:49:37Z",
            "Noday, 06/Nov\\1994 08:49:37",
            "Sun, 06-Nov-94 ::00 08:49:37",
            "Sun, 06-Nov-94 x:y:z 08:49:37",
            "Sun, 06-Nov-94 08:49:37 11:22:33",
            "\"Sun, 06-Nov-94\\\"08:49:37\\\"GMT\"",
        ] {
            assert_eq!(shown(text).as_deref(), Some("Sun, 06 Nov 1994 08:49:37 GMT"), "{text}");
        }
    }

    #[test]
    fn two_digits_are_a_year_of_our_time() {
        for (text, expected) in [
            ("1 Jan 70 0:0:0", "Thu, 01 Jan 1970 00:00:00 GMT"),
            ("1 Jan 99 0:0:1", "Fri, 01 Jan 1999 00:00:01 GMT"),
            ("1 Jan 00 0:0:1", "Sat, 01 Jan 2000 00:00:01 GMT"),
            ("31 Dec 69 23:59:59", "Tue, 31 Dec 2069 23:59:59 GMT"),
            ("29 Feb 2000 1:02:3", "Tue, 29 Feb 2000 01:02:03 GMT"),
            ("1 Jan 1601 0:0:0", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ] {
            assert_eq!(shown(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_lacks_a_part_or_has_an_impossible_one_is_no_date() {
        for text in [
            "",
            "no date",
            "6 Nov 1994",
            "6 Nov 08:49:37",
            "6 1994 08:49:37",
            "Nov 1994 08:49:37",
            "6 Nov 1994 08:49",
            "6 Nov 1994 08: 49:37",
            "006 Nov 1994 08:49:37",
            "6 Nov 19940 08:49:37",
            "6 Nov 1600 08:49:37",
            "0 Nov 1994 08:49:37",
            "31 Nov 1994 08:49:37",
            "29 Feb 1900 08:49:37",
            "98 Nov 17 08:49:37",
            "6 Nov 1994 24:00:00",
            "6 Nov 1994 08:60:00",
            "6 Nov 1994 08:49:60",
            "6 Nov 1994 91:22:33 08:49:37",
            "6 Nov 1994 20:61:99999999999",
            "999999999999 Nov 1994 08:49:37",
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_the_standard_format_writes_is_read_back(seconds in 0_u64..250_000_000_000) {
            let date = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            prop_assert_eq!(parse(httpdate::fmt_http_date(date).as_bytes()), Some(date));
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<Vec<u8>>()) {
            let _ = parse(&text);
        }
    }
}
