//! Which folder of the crate may use which other: a folder is a floor, and imports go down.

#![allow(clippy::unwrap_used, reason = "a failure in here fails the test, as it should")]

#[path = "../../patata-budget/tests/support/floors.rs"]
mod floors;

use std::path::Path;

use floors::{Floor, faults};

/// The floors from the ground up, with those below that each uses.
const FLOORS: &[Floor] = &[
    ("error", &[]),
    ("type_text", &["error"]),
    ("values", &["error", "type_text"]),
    ("columns", &["error", "type_text", "values"]),
    ("output", &["error", "type_text", "columns"]),
    ("rows", &[]),
    ("results", &["error", "type_text", "values", "output", "rows"]),
    ("files", &["error", "values", "results"]),
    ("requests", &["error", "values", "columns", "output", "rows", "results"]),
    ("fuzzing", &["type_text", "columns", "output", "rows", "results", "requests"]),
    ("stream", &["error", "columns", "output", "rows", "results", "requests"]),
];

#[test]
fn every_file_knows_only_the_floors_that_the_table_allows() {
    let wrong = faults(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), FLOORS);
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
