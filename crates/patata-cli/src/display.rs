//! The picture of a run on stderr, drawn when it is time.

use std::io::{self, IsTerminal, Stderr};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use patata_run::{Summary, Tick};

use crate::args::output::{DrawingFlags, Progress};
use crate::environment::Environment;
use crate::log;
use crate::picture::{self, Mode, Picture, Size, Style};

const SECOND: Duration = Duration::from_secs(1);

/// What is to be drawn now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// A second has ended.
    Tick,
    /// The second that is not over yet.
    Draw,
}

/// The picture, and the clock by which it is drawn.
pub(crate) struct Display {
    picture: Picture<Stderr>,
    mode: Mode,
    next_tick: Instant,
    next_draw: Instant,
}

impl Display {
    /// Beside rows on stdout, where there are some.
    pub(crate) fn new(flags: &DrawingFlags, environment: &Environment, has_rows: bool) -> Self {
        let has_rows = has_rows && io::stdout().is_terminal();
        let seen = picture::Environment { has_rows, ..seen(environment) };
        let mode = Mode::resolve(progress(flags.progress), flags.quiet, &seen);
        let picture = Picture::new(mode, Style::resolve(&seen), io::stderr());
        let now = Instant::now();
        Self { next_tick: now + SECOND, next_draw: now + picture.interval(), picture, mode }
    }

    /// Whether anything is ever drawn.
    pub(crate) fn is_visible(&self) -> bool {
        self.mode != Mode::None
    }

    /// What it is time for, if for anything.
    pub(crate) fn due(&mut self) -> Option<Due> {
        let now = Instant::now();
        if now >= self.next_tick {
            // What was missed, as the process was stopped, is one long second.
            self.next_tick = now + SECOND;
            self.next_draw = now + self.picture.interval();
            return Some(Due::Tick);
        }
        if now >= self.next_draw && self.mode == Mode::Bar {
            self.next_draw = now + self.picture.interval();
            return Some(Due::Draw);
        }
        None
    }

    /// A picture that cannot be drawn is no reason to end a run.
    pub(crate) fn show(&mut self, due: Due, tick: Tick, summary: &Summary) {
        let _ = match due {
            Due::Tick => self.picture.tick(tick, summary, Size::of_stderr()),
            Due::Draw => self.picture.draw(&tick, summary, Size::of_stderr()),
        };
    }

    /// Says something, above the picture.
    pub(crate) fn message(&mut self, text: &str) {
        if self.is_visible() {
            let _ = self.picture.message(text, Size::of_stderr());
        }
    }

    /// Draws the end.
    pub(crate) fn finish(self, tick: &Tick, summary: &Summary) {
        let _ = self.picture.finish(tick, summary, Size::of_stderr());
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

fn progress(said: Option<Progress>) -> picture::Progress {
    match said.unwrap_or(Progress::Auto) {
        Progress::Auto => picture::Progress::Auto,
        Progress::Bar => picture::Progress::Bar,
        Progress::Plain => picture::Progress::Plain,
        Progress::Json => picture::Progress::Json,
        Progress::None => picture::Progress::None,
    }
}

fn seen(environment: &Environment) -> picture::Environment {
    let text = |name: &str| environment.get(name).map(|value| value.to_string_lossy().into_owned());
    picture::Environment {
        no_color: text("NO_COLOR"),
        clicolor_force: text("CLICOLOR_FORCE"),
        term: text("TERM"),
        locale: ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| text(name)),
        is_terminal: io::stderr().is_terminal(),
        logs_json: log::is_json(),
        has_rows: false,
    }
}
