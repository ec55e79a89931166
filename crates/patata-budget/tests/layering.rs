//! Which folder of the crate may use which other: a folder is a floor, and imports go down.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failure in here fails the test, as it should")]

use std::fs;
use std::path::Path;

/// The floors from the ground up, with those below that each uses.
const FLOORS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("units", &["error"]),
    ("wire", &["error", "units"]),
    ("handle", &["error", "units"]),
    ("holder", &["error", "units", "wire", "handle"]),
    ("client", &["error", "units", "wire", "handle"]),
    ("engine", &["error", "units", "handle", "client"]),
    ("fuzzing", &["units", "wire", "handle", "holder"]),
];

/// What a file names after `crate::`.
fn used(text: &str) -> impl Iterator<Item = &str> {
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let after =
        code.flat_map(|line| line.match_indices("crate::").map(move |(at, name)| &line[at + name.len()..]));
    after.filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next())
}

fn check(path: &Path, floor: &str, wrong: &mut Vec<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            check(&entry.unwrap().path(), floor, wrong);
        }
        return;
    }
    let (_, allowed) = FLOORS.iter().find(|(name, _)| *name == floor).expect("every folder is on a floor");
    if path.extension().is_some_and(|extension| extension == "rs") {
        let text = fs::read_to_string(path).unwrap();
        let strangers = used(&text).filter(|used| *used != floor && !allowed.contains(used));
        wrong.extend(strangers.map(|stranger| format!("{} may not know crate::{stranger}", path.display())));
    }
}

#[test]
fn every_file_knows_only_the_floors_that_the_table_allows() {
    let mut wrong = Vec::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap() {
        let path = entry.unwrap().path();
        let floor = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if floor != "lib" {
            check(&path, &floor, &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
