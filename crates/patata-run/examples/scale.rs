//! What run folders cost: `scale resume FOLDER ROWS` makes a ledger of so many rows and goes on with it,
//! `scale record FOLDER ROWS` records so many outcomes. Both say how long it took, and of which memory.

use std::error::Error;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use patata_run::{Admission, Ending, Id, Identity, Manifest, RecordOptions, RunFolder};

/// Rows in a group.
const GROUP: u64 = 5000;
/// Rows in a file of the ledger.
const FILE: u64 = 1_600_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, folder, rows] = &arguments[..] else { return Err("scale resume|record FOLDER ROWS".into()) };
    let (folder, rows) = (Path::new(folder), rows.parse()?);
    match what.as_str() {
        "resume" => resume(folder, rows),
        _ => record(folder, rows),
    }
}

fn resume(folder: &Path, rows: u64) -> Result<(), Box<dyn Error>> {
    if !folder.exists() {
        drop(RunFolder::create(folder, Manifest::new("rust"), options())?);
        write_ledger(folder, rows)?;
    }
    let (begin, before) = (Instant::now(), processor_time());
    let recording = RunFolder::resume(folder, options())?;
    let (elapsed, used) = (begin.elapsed(), processor_time() - before);
    println!("{rows} rows: resumed in {elapsed:.2?}, {used:.2} s of CPU, {} at most", memory());
    drop(recording);
    Ok(())
}

fn options() -> RecordOptions {
    let mut options = RecordOptions::default();
    options.identity = Identity::Position;
    options
}

/// As a run of so many requests would have left it, all parts sealed, with the summary of a moment before its end.
fn write_ledger(folder: &Path, rows: u64) -> Result<(), Box<dyn Error>> {
    for (number, first) in (2..).zip((0..rows).step_by(usize::try_from(FILE)?)) {
        let last = (first + FILE).min(rows);
        let name = if last < rows { "csv.zst" } else { "csv" };
        let file = std::fs::File::create(folder.join(format!("ledger/w0-{number:06}.{name}")))?;
        let mut file: Box<dyn Write> = match last < rows {
            true => Box::new(BufWriter::with_capacity(1 << 20, zstd::Encoder::new(file, 3)?.auto_finish())),
            false => Box::new(BufWriter::new(file)),
        };
        file.write_all(b"pos,state,kind,attempt,part,off,len,ms,key\n")?;
        let mut group = Vec::new();
        for begin in (first..last).step_by(usize::try_from(GROUP)?) {
            group.clear();
            let end = (begin + GROUP).min(last);
            for position in begin..end {
                let (part, offset) = (1 + position / 100_000, position % 100_000 * 181);
                let micros = position * 7919 % 100_000;
                writeln!(
                    group,
                    "{position},done,200,1,{part},{offset},181,{}.{:03},",
                    micros / 1000,
                    micros % 1000
                )?;
            }
            let mut count = end - begin;
            if end.is_multiple_of(100_000) {
                writeln!(group, "100000,seal,jsonl,,{},0,18100000,,", end / 100_000)?;
                count += 1;
            }
            writeln!(
                file,
                "{}{count},check,,,,,,,{:08x}",
                std::str::from_utf8(&group)?,
                crc32fast::hash(&group)
            )?;
        }
        file.flush()?;
    }
    let summary = serde_json::json!({ "ok": rows, "ledger_rows": rows });
    std::fs::write(folder.join("summary.json"), summary.to_string())?;
    Ok(())
}

fn record(folder: &Path, rows: u64) -> Result<(), Box<dyn Error>> {
    let server = patata_testserver::Server::start()?;
    let url = server.url().to_owned();
    let client = patata::Client::builder().build()?;
    let outcome = client.run([patata::Request::get((), format!("{url}/"))]).next().ok_or("no outcome")?;
    for (identity, is_named) in [(Identity::Position, "positions"), (Identity::Key, "keys")] {
        let mut options = options();
        options.identity = identity;
        let mut recording = RunFolder::create(folder.join(is_named), Manifest::new("rust"), options)?;
        let (begin, before) = (Instant::now(), processor_time());
        let mut admitted = 0.0;
        for first in (0..rows).step_by(1000) {
            let mut tickets = Vec::new();
            let at = processor_time();
            for position in first..first + 1000 {
                let request = patata::Request::get((), url.as_str());
                if let Admission::Send { ticket, .. } = recording.gate.admit(Id::from(position), request)? {
                    tickets.push(ticket);
                }
            }
            admitted += processor_time() - at;
            for ticket in tickets {
                recording.recorder.record(&ticket, &outcome, true)?;
            }
        }
        recording.recorder.finish(&Ending::default())?;
        let micros = |seconds: f64| seconds * 1e6 / rows as f64;
        println!(
            "{rows} rows by {is_named}: {:.2?}; CPU of a row {:.3} µs, of which admission and what ran meanwhile {:.3}",
            begin.elapsed(),
            micros(processor_time() - before),
            micros(admitted)
        );
    }
    Ok(())
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
