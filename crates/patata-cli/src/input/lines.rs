//! Rows that are lines: of URLs, and of JSON.

use super::error::InputError;
use super::format::InputFormat;
use super::row::Row;
use super::window::Window;

/// Goes on to the next row of the file, and puts it into `row` where one is given. `false` at the file's end.
pub(super) fn read(
    window: &mut Window,
    format: InputFormat,
    row: Option<&mut Row>,
) -> Result<bool, InputError> {
    let length = loop {
        let Some(length) = line_length(window)? else { return Ok(false) };
        let content = window.bytes()[..length].trim_ascii();
        let is_remark = format == InputFormat::Lines && content.starts_with(b"#");
        if !content.is_empty() && !is_remark {
            break length;
        }
        window.consume(length, 1);
    };
    window.begin_row();
    if let Some(row) = row {
        row.begin(window);
        row.set_line(&window.bytes()[..length], format.of_rows());
    }
    window.consume(length, 1);
    Ok(true)
}

/// How long the next line is, its end included.
fn line_length(window: &mut Window) -> Result<Option<usize>, InputError> {
    let mut searched = 0;
    loop {
        let bytes = window.bytes();
        if let Some(at) = memchr::memchr(b'\n', &bytes[searched..]) {
            return Ok(Some(searched + at + 1));
        }
        searched = bytes.len();
        if !window.more()? {
            return Ok((searched > 0).then_some(searched));
        }
    }
}
