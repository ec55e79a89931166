//! What a file is, by what stands in it and by how its name ends.

use std::path::Path;

/// How tables are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Parquet,
    Csv { separator: u8 },
    Jsonl,
}

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    None,
    Gzip,
    Zstd,
}

impl Packing {
    /// By a file's first bytes.
    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        // Parallel packers write a frame that is to be skipped before each.
        let is_skipped =
            |bytes: &[u8]| bytes.len() >= 4 && bytes[0] >> 4 == 5 && bytes[1..4] == *b"\x2a\x4d\x18";
        match bytes {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            bytes if is_skipped(bytes) => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// What a name says of a file: its kind below what it is packed by.
pub(super) fn of_name(path: &Path) -> (Option<Kind>, Packing) {
    let ending = |path: &Path| path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    let packing = match ending(path).as_deref() {
        Some("gz" | "gzip") => Packing::Gzip,
        Some("zst" | "zstd") => Packing::Zstd,
        _ => Packing::None,
    };
    let inner = if packing == Packing::None { path } else { Path::new(path.file_stem().unwrap_or_default()) };
    let kind = match ending(inner).as_deref() {
        Some("parquet" | "pq") => Some(Kind::Parquet),
        Some("csv") => Some(Kind::Csv { separator: b',' }),
        Some("tsv" | "tab") => Some(Kind::Csv { separator: b'\t' }),
        Some("jsonl" | "ndjson" | "jsonlines" | "json") => Some(Kind::Jsonl),
        _ => None,
    };
    (kind, packing)
}

impl Kind {
    /// That of a file with this beginning, unpacked.
    ///
    /// # Errors
    /// What it seems to be, where it is none of them.
    pub(super) fn of(path: &Path, first: &[u8]) -> Result<Self, String> {
        let said = of_name(path).0;
        let text = first.trim_ascii_start();
        match (said, text.first()) {
            _ if first.starts_with(b"PAR1") => Ok(Self::Parquet),
            (Some(Self::Parquet), _) => Err("it is no Parquet, whatever its name says".into()),
            (_, None) if !matches!(said, Some(Self::Csv { .. })) => {
                Err("it is empty, and so has no columns".into())
            }
            (Some(Self::Csv { separator }), _) => Ok(Self::Csv { separator }),
            (_, Some(b'{')) => Ok(Self::Jsonl),
            (_, Some(b'[')) => {
                Err("it is one array of JSON, not an object a line (jq -c '.[]' makes it that)".into())
            }
            (Some(Self::Jsonl), _) => Err("it has no object of JSON in its first line".into()),
            _ => Self::of_header(first).ok_or_else(|| "nothing tells what it is".into()),
        }
    }

    /// By the first line alone: names between tabs or commas.
    fn of_header(first: &[u8]) -> Option<Self> {
        let line = first.split(|byte| *byte == b'\n').next()?;
        let is_text = std::str::from_utf8(line).is_ok() && !line.contains(&0);
        let separator = [b'\t', b','].into_iter().find(|separator| line.contains(separator));
        separator.filter(|_| is_text).map(|separator| Self::Csv { separator })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_and_ending_tell_what_a_file_is() {
        let comma = Kind::Csv { separator: b',' };
        let tab = Kind::Csv { separator: b'\t' };
        for (name, first, expected) in [
            ("a", "PAR1...", Ok(Kind::Parquet)),
            ("a.csv", "PAR1", Ok(Kind::Parquet)),
            ("a.parquet", "id,url", Err("no Parquet")),
            ("a.parquet", "", Err("no Parquet")),
            ("a.CSV", "id", Ok(comma)),
            ("a.csv.gz", "", Ok(comma)),
            ("a.tsv", "a,b\tc", Ok(tab)),
            ("a.txt", "id\turl\n1,2", Ok(tab)),
            ("a", "id,url\n", Ok(comma)),
            ("a", "{\"a\": 1}", Ok(Kind::Jsonl)),
            ("a.ndjson.zst", " \n{}", Ok(Kind::Jsonl)),
            ("a.json", "[{}]", Err("one array")),
            ("a.json", "5", Err("no object")),
            ("a.json", " ", Err("empty")),
            ("a", "", Err("empty")),
            ("a", "id\n1", Err("nothing tells")),
            ("a", "\u{0},", Err("nothing tells")),
        ] {
            match (Kind::of(Path::new(name), first.as_bytes()), expected) {
                (Ok(kind), Ok(expected)) => assert_eq!(kind, expected, "{name} {first:?}"),
                (Err(problem), Err(part)) => assert!(problem.contains(part), "{name} {first:?}: {problem}"),
                (found, _) => panic!("{name} {first:?}: {found:?}"),
            }
        }
    }
}
