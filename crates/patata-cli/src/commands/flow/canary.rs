//! A few requests before all others, by which it is told whether these are worth sending.

use std::collections::BTreeSet;

use patata::MaxFailures;

use super::count::count;
use crate::exit::Failure;
use crate::input::Source;
use crate::resolve::Plan;

/// Which rows are sent first: so many, spread evenly over the input.
///
/// # Errors
/// An input that can be read only once, so that nobody knows what it is spread over.
pub(super) fn chosen(plan: &Plan, most: usize) -> Result<BTreeSet<u64>, Failure> {
    if let Some(source) = plan.sources.iter().find(|source| !source.is_regular()) {
        return Err(Failure::usage(format!(
            "--canary: {} can be read only once, and the canary is spread over the whole input; write the rows to a \
             file first",
            Source::name(source)
        )));
    }
    let rows = count(plan.sources.clone(), plan.input.clone()).map_err(Failure::of_input)?;
    Ok(spread(rows, most as u64))
}

fn spread(rows: u64, count: u64) -> BTreeSet<u64> {
    let count = count.min(rows);
    let place = |number: u64| u128::from(number) * u128::from(rows) / u128::from(count.max(1));
    (0..count).filter_map(|number| u64::try_from(place(number)).ok()).collect()
}

/// What the canary says of the rest.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judged {
    Good,
    Bad(String),
}

/// Without a limit, none may fail: who wants a canary wants to hear of it.
pub(super) fn judged(failed: u64, done: u64, most: Option<MaxFailures>) -> Judged {
    let (is_bad, limit) = match most {
        None => (failed > 0, "and none may where no --max-failures is given".to_owned()),
        Some(MaxFailures::Count(most)) => (failed > most, format!("more than --max-failures {most} allows")),
        Some(MaxFailures::Share(share)) => (
            failed as f64 > share * done as f64,
            format!("more than --max-failures {}% allows", share * 100.0),
        ),
    };
    match is_bad {
        true => Judged::Bad(format!(
            "{failed} of the {done} requests of the canary failed, {limit}; the rest was not sent"
        )),
        false => Judged::Good,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_spread_over_the_input() {
        assert!(spread(10, 3).into_iter().eq([0, 3, 6]));
        assert!(spread(2, 5).into_iter().eq([0, 1]));
        assert!(spread(0, 5).is_empty());
        assert_eq!(spread(u64::MAX, 100).len(), 100);
    }

    #[test]
    fn a_share_is_judged_however_few_there_are() {
        assert_eq!(judged(2, 10, Some(MaxFailures::Share(0.2))), Judged::Good);
        assert_eq!(judged(2, 10, Some(MaxFailures::Count(2))), Judged::Good);
        assert_eq!(judged(0, 0, None), Judged::Good, "all of them were done by an earlier process");
        for (most, text) in [
            (None, "none may"),
            (Some(MaxFailures::Count(1)), "--max-failures 1 allows"),
            (Some(MaxFailures::Share(0.1)), "--max-failures 10% allows"),
        ] {
            let Judged::Bad(why) = judged(2, 10, most) else { panic!() };
            assert!(why.starts_with("2 of the 10 requests") && why.contains(text), "{why}");
        }
    }
}
