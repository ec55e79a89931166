//! Rows as CSV: chosen members of each, under a header.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write};

use serde::Deserialize;
use serde_json::value::RawValue;

/// The columns of a CSV where none are chosen.
const COLUMNS: [&str; 10] =
    ["id", "index", "status", "ok", "url", "method", "attempts", "ms", "body", "error"];

/// Turns lines of rows into CSV. A column is a member of the row; `body.name` is one within a member, to any depth.
/// What is not there, and null, are empty; texts are as they are, and everything else is JSON.
pub(crate) fn convert(lines: impl BufRead, columns: &[String], into: impl Write) -> io::Result<()> {
    let columns: Vec<&str> = match columns {
        [] => COLUMNS.to_vec(),
        chosen => chosen.iter().map(String::as_str).collect(),
    };
    let mut writer = csv::Writer::from_writer(into);
    writer.write_record(&columns)?;
    write_rows(lines, &columns, &mut writer)
}

/// Copies CSV without some of its rows, which are asked for by their places. Returns how many there were.
pub(crate) fn copy(
    from: impl Read,
    is_left_out: impl Fn(usize) -> bool,
    into: impl Write,
) -> io::Result<usize> {
    let mut reader = csv::Reader::from_reader(from);
    let mut writer = csv::Writer::from_writer(into);
    writer.write_byte_record(reader.byte_headers()?)?;
    let (mut record, mut count) = (csv::ByteRecord::new(), 0);
    while reader.read_byte_record(&mut record)? {
        if !is_left_out(count) {
            writer.write_byte_record(&record)?;
        }
        count += 1;
    }
    writer.flush()?;
    Ok(count)
}

/// One line as a record, for who writes row by row.
pub(crate) fn write_rows<W: Write>(
    mut lines: impl BufRead,
    columns: &[&str],
    writer: &mut csv::Writer<W>,
) -> io::Result<()> {
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        let row: &RawValue = serde_json::from_slice(&line)?;
        for column in columns {
            writer.write_field(cell(row, column))?;
        }
        writer.write_record(None::<&[u8]>)?;
        line.clear();
    }
    writer.flush()
}

/// What a column has of a row.
fn cell(row: &RawValue, column: &str) -> String {
    let Some(value) = within(row, column.split('.')) else { return String::new() };
    match value.get() {
        "null" => String::new(),
        text if text.starts_with('"') => String::deserialize(value).unwrap_or_else(|_| text.to_owned()),
        other => other.to_owned(),
    }
}

/// What is within a value, under one name after another.
pub(crate) fn within<'a, 'n>(
    value: &'a RawValue,
    path: impl IntoIterator<Item = &'n str>,
) -> Option<&'a RawValue> {
    path.into_iter().try_fold(value, member)
}

fn member<'a>(value: &'a RawValue, name: &str) -> Option<&'a RawValue> {
    let mut members: BTreeMap<std::borrow::Cow<'a, str>, &'a RawValue> =
        serde_json::from_str(value.get()).ok()?;
    members.remove(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(lines: &str, columns: &[&str]) -> String {
        let columns: Vec<_> = columns.iter().map(|column| (*column).to_owned()).collect();
        let mut written = Vec::new();
        convert(lines.as_bytes(), &columns, &mut written).unwrap();
        String::from_utf8(written).unwrap()
    }

    #[test]
    fn a_column_is_a_member_or_one_within_it() {
        let lines = concat!(
            r#"{"id":"a","index":0,"status":200,"body":{"name":"one, two","deep":{"er":[1,2]}}}"#,
            "\n",
            r#"{"id":7,"index":1,"status":404,"body":"not\nfound"}"#,
            "\n",
            r#"{"id":null,"index":2,"status":null,"body":null}"#,
            "\n",
        );
        let expected = "id,status,body.name,body.deep.er\na,200,\"one, two\",\"[1,2]\"\n7,404,,\n,,,\n";
        assert_eq!(converted(lines, &["id", "status", "body.name", "body.deep.er"]), expected);
        assert_eq!(converted(lines, &["index", "body"]).lines().nth(2).unwrap(), "1,\"not");
    }

    #[test]
    fn rows_are_left_out_by_their_places() {
        let table = "id,body\na,\"1, \"\"2\"\"\n3\"\nb,\nc,\"\"\n";
        let mut copied = Vec::new();
        assert_eq!(copy(table.as_bytes(), |place| place == 1, &mut copied).unwrap(), 3);
        assert_eq!(String::from_utf8(copied).unwrap(), "id,body\na,\"1, \"\"2\"\"\n3\"\nc,\n");
    }

    #[test]
    fn without_columns_all_that_a_row_has_is_there() {
        assert_eq!(converted("", &[]), "id,index,status,ok,url,method,attempts,ms,body,error\n");
    }
}
