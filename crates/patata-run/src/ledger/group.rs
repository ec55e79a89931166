//! Groups of rows: what is written to the ledger at once, with a row behind it by which it is known to be whole.

use crate::ledger::entry::{hexadecimal, number, push_hexadecimal, push_number};

/// Ends a group: the row that says how many rows it has, and what their checksum is.
///
/// It is a row as any other to whoever reads the file as CSV.
pub(crate) fn write_check(buffer: &mut Vec<u8>, rows: u64, group: &[u8]) {
    push_number(buffer, rows);
    buffer.extend_from_slice(b",check,,,,,,,");
    push_hexadecimal(buffer, &crc32fast::hash(group).to_be_bytes());
    buffer.push(b'\n');
}

/// What a check row says, where a line (without its break) is one: how many rows, and their checksum.
pub(crate) fn read_check(line: &[u8]) -> Option<(u64, u32)> {
    let begin = memchr::memchr(b',', line)?;
    let checksum = line[begin..].strip_prefix(b",check,,,,,,,")?;
    if checksum.len() != 8 {
        return None;
    }
    let checksum = u32::try_from(hexadecimal(checksum)?).ok()?;
    Some((number(&line[..begin])?, checksum))
}
