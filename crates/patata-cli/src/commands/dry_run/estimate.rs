//! How long a run will take: worked out from the time of a few requests, and the limits.

use std::time::Duration;

use crate::args::limits::LimitFlags;
use crate::args::values::Concurrency;

/// Requests in flight for each event loop, where nothing is said.
const CONCURRENCY: usize = 100;

/// The limits of a run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Limits {
    concurrency: usize,
    /// Requests a second, and how that was written.
    rate: Option<(f64, String)>,
}

impl Limits {
    pub(super) fn of(flags: &LimitFlags) -> Self {
        let workers = flags.workers.map_or_else(patata::default_num_workers, usize::from);
        let concurrency = match flags.concurrency {
            Some(Concurrency::Count(count)) => count,
            Some(Concurrency::Auto) | None => CONCURRENCY * workers,
        };
        let rates = flags.rate.iter().filter_map(|text| Some((per_second(text)?, text.clone())));
        Self { concurrency, rate: rates.min_by(|one, other| one.0.total_cmp(&other.0)) }
    }
}

/// How long, and why not shorter.
#[derive(Debug, PartialEq)]
pub(super) struct Estimate {
    pub(super) seconds: f64,
    pub(super) limited_by: String,
}

pub(super) fn estimate(requests: u64, latency: Duration, limits: &Limits) -> Estimate {
    let requests = requests as f64;
    // A server that answers at once is limited by other things, which a few requests do not show.
    let latency = latency.as_secs_f64().max(0.000_1);
    let by_concurrency = requests * latency / limits.concurrency as f64;
    let by_rate = limits.rate.as_ref().map_or(0.0, |(rate, _)| requests / rate);
    match &limits.rate {
        Some((_, rate)) if by_rate > by_concurrency => {
            Estimate { seconds: by_rate.max(latency), limited_by: format!("--rate {rate}") }
        }
        _ => Estimate {
            seconds: by_concurrency.max(latency),
            limited_by: format!(
                "--concurrency {}, if the server answers so many at once as fast as one",
                limits.concurrency
            ),
        },
    }
}

/// A rate as a number; one that is none was refused before.
fn per_second(text: &str) -> Option<f64> {
    let (count, window) = text.split_once('/')?;
    let window = window.trim();
    let digits = window.find(|c: char| !c.is_ascii_digit())?;
    let (times, unit) = window.split_at(digits);
    let times: f64 = if times.is_empty() { 1.0 } else { times.parse().ok()? };
    let seconds = match unit.trim().chars().next()? {
        's' => 1.0,
        'm' => 60.0,
        'h' => 3600.0,
        'd' => 86400.0,
        _ => return None,
    };
    Some(count.trim().parse::<f64>().ok()? / (times * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strictest_limit_counts() {
        let rate = |text: &str| Some((per_second(text).unwrap(), text.to_owned()));
        let latency = Duration::from_millis(100);
        for (concurrency, rate, seconds, limited_by) in [
            (100, None, 10.0, "--concurrency 100, if"),
            (100, rate("100/s"), 100.0, "--rate 100/s"),
            (1, rate("600/min"), 1000.0, "--concurrency 1, if"),
            (1000, rate("3600/h"), 10_000.0, "--rate 3600/h"),
            (1000, rate("30/10s"), 10_000.0 / 3.0, "--rate 30/10s"),
        ] {
            let found = estimate(10_000, latency, &Limits { concurrency, rate });
            assert!((found.seconds - seconds).abs() < 0.01, "{found:?}");
            assert!(found.limited_by.starts_with(limited_by), "{found:?}");
        }
    }
}
