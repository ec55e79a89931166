//! An input: the rows of several files, one after another.

use patata_run::InputBlock;

use super::error::InputError;
use super::field::FieldPath;
use super::format::{self, InputFormat};
use super::lines;
use super::parquet;
use super::row::Row;
use super::source::Source;
use super::table::Table;
use super::window::Window;
use crate::similar::nearest;

/// How much is looked at for the first line at most.
const FIRST_LINE: usize = 1 << 20;

/// How an input is read.
#[derive(Debug, Clone, Default)]
pub struct InputOptions {
    /// The form of the rows. Default: what the files' names say, else the first bytes.
    pub format: Option<InputFormat>,
    /// The blocks that an earlier process has read. No row is given before the block in which it ends is known to be
    /// the same.
    pub earlier: Vec<InputBlock>,
    /// Fields that a table must have as columns, and that lines of URLs must have: those of
    /// [`Template::fields`](super::Template::fields).
    pub required: Vec<FieldPath>,
}

/// The rows of an input, read as they are asked for.
pub struct Input {
    window: Window,
    options: InputOptions,
    /// The format, once it is known.
    format: Option<InputFormat>,
    table: Option<Table>,
    row: Row,
    has_begun: bool,
    /// Whether there are no more rows, be it by an error.
    is_over: bool,
}

impl std::fmt::Debug for Input {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Input")
            .field("file", self.window.name())
            .field("line", &self.window.line())
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

impl Input {
    /// Begins to read. That all files are there is looked at; nothing is read yet, as a pipe may have to be waited for.
    ///
    /// # Errors
    /// No sources, standard input named twice, a file that is not there or is a folder, files whose names say that
    /// they differ in format.
    pub fn open(sources: Vec<Source>, mut options: InputOptions) -> Result<Self, InputError> {
        for source in &sources {
            source.check()?;
        }
        if sources.iter().filter(|source| **source == Source::Stdin).count() > 1 {
            return Err(refused("stdin", "\"-\" is named twice, and can be read once; name it once"));
        }
        if sources.is_empty() {
            return Err(refused("input", "no input is named; name files, or \"-\" for standard input"));
        }
        let format = match options.format {
            Some(format) => Some(format),
            None => agreed(&sources)?,
        };
        let window = Window::new(sources, std::mem::take(&mut options.earlier));
        Ok(Self { window, options, format, table: None, row: Row::new(), has_begun: false, is_over: false })
    }

    /// Reads as far as the first file's beginning: its format, and its header. Waits for a pipe. What fails here would
    /// fail at the first row.
    ///
    /// # Errors
    /// As [`next_row`](Self::next_row).
    pub fn prepare(&mut self) -> Result<(), InputError> {
        if std::mem::replace(&mut self.has_begun, true) {
            return Ok(());
        }
        let begun = self.begin_file();
        self.is_over = !matches!(begun, Ok(true));
        begun.map(|_| ())
    }

    /// The format; `None` as long as nothing has told it.
    pub fn format(&self) -> Option<InputFormat> {
        self.format
    }

    /// The names in the header of the file that is being read; empty where there is none.
    pub fn columns(&self) -> &[String] {
        self.table.as_ref().map_or(&[], |table| table.columns().names())
    }

    /// Which row comes next, counted from 0: so many have been given or skipped.
    pub fn index(&self) -> u64 {
        self.window.rows()
    }

    /// The next row; `None` at the end. A bad row is a row, which says what is wrong with it.
    ///
    /// # Errors
    /// What is wrong with the input as a whole. There are no more rows then.
    pub fn next_row(&mut self) -> Result<Option<&Row>, InputError> {
        let found = self.advance(true)?;
        Ok(found.then_some(&self.row))
    }

    /// Leaves the next row out, without a look into it where the format allows that. `false` at the end.
    ///
    /// # Errors
    /// As [`next_row`](Self::next_row).
    pub fn skip_row(&mut self) -> Result<bool, InputError> {
        self.advance(false)
    }

    /// The blocks that lie behind the rows given so far, each told once. At the end of the input these are all of them,
    /// the last one included. Those that are as they were in [`InputOptions::earlier`] are not told again.
    pub fn take_blocks(&mut self) -> Vec<InputBlock> {
        self.window.take_blocks()
    }

    /// What [`take_blocks`](Self::take_blocks) does not tell yet, though rows of it are given: the blocks from the one
    /// of the last row on, as far as they are read. The last may be shorter than it will be.
    pub fn blocks_ahead(&self) -> Vec<InputBlock> {
        self.window.blocks_ahead()
    }

    fn advance(&mut self, wanted: bool) -> Result<bool, InputError> {
        if self.is_over {
            return Ok(false);
        }
        let found = self.find(wanted);
        self.is_over = !matches!(found, Ok(true));
        found
    }

    fn find(&mut self, wanted: bool) -> Result<bool, InputError> {
        self.prepare()?;
        while !self.is_over {
            let row = wanted.then_some(&mut self.row);
            let found = match (&mut self.table, self.format) {
                (Some(table), _) => table.read(&mut self.window, row)?,
                (None, Some(format)) => lines::read(&mut self.window, format, row)?,
                (None, None) => false,
            };
            if found {
                return Ok(true);
            }
            if !self.begin_file()? {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// Goes on to the next file, up to its first row. `false` at the end.
    fn begin_file(&mut self) -> Result<bool, InputError> {
        if !self.window.next_file()? {
            return Ok(false);
        }
        self.skip_mark()?;
        let format = match self.format {
            Some(format) => {
                self.check_parquet(format)?;
                format
            }
            None if self.is_parquet()? => *self.format.insert(InputFormat::Parquet),
            None => {
                self.read_first_line()?;
                *self.format.insert(InputFormat::of_bytes(self.window.bytes()))
            }
        };
        match format {
            InputFormat::Lines => self.check_fields(&["url".to_owned()], |name| name == "url", false)?,
            InputFormat::Parquet => self.check_columns()?,
            InputFormat::Jsonl => {
                self.read_first_line()?;
                self.check_jsonl()?;
            }
            InputFormat::Csv | InputFormat::Tsv => {
                let mut table = self.table.take().unwrap_or_else(|| Table::new(format));
                if table.begin_file(&mut self.window)? {
                    let columns = table.columns();
                    self.check_fields(columns.names(), |name| columns.has(name), true)?;
                }
                self.table = Some(table);
            }
        }
        Ok(true)
    }

    /// Reads as far as the first line that tells a format, if it is not too long.
    fn read_first_line(&mut self) -> Result<(), InputError> {
        let tells = |bytes: &[u8]| {
            let whole = memchr::memrchr(b'\n', bytes).map_or(&bytes[..0], |end| &bytes[..end]);
            bytes.len() > FIRST_LINE || format::telling_line(whole).is_some()
        };
        while !tells(self.window.bytes()) && self.window.more()? {}
        Ok(())
    }

    /// Skips a byte-order mark. Text of another encoding than UTF-8 is told by it, or by the zero bytes of UTF-16.
    fn skip_mark(&mut self) -> Result<(), InputError> {
        while self.window.bytes().len() < 3 && self.window.more()? {}
        match self.window.bytes() {
            [0xef, 0xbb, 0xbf, ..] => self.window.consume(3, 0),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [1..=255, 0, ..] | [0, 1..=255, ..] => {
                return Err(self.window.unusable(format!(
                    "is in UTF-16; convert it: iconv -f UTF-16 -t UTF-8 {} | patata run -",
                    self.window.name()
                )));
            }
            _ => {}
        }
        Ok(())
    }

    /// Refuses JSON that is laid out over several lines, which would be a fault for each of them.
    fn check_jsonl(&self) -> Result<(), InputError> {
        let (what, command) = match self.window.bytes().trim_ascii_start() {
            [b'[', ..] => ("one JSON array", "jq -c '.[]'"),
            [b'{', rest @ ..] if breaks_line(rest) => ("JSON over several lines", "jq -c ."),
            _ => return Ok(()),
        };
        Err(self.window.unusable(format!(
            "is {what}, and JSONL has an object on each line; convert it: {command} {} | patata run -",
            self.window.name()
        )))
    }

    fn is_parquet(&self) -> Result<bool, InputError> {
        self.window.source().map_or(Ok(false), Source::is_parquet)
    }

    /// That a file is Parquet where its name or an option says so, and only there.
    fn check_parquet(&self, format: InputFormat) -> Result<(), InputError> {
        match (format, self.is_parquet()?) {
            (InputFormat::Parquet, false) => {
                Err(self.window.unusable("is to be read as parquet, and is none; say what it is with --input-format"))
            }
            (InputFormat::Parquet, true) | (_, false) => Ok(()),
            (other, true) => Err(self.window.unusable(format!(
                "is a Parquet file, and is to be read as {other}; give --input-format parquet, or its name that ending"
            ))),
        }
    }

    /// That the template's fields are columns of Parquet, or within them.
    fn check_columns(&self) -> Result<(), InputError> {
        let source = self.window.source();
        let Some((path, name)) = source.and_then(|source| Some((source.path()?, source.name()))) else {
            return Ok(());
        };
        let fields = parquet::fields(path, &name)?;
        self.check_fields(fields.names(), |name| fields.has(name), true)
    }

    /// That the template's fields are there.
    fn check_fields(
        &self,
        names: &[String],
        is_there: impl Fn(&str) -> bool,
        has_header: bool,
    ) -> Result<(), InputError> {
        let missing = self.options.required.iter().find(|field| {
            let name = field.name();
            !is_there(name) && name != "index"
        });
        let Some(field) = missing else { return Ok(()) };
        Err(InputError::Field {
            file: self.window.name().clone(),
            field: field.name().to_owned(),
            message: missing_field(field.name(), names, has_header),
        })
    }
}

/// What is wrong with a field that is not there, and how to mend it.
fn missing_field(name: &str, names: &[String], has_header: bool) -> String {
    let shown: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
    let shown = shown.join(", ");
    let hint = match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => format!("; did you mean {{{near}}}?"),
        None if has_header && names.len() == 1 && names[0].contains(';') => {
            "; its columns seem to be parted by \";\": convert it: csvformat -d ';'".to_owned()
        }
        None if name == "url" && has_header => "; give a URL in which the columns stand, as in \
                                                \"https://host/{column}\""
            .to_owned(),
        None => format!("; for braces that are to stay, write {{{{{name}}}}}"),
    };
    match has_header {
        true => format!("has no column {name:?}, only {shown} and {{index}}{hint}"),
        false => format!(
            "is read as lines of URLs, which have no field {name:?}, only {{url}} and {{index}}{hint}"
        ),
    }
}

/// Whether the line of an object, behind its brace, ends where JSON cannot: at once, or behind a comma.
fn breaks_line(rest: &[u8]) -> bool {
    let Some(end) = memchr::memchr(b'\n', rest) else { return false };
    let line = rest[..end].trim_ascii();
    line.is_empty() || (line.ends_with(b",") && !line.ends_with(b"},"))
}

/// The format that the names of the files say, if they say one.
fn agreed(sources: &[Source]) -> Result<Option<InputFormat>, InputError> {
    let said = |source: &Source| Some((source.name(), source.path().and_then(InputFormat::of_name)?));
    let mut said = sources.iter().filter_map(said);
    let Some((first, format)) = said.next() else { return Ok(None) };
    match said.find(|(_, other)| *other != format) {
        None => Ok(Some(format)),
        Some((file, other)) => Err(InputError::Form {
            message: format!(
                "is named as {other}, and {first} as {format}; give files of one format, or say --input-format"
            ),
            file,
            line: None,
        }),
    }
}

fn refused(name: &str, message: &str) -> InputError {
    InputError::Form { file: name.into(), line: None, message: message.to_owned() }
}
