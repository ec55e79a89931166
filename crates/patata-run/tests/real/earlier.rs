//! Rows of earlier processes, found again by their positions.

use std::path::Path;

use patata::Request;
use patata_run::{
    Compression, Format, Id, Manifest, RecordOptions, RecordedRun, Recording, RestoredRow, RunError,
    RunFolder, Selection,
};

const ROWS: i64 = 1_000;

fn open(path: &Path, output: (Format, Compression)) -> Recording {
    let mut manifest = Manifest::new("test");
    (manifest.output.format, manifest.output.compression) = output;
    manifest.output.part_rows = 70;
    RunFolder::create_or_resume(path, manifest, RecordOptions::default()).unwrap()
}

/// Sends what is left of the first so many rows. Each third is not found, and says so.
fn run(recording: Recording, url: &str, rows: i64) {
    let client = patata::Client::builder().build().unwrap();
    let request = |row: i64| {
        let way = if row % 3 == 0 { "status/404" } else { "" };
        (Id::from(row), Request::get((), format!("{url}/{way}?row={row}")))
    };
    let mut run = RecordedRun::start(&client, recording, (0..rows).map(request));
    run.by_ref().for_each(|recorded| drop(recorded.unwrap()));
    run.finish(None).unwrap();
}

fn check(row: &RestoredRow, position: u64) {
    assert_eq!((row.index, &row.id), (position, &Id::from(position)));
    assert!(row.url.ends_with(&format!("row={position}")), "{}", row.url);
    assert_eq!((row.status, row.attempts), (Some(if position.is_multiple_of(3) { 404 } else { 200 }), 1));
}

#[test]
fn each_row_is_found_whatever_the_parts_are_compressed_by_and_in_any_order() {
    let server = patata_testserver::Server::start().unwrap();
    for compression in [Compression::None, Compression::Zstd, Compression::Gzip] {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("run");
        let output = (Format::Jsonl, compression);
        for rows in [ROWS / 2, ROWS] {
            run(open(&path, output), server.url(), rows);
        }
        let recording = open(&path, output);
        let mut earlier = recording.earlier();
        let rows = u64::try_from(ROWS).unwrap();
        for position in (0..rows).chain((0..rows).map(|place| place * 7_919 % rows)) {
            check(&earlier.row(position).unwrap().unwrap(), position);
        }
        assert_eq!(earlier.row(rows).unwrap(), None);
        assert_eq!(earlier.row(u64::MAX).unwrap(), None);
        // What is written meanwhile has no part in it.
        let mut late = recording.earlier();
        run(recording, server.url(), ROWS + 50);
        assert_eq!(late.row(rows).unwrap(), None);
        check(&RunFolder::open(&path).unwrap().earlier().row(rows).unwrap().unwrap(), rows);
    }
}

#[test]
fn of_a_request_that_was_sent_again_it_is_the_last_row_and_before_that_none() {
    let server = patata_testserver::Server::start().unwrap();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run");
    let output = (Format::Jsonl, Compression::Zstd);
    run(open(&path, output), server.url(), 10);
    let selection = Selection { failed: true, ..Selection::default() };
    assert_eq!(RunFolder::retry(&path, &selection).unwrap(), 4);
    let recording = open(&path, output);
    let mut earlier = recording.earlier();
    let found: Vec<_> = (0..10).map(|position| earlier.row(position).unwrap().is_some()).collect();
    assert!(found.iter().zip(0..).all(|(found, position)| *found == (position % 3 != 0)));
    run(recording, server.url(), 10);
    let mut earlier = RunFolder::open(&path).unwrap().earlier();
    (0..10).for_each(|position| check(&earlier.row(position).unwrap().unwrap(), position));
}

#[test]
fn rows_that_are_no_json_are_not_read_again() {
    let server = patata_testserver::Server::start().unwrap();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run");
    run(open(&path, (Format::Csv, Compression::None)), server.url(), 3);
    let error = RunFolder::open(&path).unwrap().earlier().row(0).unwrap_err();
    assert!(matches!(&error, RunError::NotARunFolder { why, .. } if why.contains("csv")), "{error}");
}

#[test]
fn a_row_that_is_not_as_it_was_written_is_damage() {
    let server = patata_testserver::Server::start().unwrap();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run");
    run(open(&path, (Format::Jsonl, Compression::None)), server.url(), 3);
    let part = path.join("out/w0-000001.jsonl");
    let rows = std::fs::read_to_string(&part).unwrap().replace("\"index\"", "\"place\"");
    std::fs::write(&part, rows).unwrap();
    let error = RunFolder::open(&path).unwrap().earlier().row(0).unwrap_err();
    assert!(matches!(&error, RunError::Damaged { .. }), "{error}");
}
