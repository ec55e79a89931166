//! What form the rows of an input have, said or guessed.

use std::fmt;
use std::path::Path;

/// The form of the rows of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputFormat {
    /// A URL on each line. Empty lines, and those that begin with `#`, are no rows.
    Lines,
    /// A JSON object on each line. Empty lines are no rows.
    Jsonl,
    /// Comma-separated values (RFC 4180) with a header.
    Csv,
    /// The same with tabs in the place of commas.
    Tsv,
    /// Columns, whose rows are as JSON lines with a member for each.
    Parquet,
}

impl InputFormat {
    /// Every format, in the order in which help lists them.
    pub const ALL: [Self; 5] = [Self::Lines, Self::Jsonl, Self::Csv, Self::Tsv, Self::Parquet];

    /// Its name, as an option takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lines => "lines",
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Parquet => "parquet",
        }
    }

    /// What a file's name says, below `.gz` and `.zst`.
    ///
    /// ```
    /// use std::path::Path;
    /// use patata_cli::input::InputFormat;
    ///
    /// assert_eq!(InputFormat::of_name(Path::new("data/users.csv.gz")), Some(InputFormat::Csv));
    /// assert_eq!(InputFormat::of_name(Path::new("urls")), None);
    /// ```
    pub fn of_name(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match &*extension {
            "gz" | "gzip" | "zst" | "zstd" => Self::of_name(Path::new(path.file_stem()?)),
            "jsonl" | "ndjson" | "jsonlines" | "json" => Some(Self::Jsonl),
            "csv" => Some(Self::Csv),
            "tsv" | "tab" => Some(Self::Tsv),
            "parquet" | "pq" => Some(Self::Parquet),
            "txt" | "urls" | "lst" | "list" => Some(Self::Lines),
            _ => None,
        }
    }

    /// What the first bytes look like: an object, a URL, or names between tabs or commas.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let Some(line) = telling_line(bytes) else { return Self::Lines };
        let place = |part: &[u8]| memchr::memmem::find(line, part).unwrap_or(usize::MAX);
        let (url, tab, comma) = (place(b"://"), place(b"\t"), place(b","));
        match line[0] {
            b'{' | b'[' => Self::Jsonl,
            _ if url < tab && url < comma => Self::Lines,
            _ if tab < usize::MAX => Self::Tsv,
            _ if comma < usize::MAX => Self::Csv,
            _ => Self::Lines,
        }
    }

    /// As what its rows are read: those of Parquet become lines of JSON on the way.
    pub(super) fn of_rows(self) -> Self {
        if self == Self::Parquet { Self::Jsonl } else { self }
    }

    pub(super) fn separator(self) -> u8 {
        if self == Self::Tsv { b'\t' } else { b',' }
    }
}

/// The first line that is neither empty nor a remark.
pub(super) fn telling_line(bytes: &[u8]) -> Option<&[u8]> {
    let mut lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.find(|line| !line.is_empty() && !line.starts_with(b"#"))
}

impl fmt::Display for InputFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_the_format() {
        for (bytes, format) in [
            ("", InputFormat::Lines),
            ("\n# list\nhttp://host/a,b\n", InputFormat::Lines),
            ("host/path", InputFormat::Lines),
            (" {\"url\": \"http://host/\"}", InputFormat::Jsonl),
            ("id,url\n1,http://host/", InputFormat::Csv),
            ("id\tname, first\n", InputFormat::Tsv),
            ("1,http://host/", InputFormat::Csv),
            ("http://host/?a=1\tb", InputFormat::Lines),
        ] {
            assert_eq!(InputFormat::of_bytes(bytes.as_bytes()), format, "{bytes:?}");
        }
    }
}
