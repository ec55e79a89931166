//! Undoes content-encodings, within limits that a compression bomb cannot pass.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use crate::error::{Error, Kind, Phase};
use crate::headers::Headers;
use crate::pieces::Pieces;
use bytes::Bytes;

/// Codings undone for one body at the most; more are a trick, not a saving.
const MAX_CODINGS: usize = 5;
/// Past this size a body may not grow by more than [`MAX_RATIO`].
const FREE_SIZE: usize = 1 << 20;
/// The most that decoding may multiply a body's size by.
const MAX_RATIO: usize = 200;

/// What is asked for in `Accept-Encoding`: all that [`decode`] undoes.
pub(crate) const ACCEPTED: &str = "gzip, deflate, br, zstd";

/// The body as it was before the codings that `headers` name, at most `limit` bytes of it.
///
/// A coding that is none of gzip, deflate, br and zstd ends the decoding: some servers name a charset
/// there. What has been received is then the body.
///
/// # Errors
/// A broken or truncated coding, or more bytes than the limits allow.
pub(crate) fn decode(headers: &Headers, body: Bytes, limit: usize) -> Result<Bytes, Error> {
    let is_plain = headers.get("content-encoding").is_none() && headers.get("transfer-encoding").is_none();
    if body.is_empty() || is_plain {
        return Ok(body);
    }
    let allowed = Allowed::for_size(body.len(), limit);
    // The last coding named was applied last, so it is the first to be undone.
    Codings::of(headers)?.0.into_iter().rev().try_fold(body, |body, coding| coding.undo(&body, allowed))
}

/// The content-encodings of a body, in the order in which they were applied.
#[derive(Debug, Clone)]
pub(crate) struct Codings(Vec<Coding>);

/// What the whole message was wrapped in for its transfer (RFC 9112, 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransferCoding {
    Chunked,
    /// None, and no chunks either.
    Identity,
    Compressed(Coding),
}

/// The transfer codings that headers name, in the order in which they were applied: `None` for one that is
/// unknown. Parameters, which none of them has, are left out.
pub(crate) fn transfer_codings(headers: &Headers) -> impl Iterator<Item = Option<TransferCoding>> {
    let values = headers.get_all("transfer-encoding").flat_map(|value| value.split(|byte| *byte == b','));
    let names = values.map(|value| value.split(|byte| *byte == b';').next().unwrap_or(value).trim_ascii());
    names.filter(|name| !name.is_empty()).map(|name| {
        if name.eq_ignore_ascii_case(b"chunked") {
            return Some(TransferCoding::Chunked);
        }
        if name.eq_ignore_ascii_case(b"identity") {
            return Some(TransferCoding::Identity);
        }
        Coding::named(name).map(TransferCoding::Compressed)
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Codings {
    /// Those that the headers of a response name.
    pub(crate) fn of(headers: &Headers) -> Result<Self, Error> {
        let values = headers.get_all("content-encoding");
        let names = values.flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
        let mut codings = Vec::new();
        for name in names {
            match Coding::named(name) {
                Some(coding) => codings.push(coding),
                None if name.is_empty() || name.eq_ignore_ascii_case(b"identity") => {}
                // What lies under an unknown coding cannot be reached.
                None => codings.clear(),
            }
        }
        // They were applied to what had its content-encodings.
        for coding in transfer_codings(headers).flatten() {
            if let TransferCoding::Compressed(coding) = coding {
                codings.push(coding);
            }
        }
        if codings.len() > MAX_CODINGS {
            let message = format!("The body has more than {MAX_CODINGS} content-encodings");
            return Err(Error::new(Kind::Decode, Phase::Answer, message));
        }
        Ok(Self(codings))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same for a file of `size` bytes, a piece at a time.
    pub(crate) fn undo_file(
        &self,
        encoded: &mut File,
        size: u64,
        decoded: &mut File,
        limit: usize,
    ) -> Result<(), Error> {
        if size == 0 {
            return Ok(());
        }
        let allowed = Allowed::for_size(usize::try_from(size).unwrap_or(usize::MAX), limit);
        let mut layers: Vec<(Coding, Layer<'_>)> = Vec::new();
        let mut outer: Box<dyn BufRead> = Box::new(BufReader::new(encoded));
        for coding in self.0.iter().rev() {
            let reader = coding.reader(outer).map_err(|cause| coding.broken(cause))?;
            let layer = Layer(Rc::new(RefCell::new(Some(reader))));
            outer = Box::new(BufReader::new(layer.clone()));
            layers.push((*coding, layer));
        }
        let last = self.0.first().copied().unwrap_or(Coding::Gzip);
        let copied =
            io::copy(&mut outer.take(allowed.most()), decoded).map_err(|cause| last.broken(cause))?;
        // What stands inside may end before what is around it, which may still turn out to be broken.
        for (coding, layer) in layers {
            let rest = io::copy(&mut layer.take(allowed.most()), &mut io::sink());
            allowed.check(rest.map_err(|cause| coding.broken(cause))?, coding)?;
        }
        allowed.check(copied, last)
    }
}

/// One of several codings of a file, at hand also once another reads from it. Its end is its end: some decoders
/// take what stands behind it for an error when they are asked again.
#[derive(Clone)]
struct Layer<'r>(Rc<RefCell<Option<Box<dyn Read + 'r>>>>);

impl Read for Layer<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut reader = self.0.borrow_mut();
        let count = reader.as_mut().map_or(Ok(0), |reader| reader.read(buffer))?;
        if count == 0 && !buffer.is_empty() {
            *reader = None;
        }
        Ok(count)
    }
}

/// The most bytes that decoding may bring.
#[derive(Debug, Clone, Copy)]
struct Allowed {
    bytes: usize,
    limit: usize,
}

impl Allowed {
    fn for_size(encoded: usize, limit: usize) -> Self {
        Self { bytes: limit.min(FREE_SIZE.max(encoded.saturating_mul(MAX_RATIO))), limit }
    }

    /// What is read at the most: one byte more than is allowed tells that there are more.
    fn most(self) -> u64 {
        u64::try_from(self.bytes).unwrap_or(u64::MAX).saturating_add(1)
    }

    fn check(self, decoded: u64, coding: Coding) -> Result<(), Error> {
        if decoded < self.most() {
            return Ok(());
        }
        let message = if self.bytes == self.limit {
            format!("The decoded body is larger than max_response_size ({} bytes)", self.limit)
        } else {
            format!("The body grows by more than {MAX_RATIO} times in decoding {coding:?}")
        };
        Err(Error::new(Kind::TooLarge, Phase::Answer, message))
    }
}

impl Coding {
    /// The coding with this name, in any case; `None` where it is unknown.
    fn named(name: &[u8]) -> Option<Self> {
        match name.to_ascii_lowercase().as_slice() {
            b"gzip" | b"x-gzip" => Some(Self::Gzip),
            b"deflate" => Some(Self::Deflate),
            b"br" => Some(Self::Brotli),
            b"zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    fn undo(self, body: &[u8], allowed: Allowed) -> Result<Bytes, Error> {
        let mut decoded = Pieces::default();
        let reader = self.reader(body).map_err(|cause| self.broken(cause))?;
        decoded.read_from(&mut reader.take(allowed.most())).map_err(|cause| self.broken(cause))?;
        allowed.check(u64::try_from(decoded.len()).unwrap_or(u64::MAX), self)?;
        Ok(decoded.whole().into())
    }

    fn reader<'r>(self, mut encoded: impl BufRead + 'r) -> io::Result<Box<dyn Read + 'r>> {
        Ok(match self {
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(encoded)),
            // "deflate" means zlib's format, but some servers send the bare stream.
            Self::Deflate if is_zlib(encoded.fill_buf()?) => {
                Box::new(flate2::bufread::ZlibDecoder::new(encoded))
            }
            Self::Deflate => Box::new(flate2::bufread::DeflateDecoder::new(encoded)),
            Self::Brotli => Box::new(brotli_decompressor::Decompressor::new(encoded, 4096)),
            Self::Zstd => Box::new(zstd::Decoder::with_buffer(encoded)?),
        })
    }

    fn broken(self, cause: io::Error) -> Error {
        Error::new(Kind::Decode, Phase::Answer, format!("The body is not valid {self:?}")).with_source(cause)
    }
}

/// RFC 1950's header: method 8, and the two bytes a multiple of 31.
fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [first, second, ..] if first & 0x0f == 8 && (u16::from(*first) << 8 | u16::from(*second)) % 31 == 0)
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 64 << 20;

    fn headers(codings: &str) -> Headers {
        Headers::from_pairs([("content-encoding", codings.as_bytes())])
    }

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(data: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn bare_deflate(data: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn brotli(data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        brotli::BrotliCompress(&mut &data[..], &mut out, &Default::default()).unwrap();
        out
    }

    fn zstd_coded(data: &[u8]) -> Vec<u8> {
        zstd::encode_all(data, 1).unwrap()
    }

    fn decoded(coding: &str, body: Vec<u8>) -> Result<Vec<u8>, Kind> {
        decode(&headers(coding), body.into(), LIMIT).map(Vec::from).map_err(|error| error.kind())
    }

    type Encoder = fn(&[u8]) -> Vec<u8>;

    const ENCODERS: [(&str, Encoder); 5] =
        [("gzip", gzip), ("deflate", zlib), ("deflate", bare_deflate), ("br", brotli), ("zstd", zstd_coded)];

    proptest! {
        #[test]
        fn every_coding_is_undone(data in prop::collection::vec(any::<u8>(), 0..2000)) {
            for (name, encode) in ENCODERS {
                prop_assert_eq!(decoded(name, encode(&data)).unwrap(), data.clone(), "{}", name);
            }
        }

        #[test]
        fn garbage_is_an_error_or_some_bytes_but_no_panic(data in prop::collection::vec(any::<u8>(), 0..200)) {
            for (name, _) in ENCODERS {
                let _ = decoded(name, data.clone());
            }
        }
    }

    #[test]
    fn codings_are_undone_from_the_last_to_the_first() {
        assert_eq!(decoded("gzip, br", brotli(&gzip(b"potato"))).unwrap(), b"potato");
        assert_eq!(decoded("X-GZip", gzip(b"potato")).unwrap(), b"potato");
        assert_eq!(decoded("identity", b"potato".to_vec()).unwrap(), b"potato");
    }

    #[test]
    fn transfer_codings_are_undone_before_content_encodings() {
        let headers =
            Headers::from_pairs([("transfer-encoding", &b"gzip, chunked"[..]), ("content-encoding", b"br")]);
        let body = decode(&headers, gzip(&brotli(b"potato")).into(), LIMIT).unwrap();
        assert_eq!(body, &b"potato"[..]);
        for (codings, body) in [("identity", b"potato".to_vec()), ("X-GZip;q=1", gzip(b"potato"))] {
            let headers = Headers::from_pairs([("transfer-encoding", codings.as_bytes())]);
            assert_eq!(decode(&headers, body.into(), LIMIT).unwrap(), &b"potato"[..], "{codings}");
        }
    }

    #[test]
    fn a_coding_nobody_knows_leaves_the_body_as_it_came() {
        assert_eq!(decoded("utf-8", b"potato".to_vec()).unwrap(), b"potato");
        assert_eq!(decoded("gzip, rot13", b"cbgngb".to_vec()).unwrap(), b"cbgngb");
    }

    #[test]
    fn a_truncated_coding_is_an_error() {
        for (name, encode) in ENCODERS {
            let mut body = encode(&b"a body of some length, so that its end can be cut off".repeat(20));
            body.truncate(body.len() - 3);
            assert_eq!(decoded(name, body), Err(Kind::Decode), "{name}");
        }
    }

    #[test]
    fn in_a_file_too_a_coding_that_is_cut_off_around_a_whole_one_is_an_error() {
        let whole = gzip(&brotli(b"potato"));
        for (length, expected) in [(whole.len(), Ok(())), (whole.len() - 3, Err(Kind::Decode))] {
            let (mut encoded, mut plain) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
            encoded.write_all(&whole[..length]).unwrap();
            encoded.rewind().unwrap();
            let codings = Codings::of(&headers("br, gzip")).unwrap();
            let undone = codings.undo_file(&mut encoded, length as u64, &mut plain, LIMIT);
            assert_eq!(undone.map_err(|error| error.kind()), expected);
        }
    }

    #[test]
    fn a_bomb_is_stopped_at_the_ratio_and_at_the_limit() {
        let zeros = vec![0; 32 << 20];
        for (name, encode) in ENCODERS {
            assert_eq!(decoded(name, encode(&zeros)), Err(Kind::TooLarge), "{name}");
        }
        let error = decode(&headers("gzip"), gzip(&[0; 2000]).into(), 1000).unwrap_err();
        assert!(error.to_string().contains("max_response_size (1000 bytes)"));
    }

    #[test]
    fn more_codings_than_anyone_needs_are_refused() {
        let body = (0..6).fold(b"potato".to_vec(), |body, _| gzip(&body));
        assert_eq!(decoded("gzip, gzip, gzip, gzip, gzip, gzip", body), Err(Kind::Decode));
    }
}
