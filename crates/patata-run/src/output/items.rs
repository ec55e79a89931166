//! Rows of pages as rows of their items: one for each item, alike but for the body.

use std::io::{self, BufRead, Write};

use roaring::RoaringTreemap;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::output::line::Line;

/// What of a row says whether it has items.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
    #[serde(default)]
    changed: bool,
}

/// Writes a row of a page as rows of its items, each with a line break behind it: a row whose body was put together as a list
/// ([`ChangedBody::Json`](crate::ChangedBody::Json)). The body of each is an item, and `"item"` its place on the page, counted
/// from 0. A page without items has no rows; a row of anything else, as of a page that has failed, stays as it is.
///
/// ```
/// let page = br#"{"id":"a","index":7,"status":200,"body":[{"n":1.10},2],"error":null,"changed":true}"#;
/// let mut rows = Vec::new();
/// patata_run::write_items(&mut rows, page);
/// assert_eq!(
///     String::from_utf8(rows).unwrap(),
///     "{\"id\":\"a\",\"index\":7,\"status\":200,\"body\":{\"n\":1.10},\"error\":null,\"item\":0}\n\
///      {\"id\":\"a\",\"index\":7,\"status\":200,\"body\":2,\"error\":null,\"item\":1}\n"
/// );
/// ```
pub fn write_items(buffer: &mut Vec<u8>, row: &[u8]) {
    let row = row.strip_suffix(b"\n").unwrap_or(row);
    let Some((items, before)) = items(row) else {
        buffer.extend_from_slice(row);
        return buffer.push(b'\n');
    };
    for (place, item) in items.iter().enumerate() {
        buffer.extend_from_slice(before);
        buffer.extend_from_slice(item.get().as_bytes());
        buffer.extend_from_slice(format!(",\"error\":null,\"item\":{place}}}\n").as_bytes());
    }
}

/// The items of a row, and what stands before its body.
fn items(row: &[u8]) -> Option<(Vec<&RawValue>, &[u8])> {
    let page: Page<'_> = serde_json::from_slice(row).ok()?;
    let body = page.body.filter(|_| page.changed)?.get();
    let items = serde_json::from_str(body).ok()?;
    let begin = (body.as_ptr() as usize).checked_sub(row.as_ptr() as usize)?;
    Some((items, row.get(..begin)?))
}

/// Turns lines of pages into lines of items.
pub(crate) fn convert(mut lines: impl BufRead, into: &mut impl Write) -> io::Result<()> {
    let (mut line, mut rows) = (Vec::new(), Vec::new());
    while lines.read_until(b'\n', &mut line)? > 0 {
        write_items(&mut rows, &line);
        into.write_all(&rows)?;
        line.clear();
        rows.clear();
    }
    Ok(())
}

/// Copies lines of items without those of some requests.
pub(crate) fn copy(mut lines: impl BufRead, left_out: &RoaringTreemap, into: &mut Vec<u8>) -> io::Result<()> {
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        let is_left_out = Line::read(&line).is_some_and(|row| left_out.contains(row.index));
        if !is_left_out {
            into.extend_from_slice(&line);
        }
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_whose_items_were_taken_out_become_several_rows() {
        let failed =
            "{\"index\":1,\"ok\":false,\"body\":[1,2],\"error\":{\"kind\":\"page\",\"message\":\"m\"}}\n";
        let empty = "{\"index\":2,\"ok\":true,\"body\":[],\"error\":null,\"changed\":true}\n";
        let page = "{\"index\":3,\"body\":[\"a\\\"\",[0]],\"error\":null,\"changed\":true}\n";
        let mut written = Vec::new();
        convert([failed, empty, page].concat().as_bytes(), &mut written).unwrap();
        let expected = format!(
            "{failed}{}\n{}\n",
            "{\"index\":3,\"body\":\"a\\\"\",\"error\":null,\"item\":0}",
            "{\"index\":3,\"body\":[0],\"error\":null,\"item\":1}"
        );
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }

    #[test]
    fn what_is_no_row_stays_as_it_is() {
        let mut written = Vec::new();
        write_items(&mut written, b"{\"body\":[1");
        assert_eq!(written, b"{\"body\":[1\n");
    }
}
