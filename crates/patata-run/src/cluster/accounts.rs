//! The parts of a run with many writers in sum.

use crate::accounts::{Statistics, Summary};
use crate::error::RunError;
use crate::folder::missing::note;
use crate::output::line::Line;
use crate::output::reader::Rows;

/// A part in sum, with what came counted from its rows.
pub(crate) fn recounted(summary: Summary, rows: Rows) -> Result<Summary, RunError> {
    let mut counted = Statistics::new(summary.started);
    for line in rows {
        if let Some(line) = Line::read(&line?) {
            note(&mut counted, &line);
        }
    }
    Ok(summary.with_counts_of(counted.summary()))
}

/// All of them in sum.
pub(crate) fn summed(parts: &[Summary]) -> Summary {
    let Some(first) = parts.first() else { return Summary::default() };
    let mut statistics = Statistics::from_summary(first, first.time);
    parts.iter().skip(1).for_each(|part| statistics.merge(part));
    let mut summary = statistics.summary();
    summary.seconds = worked(parts);
    summary.processes = parts.iter().fold(0, |sum, part| part.processes.saturating_add(sum));
    summary.ledger_rows = parts.iter().map(|part| part.ledger_rows).sum();
    summary.unsent = parts.iter().map(|part| part.unsent).sum();
    summary.total = parts.iter().map(|part| part.total).sum();
    summary.stopped = parts.iter().find_map(|part| part.stopped.clone());
    let ended = parts.iter().map(|part| part.ended).collect::<Option<Vec<_>>>();
    summary.ended = ended.map(|ended| ended.into_iter().fold(0.0, f64::max));
    summary
}

/// For how long somebody has worked at one of them, as far as it can be told: times that overlap count once.
fn worked(parts: &[Summary]) -> f64 {
    let mut spells: Vec<_> =
        parts.iter().map(|part| ((part.time - part.seconds).max(part.started), part.time)).collect();
    spells.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (mut sum, mut until) = (0.0, 0.0_f64);
    for (from, to) in spells {
        sum += (to - from.max(until)).max(0.0);
        until = until.max(to);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Noted;

    fn part(started: f64, time: f64, statuses: &[u16]) -> Summary {
        let mut statistics = Statistics::new(started);
        for status in statuses {
            let noted = Noted {
                status: Some(*status),
                ok: *status < 400,
                host: "host",
                attempts: 1,
                ..Noted::default()
            };
            statistics.note(&noted);
        }
        let summary = statistics.summary();
        Summary { time, seconds: time - started, ended: Some(time), processes: 1, ..summary }
    }

    #[test]
    fn what_parts_have_counted_is_added_up_and_time_that_overlaps_counts_once() {
        let parts =
            [part(10.0, 20.0, &[200, 404]), part(15.0, 30.0, &[200, 404, 404]), part(50.0, 51.0, &[])];
        let summary = summed(&parts);
        assert_eq!((summary.ok, summary.failed, summary.attempts, summary.processes), (2, 3, 5, 3));
        assert_eq!((summary.statuses[&200], summary.statuses[&404]), (2, 3));
        assert_eq!((summary.seconds, summary.started, summary.ended), (21.0, 10.0, Some(51.0)));
        assert_eq!((summary.hosts.len(), summary.hosts[0].done, summary.hosts[0].failed), (1, 5, 3));
        assert_eq!((summary.clusters.len(), summary.clusters[0].count), (1, 3));
    }

    #[test]
    fn a_run_has_not_ended_where_one_of_its_parts_has_not() {
        let parts = [part(10.0, 20.0, &[]), Summary { ended: None, ..part(15.0, 30.0, &[]) }];
        assert_eq!(summed(&parts).ended, None);
    }
}
