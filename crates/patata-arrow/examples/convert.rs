//! Copies a table from one kind of file to another, in flat memory: `cargo run --example convert -- in.csv out.parquet`.

use patata_arrow::files::{FileWriter, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let paths: Vec<_> = std::env::args().skip(1).collect();
    let [from, to] = &paths[..] else { return Err("give two files: one to read, one to write".into()) };
    let batches = open(from)?;
    let mut writer = FileWriter::create(to, batches.schema())?;
    for batch in batches {
        writer.write(&batch?)?;
    }
    writer.finish()?;
    Ok(())
}
