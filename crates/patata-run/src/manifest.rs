//! What a run was asked to do, as it is written down before anything is sent.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::RunError;
use crate::storage::disk::{self, Disk};

/// The format that this version writes. It reads older ones.
pub(crate) const FORMAT: u32 = 1;

/// The manifest's file in a run folder.
pub(crate) const NAME: &str = "manifest.json";

/// What a run was asked to do: `manifest.json`. It holds no secrets, but for the names of environment variables that
/// have them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Manifest {
    /// Of the folder: which files there are, and what stands in them.
    pub format: u32,
    /// By which the run is told from all others: a random number.
    #[serde(default)]
    pub run: String,
    /// The version of patata that has begun the run.
    pub version: String,
    /// Which face it was begun by: `"patata"` for the program, `"python"`, `"rust"`.
    pub program: String,
    /// For the program, its arguments, by which it goes on.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// For people: other options of the run.
    #[serde(default)]
    pub options: BTreeMap<String, Value>,
    /// How the responses are written.
    #[serde(default)]
    pub output: OutputOptions,
    /// How many write into the folder. Default: one.
    #[serde(default, skip_serializing_if = "Writers::is_one")]
    pub writers: Writers,
    /// The sessions of a run with many writers: in its own folder all that were begun, in the one of a part those that have
    /// worked at it. Empty elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<u64>,
}

/// How many write into a run folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Writers {
    /// One process at a time.
    #[default]
    One,
    /// The workers of a cluster, each into a part of its own: see [`RunFolder::open_part`](crate::RunFolder::open_part).
    Many,
}

impl Writers {
    // The argument is serde's.
    fn is_one(&self) -> bool {
        *self == Self::One
    }
}

/// How responses are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct OutputOptions {
    /// The format of sealed parts. Default: JSONL.
    pub format: Format,
    /// Their compression. Default: none.
    pub compression: Compression,
    /// Rows in a part, before it is sealed. Default: 100,000.
    pub part_rows: u64,
    /// The columns of CSV and Parquet, each a member of the row, or one of its body as `body.name`. Default: all that a
    /// row has.
    pub columns: Vec<String>,
    /// The type of bodies in Parquet, as `struct<name: string, tags: list<string>>`: what does not fit is null, and the
    /// column `body_error` tells of it. Default: none, and bodies are texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Whether rows have the response's headers. Default: no.
    pub headers: bool,
    /// Whether sealed parts have a row for each item of a page, as [`write_items`](crate::write_items) makes them. It is for
    /// JSONL. Default: no.
    #[serde(skip_serializing_if = "is_false")]
    pub items: bool,
}

// The argument is serde's.
fn is_false(value: &bool) -> bool {
    !value
}

impl Default for OutputOptions {
    fn default() -> Self {
        Self {
            format: Format::Jsonl,
            compression: Compression::None,
            part_rows: 100_000,
            columns: Vec::new(),
            schema: None,
            headers: false,
            items: false,
        }
    }
}

/// The format of sealed parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// An object a line.
    #[default]
    Jsonl,
    /// A row a line, with a header.
    Csv,
    /// Columns, compressed by zstd where nothing else is said. It needs the feature `parquet` of this crate.
    Parquet,
}

/// The compression of sealed parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Compression {
    /// None.
    #[default]
    None,
    /// Zstandard.
    Zstd,
    /// gzip.
    Gzip,
}

impl OutputOptions {
    /// The ending of the names of sealed parts.
    pub(crate) fn ending(&self) -> &'static str {
        match (self.format, self.compression) {
            (Format::Jsonl, Compression::None) => "jsonl",
            (Format::Jsonl, Compression::Zstd) => "jsonl.zst",
            (Format::Jsonl, Compression::Gzip) => "jsonl.gz",
            (Format::Csv, Compression::None) => "csv",
            (Format::Csv, Compression::Zstd) => "csv.zst",
            (Format::Csv, Compression::Gzip) => "csv.gz",
            // Compressed within.
            (Format::Parquet, _) => "parquet",
        }
    }

    /// That parts can be written like this: to be asked before a run begins.
    ///
    /// # Errors
    /// [`RunError::Output`], which says what cannot be, and the fix.
    ///
    /// ```
    /// let mut output = patata_run::OutputOptions::default();
    /// output.schema = Some("struct<name: string>".to_owned());
    /// assert!(output.check().unwrap_err().to_string().contains("is for Parquet"));
    /// ```
    pub fn check(&self) -> Result<(), RunError> {
        let refuse = |what: String| Err(RunError::Output { what });
        match self.format {
            Format::Csv | Format::Parquet if self.items => refuse(
                "items are written as JSONL; leave the format out, and turn the finished parts into what you like"
                    .to_owned(),
            ),
            Format::Jsonl | Format::Csv if self.schema.is_some() => refuse(
                "a schema is for Parquet, and other formats have bodies as they came; leave it out"
                    .to_owned(),
            ),
            Format::Jsonl | Format::Csv => Ok(()),
            #[cfg(feature = "parquet")]
            Format::Parquet => crate::output::parquet::Layout::new(self).map(drop).or_else(refuse),
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => refuse(crate::output::seal::NO_PARQUET.to_owned()),
        }
    }

    /// Whether rows can be read again as they were, but for what a schema leaves out of bodies.
    pub(crate) fn has_whole_rows(&self) -> bool {
        match self.format {
            Format::Jsonl => !self.items,
            Format::Csv => false,
            Format::Parquet => cfg!(feature = "parquet") && self.columns.is_empty(),
        }
    }
}

impl Manifest {
    /// That of a run that is about to begin, with default options.
    ///
    /// ```
    /// let manifest = patata_run::Manifest::new("rust");
    /// assert_eq!((manifest.format, manifest.output.part_rows), (1, 100_000));
    /// ```
    pub fn new(program: impl Into<String>) -> Self {
        Self {
            format: FORMAT,
            run: String::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            program: program.into(),
            arguments: Vec::new(),
            options: BTreeMap::new(),
            output: OutputOptions::default(),
            writers: Writers::One,
            sessions: Vec::new(),
        }
    }

    /// The command that began the run, for people to read.
    pub(crate) fn command(&self) -> String {
        let quoted = |argument: &String| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=,@%+".contains(&byte);
            match !argument.is_empty() && argument.bytes().all(is_plain) {
                true => argument.clone(),
                false => format!("'{}'", argument.replace('\'', "'\\''")),
            }
        };
        let words: Vec<_> =
            std::iter::once(self.program.clone()).chain(self.arguments.iter().map(quoted)).collect();
        words.join(" ")
    }

    /// Reads that of a folder.
    pub(crate) fn read(disk: &dyn Disk, folder: &Path) -> Result<Self, RunError> {
        let path = folder.join(NAME);
        let none = |why: String| RunError::NotARunFolder { path: folder.to_owned(), why };
        let bytes = disk::read(disk, &path).map_err(|cause| match cause.kind() {
            std::io::ErrorKind::NotFound => none(format!("it has no {NAME}")),
            std::io::ErrorKind::NotADirectory => none("it is a file".to_owned()),
            _ => RunError::io("reading", &path)(cause),
        })?;
        /// What any format has.
        #[derive(Deserialize)]
        struct Any {
            format: u32,
        }
        let unreadable = |error| none(format!("its {NAME} cannot be read: {error}"));
        let Any { format } = serde_json::from_slice(&bytes).map_err(unreadable)?;
        if format > FORMAT {
            return Err(RunError::NewerFormat { path: folder.to_owned(), format });
        }
        serde_json::from_slice(&bytes).map_err(unreadable)
    }

    /// Writes it into a folder.
    pub(crate) fn write(&self, disk: &dyn Disk, folder: &Path) -> Result<(), RunError> {
        let path = folder.join(NAME);
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        disk::replace(disk, &path, &text).map_err(RunError::io("writing", &path))
    }
}

#[cfg(all(test, not(feature = "parquet")))]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_parquet_says_so_with_the_fix() {
        let output = OutputOptions { format: Format::Parquet, ..OutputOptions::default() };
        assert!(output.check().unwrap_err().to_string().contains("build it with the feature parquet"));
    }
}
