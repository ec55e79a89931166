//! A file of Parquet as lines of rows, with all members that its columns have.

use std::io::{self, Read};

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch, StringArray};
use arrow_json::writer::{EncoderOptions, NullableEncoder, make_encoder};
use arrow_schema::Schema;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::reader::ChunkReader;

use crate::output::json::write_text;
use crate::output::parquet::cells::write_value;
use crate::output::parquet::integers::Integers;
use crate::output::parquet::io_error;
use crate::output::parquet::layout::{BODY_ERROR, CELLS};

/// How many rows become lines at once, and about how many bytes of them at most.
const ROWS: usize = 512;
const BYTES: i64 = 8 << 20;

/// The lines of a file.
pub(crate) struct Lines {
    reader: ParquetRecordBatchReader,
    integers: Integers,
    members: Vec<Member>,
    /// How many rows have become lines.
    rows: usize,
    text: Vec<u8>,
    read: usize,
}

impl Lines {
    pub(crate) fn new(file: impl ChunkReader + 'static) -> io::Result<Self> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(io_error)?;
        let integers = Integers::read(builder.metadata().file_metadata().key_value_metadata());
        let members = members(builder.schema());
        let groups = builder.metadata().row_groups().iter();
        let each = groups.map(|group| group.total_byte_size() / group.num_rows().max(1)).max().unwrap_or(0);
        let rows = usize::try_from(BYTES / each.max(1)).unwrap_or(ROWS).clamp(1, ROWS);
        let reader = builder.with_batch_size(rows).build().map_err(io_error)?;
        Ok(Self { reader, integers, members, rows: 0, text: Vec::new(), read: 0 })
    }

    fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let options = EncoderOptions::default();
        let columns = batch.schema_ref().fields().iter().zip(batch.columns());
        let values = columns.map(|(field, column)| -> io::Result<Values<'_>> {
            Ok(match field.name().as_str() {
                "id" => Values::Ids(column.as_string()),
                _ if field.metadata().contains_key(CELLS.0) => Values::Cells(column.as_string()),
                _ => Values::Typed(make_encoder(field, column, &options).map_err(io::Error::other)?),
            })
        });
        let mut values = values.collect::<io::Result<Vec<_>>>()?;
        for row in 0..batch.num_rows() {
            let is_integer = self.integers.contains(self.rows + row);
            write_members(&self.members, &mut values, row, is_integer, true, &mut self.text);
            self.text.push(b'\n');
        }
        self.rows += batch.num_rows();
        Ok(())
    }
}

impl Read for Lines {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.read == self.text.len() {
            self.text.clear();
            self.read = 0;
            let Some(batch) = self.reader.next() else { return Ok(0) };
            self.write(&batch.map_err(io::Error::other)?)?;
        }
        let count = into.len().min(self.text.len() - self.read);
        into[..count].copy_from_slice(&self.text[self.read..self.read + count]);
        self.read += count;
        Ok(count)
    }
}

/// A member of a row: a column, or others within it.
struct Member {
    name: String,
    column: Option<usize>,
    within: Vec<Member>,
}

/// The members that columns make: `body.name` is one within `body`.
fn members(schema: &Schema) -> Vec<Member> {
    let mut members = Vec::new();
    for (column, field) in schema.fields().iter().enumerate() {
        if field.name() != BODY_ERROR {
            insert(&mut members, field.name(), column);
        }
    }
    members
}

fn insert(members: &mut Vec<Member>, name: &str, column: usize) {
    let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
    let place = members.iter().position(|member| member.name == first).unwrap_or_else(|| {
        members.push(Member { name: first.to_owned(), column: None, within: Vec::new() });
        members.len() - 1
    });
    match rest {
        Some(rest) => insert(&mut members[place].within, rest, column),
        None => members[place].column = Some(column),
    }
}

/// The values of a column.
enum Values<'a> {
    Ids(&'a StringArray),
    Cells(&'a StringArray),
    Typed(NullableEncoder<'a>),
}

impl Values<'_> {
    fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Ids(texts) | Self::Cells(texts) => texts.is_null(row),
            Self::Typed(encoder) => encoder.is_null(row),
        }
    }

    fn write(&mut self, row: usize, is_integer: bool, into: &mut Vec<u8>) {
        match self {
            _ if self.is_null(row) => into.extend_from_slice(b"null"),
            Self::Ids(texts) if is_integer => into.extend_from_slice(texts.value(row).as_bytes()),
            Self::Ids(texts) => write_text(into, texts.value(row)),
            Self::Cells(texts) => write_value(into, texts.value(row)),
            Self::Typed(encoder) => encoder.encode(row, into),
        }
    }
}

fn write_members(
    members: &[Member],
    values: &mut [Values<'_>],
    row: usize,
    is_integer: bool,
    is_top: bool,
    into: &mut Vec<u8>,
) {
    into.push(b'{');
    let begin = into.len();
    for Member { name, column, within } in members {
        // What rows of JSONL have only where there is something.
        let is_optional = !is_top || matches!(&**name, "headers" | "path" | "changed");
        if is_optional && column.is_some_and(|column| values[column].is_null(row)) {
            continue;
        }
        if into.len() > begin {
            into.push(b',');
        }
        write_text(into, name);
        into.push(b':');
        match column {
            // It has what is within it.
            Some(column) => values[*column].write(row, is_integer, into),
            None => write_members(within, values, row, is_integer, false, into),
        }
    }
    into.push(b'}');
}
