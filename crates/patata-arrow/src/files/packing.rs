//! Files that are packed, read and written as if they were not.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Chain, Cursor, Read, Write};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

use crate::files::kind::Packing;

/// The level of zstd: of those that cost little, that which makes the smallest files.
const LEVEL: i32 = 3;

/// How much is read or written at once.
const PIECE: usize = 128 << 10;

/// What the first bytes were taken from is put before them again.
type Raw = BufReader<Chain<Cursor<Vec<u8>>, File>>;

/// A file that is read unpacked.
pub(super) enum Unpacked {
    Plain(Raw),
    Gzip(Box<MultiGzDecoder<Raw>>),
    Zstd(Box<zstd::Decoder<'static, Raw>>),
}

impl Unpacked {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut first = Vec::new();
        Read::by_ref(&mut file).take(4).read_to_end(&mut first)?;
        let packing = Packing::of_bytes(&first);
        let raw = BufReader::with_capacity(PIECE, Cursor::new(first).chain(file));
        Ok(match packing {
            Packing::None => Self::Plain(raw),
            Packing::Gzip => Self::Gzip(Box::new(MultiGzDecoder::new(raw))),
            Packing::Zstd => Self::Zstd(Box::new(zstd::Decoder::with_buffer(raw)?)),
        })
    }
}

impl Read for Unpacked {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(raw) => raw.read(into),
            Self::Gzip(decoder) => decoder.read(into),
            Self::Zstd(decoder) => decoder.read(into),
        }
    }
}

/// A file that is packed as it is written.
pub(super) enum Packed {
    Plain(BufWriter<File>),
    Gzip(Box<GzEncoder<BufWriter<File>>>),
    Zstd(Box<zstd::Encoder<'static, BufWriter<File>>>),
}

impl Packed {
    pub(super) fn new(file: File, packing: Packing) -> io::Result<Self> {
        let file = BufWriter::with_capacity(PIECE, file);
        Ok(match packing {
            Packing::None => Self::Plain(file),
            Packing::Gzip => Self::Gzip(Box::new(GzEncoder::new(file, flate2::Compression::fast()))),
            Packing::Zstd => Self::Zstd(Box::new(zstd::Encoder::new(file, LEVEL)?)),
        })
    }

    /// Writes what is left, and gives the file.
    pub(super) fn finish(self) -> io::Result<File> {
        let file = match self {
            Self::Plain(file) => file,
            Self::Gzip(encoder) => encoder.finish()?,
            Self::Zstd(encoder) => encoder.finish()?,
        };
        file.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

impl Write for Packed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            // To flush a packer costs bytes, and is not needed before its end.
            Self::Gzip(_) | Self::Zstd(_) => Ok(()),
        }
    }
}
