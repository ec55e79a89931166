//! What run folders of many writers cost: `workers FOLDER ROWS` has four workers record so many rows, and five others, whose
//! parts are cut otherwise, go on with them. Says what each step takes a row.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use patata::Request;
use patata_run::{Admission, Ending, Id, Manifest, Part, Passed, RecordOptions, Recording, RunFolder};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, rows] = &arguments[..] else { return Err("workers FOLDER ROWS".into()) };
    let (folder, rows): (_, u64) = (Path::new(folder), rows.parse()?);
    record(folder, rows)?;
    told("ledger, bytes a row", size(folder, "ledger")? as f64 / rows as f64);
    told("output, bytes a row", size(folder, "out")? as f64 / rows as f64);
    merge(folder, rows, "merged, one session, µs a row")?;
    go_on(folder, rows)?;
    merge(folder, rows, "merged, two sessions cut otherwise, µs a row")?;
    look_in_vain(folder, rows)?;
    println!("memory at most: {}", memory());
    Ok(())
}

fn told(what: &str, figure: f64) {
    println!("{what}: {figure:.3}");
}

fn record(folder: &Path, rows: u64) -> Result<(), Box<dyn Error>> {
    let server = patata_testserver::Server::start()?;
    let client = patata::Client::builder().build()?;
    let outcome = client.run([Request::get((), server.url())]).next().ok_or("no outcome")?;
    let (session, begin) = (RunFolder::begin_session(folder, Manifest::new("rust"))?, processor_time());
    for (place, rows) in cut(rows, 4).enumerate() {
        let part = Part::new(format!("first-{place}"), session);
        let requests = || rows.clone().map(request);
        let recording = RunFolder::open_part(folder, &part, RecordOptions::default(), requests)?;
        let Recording { mut gate, mut recorder, .. } = recording;
        for (id, request) in requests() {
            if let Admission::Send { ticket, .. } = gate.admit(id, request)? {
                recorder.record(&ticket, &outcome, true)?;
            }
        }
        recorder.finish(&Ending::default())?;
    }
    told("recorded, CPU µs a row", (processor_time() - begin) * 1e6 / rows as f64);
    Ok(())
}

fn go_on(folder: &Path, rows: u64) -> Result<(), Box<dyn Error>> {
    let session = RunFolder::begin_session(folder, Manifest::new("rust"))?;
    let (mut looked, mut read, mut count) = (0.0, 0.0, 0_u64);
    for (place, rows) in cut(rows, 5).enumerate() {
        let part = Part::new(format!("second-{place}"), session);
        let requests = || rows.clone().map(request);
        let at = processor_time();
        let recording = RunFolder::open_part(folder, &part, RecordOptions::default(), requests)?;
        looked += processor_time() - at;
        let at = processor_time();
        let mut earlier = recording.earlier();
        let Recording { mut gate, recorder, .. } = recording;
        for (id, request) in requests() {
            if let Admission::Passed(Passed { position, .. }) = gate.admit(id, request)? {
                count += u64::from(earlier.row(position)?.is_some());
            }
        }
        read += processor_time() - at;
        recorder.finish(&Ending::default())?;
    }
    assert_eq!(count, rows, "all were done");
    told("looked for in all other parts and copied, CPU µs a row found", looked * 1e6 / rows as f64);
    told("rows of other parts read back, CPU µs a row", read * 1e6 / rows as f64);
    Ok(())
}

/// A part of which no other knows anything.
fn look_in_vain(folder: &Path, rows: u64) -> Result<(), Box<dyn Error>> {
    let part = Part::new("third", RunFolder::begin_session(folder, Manifest::new("rust"))?);
    let at = processor_time();
    let requests = || (rows..rows + 100_000).map(request);
    drop(RunFolder::open_part(folder, &part, RecordOptions::default(), requests)?);
    told("looked for in vain, CPU µs a row looked through", (processor_time() - at) * 1e6 / rows as f64);
    Ok(())
}

fn merge(folder: &Path, rows: u64, what: &str) -> Result<(), Box<dyn Error>> {
    let (begin, before) = (Instant::now(), processor_time());
    let counts = RunFolder::open(folder)?.counts()?;
    assert_eq!(counts, (rows, 0, 0), "each row counts once");
    told(what, (processor_time() - before) * 1e6 / rows as f64);
    println!("  in {:.2?}", begin.elapsed());
    Ok(())
}

fn request(row: u64) -> (Id, Request<()>) {
    (Id::from(row), Request::get((), "http://localhost/"))
}

/// So many rows in so many stretches.
fn cut(rows: u64, count: u64) -> impl Iterator<Item = std::ops::Range<u64>> {
    (0..count).map(move |place| rows * place / count..rows * (place + 1) / count)
}

/// Bytes in all folders of a name in the parts of the first session.
fn size(folder: &Path, name: &str) -> std::io::Result<u64> {
    let mut sum = 0;
    for part in std::fs::read_dir(folder.join("parts"))? {
        for file in std::fs::read_dir(part?.path().join(name))? {
            sum += file?.metadata()?.len();
        }
    }
    Ok(sum)
}

/// Seconds that this process has used, in all threads.
fn processor_time() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<_> = text.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks =
        |place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
    (ticks(11) + ticks(12)) / 100.0
}

fn memory() -> String {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.unwrap_or("unknown").trim().to_owned()
}
