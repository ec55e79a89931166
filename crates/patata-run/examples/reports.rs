//! Writes the reports of runs of each kind into a folder, to be looked at in a browser.
//!
//! ```sh
//! cargo run -p patata-run --features samples --example reports -- reports/
//! ```

use std::error::Error;
use std::path::PathBuf;

use patata_run::report;
use patata_run::samples::{Kind, sample};

fn main() -> Result<(), Box<dyn Error>> {
    let folder: PathBuf = std::env::args_os().nth(1).ok_or("the folder for the reports is missing")?.into();
    std::fs::create_dir_all(&folder)?;
    for kind in Kind::ALL {
        let (summary, timeline) = sample(kind);
        let path = folder.join(kind.name()).with_extension("html");
        std::fs::write(&path, report(&summary, &timeline))?;
        println!("{}", path.display());
    }
    Ok(())
}
