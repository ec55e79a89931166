//! What is read of which bytes, and what becomes of it.

mod archives;
mod blocks;
mod faults;
mod parquet;
mod properties;
mod reading;
mod requests;
mod speed;

use std::path::PathBuf;

use super::{Input, InputError, InputOptions, Row, Source};

/// Files in a folder of their own.
struct Files {
    folder: tempfile::TempDir,
    paths: Vec<PathBuf>,
}

impl Files {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |(name, content): &(&str, &[u8])| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        let paths = files.iter().map(write).collect();
        Self { folder, paths }
    }

    fn sources(&self) -> Vec<Source> {
        self.paths.iter().map(Source::new).collect()
    }

    fn open(&self, options: InputOptions) -> Result<Input, InputError> {
        Input::open(self.sources(), options)
    }

    /// All rows as they are shown, and how the reading ended.
    fn rows(&self, options: InputOptions) -> (Vec<String>, Result<(), InputError>) {
        let mut rows = Vec::new();
        let ended = self.open(options).and_then(|mut input| {
            while let Some(row) = input.next_row()? {
                assert_eq!(row.index(), rows.len() as u64, "rows are counted over all files");
                rows.push(shown(row));
            }
            Ok(())
        });
        (rows, ended)
    }
}

/// The rows of one file that is read without an error.
fn rows(name: &str, content: &[u8]) -> Vec<String> {
    let (rows, ended) = Files::new(&[(name, content)]).rows(InputOptions::default());
    ended.unwrap();
    rows
}

/// What ends the reading of one file, without its folder.
fn error(name: &str, content: &[u8]) -> String {
    let files = Files::new(&[(name, content)]);
    let (rows, ended) = files.rows(InputOptions::default());
    let folder = format!("{}/", files.folder.path().display());
    let Err(error) = ended else { panic!("{name} is read: {rows:?}") };
    error.to_string().replace(&folder, "")
}

/// A row: its line, and its fields or its fault without the folder.
fn shown(row: &Row) -> String {
    if let Some(fault) = row.fault() {
        let folder = row.file().rfind('/').map_or(0, |at| at + 1);
        return format!("! {}", &fault[folder..]);
    }
    let names: Vec<_> = match row.names().next() {
        Some(_) => row.names().collect(),
        None => vec!["url"],
    };
    let fields = names.into_iter().filter_map(|name| match row.own(name)? {
        super::Value::Text(text) => Some(format!("{name}={text:?}")),
        super::Value::Json(raw) => Some(format!("{name}={raw}")),
        super::Value::Index(_) => None,
    });
    format!("{} {}", row.line(), fields.collect::<Vec<_>>().join(" "))
}
