//! One row of an input: its place, and its fields by their names.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::field::FieldPath;
use super::format::InputFormat;
use super::json;
use super::window::Window;

/// A row as it was read. What is wrong with it is kept, so that its request can say so.
#[derive(Debug, Clone)]
pub struct Row {
    index: u64,
    file: Arc<str>,
    line: u64,
    format: InputFormat,
    fault: Option<String>,
    /// The line, or the fields of a record one behind another.
    text: String,
    /// Where the fields of a record end.
    ends: Vec<usize>,
    columns: Arc<Columns>,
    members: Vec<Member>,
}

/// A member of a JSON object: its name, and where its value stands in the text.
#[derive(Debug, Clone)]
struct Member {
    name: String,
    begin: usize,
    end: usize,
}

/// What a row has for a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// A text, as lines and tables hold it.
    Text(&'a str),
    /// JSON, as it is written in the row.
    Json(&'a str),
    /// The row's place.
    Index(u64),
}

impl<'a> Value<'a> {
    /// What it says as a text.
    ///
    /// # Errors
    /// A JSON string that is no text, as half of a surrogate pair is in it.
    pub fn text(self) -> Result<Cow<'a, str>, String> {
        match self {
            Self::Text(text) => Ok(Cow::Borrowed(text)),
            Self::Json(raw) => json::as_text(raw),
            Self::Index(index) => Ok(Cow::Owned(index.to_string())),
        }
    }

    /// Whether it is JSON's `null`.
    pub fn is_null(self) -> bool {
        self == Self::Json("null")
    }
}

impl Row {
    pub(super) fn new() -> Self {
        Self {
            index: 0,
            file: "".into(),
            line: 0,
            format: InputFormat::Lines,
            fault: None,
            text: String::new(),
            ends: Vec::new(),
            columns: Arc::new(Columns::default()),
            members: Vec::new(),
        }
    }

    /// Its place in the input, counted from 0 over all files.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The file in which it stands.
    pub fn file(&self) -> &Arc<str> {
        &self.file
    }

    /// The line on which it begins, counted from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Of what form it is.
    pub fn format(&self) -> InputFormat {
        self.format
    }

    /// What is wrong with it, its place included; `None` for a good row.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// A message that begins with the row's place.
    pub fn at(&self, message: impl std::fmt::Display) -> String {
        format!("{}:{}: {message}", self.file, self.line)
    }

    /// What the row has for a field; `None` where it has none. Members of objects and elements of arrays are reached
    /// by their names and numbers, unless a field has the whole name with its dots. `index` is there where no field has
    /// this name.
    pub fn field(&self, path: &FieldPath) -> Option<Value<'_>> {
        self.own(path.name()).or_else(|| self.nested(path)).or_else(|| {
            let is_index = path.name() == "index";
            is_index.then_some(Value::Index(self.index))
        })
    }

    /// What the row has for a field of its own, nothing within another.
    pub(super) fn own(&self, name: &str) -> Option<Value<'_>> {
        match self.format {
            InputFormat::Lines => (name == "url").then_some(Value::Text(&self.text)),
            InputFormat::Jsonl | InputFormat::Parquet => {
                let member = self.members.iter().rfind(|member| member.name == name)?;
                Some(Value::Json(&self.text[member.begin..member.end]))
            }
            InputFormat::Csv | InputFormat::Tsv => {
                let at = *self.columns.by_name.get(name)?;
                let begin = if at == 0 { 0 } else { *self.ends.get(at - 1)? };
                self.text.get(begin..*self.ends.get(at)?).map(Value::Text)
            }
        }
    }

    /// The names of its fields.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let columns = match self.format {
            InputFormat::Csv | InputFormat::Tsv => self.columns.names(),
            InputFormat::Lines | InputFormat::Jsonl | InputFormat::Parquet => &[],
        };
        self.members.iter().map(|member| &*member.name).chain(columns.iter().map(String::as_str))
    }

    fn nested(&self, path: &FieldPath) -> Option<Value<'_>> {
        let mut steps = path.steps()?;
        let Value::Json(mut raw) = self.own(steps.next()?)? else { return None };
        for step in steps {
            raw = match raw.starts_with('[') {
                true => json::elements(raw)?.get(step.parse::<usize>().ok()?).copied()?,
                false => json::member(raw, step)?,
            };
        }
        Some(Value::Json(raw))
    }

    /// Takes the place of the row that begins in the window, and is counted already.
    pub(super) fn begin(&mut self, window: &Window) {
        self.index = window.rows() - 1;
        self.line = window.line();
        if !Arc::ptr_eq(&self.file, window.name()) {
            self.file = window.name().clone();
        }
        self.fault = None;
        self.text.clear();
        self.ends.clear();
        self.members.clear();
    }

    /// Takes a line, its end included.
    pub(super) fn set_line(&mut self, line: &[u8], format: InputFormat) {
        self.format = format;
        let Some(text) = self.checked(line) else { return };
        match format {
            InputFormat::Jsonl => {
                self.text.push_str(text.trim_end());
                self.find_members();
            }
            _ => self.text.push_str(text.trim()),
        }
    }

    /// A row's bytes as a text; else its fault is set.
    fn checked<'a>(&mut self, raw: &'a [u8]) -> Option<&'a str> {
        if let Ok(text) = std::str::from_utf8(raw) {
            return Some(text);
        }
        let (lines, column) = misplaced(raw).unwrap_or_default();
        self.fault = Some(format!(
            "{}:{}:{column}: is no UTF-8 here; convert the file: iconv -f LATIN1 -t UTF-8",
            self.file,
            self.line + lines
        ));
        None
    }

    fn find_members(&mut self) {
        let Self { text, members, .. } = self;
        let base = text.as_ptr().addr();
        let found = json::each_member(text, |name, value| {
            let begin = value.as_ptr().addr() - base;
            members.push(Member { name: name.into_owned(), begin, end: begin + value.len() });
        });
        let Err(cause) = found else { return };
        members.clear();
        self.fault = Some(format!(
            "{}:{}:{}: is no JSON object on one line: {}",
            self.file,
            self.line,
            cause.column().max(1),
            json::reason(&cause)
        ));
    }

    /// Takes a record: as it stands in the file, and taken apart.
    pub(super) fn set_record(&mut self, raw: &[u8], text: &[u8], ends: &[usize], columns: &Arc<Columns>) {
        self.format = InputFormat::Csv;
        if !Arc::ptr_eq(&self.columns, columns) {
            self.columns = columns.clone();
        }
        // As separators and quotes are ASCII, the parts are texts where the whole is one.
        if self.checked(raw).is_none() {
            return;
        }
        if ends.len() != columns.names.len() {
            let (found, expected) = (counted(ends.len()), counted(columns.names.len()));
            self.fault = Some(self.at(format_args!(
                "has {found}, where the header has {expected}; is a separator or a quote missing, or too many?"
            )));
            return;
        }
        self.text.push_str(std::str::from_utf8(text).unwrap_or_default());
        self.ends.extend_from_slice(ends);
    }
}

/// Where the first byte stands that is no UTF-8: how many lines end before it, and its column in characters, counted
/// from 1.
pub(super) fn misplaced(raw: &[u8]) -> Option<(u64, u64)> {
    let valid = std::str::from_utf8(raw).err()?.valid_up_to();
    let before = String::from_utf8_lossy(&raw[..valid]);
    let lines = memchr::memchr_iter(b'\n', before.as_bytes()).count() as u64;
    let line = before.rsplit('\n').next().unwrap_or_default();
    Some((lines, line.chars().count() as u64 + 1))
}

fn counted(columns: usize) -> String {
    format!("{columns} column{}", if columns == 1 { "" } else { "s" })
}

/// The names in a header.
#[derive(Debug, Default)]
pub(super) struct Columns {
    names: Vec<String>,
    by_name: HashMap<String, usize>,
}

impl Columns {
    /// Names that are empty are no fields; they may be there several times.
    pub(super) fn new(names: Vec<String>) -> Result<Self, String> {
        let mut by_name = HashMap::new();
        for (at, name) in names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            if let Some(first) = by_name.insert(name.clone(), at) {
                return Err(format!(
                    "the header names {name:?} twice, as columns {} and {}; rename one of them",
                    first + 1,
                    at + 1
                ));
            }
        }
        Ok(Self { names, by_name })
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }
}
