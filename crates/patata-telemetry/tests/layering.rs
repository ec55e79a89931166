//! Which folder of the crate may use which other: a folder is a floor, and imports go down.

#![allow(clippy::unwrap_used, reason = "a failure in here fails the test, as it should")]

#[path = "../../patata-budget/tests/support/floors.rs"]
mod floors;

use std::path::Path;

use floors::{Floor, faults};

/// The floors from the ground up, with those below that each uses.
const FLOORS: &[Floor] = &[
    ("boundaries", &[]),
    ("attributes", &[]),
    ("series", &["attributes", "boundaries"]),
    ("spans", &["attributes"]),
    ("recorder", &["series", "spans"]),
    ("run_span", &["attributes", "spans"]),
    ("prometheus", &["attributes", "boundaries", "series"]),
    ("opentelemetry", &["attributes", "boundaries", "series", "recorder", "run_span"]),
    ("otlp", &["attributes", "boundaries", "series", "spans", "recorder"]),
];

#[test]
fn every_file_knows_only_the_floors_that_the_table_allows() {
    let wrong = faults(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), FLOORS);
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
