//! Which folder of the engine may use which other: a folder is a floor, and imports go down.

#![allow(clippy::unwrap_used, reason = "a failure in here fails the test, as it should")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The floors of the house from the ground up: each folder (or file beside them), and the folders below that it uses.
const FLOORS: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("error", &[]),
    ("address", &["error"]),
    ("cost", &["address"]),
    ("response", &["error", "address", "cost"]),
    ("caching", &["response"]),
    ("robots", &["error", "response"]),
    ("telemetry", &["clock", "error", "address"]),
    ("request", &["error", "address", "cost", "response"]),
    ("cookies", &["clock", "address", "response"]),
    ("report", &["error", "cost", "response"]),
    (
        "config",
        &[
            "clock",
            "error",
            "address",
            "cost",
            "response",
            "caching",
            "robots",
            "telemetry",
            "request",
            "cookies",
            "report",
        ],
    ),
    ("job", &["clock", "error", "address", "cost", "response", "request", "cookies", "report", "config"]),
    ("schedule", &["clock", "error", "address", "cost", "response", "request", "report", "config", "job"]),
    (
        "transport",
        &["clock", "error", "address", "response", "telemetry", "request", "report", "config", "job"],
    ),
    (
        "engine",
        &[
            "clock",
            "error",
            "address",
            "cost",
            "response",
            "telemetry",
            "report",
            "config",
            "job",
            "schedule",
            "transport",
        ],
    ),
    (
        "run",
        &[
            "clock",
            "error",
            "address",
            "cost",
            "response",
            "caching",
            "robots",
            "request",
            "report",
            "config",
            "job",
            "schedule",
            "transport",
            "engine",
        ],
    ),
    (
        "client",
        &[
            "error",
            "response",
            "caching",
            "robots",
            "telemetry",
            "request",
            "report",
            "config",
            "transport",
            "engine",
            "run",
        ],
    ),
];

/// What is built on top of everything, and in no build of a user's: it may use all floors.
const ON_TOP: &[&str] = &["simulation", "fuzzing", "benching", "lib"];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file, by its path below `src`.
fn files() -> Vec<(String, String)> {
    fn visit(folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(source()).unwrap().to_str().unwrap().replace('\\', "/");
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    visit(&source(), &mut found);
    found.sort();
    found
}

/// The code without comments and without what only tests see.
fn production(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" {
            // A module ends with the first brace that stands at the margin, anything else with `;`.
            let _ =
                lines.by_ref().find(|line| *line == "}" || (line.ends_with(';') && !line.starts_with(' ')));
        } else {
            kept.push_str(line.split("//").next().unwrap_or_default());
            kept.push('\n');
        }
    }
    kept
}

/// The paths named after each `crate::`, groups in braces taken apart.
fn imports(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (position, _) in code.match_indices("crate::") {
        expand("", &code[position + "crate::".len()..], &mut found);
    }
    found
}

/// Reads one path or group at the beginning of `rest`; returns how far it went.
fn expand(prefix: &str, rest: &str, found: &mut BTreeSet<String>) -> usize {
    let is_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '*');
    let end = rest.find(|c: char| !is_path(c)).unwrap_or(rest.len());
    let path = format!("{prefix}{}", &rest[..end]);
    if !rest[end..].starts_with('{') {
        found.insert(path.trim_end_matches("::self").trim_end_matches(':').to_owned());
        return end;
    }
    let mut position = end + 1;
    while position < rest.len() && !rest[position..].starts_with('}') {
        if rest[position..].starts_with(is_path) {
            position += expand(&path, &rest[position..], found);
            // Past an `as name` too.
            position += rest[position..].find([',', '}']).unwrap_or(rest.len() - position);
        } else {
            position += rest[position..].chars().next().map_or(1, char::len_utf8);
        }
    }
    position + 1
}

/// The floor that a file stands on.
fn floor(name: &str) -> &str {
    name.split('/').next().map_or(name, |first| first.trim_end_matches(".rs"))
}

/// The other floors that a file uses.
fn used(name: &str, text: &str) -> BTreeSet<String> {
    let first = |import: String| import.split("::").next().unwrap_or_default().to_owned();
    imports(&production(text)).into_iter().map(first).filter(|used| used != floor(name)).collect()
}

/// What is wrong with a file's imports, each named.
fn strangers(name: &str, text: &str) -> Vec<String> {
    if ON_TOP.contains(&floor(name)) {
        return Vec::new();
    }
    let Some((_, allowed)) = FLOORS.iter().find(|(folder, _)| *folder == floor(name)) else {
        return vec![format!("src/{name} is on no floor in the table of tests/layering.rs")];
    };
    let not_allowed = used(name, text).into_iter().filter(|used| !allowed.contains(&used.as_str()));
    let mut wrong: Vec<_> =
        not_allowed.map(|used| format!("src/{name} may not know crate::{used}")).collect();
    if production(text).contains("super::") {
        wrong.push(format!("src/{name} says super::, which hides what it knows; use crate::"));
    }
    wrong
}

#[test]
fn every_file_knows_only_the_floors_that_the_table_allows() {
    let wrong: Vec<_> = files().iter().flat_map(|(name, text)| strangers(name, text)).collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn no_floor_rests_on_one_that_is_above_it() {
    for (height, (folder, allowed)) in FLOORS.iter().enumerate() {
        let below: Vec<_> = FLOORS[..height].iter().map(|(folder, _)| *folder).collect();
        for used in *allowed {
            assert!(below.contains(used), "{folder} rests on {used}, which is not below it");
        }
    }
}

#[test]
fn the_table_allows_nothing_that_is_not_used() {
    let files = files();
    for (folder, allowed) in FLOORS {
        let on_it = files.iter().filter(|(name, _)| floor(name) == *folder);
        let all: BTreeSet<_> = on_it.flat_map(|(name, text)| used(name, text)).collect();
        for used in *allowed {
            assert!(all.contains(*used), "{folder} no longer needs {used}");
        }
    }
}

#[test]
fn an_import_that_is_not_in_the_table_is_named_with_its_file() {
    let told = |text| strangers("schedule/host.rs", text).join("\n");
    for text in ["use crate::transport::pool::Pool;", "use crate::{clock, transport::{self, pool as own}};"] {
        assert!(told(text).contains("src/schedule/host.rs may not know crate::transport"), "{text}");
    }
    assert!(told("fn a() { crate::engine::start() }").contains("crate::engine"));
    assert!(told("use super::pace::Pace;").contains("super::"));
    assert_eq!(strangers("new.rs", ""), ["src/new.rs is on no floor in the table of tests/layering.rs"]);
    for text in [
        "use crate::schedule::pace::Pace;",
        "/// See [`Pool`](crate::transport::pool::Pool).",
        "#[cfg(test)]\nmod tests {\n    use crate::engine::event_loop;\n}\n",
    ] {
        assert_eq!(told(text), "", "{text}");
    }
}
