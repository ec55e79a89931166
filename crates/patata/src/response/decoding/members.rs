//! One content-encoding undone: member after member of a stream, and what stands behind the last is dropped.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::response::decoding::{Allowed, Coding};

/// How much is read of what is decoded at once: so often it is seen whether anybody still waits.
const READ: usize = 16 << 10;

/// Told to a decoding on another thread that nobody waits for it any more.
#[derive(Debug, Clone, Default)]
pub(crate) struct Abandoned(Arc<AtomicBool>);

impl Abandoned {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Why a decoding ended early, inside of an [`io::Error`].
#[derive(Debug, thiserror::Error)]
pub(super) enum Stopped {
    #[error("{1}")]
    Broken(Coding, io::Error),
    #[error("the body grows beyond what is allowed")]
    TooMuch(Coding),
    #[error("nobody waits for the body any more")]
    Abandoned,
}

impl From<Stopped> for io::Error {
    fn from(stopped: Stopped) -> Self {
        Self::other(stopped)
    }
}

/// What is decoded, with a look ahead.
pub(super) struct Source<'r> {
    reader: Box<dyn Read + 'r>,
    buffer: Vec<u8>,
    /// What of the buffer has been taken already.
    taken: usize,
    abandoned: Abandoned,
}

impl<'r> Source<'r> {
    fn new(reader: impl Read + 'r, abandoned: Abandoned) -> Self {
        Self { reader: Box::new(reader), buffer: Vec::new(), taken: 0, abandoned }
    }

    /// At most `count` bytes that come next: fewer only at the end.
    fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.buffer.len() - self.taken < count && self.read_more()? > 0 {}
        let end = self.buffer.len().min(self.taken + count);
        Ok(&self.buffer[self.taken..end])
    }

    fn read_more(&mut self) -> io::Result<usize> {
        if self.abandoned.is_set() {
            return Err(Stopped::Abandoned.into());
        }
        self.buffer.drain(..self.taken);
        self.taken = 0;
        let mut part = self.reader.by_ref().take(READ as u64);
        part.read_to_end(&mut self.buffer)
    }

    /// Reads to the end: what is around it may still turn out to be broken.
    fn drain(&mut self) -> io::Result<()> {
        loop {
            let length = self.fill_buf()?.len();
            if length == 0 {
                return Ok(());
            }
            self.consume(length);
        }
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Source<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken == self.buffer.len() {
            self.read_more()?;
        }
        Ok(&self.buffer[self.taken..])
    }

    fn consume(&mut self, count: usize) {
        self.taken += count;
    }
}

/// Reads what a coding stands for.
pub(super) struct Members<'r> {
    coding: Coding,
    state: State<'r>,
    decoded: u64,
    allowed: Allowed,
    abandoned: Abandoned,
}

enum State<'r> {
    /// Where a member begins.
    Before(Source<'r>),
    Within(Member<'r>),
    Ended,
}

enum Member<'r> {
    Gzip(Box<flate2::bufread::GzDecoder<Source<'r>>>),
    Zlib(flate2::bufread::ZlibDecoder<Source<'r>>),
    Deflate(flate2::bufread::DeflateDecoder<Source<'r>>),
    Brotli(Box<brotli_decompressor::Decompressor<Source<'r>>>),
    Zstd(Box<zstd::Decoder<'static, Source<'r>>>),
}

impl<'r> Members<'r> {
    pub(super) fn new(
        coding: Coding,
        encoded: impl Read + 'r,
        allowed: Allowed,
        abandoned: &Abandoned,
    ) -> Self {
        let state = State::Before(Source::new(encoded, abandoned.clone()));
        Self { coding, state, decoded: 0, allowed, abandoned: abandoned.clone() }
    }

    /// What was decoded, of whatever member comes next.
    fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Ended => return Ok(0),
                State::Before(source) => self.state = State::Within(Member::begin(self.coding, source)?),
                State::Within(mut member) => {
                    let count = member.read(buffer)?;
                    if count > 0 {
                        self.state = State::Within(member);
                        return Ok(count);
                    }
                    let mut source = member.into_source();
                    if self.coding.begins_another(&mut source)? {
                        self.state = State::Before(source);
                    } else {
                        source.drain()?;
                    }
                }
            }
        }
    }
}

impl Read for Members<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.abandoned.is_set() {
            return Err(Stopped::Abandoned.into());
        }
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = self.read_some(buffer).map_err(|cause| match cause.get_ref() {
            // From a coding around this one.
            Some(inner) if inner.is::<Stopped>() => cause,
            _ => Stopped::Broken(self.coding, cause).into(),
        })?;
        self.decoded += count as u64;
        if self.decoded >= self.allowed.most() {
            Err(Stopped::TooMuch(self.coding).into())
        } else {
            Ok(count)
        }
    }
}

impl<'r> Member<'r> {
    fn begin(coding: Coding, mut source: Source<'r>) -> io::Result<Self> {
        Ok(match coding {
            Coding::Gzip => Self::Gzip(Box::new(flate2::bufread::GzDecoder::new(source))),
            // "deflate" means zlib's format, but some servers send the bare stream.
            Coding::Deflate if is_zlib(source.peek(2)?) => {
                Self::Zlib(flate2::bufread::ZlibDecoder::new(source))
            }
            Coding::Deflate => Self::Deflate(flate2::bufread::DeflateDecoder::new(source)),
            Coding::Brotli => Self::Brotli(Box::new(brotli_decompressor::Decompressor::new(source, 4096))),
            Coding::Zstd => Self::Zstd(Box::new(zstd::Decoder::with_buffer(source)?.single_frame())),
        })
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(decoder) => decoder.read(buffer),
            Self::Zlib(decoder) => decoder.read(buffer),
            Self::Deflate(decoder) => decoder.read(buffer),
            Self::Brotli(decoder) => decoder.read(buffer),
            Self::Zstd(decoder) => decoder.read(buffer),
        }
    }

    /// What stands behind it.
    fn into_source(self) -> Source<'r> {
        match self {
            Self::Gzip(decoder) => decoder.into_inner(),
            Self::Zlib(decoder) => decoder.into_inner(),
            Self::Deflate(decoder) => decoder.into_inner(),
            Self::Brotli(decoder) => decoder.into_inner(),
            Self::Zstd(decoder) => decoder.finish(),
        }
    }
}

impl Coding {
    /// Whether another member follows, where the coding has any. All else that stands there is no part of the body, and
    /// is dropped, as the peers do.
    fn begins_another(self, source: &mut Source<'_>) -> io::Result<bool> {
        Ok(match self {
            Self::Gzip => source.peek(2)? == b"\x1f\x8b",
            Self::Zstd => match source.peek(4)? {
                b"\x28\xb5\x2f\xfd" => true,
                // A frame that is to be skipped.
                [first, 0x2a, 0x4d, 0x18] => first & 0xf0 == 0x50,
                _ => false,
            },
            Self::Deflate | Self::Brotli => false,
        })
    }
}

/// RFC 1950's header: method 8, and the two bytes a multiple of 31.
fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [first, second, ..] if first & 0x0f == 8 && (u16::from(*first) << 8 | u16::from(*second)) % 31 == 0)
}
