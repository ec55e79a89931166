//! What stands behind flags: times, shares, statuses, headers, addresses.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use patata::MaxFailures;

/// A time: seconds, or a number with a unit.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    const FIX: &str = "write seconds, or a number with a unit: 30, 1.5s, 500ms, 5m, 2h, 1d";
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds = match unit.trim() {
        "ms" => 0.001,
        "" | "s" | "sec" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return Err(FIX.to_owned()),
    };
    let number: f64 = number.parse().map_err(|_| FIX.to_owned())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| FIX.to_owned())
}

/// A number of bytes: 1000, 64K, 100M, 2G, in powers of 1024.
pub(crate) fn size(text: &str) -> Result<usize, String> {
    const FIX: &str = "write a number of bytes, or one with a unit: 64K, 100M, 2G";
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        _ => return Err(FIX.to_owned()),
    };
    let number: usize = number.parse().map_err(|_| FIX.to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| FIX.to_owned())
}

/// A number of which there is at least one.
pub(crate) fn count<N: FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| "write a number from 1 on".to_owned())
}

/// A number of bytes of which there is at least one.
pub(crate) fn size_above_zero(text: &str) -> Result<usize, String> {
    match size(text)? {
        0 => Err("nothing would ever come: write at least 1".to_owned()),
        bytes => Ok(bytes),
    }
}

/// A share: 1%, or 0.01.
fn share(text: &str) -> Option<f64> {
    let share = match text.strip_suffix('%') {
        Some(percentage) => percentage.trim().parse::<f64>().ok()? / 100.0,
        None => text.parse().ok()?,
    };
    share.is_finite().then_some(share)
}

/// How many failures are put up with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FailureBudget(pub(crate) MaxFailures);

impl FromStr for FailureBudget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(count) = text.parse::<u64>() {
            return Ok(Self(MaxFailures::Count(count)));
        }
        let share = share(text).filter(|share| *share > 0.0 && *share < 1.0);
        share.map(|share| Self(MaxFailures::Share(share))).ok_or_else(|| {
            "write a number of requests, as 10, or a share between 0% and 100%, as 1%".to_owned()
        })
    }
}

/// Which share of requests may be sent again; `None` where all may.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RetryBudget(pub(crate) Option<f64>);

impl FromStr for RetryBudget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        let share = share(text).filter(|share| (0.0..=1.0).contains(share));
        let fix = || "write a share from 0% to 100%, as 10%, or none".to_owned();
        share.map(|share| Self(Some(share))).ok_or_else(fix)
    }
}

/// How many requests are in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Concurrency {
    Auto,
    Count(usize),
}

impl FromStr for Concurrency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("auto", _) => Ok(Self::Auto),
            (_, Ok(count)) if count > 0 => Ok(Self::Count(count)),
            _ => Err("write a number from 1 on, or auto".to_owned()),
        }
    }
}

/// A budget of a unit: `tokens=90000/min`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) unit: String,
    pub(crate) rate: String,
}

impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (unit, rate) =
            pair(text).ok_or("write a unit and its rate, as tokens=90000/min or bytes=20MB/s")?;
        Ok(Self { unit, rate })
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}={}", self.unit, self.rate)
    }
}

/// A budget of one's own, or the handle of one that is shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AnyBudget {
    Own(Budget),
    /// As it was said: it may have the name of a variable in it, or a secret.
    Shared(String),
}

impl FromStr for AnyBudget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains("://") || text.starts_with("env:") {
            return Ok(Self::Shared(text.to_owned()));
        }
        text.parse()
            .map(Self::Own)
            .map_err(|error| format!("{error}; or a handle, as env:NAME or unix:///PATH"))
    }
}

/// What a request costs, or did cost, in a unit: `tokens=prompt_tokens`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) unit: String,
    /// A number, a field of the row, or a path into a response.
    pub(crate) amount: String,
}

impl FromStr for Cost {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fix = "write a unit and what says how much, as tokens=prompt_tokens or tokens=1200";
        let (unit, amount) = pair(text).ok_or(fix)?;
        Ok(Self { unit, amount })
    }
}

/// What stands before and behind the first `=`, where there is something.
fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    (!name.is_empty() && !value.is_empty()).then(|| (name.to_owned(), value.to_owned()))
}

/// Status codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statuses(pub(crate) Vec<u16>);

impl FromStr for Statuses {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |part: &str| {
            format!("{part:?} is no status; write codes, classes and ranges, as 200,404 or 2xx or 500-599")
        };
        let mut codes = Vec::new();
        for part in text.split(',').map(str::trim) {
            let range = statuses(part).ok_or_else(|| wrong(part))?;
            codes.extend(range);
        }
        Ok(Self(codes))
    }
}

fn statuses(part: &str) -> Option<std::ops::RangeInclusive<u16>> {
    let code = |text: &str| text.trim().parse().ok().filter(|code| (100..=999).contains(code));
    let (first, last) = if let Some((first, last)) = part.split_once('-') {
        (code(first)?, code(last)?)
    } else if let Some(class) = part.strip_suffix("xx").or_else(|| part.strip_suffix("XX")) {
        let class: u16 = class.parse().ok().filter(|class| (1..=9).contains(class))?;
        (class * 100, class * 100 + 99)
    } else {
        (code(part)?, code(part)?)
    };
    (first <= last).then_some(first..=last)
}

/// A header that is added, or one of patata's own that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Header {
    Set(String, String),
    LeftOut(String),
}

impl FromStr for Header {
    type Err = String;

    /// As curl reads it.
    fn from_str(text: &str) -> Result<Self, String> {
        let at = text
            .find([':', ';'])
            .ok_or("write name and value with a colon between them, as \"Accept: text/csv\"")?;
        let (name, value) = (text[..at].trim(), text[at + 1..].trim());
        if name.is_empty() {
            return Err("the name of a header stands before the colon, as in \"Accept: text/csv\"".to_owned());
        }
        match (&text[at..=at], value) {
            (";", "") => Ok(Self::Set(name.to_owned(), String::new())),
            (";", _) => {
                Err("name and value have a colon between them, as in \"Accept: text/csv\"".to_owned())
            }
            (_, "") => Ok(Self::LeftOut(name.to_owned())),
            (_, value) => Ok(Self::Set(name.to_owned(), value.to_owned())),
        }
    }
}

/// A name and a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair(pub(crate) String, pub(crate) String);

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
        Ok(Self(name.to_owned(), value.to_owned()))
    }
}

/// The addresses of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolve {
    pub(crate) host: String,
    pub(crate) addresses: Vec<IpAddr>,
}

impl FromStr for Resolve {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FIX: &str =
            "write host, port and addresses, as api.example:443:127.0.0.1 or api.example:443:[::1],127.0.0.1";
        let mut parts = text.splitn(3, ':');
        let (Some(host), Some(port), Some(addresses)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(FIX.to_owned());
        };
        if host.is_empty() || (port != "*" && port.parse::<u16>().is_err()) {
            return Err(FIX.to_owned());
        }
        let address = |text: &str| text.trim().trim_start_matches('[').trim_end_matches(']').parse();
        let addresses: Result<_, _> = addresses.split(',').map(address).collect();
        Ok(Self { host: host.to_owned(), addresses: addresses.map_err(|_| FIX.to_owned())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_or_is_in_seconds() {
        for (text, milliseconds) in [
            ("30", 30_000),
            ("1.5", 1_500),
            ("500ms", 500),
            ("30s", 30_000),
            ("5m", 300_000),
            ("2h", 7_200_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "s", "-1", "1y", "1e400", "1.2.3", "inf"] {
            assert!(duration(text).unwrap_err().contains("500ms"), "{text}");
        }
    }

    #[test]
    fn a_size_has_a_unit_or_is_in_bytes() {
        assert_eq!((size("10"), size("64K"), size("2GiB")), (Ok(10), Ok(65_536), Ok(2 << 30)));
        for text in ["", "K", "-1", "1.5M", "99999999999999999999G", "18446744073709551615K"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_count_is_at_least_one() {
        assert_eq!(count::<std::num::NonZeroU32>("7").map(std::num::NonZeroU32::get), Ok(7));
        for text in ["", "0", "-1", "1.5", "many", "99999999999"] {
            assert!(count::<std::num::NonZeroU32>(text).unwrap_err().contains("from 1 on"), "{text}");
        }
    }

    #[test]
    fn failures_are_a_number_or_a_share() {
        let parse = |text: &str| text.parse::<FailureBudget>().map(|budget| budget.0);
        assert_eq!(parse("0"), Ok(MaxFailures::Count(0)));
        assert_eq!(parse("1%"), Ok(MaxFailures::Share(0.01)));
        assert_eq!(parse("0.5"), Ok(MaxFailures::Share(0.5)));
        for text in ["", "-1", "100%", "0%", "1.5", "nan", "many"] {
            assert!(parse(text).unwrap_err().contains("as 1%"), "{text}");
        }
        assert_eq!("none".parse(), Ok(RetryBudget(None)));
        assert_eq!("100%".parse(), Ok(RetryBudget(Some(1.0))));
        assert!("101%".parse::<RetryBudget>().is_err());
    }

    #[test]
    fn statuses_are_codes_classes_and_ranges() {
        let parse = |text: &str| text.parse::<Statuses>().map(|statuses| statuses.0);
        assert_eq!(parse("404, 429"), Ok(vec![404, 429]));
        assert_eq!(parse("2xx,404").unwrap().len(), 101);
        assert_eq!(parse("500-502"), Ok(vec![500, 501, 502]));
        for text in ["", "99", "1000", "xx", "0xx", "502-500", "2xx-3xx", "404,"] {
            assert!(parse(text).unwrap_err().contains("2xx or 500-599"), "{text}");
        }
    }

    #[test]
    fn a_header_is_read_as_curl_reads_it() {
        let set = |name: &str, value: &str| Ok(Header::Set(name.to_owned(), value.to_owned()));
        assert_eq!("Accept: a:b".parse(), set("Accept", "a:b"));
        assert_eq!("X-Empty;".parse(), set("X-Empty", ""));
        assert_eq!("Accept:".parse(), Ok(Header::LeftOut("Accept".to_owned())));
        for text in ["Accept", ": a", "a; b"] {
            assert!(text.parse::<Header>().unwrap_err().contains("Accept: text/csv"), "{text}");
        }
    }

    #[test]
    fn addresses_are_given_as_to_curl() {
        let parsed: Resolve = "api.example:443:[::1],127.0.0.1".parse().unwrap();
        assert_eq!(parsed.host, "api.example");
        assert_eq!(parsed.addresses, ["::1".parse::<IpAddr>().unwrap(), "127.0.0.1".parse().unwrap()]);
        for text in ["", "a", "a:443", "a:443:", "a:port:127.0.0.1", ":443:127.0.0.1", "a:443:b"] {
            assert!(text.parse::<Resolve>().is_err(), "{text}");
        }
    }
}
