//! Rows of CSV and TSV, and the header before them.

use std::sync::Arc;

use csv_core::ReadRecordResult;

use super::error::InputError;
use super::format::InputFormat;
use super::row::{Columns, Row, misplaced};
use super::window::Window;

/// Parts records into fields.
pub(super) struct Table {
    parser: csv_core::Reader,
    /// The record's fields, one behind another, without their quotes.
    text: Vec<u8>,
    ends: Vec<usize>,
    columns: Arc<Columns>,
}

/// A record that is read.
struct Record {
    /// How many bytes of the window it takes, its end included.
    length: usize,
    fields: usize,
}

impl Table {
    pub(super) fn new(format: InputFormat) -> Self {
        Self {
            parser: csv_core::ReaderBuilder::new().delimiter(format.separator()).build(),
            text: vec![0; 1024],
            ends: vec![0; 32],
            columns: Arc::new(Columns::default()),
        }
    }

    pub(super) fn columns(&self) -> &Arc<Columns> {
        &self.columns
    }

    /// Reads the header with which a file begins. `false` where the file has none, as nothing is in it.
    pub(super) fn begin_file(&mut self, window: &mut Window) -> Result<bool, InputError> {
        self.parser.reset();
        let Some(record) = self.record(window)? else { return Ok(false) };
        let raw = &window.bytes()[..record.length];
        if let Some((lines, column)) = misplaced(raw) {
            let line = window.line() + lines;
            return Err(window.form(format!(
                "the header is no UTF-8 (line {line}, column {column}); convert it: iconv -f LATIN1 -t UTF-8"
            )));
        }
        let (text, ends) = self.fields(&record);
        let mut begin = 0;
        let mut names = Vec::with_capacity(ends.len());
        for end in ends {
            names.push(String::from_utf8_lossy(&text[begin..*end]).into_owned());
            begin = *end;
        }
        let columns = Columns::new(names).map_err(|message| window.form(message))?;
        self.columns = Arc::new(columns);
        let lines = lines_in(raw);
        window.consume(record.length, lines);
        Ok(true)
    }

    /// Goes on to the next row of the file, and puts it into `row` where one is given. `false` at the file's end.
    pub(super) fn read(&mut self, window: &mut Window, row: Option<&mut Row>) -> Result<bool, InputError> {
        let Some(record) = self.record(window)? else { return Ok(false) };
        window.begin_row();
        if let Some(row) = row {
            row.begin(window);
            let (text, ends) = self.fields(&record);
            row.set_record(&window.bytes()[..record.length], text, ends, &self.columns);
        }
        let lines = lines_in(&window.bytes()[..record.length]);
        window.consume(record.length, lines);
        Ok(true)
    }

    fn fields(&self, record: &Record) -> (&[u8], &[usize]) {
        let ends = &self.ends[..record.fields];
        (&self.text[..ends.last().copied().unwrap_or(0)], ends)
    }

    /// The next record that is no empty line.
    fn record(&mut self, window: &mut Window) -> Result<Option<Record>, InputError> {
        // Empty lines are skipped here and not by the parser, so that it is known on which line a record begins.
        loop {
            let bytes = window.bytes();
            let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let has_more = blank < bytes.len();
            let lines = lines_in(&bytes[..blank]);
            window.consume(blank, lines);
            if has_more {
                break;
            }
            if !window.more()? {
                return Ok(None);
            }
        }
        self.parse(window).map(Some)
    }

    fn parse(&mut self, window: &mut Window) -> Result<Record, InputError> {
        let mut record = Record { length: 0, fields: 0 };
        let mut written = 0;
        loop {
            let input = &window.bytes()[record.length..];
            let (result, read, put, ended) =
                self.parser.read_record(input, &mut self.text[written..], &mut self.ends[record.fields..]);
            record.length += read;
            written += put;
            record.fields += ended;
            match result {
                ReadRecordResult::Record => return Ok(record),
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::End => return Ok(record),
                ReadRecordResult::InputEmpty => {
                    if !window.more()? {
                        return self.finish(window, record, written);
                    }
                }
            }
        }
    }

    /// The last record, which no line end ends. One is added: it ends the record, unless it stands within quotes.
    fn finish(
        &mut self,
        window: &mut Window,
        mut record: Record,
        mut written: usize,
    ) -> Result<Record, InputError> {
        let mut input: &[u8] = b"\n";
        loop {
            let (result, read, put, ended) =
                self.parser.read_record(input, &mut self.text[written..], &mut self.ends[record.fields..]);
            input = &input[read..];
            written += put;
            record.fields += ended;
            match result {
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record | ReadRecordResult::End => return Ok(record),
                ReadRecordResult::InputEmpty => {
                    return Err(window.form(
                        "the row that begins here has a quote that is never closed; a quote within quotes is written \
                         twice, as in \"5\"\" disk\"",
                    ));
                }
            }
        }
    }
}

fn lines_in(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
