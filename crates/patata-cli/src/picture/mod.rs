//! The picture of a run under way: five lines in a terminal, a plain line now and then elsewhere, or JSON.

mod estimate;
mod lines;
mod live;
mod mode;
mod plain;
mod screen;
mod text;

pub(crate) use estimate::Scene;
pub(crate) use lines::lines;
pub(crate) use live::Picture;
pub(crate) use mode::{Environment, Mode, Progress, Style};
pub(crate) use plain::line;
pub(crate) use screen::Size;
pub(crate) use text::harmless;

#[cfg(test)]
mod tests {
    //! Runs of all kinds, to be drawn.

    use std::time::Duration;

    use patata_run::{Classes, LimitedBy, LimitsNow, Noted, Statistics, Summary, Tick, figures};

    use super::estimate::Scene;
    use super::mode::Style;
    use super::{lines, plain};

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Kind {
        UnderWay,
        JustBegun,
        UnknownTotal,
        Failing,
        Paused,
        Over,
        Stopped,
    }

    impl Kind {
        pub(crate) const ALL: [Self; 7] = [
            Self::UnderWay,
            Self::JustBegun,
            Self::UnknownTotal,
            Self::Failing,
            Self::Paused,
            Self::Over,
            Self::Stopped,
        ];
    }

    pub(crate) struct Run {
        pub(crate) ticks: Vec<Tick>,
        pub(crate) now: Tick,
        pub(crate) summary: Summary,
        pub(crate) is_over: bool,
    }

    impl Run {
        pub(crate) fn scene(&self) -> Scene<'_> {
            Scene { ticks: &self.ticks, now: &self.now, summary: &self.summary, is_over: self.is_over }
        }
    }

    fn answer(number: u64, is_failing: bool) -> Noted<'static> {
        let (status, kind) = match number % 20 {
            _ if is_failing => (None, Some("connect")),
            7 => (Some(404), None),
            13 => (Some(503), None),
            17 => (None, Some("timeout")),
            _ => (Some(200), None),
        };
        let elapsed = Duration::from_micros(8_000 + number * 7_919 % 9_000 + number / 100 * 613 % 20_000);
        let ok = status == Some(200);
        Noted {
            status,
            kind,
            ok,
            host: "api.example",
            elapsed,
            attempts: 1,
            bytes: 2_600,
            ..Noted::default()
        }
    }

    pub(crate) fn run(kind: Kind) -> Run {
        let (seconds, total) =
            if kind == Kind::JustBegun { (0, Some(10_000)) } else { (40_u64, Some(10_000)) };
        let limits = LimitsNow {
            rate: vec!["100/s".to_owned()],
            concurrency: Some(100),
            paused: kind == Kind::Paused,
            ..LimitsNow::default()
        };
        let mut statistics = Statistics::new(0.0);
        let mut ticks = Vec::new();
        let limited_by = if kind == Kind::Paused { LimitedBy::Paused } else { LimitedBy::Rate };
        let limited = |tick| Tick { limited_by: Some(limited_by), in_flight: 3, ..tick };
        for second in 0..seconds {
            for number in 0..90 + second % 7 {
                statistics.note(&answer(second * 100 + number, kind == Kind::Failing));
            }
            ticks.push(limited(statistics.tick(second as f64 + 1.0, None, &limits)));
        }
        if kind != Kind::JustBegun && kind != Kind::Paused {
            (0..37).for_each(|number| statistics.note(&answer(number, kind == Kind::Failing)));
        }
        let is_over = matches!(kind, Kind::Over | Kind::Stopped);
        let now = limited(statistics.peek(seconds as f64 + if is_over { 0.0 } else { 0.4 }, None, &limits));
        let stopped = (kind == Kind::Stopped)
            .then(|| "3,700 of 3,716 requests failed, more than max_failures=0.01 allows".to_owned());
        let total = match kind {
            Kind::UnknownTotal => None,
            Kind::Over => Some(now.done),
            _ => total,
        };
        Run { ticks, now, summary: Summary { total, stopped, ..statistics.summary() }, is_over }
    }

    #[test]
    fn picture_and_report_tell_the_same_figures() {
        let run = run(Kind::Over);
        let scene = run.scene();
        let style = Style { colour: false, unicode: true };
        let texts = [lines::lines(&scene, 200, style).join("\n"), plain::line(&scene)];
        let summary = Summary { ended: Some(run.now.time), ..run.summary.clone() };
        let page = patata_run::report(&summary, &patata_run::Timeline::default());
        let time = |percentage| summary.latency.percentile(percentage).as_secs_f64() * 1000.0;
        for figure in [
            figures::count(summary.done()),
            figures::count(summary.failed),
            figures::rate(summary.rate()),
            figures::seconds(summary.seconds),
            figures::milliseconds(time(50.0)),
            figures::milliseconds(time(99.0)),
        ] {
            assert!(page.contains(&figure), "{figure}");
            texts.iter().for_each(|text| assert!(text.contains(&figure), "{figure}: {text}"));
        }
    }

    #[test]
    fn the_runs_are_what_they_are_called() {
        assert_eq!(run(Kind::JustBegun).now.responses, Classes::default());
        assert_eq!(run(Kind::Failing).summary.ok, 0);
        assert_eq!(run(Kind::Over).summary.total, Some(run(Kind::Over).summary.done()));
    }
}
