//! What limits a run just now, in a sentence that names the option which would change it.

use super::figures;
use super::tick::{LimitedBy, Tick};

/// What limits a run now, in a sentence with the option that would change it; `None` where that is not known.
///
/// ```
/// use patata_run::{LimitedBy, LimitsNow, Tick, limited_by};
///
/// let limits = LimitsNow { rate: vec!["100/s".to_owned()], concurrency: Some(100), ..LimitsNow::default() };
/// let tick =
///     Tick { limited_by: Some(LimitedBy::Rate), limits, p50_ms: 12.0, in_flight: 3, ..Tick::default() };
/// assert_eq!(
///     limited_by(&tick).unwrap(),
///     "limited by rate 100/s; the server answers in 12 ms, 3 of 100 slots in use"
/// );
/// ```
pub fn limited_by(tick: &Tick) -> Option<String> {
    let (answers, slots) = (answers(tick), slots(tick));
    Some(match tick.limited_by? {
        LimitedBy::Rate => format!("limited by {}; the server {answers}, {slots}", rates(tick)),
        LimitedBy::Budget => format!("limited by {}; the server {answers}, {slots}", budgets(tick)),
        LimitedBy::Concurrency => {
            format!("limited by {}; the server {answers}, {slots}", concurrencies(tick))
        }
        LimitedBy::Server => by_server(tick),
        LimitedBy::Input => format!(
            "limited by the input, which gives its requests more slowly than they are sent; the server {answers}, \
             {slots}"
        ),
        LimitedBy::Consumer => format!(
            "limited by what takes the responses, which come faster than they are written or read; try a faster \
             disk or reader, or no compress; {slots}"
        ),
        LimitedBy::Paused => match tick.in_flight {
            0 => "paused; resume lets it go on".to_owned(),
            busy => format!("paused, {} still in flight; resume lets it go on", figures::count(busy as u64)),
        },
        LimitedBy::Other => return None,
    })
}

fn by_server(tick: &Tick) -> String {
    if let Some(host) = tick.troubled_hosts.first() {
        let others = match tick.troubled_hosts.len() - 1 {
            0 => String::new(),
            more => format!(" and {}", figures::counted(more as u64, "other host")),
        };
        return format!(
            "limited by {host}{others}, which cannot be reached; host_timeout says when it is given up"
        );
    }
    if tick.in_flight == 0 {
        return "limited by the server, which has asked to be left alone, or has failed and is tried again \
                after backoff"
            .to_owned();
    }
    let (answers, slots) = (answers(tick), slots(tick));
    match (tick.limits.concurrency, tick.limits.concurrency_per_host) {
        (None, None) => format!(
            "limited by the server, which {answers}, {slots}; concurrency auto has found that it bears no more"
        ),
        _ => format!("limited by the server, which {answers}, {slots}; all that can be sent is sent"),
    }
}

fn answers(tick: &Tick) -> String {
    if tick.responses.total() > 0 || tick.p50_ms > 0.0 {
        format!("answers in {}", figures::milliseconds(tick.p50_ms))
    } else {
        "has answered nothing in this second".to_owned()
    }
}

fn slots(tick: &Tick) -> String {
    let busy = figures::count(tick.in_flight as u64);
    match tick.limits.concurrency {
        Some(most) => format!("{busy} of {} slots in use", figures::count(most as u64)),
        None => format!("{busy} in flight"),
    }
}

fn rates(tick: &Tick) -> String {
    if let Some(limit) = &tick.server_limit {
        return format!("the server's own limit {limit}, to whose pace rate auto keeps");
    }
    let named = |option: &str, rates: &[String]| {
        (!rates.is_empty()).then(|| format!("{option} {}", rates.join(" and ")))
    };
    let limits = &tick.limits;
    let all = [named("rate", &limits.rate), named("rate_per_host", &limits.rate_per_host)];
    let all: Vec<_> = all.into_iter().flatten().collect();
    if all.is_empty() { "a rate that was learned from the server".to_owned() } else { all.join(" or ") }
}

/// The budgets of the unit that limits it.
fn budgets(tick: &Tick) -> String {
    if let (true, Some(unit)) = (tick.is_limited_by_shared, &tick.limiting_unit) {
        return format!("{unit} of the budget that is shared with others");
    }
    let is_of_unit = |budget: &&String| match (&tick.limiting_unit, budget.split_once('=')) {
        (Some(unit), Some((of, _))) => unit == of,
        _ => true,
    };
    let named = |option: &str, budgets: &[String]| {
        let budgets: Vec<_> = budgets.iter().filter(is_of_unit).map(String::as_str).collect();
        (!budgets.is_empty()).then(|| format!("{option} {}", budgets.join(" and ")))
    };
    let limits = &tick.limits;
    let all = [named("budget", &limits.budget), named("budget_per_host", &limits.budget_per_host)];
    let all: Vec<_> = all.into_iter().flatten().collect();
    let unit = tick.limiting_unit.as_deref().unwrap_or("some unit");
    if all.is_empty() { format!("a budget of {unit}") } else { all.join(" or ") }
}

fn concurrencies(tick: &Tick) -> String {
    let named = |option: &str, most: Option<usize>| most.map(|most| format!("{option} {most}"));
    let limits = &tick.limits;
    let all = [
        named("concurrency", limits.concurrency),
        named("concurrency_per_host", limits.concurrency_per_host),
    ];
    let all: Vec<_> = all.into_iter().flatten().collect();
    if all.is_empty() { "concurrency".to_owned() } else { all.join(" or ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::{Classes, LimitsNow};

    fn tick(limited_by: LimitedBy, limits: LimitsNow) -> Tick {
        let responses = Classes { success: 10, ..Classes::default() };
        Tick {
            limited_by: Some(limited_by),
            limits,
            responses,
            p50_ms: 12.3,
            in_flight: 3,
            ..Tick::default()
        }
    }

    fn limits(rate: &[&str], concurrency: Option<usize>) -> LimitsNow {
        let rate = rate.iter().map(|rate| (*rate).to_owned()).collect();
        LimitsNow { rate, concurrency, ..LimitsNow::default() }
    }

    #[test]
    fn each_limit_has_its_sentence_with_the_option_that_changes_it() {
        let fixed = || limits(&[], Some(100));
        let auto = LimitsNow::default;
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        let budgeted = || LimitsNow {
            budget: texts(&["tokens=90000/min", "requests=5/s"]),
            budget_per_host: texts(&["tokens=9/s"]),
            ..LimitsNow::default()
        };
        let hosts = LimitsNow {
            rate_per_host: vec!["5/s".to_owned()],
            concurrency_per_host: Some(6),
            ..limits(&["100/s", "5000/h"], Some(1000))
        };
        for (tick, expected) in [
            (
                tick(LimitedBy::Rate, hosts.clone()),
                "limited by rate 100/s and 5000/h or rate_per_host 5/s; the server answers in 12 ms, \
                 3 of 1,000 slots in use",
            ),
            (
                Tick {
                    server_limit: Some("tokens (90000) of a.example".to_owned()),
                    ..tick(LimitedBy::Rate, limits(&["auto"], None))
                },
                "limited by the server's own limit tokens (90000) of a.example, to whose pace rate auto \
                 keeps; the server answers in 12 ms, 3 in flight",
            ),
            (
                tick(LimitedBy::Rate, auto()),
                "limited by a rate that was learned from the server; the server answers in 12 ms, 3 in flight",
            ),
            (
                Tick { limiting_unit: Some("tokens".to_owned()), ..tick(LimitedBy::Budget, budgeted()) },
                "limited by budget tokens=90000/min or budget_per_host tokens=9/s; the server answers in 12 ms, \
                 3 in flight",
            ),
            (
                Tick { limiting_unit: Some("pages".to_owned()), ..tick(LimitedBy::Budget, auto()) },
                "limited by a budget of pages; the server answers in 12 ms, 3 in flight",
            ),
            (
                Tick {
                    limiting_unit: Some("tokens".to_owned()),
                    is_limited_by_shared: true,
                    ..tick(LimitedBy::Budget, budgeted())
                },
                "limited by tokens of the budget that is shared with others; the server answers in 12 ms, \
                 3 in flight",
            ),
            (
                tick(LimitedBy::Concurrency, hosts),
                "limited by concurrency 1000 or concurrency_per_host 6; the server answers in 12 ms, \
                 3 of 1,000 slots in use",
            ),
            (
                Tick { responses: Classes::default(), p50_ms: 0.0, ..tick(LimitedBy::Concurrency, fixed()) },
                "limited by concurrency 100; the server has answered nothing in this second, \
                 3 of 100 slots in use",
            ),
            (
                tick(LimitedBy::Server, auto()),
                "limited by the server, which answers in 12 ms, 3 in flight; concurrency auto has found that it \
                 bears no more",
            ),
            (
                tick(LimitedBy::Server, fixed()),
                "limited by the server, which answers in 12 ms, 3 of 100 slots in use; all that can be sent is sent",
            ),
            (
                Tick { in_flight: 0, ..tick(LimitedBy::Server, fixed()) },
                "limited by the server, which has asked to be left alone, or has failed and is tried again \
                 after backoff",
            ),
            (
                Tick {
                    troubled_hosts: vec!["a".to_owned(), "b".to_owned()],
                    ..tick(LimitedBy::Server, fixed())
                },
                "limited by a and 1 other host, which cannot be reached; host_timeout says when it is given up",
            ),
            (
                tick(LimitedBy::Input, fixed()),
                "limited by the input, which gives its requests more slowly than they are sent; \
                 the server answers in 12 ms, 3 of 100 slots in use",
            ),
            (
                tick(LimitedBy::Consumer, fixed()),
                "limited by what takes the responses, which come faster than they are written or read; \
                 try a faster disk or reader, or no compress; 3 of 100 slots in use",
            ),
            (tick(LimitedBy::Paused, fixed()), "paused, 3 still in flight; resume lets it go on"),
            (Tick { in_flight: 0, ..tick(LimitedBy::Paused, fixed()) }, "paused; resume lets it go on"),
        ] {
            assert_eq!(limited_by(&tick).as_deref(), Some(expected));
        }
        assert_eq!(limited_by(&tick(LimitedBy::Other, fixed())), None);
        assert_eq!(limited_by(&Tick::default()), None);
    }
}
