//! How much of a unit may be used in a time, as users write it: "90000/min", "20MB/s", "500/min;burst=50".

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::config::rate;
use crate::cost::unit::Unit;

/// So much of a unit in such a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BudgetRate {
    amount: f64,
    window: Duration,
    /// How much may be used at once; nothing where use is spread evenly.
    burst: f64,
}

/// What is allowed in place of what was given.
const ALLOWED: &str = "an amount and a unit of time, like \"90000/min\", \"20MB/s\" or \"3k/10s\", \
                                  and how much may go at once behind it where that is more than one request: \
                                  \"500/min;burst=50\"";

/// What is allowed as a unit's name.
const ALLOWED_UNIT: &str = "a unit's name, of letters, digits, '_', '-' and '.'";

/// What is allowed where requests are meant.
const ALLOWED_FOR_REQUESTS: &str = "\"requests\" where requests are counted";

/// The rates of one unit, all of which hold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Budget {
    pub(crate) unit: Unit,
    pub(crate) rates: Vec<BudgetRate>,
}

impl Budget {
    /// The most that it ever holds.
    pub(crate) fn most(&self) -> f64 {
        self.rates.iter().map(|rate| rate.most()).fold(f64::INFINITY, f64::min)
    }
}

/// Budgets of several units.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct BudgetLimits {
    /// For all hosts together.
    pub(crate) in_all: Vec<Budget>,
    /// For each host by itself.
    pub(crate) per_host: Vec<Budget>,
}

impl BudgetLimits {
    pub(crate) fn is_empty(&self) -> bool {
        self.in_all.is_empty() && self.per_host.is_empty()
    }
}

/// Adds a rate to those of its unit.
pub(crate) fn add(budgets: &mut Vec<Budget>, unit: &str, rate: BudgetRate) {
    let unit = Unit::new(unit);
    match budgets.iter_mut().find(|budget| budget.unit == unit) {
        Some(budget) => budget.rates.push(rate),
        None => budgets.push(Budget { unit, rates: vec![rate] }),
    }
}

/// The rate of a unit; or what is allowed, and what was given.
pub(crate) fn parse(unit: &str, rate: &str) -> Result<BudgetRate, (&'static str, String)> {
    if !is_unit(unit) {
        return Err((ALLOWED_UNIT, format!("{unit:?}")));
    }
    // No request would ever cost anything of it.
    if is_almost_requests(unit) {
        return Err((ALLOWED_FOR_REQUESTS, format!("{unit:?}")));
    }
    rate.parse().map_err(|()| (ALLOWED, format!("{rate:?} for {unit}")))
}

/// Whether a text can be a unit's name.
fn is_unit(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// Whether "requests" is meant, by all appearances.
fn is_almost_requests(name: &str) -> bool {
    name != "requests" && ["request", "requests"].iter().any(|meant| name.eq_ignore_ascii_case(meant))
}

impl BudgetRate {
    pub(crate) fn amount(self) -> f64 {
        self.amount
    }

    pub(crate) fn window(self) -> Duration {
        self.window
    }

    pub(crate) fn burst(self) -> f64 {
        self.burst
    }

    /// The seconds that one of the unit takes, where it is spread evenly.
    pub(crate) fn seconds_each(self) -> f64 {
        self.window.as_secs_f64() / self.amount
    }

    /// The most that it can hold.
    pub(crate) fn most(self) -> f64 {
        self.amount.max(self.burst)
    }
}

/// A number that a letter may multiply, and a `B` for bytes may end.
fn amount(text: &str) -> Option<f64> {
    let text = text.trim();
    let text = text.strip_suffix('B').map_or(text, str::trim_end);
    let (digits, times) = match text.char_indices().last()? {
        (at, 'k' | 'K') => (&text[..at], 1e3),
        (at, 'm' | 'M') => (&text[..at], 1e6),
        (at, 'g' | 'G') => (&text[..at], 1e9),
        _ => (text, 1.0),
    };
    let digits = digits.trim_end();
    if !digits.starts_with(|c: char| c.is_ascii_digit())
        || !digits.chars().all(|c| c.is_ascii_digit() || c == '.')
    {
        return None;
    }
    let amount = digits.parse::<f64>().ok()? * times;
    // Less than one would not let a single request go.
    (amount >= 1.0 && amount.is_finite()).then_some(amount)
}

impl FromStr for BudgetRate {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (rate, burst) = match text.split_once(';') {
            Some((rate, said)) => (rate, Some(said.split_once('=').ok_or(())?)),
            None => (text, None),
        };
        let burst = match burst {
            Some((name, size)) if name.trim() == "burst" => amount(size).ok_or(())?,
            Some(_) => return Err(()),
            None => 0.0,
        };
        let (size, window) = rate.split_once('/').ok_or(())?;
        Ok(Self { amount: amount(size).ok_or(())?, window: rate::window(window)?, burst })
    }
}

impl fmt::Display for BudgetRate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}s", self.amount, self.window.as_secs())?;
        if self.burst > 0.0 {
            write!(formatter, ";burst={}", self.burst)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_budget_is_an_amount_and_a_time_and_may_allow_a_burst() {
        for (text, amount, seconds, burst) in [
            ("90000/min", 90_000.0, 60, 0.0),
            ("90k/min", 90_000.0, 60, 0.0),
            ("20MB/s", 2e7, 1, 0.0),
            ("1.5 GB / h", 1.5e9, 3600, 0.0),
            ("500B/10s", 500.0, 10, 0.0),
            ("3K/day", 3000.0, 86_400, 0.0),
            ("500/min;burst=50", 500.0, 60, 50.0),
            ("500 / min ; burst = 2k", 500.0, 60, 2000.0),
        ] {
            let rate: BudgetRate = text.parse().unwrap();
            let window = Duration::from_secs(seconds);
            assert_eq!(rate, BudgetRate { amount, window, burst }, "{text}");
            assert_eq!(rate.to_string().parse(), Ok(rate));
        }
    }

    #[test]
    fn of_several_rates_the_one_that_holds_least_says_how_much_a_request_may_cost() {
        for (rates, most) in
            [(["100/s", "10/s", "20/min"].as_slice(), 10.0), (&["100/min;burst=500", "200/h"], 200.0)]
        {
            let rates = rates.iter().map(|rate| rate.parse().unwrap()).collect();
            assert!(Budget { unit: Unit::Tokens, rates }.most() == most);
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "",
            "90000",
            "/min",
            "0/min",
            "0.5/min",
            "-5/min",
            "inf/s",
            "nan/s",
            "1e3/s",
            "kB/s",
            "5T/s",
            "5/0s",
            "5/fortnight",
            "5/s;",
            "5/s;burst",
            "5/s;burst=0",
            "5/s;peak=5",
            "5/s;burst=-1",
            "5/s;burst=5;burst=5",
            ".5k/s",
            "1..5k/s",
            "5 5/s",
        ] {
            assert_eq!(text.parse::<BudgetRate>(), Err(()), "{text}");
        }
    }

    #[test]
    fn a_unit_has_a_plain_name() {
        assert!(["tokens", "input_tokens", "v1.pages", "read-units"].into_iter().all(is_unit));
        assert!(!["", "a b", "a=b", "tökens", "a/b", "a:b"].into_iter().any(is_unit));
    }

    proptest! {
        #[test]
        fn no_text_breaks_it_and_what_it_reads_is_usable(text in ".{0,24}") {
            if let Ok(rate) = text.parse::<BudgetRate>() {
                prop_assert!(rate.amount >= 1.0 && rate.amount.is_finite());
                prop_assert!(rate.seconds_each() > 0.0 && rate.most() >= 1.0);
            }
        }
    }
}
