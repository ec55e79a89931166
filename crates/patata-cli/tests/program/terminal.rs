//! What stands on a terminal: the picture, drawn in place. Times and rates differ from run to run, and are masked.
#![cfg(unix)]

use std::fs::File;
use std::io::Read;
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use patata_testserver::Server;
use rustix::fs::{Mode, OFlags};
use rustix::pty;
use rustix::termios::{Winsize, tcsetwinsize};

use super::support::{Place, send, wait_until};

/// A terminal, and a program that runs in it.
struct Terminal {
    child: Child,
    screen: Arc<Mutex<vt100::Parser>>,
    reader: JoinHandle<()>,
}

impl Terminal {
    /// Runs a program whose stderr is a terminal of this size.
    fn start(mut command: Command, columns: u16) -> Self {
        let (rows, wide) = (NonZero::new(24).unwrap(), NonZero::new(columns).unwrap());
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let ours = pty::openpt(pty::OpenptFlags::RDWR | pty::OpenptFlags::NOCTTY).unwrap();
        pty::grantpt(&ours).unwrap();
        pty::unlockpt(&ours).unwrap();
        let name = pty::ptsname(&ours, Vec::new()).unwrap();
        let theirs = rustix::fs::open(&*name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        tcsetwinsize(&theirs, size).unwrap();
        let child = command.stderr(theirs).spawn().unwrap();
        // It holds their end.
        drop(command);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(rows, wide, 0)));
        let drawn = screen.clone();
        let reader = thread::spawn(move || draw(ours, &drawn));
        Self { child, screen, reader }
    }

    /// The lines that stand there now.
    fn lines(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// The lines that stand there when the program has ended, which it must so.
    #[track_caller]
    fn ended(mut self, code: i32) -> String {
        assert_eq!(self.child.wait().unwrap().code(), Some(code), "{}", self.lines());
        self.reader.join().unwrap();
        self.screen.lock().unwrap().screen().contents()
    }
}

/// Draws until nobody holds the other end any more.
fn draw(terminal: OwnedFd, screen: &Mutex<vt100::Parser>) {
    let (mut terminal, mut bytes) = (File::from(terminal), [0; 4096]);
    while let Ok(count @ 1..) = terminal.read(&mut bytes) {
        screen.lock().unwrap().process(&bytes[..count]);
    }
}

/// Lines with an N for each number that has a unit, bars of one length, and no sparkline, as short runs have none.
fn masked(lines: &str) -> String {
    let masked_line = |line: &str| {
        let words: Vec<_> = line.split(' ').collect();
        let is_unit = |word: &str| ["ms", "µs", "s", "min", "h"].contains(&word.trim_end_matches(','));
        let is_bar = |word: &str| word.starts_with(['━', '─']);
        let is_spark = |c: char| ('▁'..='█').contains(&c);
        let mask = |(place, word): (usize, &&str)| match words.get(place + 1) {
            Some(next) if is_unit(next) => "N".to_owned(),
            _ if is_bar(word) => "BAR".to_owned(),
            _ if word.ends_with("/s") => "N/s".to_owned(),
            _ => (*word).to_owned(),
        };
        let line = words.iter().enumerate().map(mask).collect::<Vec<_>>().join(" ");
        line.replace("N µs", "N ms").replace("N s", "N ms").trim_end_matches(is_spark).trim_end().to_owned()
    };
    lines.lines().map(masked_line).collect::<Vec<_>>().join("\n")
}

/// A place whose language has more than ASCII, with 20 URLs of which one fails.
fn place(server: &Server) -> Place {
    let place = Place::new().with_variable("LANG", "C.UTF-8").with_variable("TERM", "xterm-256color");
    let url = server.url();
    place.file("urls", format!("{url}/\n").repeat(19) + url + "/status/404\n");
    place
}

#[test]
fn five_lines_and_the_next_command_are_left_standing() {
    let server = Server::start().unwrap();
    let place = place(&server);
    for columns in [80, 40] {
        let folder = format!("in-{columns}");
        let terminal = Terminal::start(place.command(&["run", "urls", "-o", &folder]), columns);
        insta::assert_snapshot!(format!("left_in_{columns}_columns"), masked(&terminal.ended(1)));
    }
}

#[test]
fn what_is_under_way_is_drawn_in_place_and_what_is_told_stands_above() {
    let server = Server::start().unwrap();
    let place = place(&server);
    place.file("urls", place.read("urls") + server.url() + "/delay/600000\n");
    let terminal = Terminal::start(place.command(&["run", "urls", "-o", "run"]), 80);
    wait_until("all answers but one", || terminal.lines().contains("20 of 21"));
    assert_eq!(terminal.lines().matches("done ").count(), 1, "{}", terminal.lines());
    place.run(&["set", "run", "--rate", "5/s"]).ended(0);
    wait_until("the change", || terminal.lines().starts_with("rate none → 5/s\ndone "));
    place.run(&["pause", "run"]).ended(0);
    wait_until("the pause", || terminal.lines().contains("paused, 1 still in flight"));
    place.run(&["resume", "run"]).ended(0);
    wait_until("what comes next", || terminal.lines().contains("goes on\ndone "));
    send(&terminal.child, "-INT");
    insta::assert_snapshot!("interrupted", masked(&terminal.ended(130)));
}

#[test]
fn colours_are_for_those_who_want_them() {
    let server = Server::start().unwrap();
    let place = place(&server);
    let mut plain = place.command(&["run", "urls", "-o", "plain"]);
    plain.env("NO_COLOR", "1");
    for (command, has_colours) in [(place.command(&["run", "urls", "-o", "run"]), true), (plain, false)] {
        let mut terminal = Terminal::start(command, 80);
        terminal.child.wait().unwrap();
        let screen = terminal.screen.clone();
        terminal.reader.join().unwrap();
        let formatted: String = screen.lock().unwrap().screen().contents_formatted();
        let is_coloured = formatted.contains("\x1b[32m");
        assert_eq!(is_coloured, has_colours);
    }
}

#[test]
fn a_terminal_that_can_move_no_cursor_has_plain_lines() {
    let server = Server::start().unwrap();
    let place = place(&server).with_variable("TERM", "dumb");
    let terminal = Terminal::start(place.command(&["run", "urls", "-o", "run"]), 200);
    let lines = terminal.ended(1);
    assert!(lines.starts_with("20 of 20 done (100 %)"), "{lines}");
    assert_eq!(lines.lines().count(), 2);
}
