//! Files of Parquet as the lines of JSON that their rows are, and the fields that their columns have.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use arrow_schema::{DataType, Fields, Schema};
use patata_arrow::TableError;
use patata_arrow::files::{JsonLines, open};

use super::error::InputError;

/// By which such a file is known.
pub(super) const MAGIC: &[u8] = b"PAR1";

/// Whether a file is one.
pub(super) fn is_parquet(path: &Path) -> io::Result<bool> {
    let mut first = Vec::new();
    File::open(path)?.take(MAGIC.len() as u64).read_to_end(&mut first)?;
    Ok(first == MAGIC)
}

/// The rows of a file, each a line.
pub(super) fn lines(path: &Path, name: &Arc<str>) -> Result<Box<dyn Read + Send>, InputError> {
    let lines = open(path).and_then(JsonLines::new);
    Ok(Box::new(lines.map_err(|error| unusable(name, error))?))
}

/// The fields that rows of a file have.
pub(super) fn fields(path: &Path, name: &Arc<str>) -> Result<ParquetFields, InputError> {
    Ok(ParquetFields::of(&open(path).map_err(|error| unusable(name, error))?.schema()))
}

fn unusable(name: &Arc<str>, error: TableError) -> InputError {
    let message = match error {
        // It names the file already.
        TableError::Unusable { subject, problem, fix } if *subject == **name => format!("{problem}; {fix}"),
        other => other.to_string(),
    };
    InputError::Form { file: name.clone(), line: None, message }
}

/// What templates may name: columns, and what is within them.
#[derive(Debug, Default)]
pub(super) struct ParquetFields {
    names: Vec<String>,
    /// Those of them that have members or elements of which no schema tells.
    open: Vec<String>,
}

impl ParquetFields {
    fn of(schema: &Schema) -> Self {
        let mut fields = Self::default();
        fields.insert("", schema.fields());
        fields
    }

    fn insert(&mut self, before: &str, fields: &Fields) {
        for field in fields {
            let name = format!("{before}{}", field.name());
            match field.data_type() {
                DataType::Struct(within) => self.insert(&format!("{name}."), within),
                other if other.is_nested() => self.open.push(name.clone()),
                _ => {}
            }
            self.names.push(name);
        }
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn has(&self, name: &str) -> bool {
        let is_within = |open: &String| name.strip_prefix(&**open).is_some_and(|rest| rest.starts_with('.'));
        self.names.iter().any(|known| known == name) || self.open.iter().any(is_within)
    }
}
