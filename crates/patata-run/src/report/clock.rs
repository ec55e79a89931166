//! Moments as dates and times of UTC.

/// A moment, in seconds since 1970, as `2026-11-26 20:33:46`.
pub(crate) fn utc(time: f64) -> String {
    let (date, time) = date_and_time(time);
    format!("{date} {time}")
}

/// The end of a span: without its date where that is the date of the begin.
pub(crate) fn until(begin: f64, end: f64) -> String {
    let ((first, _), (last, time)) = (date_and_time(begin), date_and_time(end));
    if first == last { time } else { format!("{last} {time}") }
}

/// From the first moment to the last, as short as can be.
pub(crate) fn span(first: f64, last: f64) -> String {
    if last - first < 1.0 { utc(first) } else { format!("{} to {}", utc(first), until(first, last)) }
}

fn date_and_time(time: f64) -> (String, String) {
    // Years of five digits are no times of a run.
    let seconds = if time.is_finite() { time.clamp(0.0, 253_402_300_799.0) as u64 } else { 0 };
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date_of(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    (format!("{year}-{month:02}-{day:02}"), format!("{hour:02}:{minute:02}:{second:02}"))
}

/// The date so many days after the first of January 1970. Years are counted from the first of March, so that the day
/// that some years have more is their last one.
fn date_of(days: u64) -> (u64, u64, u64) {
    const ERA: u64 = 146_097;
    let days = days + 719_468;
    let (era, day) = (days / ERA, days % ERA);
    let year = (day - day / 1460 + day / 36_524 - day / (ERA - 1)) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_date_and_a_time() {
        for (time, expected) in [
            (0.0, "1970-01-01 00:00:00"),
            (951_782_399.0, "2000-02-28 23:59:59"),
            (951_782_400.0, "2000-02-29 00:00:00"),
            (1_709_164_800.5, "2024-02-29 00:00:00"),
            (1_709_251_199.0, "2024-02-29 23:59:59"),
            (1_795_725_226.0, "2026-11-26 20:33:46"),
            (4_107_542_400.0, "2100-03-01 00:00:00"),
            (f64::NAN, "1970-01-01 00:00:00"),
            (1e300, "9999-12-31 23:59:59"),
        ] {
            assert_eq!(utc(time), expected);
        }
        assert_eq!(span(0.0, 0.5), "1970-01-01 00:00:00");
        assert_eq!(span(0.0, 60.0), "1970-01-01 00:00:00 to 00:01:00");
        assert_eq!(until(0.0, 86_400.0), "1970-01-02 00:00:00");
    }
}
