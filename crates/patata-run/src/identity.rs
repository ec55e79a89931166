//! How an input is known again: by digests of its bytes, a block at a time.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// How many bytes of an input one digest is for.
pub const BLOCK_LENGTH: u64 = 1 << 20;

/// A block of an input as a process has read it: where it stands, and what was in it.
///
/// Blocks stand side by side from the first byte on, all of [`BLOCK_LENGTH`], save the last one, which may be shorter. An
/// input that has grown since begins with the same blocks, and the last of them is the beginning of a longer one.
///
/// ```
/// let block = patata_run::InputBlock { offset: 0, length: 3, digest: 10, rows: 1 };
/// let written = serde_json::to_string(&block).unwrap();
/// assert_eq!(
///     written,
///     r#"{"offset":0,"length":3,"digest":"0000000000000000000000000000000a","rows":1}"#
/// );
/// assert_eq!(serde_json::from_str::<patata_run::InputBlock>(&written).unwrap(), block);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputBlock {
    /// Where it begins, counted in bytes over all files of the input together, as they are unpacked.
    pub offset: u64,
    /// How many bytes it has.
    pub length: u64,
    /// The xxh3_128 of these bytes. Written as 32 hexadecimal digits.
    #[serde(serialize_with = "write_digest", deserialize_with = "read_digest")]
    pub digest: u128,
    /// How many rows of the input had begun before the block's end.
    pub rows: u64,
}

impl InputBlock {
    /// Where the next block begins.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }
}

// The arguments are serde's.
fn write_digest<S: Serializer>(digest: &u128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{digest:032x}"))
}

fn read_digest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => u128::from_str_radix(&text, 16).map_err(de::Error::custom),
        false => Err(de::Error::custom(format_args!("{text:?} is no digest: it has 32 hexadecimal digits"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_that_is_none_is_refused() {
        for digest in ["", "0a", "+000000000000000000000000000000a", "0000000000000000000000000000000g"] {
            let text = format!(r#"{{"offset":0,"length":3,"digest":"{digest}","rows":1}}"#);
            let error = serde_json::from_str::<InputBlock>(&text).unwrap_err().to_string();
            assert!(error.contains("is no digest"), "{error}");
        }
    }

    #[test]
    fn the_greatest_digest_is_read_as_it_was_written() {
        let block = InputBlock { offset: 1, length: 2, digest: u128::MAX, rows: 3 };
        let written = serde_json::to_string(&block).unwrap();
        assert_eq!(serde_json::from_str::<InputBlock>(&written).unwrap(), block);
    }
}
