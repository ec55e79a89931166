//! What runs in a process of its own, which is killed or refused things.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use super::{body, has, open, processes, store, trouble};

/// How this very program is told to be a child, and nothing else.
const ARGUMENTS: [&str; 4] = ["--exact", "child::child_process", "--ignored", "--nocapture"];

/// A child: what it says line by line, and what it is told.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) input: ChildStdin,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Process {
    /// Starts this very program once more, to play a part with a cache.
    pub(crate) fn start(folder: &Path, part: &str) -> Self {
        Self::start_as(Command::new(std::env::current_exe().unwrap()).args(ARGUMENTS), folder, part)
    }

    /// The same where a shell has said something first, such as a limit.
    pub(crate) fn start_after(script: &str, folder: &Path, part: &str) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", &format!(r#"{script}; exec "$0" "$@""#)]).arg(std::env::current_exe().unwrap());
        Self::start_as(command.args(ARGUMENTS), folder, part)
    }

    /// The same by a command of one's own.
    pub(crate) fn start_as(command: &mut Command, folder: &Path, part: &str) -> Self {
        command.env("CACHE_FOLDER", folder).env("CACHE_PART", part);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let input = child.stdin.take().unwrap();
        Self { child, input, lines }
    }

    /// The next line that it says, as of its own accord: the test harness says something, too.
    pub(crate) fn next(&mut self) -> Option<String> {
        let mut said = self.lines.by_ref().map_while(Result::ok);
        said.find_map(|line| line.rsplit_once("said ").map(|(_, said)| said.to_owned()))
    }

    /// All that it says until its end.
    pub(crate) fn rest(&mut self) -> Vec<String> {
        let mut said = Vec::new();
        while let Some(line) = self.next() {
            said.push(line);
        }
        self.child.wait().unwrap();
        said
    }
}

/// Says something to the parent.
pub(crate) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "said {text}").unwrap();
    out.flush().unwrap();
}

/// What the other processes are; by itself it is nothing.
#[test]
#[ignore = "it is the child of other tests"]
fn child_process() {
    let (folder, part) = (std::env::var("CACHE_FOLDER").unwrap(), std::env::var("CACHE_PART").unwrap());
    let folder = Path::new(&folder);
    let words: Vec<&str> = part.split(' ').collect();
    match words[..] {
        ["store-on", first] => store_on(folder, first.parse().unwrap()),
        ["one-of", number, count] => {
            processes::take_part(folder, number.parse().unwrap(), count.parse().unwrap())
        }
        ["limited"] => trouble::store_too_much(folder),
        ["refused"] => trouble::store_where_nothing_may_be_written(folder),
        _ => panic!("{part} is no part"),
    }
}

/// Stores one after the other until it is killed, and says what is stored.
fn store_on(folder: &Path, first: usize) {
    let cache = open(folder);
    for number in first.. {
        let url = format!("http://a/{number}");
        store(&cache, &url, &body(&url, number, length(number)), None);
        // One URL is stored again and again.
        store(&cache, "http://a/same", &body("http://a/same", number, 3_000), None);
        say(&number.to_string());
        assert!(has(&cache, &url));
    }
}

/// Some are small, some are near a page, and some are files.
fn length(number: usize) -> usize {
    [10, 4_000, 300, 60_000, 100_000][number % 5]
}
