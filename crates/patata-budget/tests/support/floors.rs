//! Checks a crate's imports against its table of floors: for the layering tests of this crate and of others.

use std::fs;
use std::path::Path;

/// A folder or file right below `src`, and those that it uses.
pub(crate) type Floor = (&'static str, &'static [&'static str]);

/// What is wrong with a crate whose sources are there: each import that goes up, each floor that the table does not have,
/// or that is no longer there.
pub(crate) fn faults(source: &Path, floors: &[Floor]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut found = Vec::new();
    for entry in fs::read_dir(source).unwrap() {
        let path = entry.unwrap().path();
        let floor = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if floor == "lib" {
            continue;
        }
        match floors.iter().find(|(name, _)| *name == floor) {
            Some((_, allowed)) => check(&path, &floor, allowed, &mut wrong),
            None => wrong.push(format!("{} is on no floor", path.display())),
        }
        found.push(floor);
    }
    for (height, (floor, allowed)) in floors.iter().enumerate() {
        if !found.iter().any(|name| name == floor) {
            wrong.push(format!("{floor} is not there"));
        }
        let is_below = |used: &&&str| floors[..height].iter().any(|(name, _)| name == *used);
        let above = allowed.iter().filter(|used| !is_below(used));
        wrong.extend(above.map(|used| format!("{floor} rests on {used}, which is not below it")));
    }
    wrong
}

fn check(path: &Path, floor: &str, allowed: &[&str], wrong: &mut Vec<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            check(&entry.unwrap().path(), floor, allowed, wrong);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        let text = fs::read_to_string(path).unwrap();
        let strangers = used(&text).filter(|used| *used != floor && !allowed.contains(used));
        wrong.extend(strangers.map(|stranger| format!("{} may not know crate::{stranger}", path.display())));
    }
}

/// What a file names after `crate::`.
fn used(text: &str) -> impl Iterator<Item = &str> {
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let after =
        code.flat_map(|line| line.match_indices("crate::").map(move |(at, name)| &line[at + name.len()..]));
    after.filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next())
}
