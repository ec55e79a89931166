//! Figures as people read them: one way of writing for the live picture, the status and the report.

/// A count, in groups of three digits.
///
/// ```
/// assert_eq!(patata_run::figures::count(1234567), "1,234,567");
/// ```
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count and what is counted, in the singular where it is one.
///
/// ```
/// assert_eq!(patata_run::figures::counted(1, "request"), "1 request");
/// assert_eq!(patata_run::figures::counted(0, "request"), "0 requests");
/// ```
pub fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// So many a second, to three digits.
///
/// ```
/// assert_eq!(patata_run::figures::rate(12345.6), "12,346/s");
/// assert_eq!(patata_run::figures::rate(1.234), "1.23/s");
/// ```
pub fn rate(rate: f64) -> String {
    format!("{}/s", number(rate))
}

/// A number to three digits, or to the last whole one.
pub fn number(number: f64) -> String {
    match number {
        number if !number.is_finite() || number <= 0.0 => "0".to_owned(),
        number if number < 0.005 => "<0.01".to_owned(),
        number if number < 9.995 => trimmed(format!("{number:.2}")),
        number if number < 99.95 => trimmed(format!("{number:.1}")),
        number => count(number.round() as u64),
    }
}

fn trimmed(text: String) -> String {
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A time in milliseconds, in the unit that suits it.
///
/// ```
/// assert_eq!(patata_run::figures::milliseconds(12.34), "12 ms");
/// assert_eq!(patata_run::figures::milliseconds(1234.0), "1.2 s");
/// ```
pub fn milliseconds(milliseconds: f64) -> String {
    match milliseconds {
        time if !time.is_finite() || time <= 0.0 => "0 ms".to_owned(),
        time if time < 0.095 => format!("{time:.2} ms"),
        time if time < 9.95 => format!("{} ms", trimmed(format!("{time:.1}"))),
        time if time < 999.5 => format!("{time:.0} ms"),
        time if time < 9_950.0 => format!("{} s", trimmed(format!("{:.1}", time / 1000.0))),
        time => seconds(time / 1000.0),
    }
}

/// A span of time in seconds, in its two largest units.
///
/// ```
/// assert_eq!(patata_run::figures::seconds(4.56), "4.6 s");
/// assert_eq!(patata_run::figures::seconds(3725.0), "1 h 2 min");
/// ```
pub fn seconds(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "0 s".to_owned();
    }
    if seconds < 9.95 {
        return format!("{} s", trimmed(format!("{seconds:.1}")));
    }
    let whole = seconds.round() as u64;
    let (large, small) = match whole {
        0..60 => return format!("{whole} s"),
        60..3600 => ((whole / 60, "min"), (whole % 60, "s")),
        3600..86_400 => ((whole / 3600, "h"), (whole % 3600 / 60, "min")),
        _ => ((whole / 86_400, "d"), (whole % 86_400 / 3600, "h")),
    };
    match small.0 {
        0 => format!("{} {}", count(large.0), large.1),
        _ => format!("{} {} {} {}", count(large.0), large.1, small.0, small.1),
    }
}

/// An amount of bytes, in powers of a thousand.
///
/// ```
/// assert_eq!(patata_run::figures::bytes(1_234_567), "1.23 MB");
/// ```
pub fn bytes(bytes: u64) -> String {
    let mut amount = bytes as f64;
    for unit in ["B", "kB", "MB", "GB", "TB"] {
        if amount < 999.5 {
            return format!("{} {unit}", number(amount));
        }
        amount /= 1000.0;
    }
    format!("{} PB", number(amount))
}

/// A part of a whole in percent. It says neither 0 nor 100 unless it is so.
///
/// ```
/// assert_eq!(patata_run::figures::share(1, 100_000), "<0.01 %");
/// assert_eq!(patata_run::figures::share(99_999, 100_000), "99.9 %");
/// ```
pub fn share(part: u64, whole: u64) -> String {
    if part == 0 || whole == 0 {
        return "0 %".to_owned();
    }
    if part >= whole {
        return "100 %".to_owned();
    }
    let percent = part as f64 / whole as f64 * 100.0;
    match percent {
        percent if percent > 10.0 => format!("{} %", trimmed(format!("{:.1}", percent.min(99.9)))),
        percent => format!("{} %", number(percent)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_is_short_and_has_its_unit() {
        for (given, expected) in [
            (0, "0"),
            (7, "7"),
            (999, "999"),
            (1000, "1,000"),
            (123_456_789, "123,456,789"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(count(given), expected);
        }
        for (given, expected) in [
            (0.0, "0/s"),
            (f64::NAN, "0/s"),
            (0.001, "<0.01/s"),
            (0.25, "0.25/s"),
            (9.999, "10/s"),
            (12.34, "12.3/s"),
            (99.96, "100/s"),
            (1234.5, "1,235/s"),
        ] {
            assert_eq!(rate(given), expected);
        }
        for (given, expected) in [
            (0.0, "0 ms"),
            (0.05, "0.05 ms"),
            (0.4, "0.4 ms"),
            (9.96, "10 ms"),
            (999.6, "1 s"),
            (12_340.0, "12 s"),
            (65_000.0, "1 min 5 s"),
        ] {
            assert_eq!(milliseconds(given), expected);
        }
        for (given, expected) in [
            (0.0, "0 s"),
            (-1.0, "0 s"),
            (59.6, "1 min"),
            (61.0, "1 min 1 s"),
            (7200.0, "2 h"),
            (90_000.0, "1 d 1 h"),
        ] {
            assert_eq!(seconds(given), expected);
        }
        for (given, expected) in [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (u64::MAX, "18,447 PB")] {
            assert_eq!(bytes(given), expected);
        }
        for (part, whole, expected) in
            [(0, 0, "0 %"), (1, 3, "33.3 %"), (1, 20, "5 %"), (3, 3, "100 %"), (1, 8, "12.5 %")]
        {
            assert_eq!(share(part, whole), expected);
        }
    }
}
