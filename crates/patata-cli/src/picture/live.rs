//! Keeps the last seconds of a run, and draws them as was asked for.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::time::Duration;

use patata_run::{Summary, Tick};
use serde_json::json;

use super::estimate::Scene;
use super::mode::{Mode, Style};
use super::screen::{Screen, Size};
use super::text::harmless;
use super::{lines, plain};
use crate::log::{self, Level};

/// The seconds that are kept.
const KEPT: usize = 60;
/// Seconds from one plain line to the next.
const PLAIN: f64 = 10.0;

/// Draws a run. It knows no clock: whoever has one calls [`draw`](Self::draw) and [`tick`](Self::tick).
pub(crate) struct Picture<W> {
    mode: Mode,
    style: Style,
    out: W,
    screen: Screen,
    ticks: VecDeque<Tick>,
    /// When the last plain line was written, or the run began.
    last_line: Option<f64>,
}

impl<W: Write> Picture<W> {
    pub(crate) fn new(mode: Mode, style: Style, out: W) -> Self {
        Self { mode, style, out, screen: Screen::default(), ticks: VecDeque::new(), last_line: None }
    }

    /// How often [`draw`](Self::draw) is of use.
    pub(crate) fn interval(&self) -> Duration {
        if self.mode == Mode::Bar { Duration::from_millis(200) } else { Duration::from_secs(1) }
    }

    /// A second has ended.
    pub(crate) fn tick(&mut self, tick: Tick, summary: &Summary, size: Size) -> io::Result<()> {
        if self.ticks.len() == KEPT {
            self.ticks.pop_front();
        }
        let now = Tick { seconds: 0.0, ..tick.clone() };
        self.ticks.push_back(tick);
        let is_due = self.is_due(now.time);
        match self.mode {
            Mode::Json => self.print(&now, summary, false),
            Mode::Plain | Mode::Log if is_due => self.print(&now, summary, false),
            Mode::Bar => self.draw(&now, summary, size),
            Mode::Plain | Mode::Log | Mode::None => Ok(()),
        }
    }

    /// Draws a second that is not over yet. Only the five lines are drawn that often.
    pub(crate) fn draw(&mut self, now: &Tick, summary: &Summary, size: Size) -> io::Result<()> {
        self.draw_lines(now, summary, size, false)
    }

    /// Writes a message of the program. It stands above the five lines.
    pub(crate) fn message(&mut self, text: &str, size: Size) -> io::Result<()> {
        if self.mode == Mode::Log {
            let event = log::line(Level::Info, "message", json!({ "message": text }));
            return writeln!(self.out, "{event}").and_then(|()| self.out.flush());
        }
        let text: String = text.lines().map(|line| harmless(line) + "\n").collect();
        if self.mode == Mode::Bar {
            self.screen.print_above(&mut self.out, &text, size)
        } else {
            self.out.write_all(text.as_bytes())?;
            self.out.flush()
        }
    }

    /// Draws the end of the run, which is left standing.
    pub(crate) fn finish(mut self, now: &Tick, summary: &Summary, size: Size) -> io::Result<()> {
        match self.mode {
            Mode::Bar => self.draw_lines(now, summary, size, true),
            Mode::Json | Mode::Log | Mode::Plain => self.print(now, summary, true),
            Mode::None => Ok(()),
        }
    }

    fn is_due(&mut self, now: f64) -> bool {
        let last = *self.last_line.get_or_insert(now - 1.0);
        let is_due = now - last >= PLAIN - 0.5;
        if is_due {
            self.last_line = Some(now);
        }
        is_due
    }

    fn draw_lines(&mut self, now: &Tick, summary: &Summary, size: Size, is_over: bool) -> io::Result<()> {
        if self.mode != Mode::Bar {
            return Ok(());
        }
        let scene = Scene { ticks: self.ticks.make_contiguous(), now, summary, is_over };
        let lines = lines::lines(&scene, size.columns, self.style);
        self.screen.draw(&mut self.out, &lines, size)
    }

    fn print(&mut self, now: &Tick, summary: &Summary, is_over: bool) -> io::Result<()> {
        let scene = Scene { ticks: self.ticks.make_contiguous(), now, summary, is_over };
        let line = match self.mode {
            Mode::Json => plain::json(&scene)?,
            Mode::Log => {
                let event = if is_over { "run ended" } else { "progress" };
                log::line(Level::Info, event, serde_json::from_str(&plain::json(&scene)?)?)
            }
            _ => plain::line(&scene),
        };
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Kind, Run, run};
    use super::*;

    const STYLE: Style = Style { colour: false, unicode: true };

    fn drawn(mode: Mode, seconds: usize) -> String {
        let Run { ticks, now, summary, .. } = run(Kind::UnderWay);
        let mut out = Vec::new();
        let mut picture = Picture::new(mode, STYLE, &mut out);
        for tick in ticks.into_iter().take(seconds) {
            picture.tick(tick, &summary, Size::default()).unwrap();
            picture.draw(&now, &summary, Size::default()).unwrap();
        }
        picture.message("careful:\x1b[2J\nnot so fast", Size::default()).unwrap();
        picture.finish(&now, &summary, Size::default()).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn plain_lines_come_each_ten_seconds_and_at_the_end() {
        let text = drawn(Mode::Plain, 35);
        assert_eq!(text.lines().count(), 3 + 2 + 1, "{text}");
        assert!(text.contains("careful:\u{fffd}[2J\nnot so fast\n"));
    }

    #[test]
    fn json_comes_each_second() {
        let text = drawn(Mode::Json, 7);
        let is_json = |line: &&str| serde_json::from_str::<serde_json::Value>(line).is_ok();
        assert_eq!(text.lines().filter(is_json).count(), 8);
    }

    #[test]
    fn a_log_has_an_event_in_each_line() {
        let text = drawn(Mode::Log, 35);
        let events: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let named: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
        assert_eq!(named, ["progress", "progress", "progress", "message", "run ended"]);
        assert_eq!(events[3]["message"], "careful:\u{1b}[2J\nnot so fast");
        assert!(events.iter().all(|event| event["time"].is_string()));
    }

    #[test]
    fn nothing_is_nothing_but_messages() {
        assert_eq!(drawn(Mode::None, 35), "careful:\u{fffd}[2J\nnot so fast\n");
    }

    #[test]
    fn five_lines_are_left_standing() {
        let text = drawn(Mode::Bar, 3);
        let last = text.rsplit("\x1b[5A").next().unwrap();
        assert_eq!(last.matches("\r\n").count(), 5);
        assert!(last.contains("on average"));
        assert!(last.ends_with("done\x1b[K\r\n\x1b[J"), "{last:?}");
    }
}
