//! Undoes content-encodings, within limits that a compression bomb cannot pass.

mod members;

use std::io::{self, Read, Write};

use bytes::Bytes;

use crate::error::{Error, Kind, Phase};
use crate::response::chunked_buffer::ChunkedBuffer;
use crate::response::headers::Headers;
pub(crate) use members::Abandoned;
use members::{Members, Stopped};

/// Codings undone for one body at the most; more are a trick, not a saving.
const MAX_CODINGS: usize = 5;
/// Past this size a body may not grow by more than the ratio that is allowed.
const FREE_SIZE: usize = 1 << 20;
/// A body of this size at the most, which decodes to no more than [`SMALL_DECODED`], takes about a millisecond.
const SMALL: usize = 32 << 10;
const SMALL_DECODED: usize = 256 << 10;
/// How much is decoded at once on its way to a file.
const PIECE: usize = 64 << 10;

/// What is asked for in `Accept-Encoding`: all that [`Codings`] undo.
pub(crate) const ACCEPTED: &str = "gzip, deflate, br, zstd";

/// How large a body may become.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SizeLimits {
    /// In bytes.
    pub(crate) most: usize,
    /// The most that decoding may multiply its size by, past 1 MiB; `None` for no such limit.
    pub(crate) ratio: Option<usize>,
}

/// The body as it was before the codings that `headers` name.
///
/// A coding that is none of gzip, deflate, br and zstd ends the decoding: some servers name a charset
/// there. What has been received is then the body.
///
/// # Errors
/// A broken or truncated coding, or more bytes than the limits allow.
#[cfg(any(test, feature = "fuzzing", feature = "benching"))]
pub(crate) fn decode(headers: &Headers, body: Bytes, limits: SizeLimits) -> Result<Bytes, Error> {
    if body.is_empty() {
        return Ok(body);
    }
    Codings::of(headers)?.undo(body, limits, &Abandoned::default())
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

/// Why a body could not be decoded into a file.
#[derive(Debug)]
pub(crate) enum FileFault {
    /// The body is at fault.
    Body(Error),
    /// The file is.
    File(io::Error),
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

    /// The body without them.
    ///
    /// # Errors
    /// A broken or truncated coding, or more bytes than the limits allow.
    pub(crate) fn undo(
        &self,
        body: Bytes,
        limits: SizeLimits,
        abandoned: &Abandoned,
    ) -> Result<Bytes, Error> {
        if body.is_empty() || self.is_empty() {
            return Ok(body);
        }
        let allowed = Allowed::for_size(body.len(), limits);
        let mut decoded = ChunkedBuffer::default();
        let read = decoded.read_from(&mut self.reader(&*body, allowed, abandoned));
        read.map_err(|cause| allowed.explain(cause))?;
        Ok(decoded.whole().map_err(|cause| allowed.explain(cause))?.into())
    }

    /// The same where it takes no more than about a millisecond; `None` where it would take longer.
    pub(crate) fn undo_small(&self, body: &Bytes, limits: SizeLimits) -> Option<Result<Bytes, Error>> {
        if body.is_empty() || self.is_empty() {
            return Some(Ok(body.clone()));
        }
        let few = SizeLimits { most: limits.most.min(SMALL_DECODED), ..limits };
        if body.len() > SMALL {
            return None;
        }
        let decoded = self.undo(body.clone(), few, &Abandoned::default());
        let is_cut = matches!(&decoded, Err(error) if error.kind() == Kind::TooLarge);
        (!is_cut || few.most == limits.most).then_some(decoded)
    }

    /// The same for a file of `size` bytes, a piece at a time.
    pub(crate) fn undo_file(
        &self,
        encoded: &mut impl Read,
        size: u64,
        decoded: &mut impl Write,
        limits: SizeLimits,
        abandoned: &Abandoned,
    ) -> Result<(), FileFault> {
        if size == 0 {
            return Ok(());
        }
        let allowed = Allowed::for_size(usize::try_from(size).unwrap_or(usize::MAX), limits);
        let mut reader = self.reader(encoded, allowed, abandoned);
        let mut piece = vec![0; PIECE];
        loop {
            match reader.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(count) => decoded.write_all(&piece[..count]).map_err(FileFault::File)?,
                Err(cause) => return Err(FileFault::Body(allowed.explain(cause))),
            }
        }
    }

    /// The last coding named was applied last, so it is the first to be undone.
    fn reader<'r>(
        &self,
        encoded: impl Read + 'r,
        allowed: Allowed,
        abandoned: &Abandoned,
    ) -> Box<dyn Read + 'r> {
        self.0.iter().rev().fold(Box::new(encoded), |encoded: Box<dyn Read>, coding| {
            Box::new(Members::new(*coding, encoded, allowed, abandoned))
        })
    }
}

/// Whether headers name any coding at all.
pub(crate) fn is_coded(headers: &Headers) -> bool {
    headers.get("content-encoding").is_some() || headers.get("transfer-encoding").is_some()
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
}

/// The most bytes that decoding may bring.
#[derive(Debug, Clone, Copy)]
struct Allowed {
    bytes: usize,
    limits: SizeLimits,
}

impl Allowed {
    fn for_size(encoded: usize, limits: SizeLimits) -> Self {
        let grown = limits.ratio.map_or(usize::MAX, |ratio| FREE_SIZE.max(encoded.saturating_mul(ratio)));
        Self { bytes: limits.most.min(grown), limits }
    }

    /// The least that is too much.
    fn most(self) -> u64 {
        u64::try_from(self.bytes).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// Why a decoding ended early.
    fn explain(self, cause: io::Error) -> Error {
        let fault = |kind, message| Error::new(kind, Phase::Answer, message);
        match cause.downcast::<Stopped>() {
            Ok(Stopped::Broken(coding, cause)) => {
                fault(Kind::Decode, format!("The body is not valid {coding:?}")).with_source(cause)
            }
            Ok(Stopped::TooMuch(_)) if self.bytes == self.limits.most => fault(
                Kind::TooLarge,
                format!("The decoded body is larger than max_response_size ({} bytes)", self.bytes),
            ),
            Ok(Stopped::TooMuch(coding)) => fault(
                Kind::TooLarge,
                format!(
                    "The body grows by more than {} times in decoding {coding:?} (max_decompression_ratio)",
                    self.limits.ratio.unwrap_or_default()
                ),
            ),
            Ok(Stopped::Abandoned) => fault(Kind::Cancelled, "The decoding was given up".to_owned()),
            Err(cause) if cause.kind() == io::ErrorKind::OutOfMemory => {
                Error::out_of_memory(Phase::Answer, cause)
            }
            Err(cause) => fault(Kind::Decode, "The body could not be decoded".to_owned()).with_source(cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Seek;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    const LIMITS: SizeLimits = SizeLimits { most: 64 << 20, ratio: Some(200) };

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
        decode(&headers(coding), body.into(), LIMITS).map(Vec::from).map_err(|error| error.kind())
    }

    fn kind(fault: FileFault) -> Kind {
        match fault {
            FileFault::Body(error) => error.kind(),
            FileFault::File(_) => Kind::Save,
        }
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
        let body = decode(&headers, gzip(&brotli(b"potato")).into(), LIMITS).unwrap();
        assert_eq!(body, &b"potato"[..]);
        for (codings, body) in [("identity", b"potato".to_vec()), ("X-GZip;q=1", gzip(b"potato"))] {
            let headers = Headers::from_pairs([("transfer-encoding", codings.as_bytes())]);
            assert_eq!(decode(&headers, body.into(), LIMITS).unwrap(), &b"potato"[..], "{codings}");
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
            let undone =
                codings.undo_file(&mut encoded, length as u64, &mut plain, LIMITS, &Abandoned::default());
            assert_eq!(undone.map_err(kind), expected);
        }
    }

    #[test]
    fn a_bomb_is_stopped_at_the_ratio_and_at_the_limit() {
        let zeros = vec![0; 32 << 20];
        for (name, encode) in ENCODERS {
            assert_eq!(decoded(name, encode(&zeros)), Err(Kind::TooLarge), "{name}");
        }
        let few = SizeLimits { most: 1000, ..LIMITS };
        let error = decode(&headers("gzip"), gzip(&[0; 2000]).into(), few).unwrap_err();
        assert!(error.to_string().contains("max_response_size (1000 bytes)"));
    }

    #[test]
    fn more_codings_than_anyone_needs_are_refused() {
        let body = (0..6).fold(b"potato".to_vec(), |body, _| gzip(&body));
        assert_eq!(decoded("gzip, gzip, gzip, gzip, gzip, gzip", body), Err(Kind::Decode));
    }

    #[test]
    fn what_stands_behind_a_complete_stream_is_dropped_unless_it_is_another_member() {
        for (name, encode) in ENCODERS {
            for rest in [&b"\0"[..], b"rubbish", b"\0\0\0\0\0\0\0\0", b"\x1f", b"\x28\xb5\x2f"] {
                let body = [&encode(b"potato"), rest].concat();
                assert_eq!(decoded(name, body.clone()).unwrap(), b"potato", "{name} {rest:?}");
                // Around it the same holds.
                assert_eq!(
                    decoded(&format!("{name}, gzip"), gzip(&body)).unwrap(),
                    b"potato",
                    "{name} {rest:?}"
                );
            }
            let twice = [encode(b"pot"), encode(b"ato")].concat();
            let expected: &[u8] = if matches!(name, "gzip" | "zstd") { b"potato" } else { b"pot" };
            assert_eq!(decoded(name, twice).unwrap(), expected, "{name}");
        }
        let skipped =
            [&zstd_coded(b"pot")[..], b"\x51\x2a\x4d\x18\x02\0\0\0ab", &zstd_coded(b"ato")].concat();
        assert_eq!(decoded("zstd", skipped).unwrap(), b"potato");
        let cut = [&gzip(b"pot")[..], &gzip(b"ato")[..9]].concat();
        assert_eq!(decoded("gzip", cut), Err(Kind::Decode));
    }

    #[test]
    fn a_ratio_of_none_is_no_limit_and_another_one_is_told() {
        let zeros = vec![0; 8 << 20];
        let any = SizeLimits { ratio: None, ..LIMITS };
        let some = SizeLimits { ratio: Some(3), ..LIMITS };
        for (name, encode) in ENCODERS {
            let body = Bytes::from(encode(&zeros));
            assert_eq!(decode(&headers(name), body.clone(), any).unwrap(), zeros, "{name}");
            let error = decode(&headers(name), body, some).unwrap_err().to_string();
            assert!(
                error.contains("by more than 3 times") && error.contains("max_decompression_ratio"),
                "{error}"
            );
        }
    }

    #[test]
    fn what_takes_long_is_left_to_others() {
        let codings = Codings::of(&headers("gzip")).unwrap();
        let small = |body: Vec<u8>| codings.undo_small(&body.into(), LIMITS);
        assert_eq!(small(gzip(b"potato")).unwrap().unwrap(), "potato");
        assert!(small(gzip(b"").repeat(2000)).is_none());
        assert!(small(gzip(&vec![0; SMALL_DECODED + 1])).is_none());
        assert_eq!(small(gzip(&vec![0; SMALL_DECODED])).unwrap().unwrap().len(), SMALL_DECODED);
        let few = SizeLimits { most: 1000, ..LIMITS };
        let error = codings.undo_small(&gzip(&[0; 2000]).into(), few).unwrap().unwrap_err();
        assert_eq!(error.kind(), Kind::TooLarge);
    }

    #[test]
    fn a_decoding_that_nobody_waits_for_ends() {
        let abandoned = Abandoned::default();
        abandoned.set();
        let codings = Codings::of(&headers("gzip")).unwrap();
        let body = Bytes::from(gzip(b"").repeat(100_000));
        assert_eq!(codings.undo(body, LIMITS, &abandoned).unwrap_err().kind(), Kind::Cancelled);
    }

    #[test]
    fn a_file_that_takes_no_more_is_at_fault_and_not_the_body_in_every_coding() {
        for (name, encode) in ENCODERS {
            let (body, mut full) = (encode(b"potato"), &mut [0; 3][..]);
            let codings = Codings::of(&headers(name)).unwrap();
            let size = body.len() as u64;
            let undone = codings.undo_file(&mut &body[..], size, &mut full, LIMITS, &Abandoned::default());
            assert_eq!(undone.map_err(kind), Err(Kind::Save), "{name}");
        }
    }
}
