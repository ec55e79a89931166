//! How many requests may be sent in a time, as users write it: "100/s", "600/min".

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// So many in such a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    count: u32,
    window: Duration,
}

/// What is allowed in place of what was given.
pub(crate) const ALLOWED: &str = "a number of requests and a unit of time, like \"100/s\", \"600/min\", \
                                  \"5000/h\", \"10000/day\" or \"3/10s\"";

/// In place of a rate: what each server tells of its own limits.
pub(crate) const AUTO: &str = "auto";
pub(crate) const ALLOWED_OR_AUTO: &str = "a number of requests and a unit of time, like \"100/s\", \"600/min\", \
                                          \"5000/h\", \"10000/day\" or \"3/10s\", or \"auto\"";

impl Rate {
    /// The time from one request to the next, where they are spread evenly. Rounded up: the rate is never
    /// exceeded.
    pub(crate) fn interval(self) -> Duration {
        let nanoseconds = self.window.as_nanos().div_ceil(u128::from(self.count));
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }

    /// How many requests may be sent in its window.
    pub(crate) fn count(self) -> u32 {
        self.count
    }

    pub(crate) fn window(self) -> Duration {
        self.window
    }
}

impl FromStr for Rate {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (count, time) = text.split_once('/').ok_or(())?;
        let count = count.trim().parse::<u32>().map_err(|_| ())?;
        let window = window(time)?;
        if count == 0 { Err(()) } else { Ok(Self { count, window }) }
    }
}

/// The time that stands behind a slash.
pub(crate) fn window(text: &str) -> Result<Duration, ()> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or(())?;
    let (times, unit) = text.split_at(digits);
    let times = if times.is_empty() { 1 } else { times.parse::<u32>().map_err(|_| ())? };
    let unit = match unit.trim() {
        "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 60 * 60,
        "d" | "day" | "days" => 24 * 60 * 60,
        _ => return Err(()),
    };
    let window = Duration::from_secs(u64::from(times) * unit);
    if window.is_zero() { Err(()) } else { Ok(window) }
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}s", self.count, self.window.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_count_and_a_time() {
        for (text, milliseconds) in [
            ("100/s", 10),
            ("1/s", 1000),
            ("600/min", 100),
            ("600/minute", 100),
            ("60 / m", 1000),
            ("3600/h", 1000),
            ("86400/day", 1000),
            ("5/10s", 2000),
            ("5 / 10 s", 2000),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate.interval(), Duration::from_millis(milliseconds), "{text}");
            assert_eq!(rate.to_string().parse(), Ok(rate));
        }
        assert_eq!("3/s".parse::<Rate>().unwrap().interval(), Duration::from_nanos(333_333_334));
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in
            ["", "fast", "100", "100/", "/s", "0/s", "-1/s", "1.5/s", "100/0s", "100/fortnight", "1/s/s"]
        {
            assert_eq!(text.parse::<Rate>(), Err(()), "{text}");
        }
    }
}
