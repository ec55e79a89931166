//! What the program says of itself on stderr: lines for people, or with `--log json` an event of JSON in each line.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use serde_json::{Map, Value, json};

/// Whether events are written as JSON. Stderr is the process's, and so is this.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// Whether nothing is told but errors.
static IS_QUIET: AtomicBool = AtomicBool::new(false);

/// How much an event matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Info,
    Warning,
    Error,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// States whether events are written as JSON from now on, or as lines for people, and whether all of them.
pub(crate) fn configure(is_json: bool, is_quiet: bool) {
    IS_JSON.store(is_json, Ordering::Relaxed);
    IS_QUIET.store(is_quiet, Ordering::Relaxed);
}

/// Whether events are written as JSON.
pub(crate) fn is_json() -> bool {
    IS_JSON.load(Ordering::Relaxed)
}

/// Says something to who runs the program: a line of text, or an event of that name with the text as its message.
pub(crate) fn say(level: Level, event: &str, text: &str) {
    match (is_json(), level) {
        (true, _) => tell(level, event, json!({ "message": text })),
        (false, Level::Error) => write(&format!("error: {text}")),
        (false, _) if IS_QUIET.load(Ordering::Relaxed) => {}
        (false, _) => write(text),
    }
}

/// Writes an event as JSON, with the members of an object.
pub(crate) fn tell(level: Level, event: &str, members: Value) {
    if level == Level::Error || !IS_QUIET.load(Ordering::Relaxed) {
        write(&line(level, event, members));
    }
}

/// An event as a line of JSON.
pub(crate) fn line(level: Level, event: &str, members: Value) -> String {
    let mut object = Map::new();
    let time = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    object.insert("time".to_owned(), time.into());
    object.insert("level".to_owned(), level.name().into());
    object.insert("event".to_owned(), event.into());
    if let Value::Object(members) = members {
        // The event's own time is told above.
        object.extend(members.into_iter().filter(|(name, _)| name != "time"));
    }
    Value::Object(object).to_string()
}

/// Where it cannot be said, nobody can be told that, either.
fn write(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_says_when_how_grave_and_what_it_is() {
        let line = line(Level::Warning, "request failed", json!({ "id": 7, "time": 1 }));
        let event: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&event["level"], &event["event"], &event["id"]),
            (&"warning".into(), &"request failed".into(), &7.into())
        );
        let time = event["time"].as_str().unwrap();
        assert!(humantime::parse_rfc3339(time).is_ok(), "{time}");
    }
}
