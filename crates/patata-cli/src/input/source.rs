//! The bytes of the files of an input, one file after another, unpacked where they are packed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;

use super::error::InputError;
use super::parquet;

/// How much is read at once: more than a pipe holds.
const PIECE: usize = 128 << 10;

/// Archives that are known, so that their bytes are not taken for text, and how their content can be had.
const OTHER_FORMATS: [(&[u8], &str, &str); 4] = [
    (b"BZh", "a bzip2 archive", "bzip2 -dc FILE | patata run -"),
    (b"\xfd7zX", "an xz archive", "xz -dc FILE | patata run -"),
    (b"PK\x03\x04", "a zip archive", "unzip -p FILE | patata run -"),
    (b"\x04\x22\x4d\x18", "an lz4 archive", "lz4 -dc FILE | patata run -"),
];

/// Where rows come from: a file, or what is piped into the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file, a named pipe, a device.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl Source {
    /// `-` is standard input, all else a file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        match path.as_os_str() == "-" {
            true => Self::Stdin,
            false => Self::File(path),
        }
    }

    /// By what messages name it.
    pub fn name(&self) -> Arc<str> {
        match self {
            Self::File(path) => path.to_string_lossy().into(),
            Self::Stdin => "stdin".into(),
        }
    }

    /// The file's path, if it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Stdin => None,
        }
    }

    /// Whether it can be read again from its beginning.
    pub fn is_regular(&self) -> bool {
        self.path().is_some_and(Path::is_file)
    }

    /// Whether it is a file of Parquet. What can be read only once is not looked at, and is none.
    pub(super) fn is_parquet(&self) -> Result<bool, InputError> {
        match self.path().filter(|path| path.is_file()) {
            Some(path) => {
                parquet::is_parquet(path).map_err(|source| InputError::Open { file: self.name(), source })
            }
            None => Ok(false),
        }
    }

    /// That it is there and no folder, without opening it: opening a pipe takes it away from others.
    pub(super) fn check(&self) -> Result<(), InputError> {
        let Some(path) = self.path() else { return Ok(()) };
        let source = match path.metadata() {
            Ok(about) if !about.is_dir() => return Ok(()),
            Ok(_) => io::Error::new(
                io::ErrorKind::IsADirectory,
                "it is a folder; name the files in it, as in \"folder\"/*.csv",
            ),
            Err(source) => source,
        };
        Err(InputError::Open { file: self.name(), source })
    }
}

/// Some bytes of one file.
pub(super) struct Piece {
    /// The file's place among the sources.
    pub(super) file: usize,
    pub(super) bytes: Vec<u8>,
}

/// All files, one after another.
pub(super) struct Stream {
    sources: Vec<Source>,
    /// The place of the file that is open, or is opened next.
    file: usize,
    open: Option<Unpacked>,
}

impl Stream {
    pub(super) fn new(sources: Vec<Source>) -> Self {
        Self { sources, file: 0, open: None }
    }

    pub(super) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The next bytes, put into `space`; `None` at the end of the last file. A file without any bytes gives no piece.
    pub(super) fn next(&mut self, mut space: Vec<u8>) -> Result<Option<Piece>, InputError> {
        space.resize(PIECE, 0);
        while let Some(source) = self.sources.get(self.file) {
            let open = match &mut self.open {
                Some(open) => open,
                none => none.insert(Unpacked::open(source)?),
            };
            match open.read(&mut space)? {
                0 => {
                    self.open = None;
                    self.file += 1;
                }
                count => {
                    space.truncate(count);
                    return Ok(Some(Piece { file: self.file, bytes: space }));
                }
            }
        }
        Ok(None)
    }
}

/// What the first bytes were taken from is put before them again.
type Raw = Counted<BufReader<io::Chain<Cursor<Vec<u8>>, Box<dyn Read + Send>>>>;

/// A file that is open, and how its content is had.
struct Unpacked {
    name: Arc<str>,
    decoder: Decoder,
}

enum Decoder {
    Plain(Raw),
    Gzip(Box<MultiGzDecoder<Raw>>),
    Zstd(Box<zstd::Decoder<'static, Raw>>),
    Parquet(Box<dyn Read + Send>),
}

impl Unpacked {
    fn open(source: &Source) -> Result<Self, InputError> {
        source.check()?;
        let name = source.name();
        let failed = |source| InputError::Open { file: name.clone(), source };
        let mut reader: Box<dyn Read + Send> = match source {
            Source::File(path) => Box::new(File::open(path).map_err(failed)?),
            Source::Stdin => Box::new(io::stdin()),
        };
        let mut first = Vec::new();
        reader.by_ref().take(4).read_to_end(&mut first).map_err(failed)?;
        if let Some((_, what, command)) = OTHER_FORMATS.iter().find(|(magic, ..)| first.starts_with(magic)) {
            let command = command.replace("FILE", &name);
            let message = format!("is {what}, which is not read here; unpack it: {command}");
            return Err(InputError::Form { file: name, line: None, message });
        }
        if first == parquet::MAGIC {
            let decoder = Decoder::Parquet(whole_parquet(source, &name)?);
            return Ok(Self { name, decoder });
        }
        let is_gzip = first.starts_with(b"\x1f\x8b");
        let is_zstd = is_zstd(&first);
        let raw =
            Counted { inner: BufReader::with_capacity(PIECE, Cursor::new(first).chain(reader)), count: 0 };
        let decoder = match (is_gzip, is_zstd) {
            (true, _) => Decoder::Gzip(Box::new(MultiGzDecoder::new(raw))),
            (_, true) => Decoder::Zstd(Box::new(zstd::Decoder::with_buffer(raw).map_err(failed)?)),
            _ => Decoder::Plain(raw),
        };
        Ok(Self { name, decoder })
    }

    fn read(&mut self, into: &mut [u8]) -> Result<usize, InputError> {
        loop {
            let result = match &mut self.decoder {
                Decoder::Plain(raw) => raw.read(into),
                Decoder::Gzip(decoder) => decoder.read(into),
                Decoder::Zstd(decoder) => decoder.read(into),
                Decoder::Parquet(lines) => lines.read(into),
            };
            match result {
                Ok(count) => return Ok(count),
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(self.failed(source)),
            }
        }
    }

    /// Whether the archive or the disk is at fault: the system's errors have a number.
    fn failed(&self, source: io::Error) -> InputError {
        let file = self.name.clone();
        let (format, offset) = match &self.decoder {
            Decoder::Plain(raw) => return InputError::Read { file, offset: raw.count, source },
            Decoder::Gzip(decoder) => ("gzip", decoder.get_ref().count),
            Decoder::Zstd(decoder) => ("zstd", decoder.get_ref().count),
            Decoder::Parquet(_) => {
                return InputError::Form { file, line: None, message: source.to_string() };
            }
        };
        match source.raw_os_error() {
            Some(_) => InputError::Read { file, offset, source },
            None => InputError::Archive { file, format, offset, source },
        }
    }
}

/// The lines of a file of Parquet, which is read from its end.
fn whole_parquet(source: &Source, name: &Arc<str>) -> Result<Box<dyn Read + Send>, InputError> {
    match source.path().filter(|path| path.is_file()) {
        Some(path) => parquet::lines(path, name),
        None => Err(InputError::Form {
            file: name.clone(),
            line: None,
            message: "is Parquet, which is read from its end and cannot be piped; name the file instead"
                .to_owned(),
        }),
    }
}

/// A frame, or one that is to be skipped, as parallel packers write before each.
fn is_zstd(first: &[u8]) -> bool {
    first == b"\x28\xb5\x2f\xfd" || (first.len() == 4 && first[0] >> 4 == 5 && first[1..] == *b"\x2a\x4d\x18")
}

/// Counts what is taken out of a reader.
struct Counted<R> {
    inner: R,
    count: u64,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        self.count += count as u64;
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.count += count as u64;
        self.inner.consume(count);
    }
}
