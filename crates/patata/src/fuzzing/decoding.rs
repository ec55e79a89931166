//! Bodies under content-encodings: in memory and in a file they decode to the same, and never to more than allowed.

use std::fs::File;
use std::io::{Read, Seek, Write};

use crate::error::Error;
use crate::fuzzing::Drawn;
use crate::response::decoding::{self, Abandoned, Codings, FileFault, SizeLimits};
use crate::response::headers::Headers;

/// `max_response_size`: below the size up to which any growth is allowed, and beyond.
const LIMITS: [usize; 3] = [1000, 500_000, 3 << 20];
const NAMES: [&str; 9] = ["gzip", "deflate", "br", "zstd", "x-gzip", "identity", "", "utf-8", "GZIP"];

/// Reads `data` as which codings are named and what the limit is, and the rest as a body.
///
/// # Panics
/// Where a body comes out larger than it may, or otherwise from a file than from memory.
pub fn decoding(data: &[u8]) {
    let mut drawn = Drawn(data);
    let limit = *drawn.choice(&LIMITS);
    let count = drawn.byte() % 7;
    let names: Vec<&str> = (0..count).map(|_| *drawn.choice(&NAMES)).collect();
    let value = names.join(", ");
    let headers = Headers::collect([("content-encoding", value.as_bytes())], &mut Vec::new());
    let body = drawn.0;
    let limits = SizeLimits { most: limit, ratio: Some(200) };
    let in_memory = decoding::decode(&headers, body.to_vec().into(), limits);
    if let Ok(decoded) = &in_memory {
        let most = if *decoded == body { body.len() } else { limit.min((1 << 20).max(body.len() * 200)) };
        assert!(decoded.len() <= most, "{} bytes of {} under {value}", decoded.len(), body.len());
    }
    if body.is_empty() {
        // Which is let pass whatever codings it is said to have.
        assert!(in_memory.is_ok());
        return;
    }
    let in_file = Codings::of(&headers).and_then(|codings| through_files(&codings, body, limits));
    match (in_memory, in_file) {
        (Ok(in_memory), Ok(in_file)) => assert_eq!(in_memory, in_file, "{value}"),
        // A body under several codings may have several faults, and which is met first depends on how it is cut.
        (Err(_), Err(_)) if names.len() > 1 => {}
        (Err(in_memory), Err(in_file)) => assert_eq!(in_memory.kind(), in_file.kind(), "{value}"),
        (in_memory, in_file) => panic!("{value}: {in_memory:?} and in a file {in_file:?}"),
    }
}

fn through_files(codings: &Codings, body: &[u8], limits: SizeLimits) -> Result<Vec<u8>, Error> {
    if codings.is_empty() {
        return Ok(body.to_vec());
    }
    let (mut encoded, mut decoded) = (file_with(body), file_with(b""));
    codings.undo_file(&mut encoded, body.len() as u64, &mut decoded, limits, &Abandoned::default()).map_err(
        |fault| match fault {
            FileFault::Body(error) => error,
            FileFault::File(cause) => panic!("a writable file: {cause}"),
        },
    )?;
    let mut whole = Vec::new();
    decoded.rewind().and_then(|()| decoded.read_to_end(&mut whole)).expect("a readable file");
    Ok(whole)
}

fn file_with(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(bytes).and_then(|()| file.rewind()).expect("a writable file");
    file
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::bufread::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    fn encoded(coding: usize, data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        match coding {
            0 => GzEncoder::new(data, Compression::fast()).read_to_end(&mut out).unwrap(),
            1 => ZlibEncoder::new(data, Compression::fast()).read_to_end(&mut out).unwrap(),
            2 => brotli::BrotliCompress(&mut &data[..], &mut out, &Default::default()).unwrap(),
            3 => {
                out = zstd::encode_all(data, 1).unwrap();
                0
            }
            _ => DeflateEncoder::new(data, Compression::fast()).read_to_end(&mut out).unwrap(),
        };
        out
    }

    /// The place of a coding in [`NAMES`].
    fn name(coding: usize) -> u8 {
        [0, 1, 2, 3, 1][coding]
    }

    #[test]
    fn an_empty_body_under_more_codings_than_anyone_needs_is_let_pass() {
        decoding(&[0, 20]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn any_bytes_decode_the_same_in_a_file_and_in_memory(data in prop::collection::vec(any::<u8>(), 0..500)) {
            decoding(&data);
        }

        #[test]
        fn a_coded_body_that_was_damaged_decodes_the_same_in_a_file_and_in_memory(
            limit: u8,
            (first, second) in (0_usize..5, 0_usize..5),
            data in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..3000),
                (any::<u8>(), 0_usize..2_000_000).prop_map(|(byte, count)| vec![byte; count]),
            ],
            damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
            cut in prop::option::of(any::<prop::sample::Index>()),
        ) {
            let mut body = encoded(second, &encoded(first, &data));
            if let Some((place, byte)) = damage {
                let place = place.index(body.len());
                body[place] = byte;
            }
            if let Some(place) = cut {
                body.truncate(place.index(body.len()));
            }
            decoding(&[vec![limit, 2, name(first), name(second)], body].concat());
        }
    }
}
