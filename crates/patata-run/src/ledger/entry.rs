//! One row of the ledger: what it says, how it is written, how it is read.

use std::time::Duration;

/// The first line of every file of the ledger.
pub(crate) const HEADER: &[u8] = b"pos,state,kind,attempt,part,off,len,ms,key\n";
/// More bytes than a row takes for all that are numbers in it.
const MOST_DIGITS: usize = 192;
/// Commas in each row.
const COMMAS: usize = 8;

/// Where the row of a response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Extent {
    /// The number of the part.
    pub(crate) part: u32,
    /// Where it begins, in bytes of the part before compression.
    pub(crate) offset: u64,
    /// How long it is, with its line break.
    pub(crate) length: u64,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended<'a> {
    /// Whether it was a success.
    pub(crate) is_ok: bool,
    /// A status, or the kind of an error with underscores.
    pub(crate) kind: &'a str,
    pub(crate) attempts: u32,
    pub(crate) extent: Extent,
    pub(crate) elapsed: Duration,
}

/// What a row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry<'a> {
    /// A process has begun to write, under this boot of its machine.
    Begin { boot: &'a str },
    /// A request is about to be sent that has an effect each time it is.
    Sent { position: u64, key: Option<u128> },
    /// It was not sent after all.
    Unsent { position: u64 },
    /// A request has ended, and its row is in a part.
    Ended { position: u64, ended: Ended<'a>, key: Option<u128> },
    /// A request that had ended, or of which nobody knows, is to be sent again.
    Again { position: u64 },
    /// A part is complete in the output folder, under this name's ending.
    Seal { part: u32, ending: &'a str, rows: u64, length: u64 },
    /// A part is of no use any more: another has its rows.
    Drop { part: u32 },
    /// So far the input has been read, and this is its digest.
    Input { rows: u64, offset: u64, length: u64, digest: u128 },
}

impl<'a> Entry<'a> {
    /// Writes it as a row.
    pub(crate) fn write(&self, buffer: &mut Vec<u8>) {
        match *self {
            Self::Begin { boot } => {
                push(buffer, &[b"0,begin,", boot.as_bytes(), b",,,,,,\n"]);
            }
            Self::Sent { position, key } => {
                push_number(buffer, position);
                push(buffer, &[b",sent,,,,,,,"]);
                push_key(buffer, key);
            }
            Self::Unsent { position } => {
                push_number(buffer, position);
                push(buffer, &[b",unsent,,,,,,,\n"]);
            }
            Self::Again { position } => {
                push_number(buffer, position);
                push(buffer, &[b",again,,,,,,,\n"]);
            }
            Self::Ended { position, ended, key } => {
                buffer.reserve(ended.kind.len() + MOST_DIGITS);
                push_number(buffer, position);
                push(
                    buffer,
                    &[if ended.is_ok { b",done," } else { b",failed," }, ended.kind.as_bytes(), b","],
                );
                push_number(buffer, ended.attempts.into());
                buffer.push(b',');
                push_extent(buffer, ended.extent);
                push_milliseconds(buffer, ended.elapsed);
                buffer.push(b',');
                push_key(buffer, key);
            }
            Self::Seal { part, ending, rows, length } => {
                push_number(buffer, rows);
                push(buffer, &[b",seal,", ending.as_bytes(), b",,"]);
                push_extent(buffer, Extent { part, offset: 0, length });
                buffer.extend_from_slice(b",\n");
            }
            Self::Drop { part } => {
                buffer.extend_from_slice(b"0,drop,,,");
                push_number(buffer, part.into());
                buffer.extend_from_slice(b",,,,\n");
            }
            Self::Input { rows, offset, length, digest } => {
                push_number(buffer, rows);
                buffer.extend_from_slice(b",input,,,,");
                push_number(buffer, offset);
                buffer.push(b',');
                push_number(buffer, length);
                buffer.extend_from_slice(b",,");
                push_key(buffer, Some(digest));
            }
        }
    }

    /// What became of a request, where that is what it says.
    pub(crate) fn ended(&self) -> Option<&Ended<'a>> {
        match self {
            Self::Ended { ended, .. } => Some(ended),
            _ => None,
        }
    }

    /// Reads a row without its line break. `None` for what is none.
    pub(crate) fn read(line: &'a [u8]) -> Option<Self> {
        let mut fields = Fields { rest: line, commas: 0 };
        let number = fields.number()?;
        let state = fields.next()?;
        let kind = fields.text()?;
        let entry = match state {
            b"done" | b"failed" => {
                let attempts = u32::try_from(fields.number()?).ok()?;
                let extent = fields.extent()?;
                let elapsed = fields.milliseconds()?;
                let ended = Ended { is_ok: state == b"done", kind, attempts, extent, elapsed };
                Self::Ended { position: number, ended, key: fields.key()? }
            }
            b"sent" => {
                fields.skip(5)?;
                Self::Sent { position: number, key: fields.key()? }
            }
            b"unsent" => {
                fields.skip(5)?;
                fields.key()?;
                Self::Unsent { position: number }
            }
            b"again" => {
                fields.skip(5)?;
                fields.key()?;
                Self::Again { position: number }
            }
            b"begin" => {
                fields.skip(6)?;
                Self::Begin { boot: kind }
            }
            b"seal" => {
                fields.skip(1)?;
                let extent = fields.extent()?;
                fields.skip(2)?;
                Self::Seal { part: extent.part, ending: kind, rows: number, length: extent.length }
            }
            b"drop" => {
                fields.skip(1)?;
                let part = u32::try_from(fields.number()?).ok()?;
                fields.skip(4)?;
                Self::Drop { part }
            }
            b"input" => {
                fields.skip(2)?;
                let (offset, length) = (fields.number()?, fields.number()?);
                fields.skip(1)?;
                Self::Input { rows: number, offset, length, digest: fields.key()?? }
            }
            _ => return None,
        };
        (fields.commas == COMMAS && fields.rest.is_empty()).then_some(entry)
    }
}

/// The fields of a row, one after another.
struct Fields<'a> {
    rest: &'a [u8],
    commas: usize,
}

impl<'a> Fields<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        // Fields are short, so that a plain search is the quickest.
        match self.rest.iter().position(|byte| *byte == b',') {
            Some(end) => {
                let field = &self.rest[..end];
                self.rest = &self.rest[end + 1..];
                self.commas += 1;
                Some(field)
            }
            None => Some(std::mem::take(&mut self.rest)),
        }
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.next()?).ok()
    }

    fn number(&mut self) -> Option<u64> {
        number(self.next()?)
    }

    /// Passes fields that are empty.
    fn skip(&mut self, count: usize) -> Option<()> {
        (0..count).try_for_each(|_| self.next()?.is_empty().then_some(()))
    }

    fn extent(&mut self) -> Option<Extent> {
        let part = u32::try_from(self.number()?).ok()?;
        Some(Extent { part, offset: self.number()?, length: self.number()? })
    }

    /// Milliseconds with up to three digits behind a point.
    fn milliseconds(&mut self) -> Option<Duration> {
        let field = self.next()?;
        let (whole, rest) = match field.iter().position(|byte| *byte == b'.') {
            Some(point) => (&field[..point], &field[point + 1..]),
            None => (field, &b"0"[..]),
        };
        let scale = [100, 10, 1].get(rest.len().checked_sub(1)?)?;
        let micros = number(whole)?.checked_mul(1000)?.checked_add(number(rest)? * scale)?;
        Some(Duration::from_micros(micros))
    }

    /// The last field: nothing, or a number of 128 bits.
    fn key(&mut self) -> Option<Option<u128>> {
        let field = self.next()?;
        match field.len() {
            0 => Some(None),
            32 => hexadecimal(field).map(Some),
            _ => None,
        }
    }
}

/// A whole number in decimal digits.
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 20 {
        return None;
    }
    let mut value = 0_u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(digit.into())?;
    }
    Some(value)
}

/// A number in hexadecimal digits, as they are written here: small ones, and nothing else.
pub(crate) fn hexadecimal(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |value: u128, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u128::from(digit))
    })
}

fn push(buffer: &mut Vec<u8>, pieces: &[&[u8]]) {
    for piece in pieces {
        buffer.extend_from_slice(piece);
    }
}

/// Writes a number in decimal digits; the general way of formatting takes several times as long, and most numbers are
/// small.
pub(crate) fn push_number(buffer: &mut Vec<u8>, number: u64) {
    match number {
        0..10 => buffer.push(DIGITS[number as usize][2]),
        10..100 => buffer.extend_from_slice(&[DIGITS[number as usize][1], DIGITS[number as usize][2]]),
        100..1000 => buffer.extend_from_slice(&DIGITS[number as usize]),
        _ => buffer.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
    }
}

/// The numbers below a thousand, in three digits.
const DIGITS: [[u8; 3]; 1000] = {
    let mut digits = [[b'0'; 3]; 1000];
    let mut number = 0;
    while number < 1000 {
        let places = [number / 100, number / 10 % 10, number % 10];
        digits[number] = [b'0' + places[0] as u8, b'0' + places[1] as u8, b'0' + places[2] as u8];
        number += 1;
    }
    digits
};

fn push_extent(buffer: &mut Vec<u8>, extent: Extent) {
    for number in [extent.part.into(), extent.offset, extent.length] {
        push_number(buffer, number);
        buffer.push(b',');
    }
}

/// Writes milliseconds with up to three digits behind the point.
pub(crate) fn push_milliseconds(buffer: &mut Vec<u8>, elapsed: Duration) {
    let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    push_number(buffer, micros / 1000);
    let [tenths, rest @ ..] = DIGITS[(micros % 1000) as usize];
    match rest {
        [b'0', b'0'] if tenths == b'0' => {}
        [b'0', b'0'] => buffer.extend_from_slice(&[b'.', tenths]),
        [hundredths, thousandths] => buffer.extend_from_slice(&[b'.', tenths, hundredths, thousandths]),
    }
}

/// Ends a row with its key, where it has one.
fn push_key(buffer: &mut Vec<u8>, key: Option<u128>) {
    if let Some(key) = key {
        push_hexadecimal(buffer, &key.to_be_bytes());
    }
    buffer.push(b'\n');
}

/// Writes bytes as pairs of hexadecimal digits.
pub(crate) fn push_hexadecimal<const BYTES: usize>(buffer: &mut Vec<u8>, bytes: &[u8; BYTES]) {
    let pairs = bytes.map(|byte| PAIRS[usize::from(byte)]);
    buffer.extend_from_slice(pairs.as_flattened());
}

/// The bytes, in two hexadecimal digits.
const PAIRS: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [digits[byte / 16], digits[byte % 16]];
        byte += 1;
    }
    pairs
};

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Any entry, with texts from a small set.
    pub(crate) fn entries() -> impl Strategy<Value = Entry<'static>> {
        let kind = prop_oneof![Just("200"), Just("timeout"), Just("invalid_request")];
        let extent = (any::<u32>(), any::<u64>(), any::<u64>());
        let extent = extent.prop_map(|(part, offset, length)| Extent { part, offset, length });
        let ended = (any::<bool>(), kind, any::<u32>(), extent, 0..u64::MAX / 1001).prop_map(
            |(is_ok, kind, attempts, extent, micros)| Ended {
                is_ok,
                kind,
                attempts,
                extent,
                elapsed: Duration::from_micros(micros),
            },
        );
        let key = proptest::option::of(any::<u128>());
        prop_oneof![
            Just(Entry::Begin { boot: "8a1b2c3d-0000" }),
            (any::<u64>(), key.clone()).prop_map(|(position, key)| Entry::Sent { position, key }),
            any::<u64>().prop_map(|position| Entry::Unsent { position }),
            any::<u64>().prop_map(|position| Entry::Again { position }),
            (any::<u64>(), ended, key).prop_map(|(position, ended, key)| Entry::Ended {
                position,
                ended,
                key
            }),
            (any::<u32>(), any::<u64>(), any::<u64>()).prop_map(|(part, rows, length)| Entry::Seal {
                part,
                ending: "jsonl.zst",
                rows,
                length
            }),
            any::<u32>().prop_map(|part| Entry::Drop { part }),
            (any::<u64>(), any::<u64>(), any::<u64>(), any::<u128>())
                .prop_map(|(rows, offset, length, digest)| Entry::Input { rows, offset, length, digest }),
        ]
    }

    #[test]
    fn a_row_reads_as_a_person_would_write_it() {
        let extent = Extent { part: 3, offset: 1024, length: 181 };
        let ended =
            Ended { is_ok: true, kind: "200", attempts: 1, extent, elapsed: Duration::from_micros(12_340) };
        for (entry, row) in [
            (Entry::Ended { position: 7, ended, key: None }, "7,done,200,1,3,1024,181,12.340,\n"),
            (Entry::Sent { position: 8, key: Some(0xab) }, "8,sent,,,,,,,000000000000000000000000000000ab\n"),
            (Entry::Seal { part: 3, ending: "jsonl", rows: 2, length: 9 }, "2,seal,jsonl,,3,0,9,,\n"),
            (Entry::Drop { part: 3 }, "0,drop,,,3,,,,\n"),
        ] {
            let mut written = Vec::new();
            entry.write(&mut written);
            assert_eq!(String::from_utf8(written).unwrap(), row);
        }
    }

    #[test]
    fn milliseconds_have_no_more_digits_than_they_need() {
        for (micros, expected) in [
            (0, "0"),
            (1, "0.001"),
            (10, "0.010"),
            (100, "0.1"),
            (12_300, "12.3"),
            (12_340, "12.340"),
            (5_000_000, "5000"),
        ] {
            let mut buffer = Vec::new();
            push_milliseconds(&mut buffer, Duration::from_micros(micros));
            assert_eq!(String::from_utf8(buffer).unwrap(), expected);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_what_is_read(entry in entries()) {
            let mut row = Vec::new();
            entry.write(&mut row);
            prop_assert_eq!(row.pop(), Some(b'\n'));
            prop_assert_eq!(row.iter().filter(|byte| **byte == b',').count(), COMMAS);
            prop_assert_eq!(Entry::read(&row), Some(entry));
        }

        #[test]
        fn no_bytes_make_reading_panic(line in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Entry::read(&line);
        }

        #[test]
        fn no_row_with_a_part_missing_is_taken_for_whole(entry in entries(), cut in 1..40_usize) {
            let mut row = Vec::new();
            entry.write(&mut row);
            row.truncate(row.len().saturating_sub(1 + cut));
            prop_assert_ne!(Entry::read(&row), Some(entry));
        }
    }
}
