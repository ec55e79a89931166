//! How much may be used in a time, as users write it: "100/s", "90000/min", "20MB/s", "500/min;burst=50".

use std::fmt;
use std::str::FromStr;

use crate::units::{Amount, Nanos, SECOND};

/// So much in such a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    amount: Amount,
    window: Nanos,
    burst: Amount,
}

/// What is allowed in place of what was given.
pub(crate) const ALLOWED: &str = "an amount and a unit of time, like \"100/s\", \"90000/min\", \"20MB/s\", \
                                  \"10000/day\", \"3/10s\" or \"500/min;burst=50\"";
/// The largest amount, so that sums of such never overflow.
const MOST: Amount = 1 << 48;

impl Rate {
    /// How much may be used in its window.
    #[must_use]
    pub fn amount(self) -> u64 {
        self.amount
    }

    /// The time that an amount takes. Rounded up: the rate is never exceeded.
    pub(crate) fn time_of(self, amount: Amount) -> Nanos {
        let time = (u128::from(amount) * u128::from(self.window)).div_ceil(u128::from(self.amount));
        Nanos::try_from(time).unwrap_or(Nanos::MAX)
    }

    /// What a time brings. Rounded down.
    pub(crate) fn amount_in(self, time: Nanos) -> Amount {
        let amount = u128::from(time) * u128::from(self.amount) / u128::from(self.window);
        Amount::try_from(amount).unwrap_or(Amount::MAX)
    }

    pub(crate) fn window(self) -> Nanos {
        self.window
    }

    /// What may be used at once, beyond the first, before the even spacing begins.
    pub(crate) fn burst(self) -> Amount {
        self.burst
    }
}

impl FromStr for Rate {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (rate, burst) = match text.split_once(';') {
            Some((rate, said)) => match said.split_once('=') {
                Some((name, burst)) if name.trim() == "burst" => (rate, amount(burst)?),
                _ => return Err(()),
            },
            None => (text, 0),
        };
        let (count, window) = rate.split_once('/').ok_or(())?;
        let count = amount(count)?;
        let window = window.trim();
        let digits = window.find(|c: char| !c.is_ascii_digit()).ok_or(())?;
        let (times, unit) = window.split_at(digits);
        let times = if times.is_empty() { 1 } else { times.parse::<u32>().map_err(|_| ())? };
        let seconds = match unit.trim() {
            "s" | "sec" | "second" | "seconds" => 1,
            "m" | "min" | "minute" | "minutes" => 60,
            "h" | "hour" | "hours" => 60 * 60,
            "d" | "day" | "days" => 24 * 60 * 60,
            _ => return Err(()),
        };
        // A year is more than anybody means, and far from what overflows.
        let window = u64::from(times) * seconds;
        let is_usable = count > 0 && (1..=366 * 24 * 60 * 60).contains(&window);
        if is_usable { Ok(Self { amount: count, window: window * SECOND, burst }) } else { Err(()) }
    }
}

/// A number that a letter may multiply, and a `B` for bytes may end, as in the engine's own budgets. It is a whole one:
/// nothing is rounded where many share it.
fn amount(text: &str) -> Result<Amount, ()> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale: Amount = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        _ => return Err(()),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let whole: Amount = whole.parse().map_err(|_| ())?;
    let of_part = if part.len() <= 9 { part.parse::<Amount>().map_err(|_| ())? } else { return Err(()) };
    let parts = 10_u64.pow(part.len() as u32);
    let of_part = of_part * scale;
    let amount =
        whole.checked_mul(scale).filter(|_| of_part.is_multiple_of(parts)).ok_or(())? + of_part / parts;
    if amount <= MOST { Ok(amount) } else { Err(()) }
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.window / SECOND;
        let unit = match seconds {
            1 => "s",
            60 => "min",
            3_600 => "h",
            86_400 => "day",
            _ => "",
        };
        match unit {
            "" => write!(formatter, "{}/{seconds}s", self.amount)?,
            unit => write!(formatter, "{}/{unit}", self.amount)?,
        }
        if self.burst > 0 { write!(formatter, ";burst={}", self.burst) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_rate_is_an_amount_and_a_time() {
        for (text, shown, nanoseconds) in [
            ("100/s", "100/s", 10_000_000),
            ("90000/min", "90000/min", 666_667),
            ("20MB/s", "20000000/s", 50),
            ("86400/day", "86400/day", 1_000_000_000),
            ("5 / 10 s", "5/10s", 2_000_000_000),
            ("500/min;burst=50", "500/min;burst=50", 120_000_000),
            // All that the engine's own budgets take, and are whole numbers.
            ("90k/min", "90000/min", 666_667),
            ("2M/min", "2000000/min", 30_000),
            ("1.5 GB / h", "1500000000/h", 2_400),
            ("0.25k/s", "250/s", 4_000_000),
            ("500B/10s", "500/10s", 20_000_000),
            ("3K/day", "3000/day", 28_800_000_000),
            ("500 / min ; burst = 2k", "500/min;burst=2000", 120_000_000),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!((rate.to_string().as_str(), rate.time_of(1)), (shown, nanoseconds), "{text}");
            assert_eq!(rate.to_string().parse(), Ok(rate));
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in
            ["", "fast", "100", "100/", "/s", "0/s", "-1/s", "1.5/s", "100/0s", "1/s/s", "9999999999999999/s"]
        {
            assert_eq!(text.parse::<Rate>(), Err(()), "{text}");
        }
        for text in [
            "1/s;",
            "1/s;burst",
            "1/s;burst=-1",
            "1XB/s",
            "1.2345k/s",
            "1.0000000001G/s",
            "1..5k/s",
            ".5k/s",
            "1.k/s",
            "5/s;peak=5",
            "1/4000000000h",
        ] {
            assert_eq!(text.parse::<Rate>(), Err(()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(text in ".{0,40}") {
            let _ = text.parse::<Rate>();
        }

        #[test]
        fn a_time_brings_at_most_what_takes_so_long(amount in 1..1_000_000_u64, per in 1..1_000_000_u64) {
            let rate: Rate = format!("{per}/min").parse().unwrap();
            prop_assert!(rate.amount_in(rate.time_of(amount)) >= amount);
            prop_assert!(rate.amount_in(rate.time_of(amount).saturating_sub(2)) <= amount);
        }
    }
}
