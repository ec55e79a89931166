//! Lines of rows into a file of Parquet.

use std::io::{self, BufRead, Write};
use std::sync::Arc;

use arrow_array::BooleanArray;
use arrow_schema::Schema;
use arrow_select::filter::filter_record_batch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression as Codec, GzipLevel, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::ChunkReader;
use parquet::schema::types::ColumnPath;

use crate::manifest::{Compression, OutputOptions};
use crate::output::parquet::integers::Integers;
use crate::output::parquet::io_error;
use crate::output::parquet::layout::Layout;
use crate::output::parquet::row::Row;

/// How many rows become columns at once, and of how many bytes at most, unless these are of one row.
const ROWS: usize = 8192;
const BYTES: usize = 8 << 20;

/// A group of rows is written once it has so many bytes, so that memory is bounded.
const GROUP_BYTES: usize = 64 << 20;

/// Turns lines of rows into a file.
pub(crate) fn convert<W: Write + Send>(
    mut lines: impl BufRead,
    options: &OutputOptions,
    into: W,
) -> io::Result<W> {
    let layout = Layout::new(options).map_err(io::Error::other)?;
    let mut writer = writer(into, &layout.schema, options)?;
    let (mut integers, mut count) = (Integers::default(), 0);
    let (mut text, mut ends) = (Vec::new(), Vec::new());
    while fill(&mut lines, &mut text, &mut ends)? {
        let mut begin = 0;
        let mut rows: Vec<Row<'_>> = Vec::with_capacity(ends.len());
        for end in &ends {
            rows.push(serde_json::from_slice(&text[begin..*end])?);
            begin = *end;
        }
        for row in &rows {
            if row.has_integer() {
                integers.insert(count);
            }
            count += 1;
        }
        writer.write(&layout.batch(&rows).map_err(io::Error::other)?).map_err(io_error)?;
    }
    finish(writer, integers)
}

/// Reads some lines, each with its end in the text.
fn fill(lines: &mut impl BufRead, text: &mut Vec<u8>, ends: &mut Vec<usize>) -> io::Result<bool> {
    text.clear();
    ends.clear();
    while ends.len() < ROWS && text.len() < BYTES && lines.read_until(b'\n', text)? > 0 {
        ends.push(text.len());
    }
    match i32::try_from(text.len()) {
        Ok(_) => Ok(!ends.is_empty()),
        Err(_) => Err(io::Error::other("a row has 2 GiB, which no column of Parquet takes; write JSONL")),
    }
}

/// Copies a file without some of its rows, which are asked for by their places. Returns how many there were.
pub(crate) fn copy(
    from: impl ChunkReader + 'static,
    options: &OutputOptions,
    is_left_out: impl Fn(usize) -> bool,
    into: &mut Vec<u8>,
) -> io::Result<usize> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(from).map_err(io_error)?;
    let known = Integers::read(builder.metadata().file_metadata().key_value_metadata());
    let schema = Schema::new(builder.schema().fields().clone());
    let mut writer = writer(into, &Arc::new(schema), options)?;
    let (mut integers, mut count, mut kept) = (Integers::default(), 0, 0);
    for batch in builder.with_batch_size(ROWS).build().map_err(io_error)? {
        let batch = batch.map_err(io::Error::other)?;
        let stays: Vec<_> = (count..count + batch.num_rows()).map(|row| !is_left_out(row)).collect();
        for (row, stays) in (count..).zip(&stays) {
            if *stays && known.contains(row) {
                integers.insert(kept);
            }
            kept += usize::from(*stays);
        }
        count += batch.num_rows();
        let batch = filter_record_batch(&batch, &BooleanArray::from(stays)).map_err(io::Error::other)?;
        writer.write(&batch).map_err(io_error)?;
    }
    finish(writer, integers)?;
    Ok(count)
}

fn writer<W: Write + Send>(
    into: W,
    schema: &Arc<Schema>,
    options: &OutputOptions,
) -> io::Result<ArrowWriter<W>> {
    ArrowWriter::try_new(into, schema.clone(), Some(properties(options))).map_err(io_error)
}

fn properties(options: &OutputOptions) -> WriterProperties {
    let codec = match options.compression {
        Compression::None | Compression::Zstd => Codec::ZSTD(ZstdLevel::default()),
        Compression::Gzip => Codec::GZIP(GzipLevel::default()),
    };
    let mut properties =
        WriterProperties::builder().set_compression(codec).set_max_row_group_bytes(Some(GROUP_BYTES));
    // Nearly all of them differ, so that a dictionary would be made in vain.
    for column in ["id", "index", "url", "ms", "body"] {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(column), false);
    }
    properties.build()
}

fn finish<W: Write + Send>(mut writer: ArrowWriter<W>, integers: Integers) -> io::Result<W> {
    writer.append_key_value_metadata(integers.written());
    writer.into_inner().map_err(io_error)
}
