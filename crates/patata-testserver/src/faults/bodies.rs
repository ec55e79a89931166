//! Faults in what bodies hold: codings that are broken or bombs, and JSON that is none.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::{GzEncoder, ZlibEncoder};

use crate::faults::Fault;
use crate::faults::script::{End, Script};

/// The size that bombs go off to.
const BOMB: usize = 100 << 20;
const TEXT: &[u8] = b"{\"message\":\"Hello world!\"}";
/// As many zeros in gzip in gzip, made once: to make them again takes seconds.
const NESTED_BOMB: &[u8] = include_bytes!("bomb.gz.gz");
/// The same in br, for which there is no encoder in here.
const BROTLI_BOMB: &[u8] = include_bytes!("bomb.br");
const BROTLI_TEXT: &[u8] = include_bytes!("text.br");

fn body(coding: &str, bytes: &[u8]) -> Script {
    let length = bytes.len();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: {length}\r\n\r\n");
    Script::default().send([head.as_bytes(), bytes].concat())
}

/// Compressed for the transfer, and not as a content-encoding.
fn transferred(coding: &str, bytes: &[u8]) -> Script {
    let head = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: {coding}\r\n\r\n");
    Script::default().send([head.as_bytes(), bytes].concat())
}

fn one_chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n0\r\n\r\n"].concat()
}

fn plain(bytes: impl AsRef<[u8]>) -> Script {
    let bytes = bytes.as_ref();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", bytes.len());
    Script::default().send([head.as_bytes(), bytes].concat())
}

/// Writing to memory does not fail; an empty body would be seen at once.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_default()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_default()
}

/// With a checksum, without which damage may go unseen.
fn zstd(bytes: &[u8]) -> Vec<u8> {
    let encoder = zstd::Encoder::new(Vec::new(), 1).and_then(|mut encoder| {
        encoder.include_checksum(true)?;
        encoder.write_all(bytes)?;
        encoder.finish()
    });
    encoder.unwrap_or_default()
}

fn gzip_bomb() -> Vec<u8> {
    let mut bomb = Vec::new();
    // What is in here is whole.
    let _ = MultiGzDecoder::new(NESTED_BOMB).read_to_end(&mut bomb);
    bomb
}

/// The same stream between the header and the checksum of zlib.
fn deflate_bomb() -> Vec<u8> {
    let gzip = gzip_bomb();
    let adler = ((BOMB % 65_521) as u32) << 16 | 1;
    let stream = gzip.get(10..gzip.len().saturating_sub(8)).unwrap_or_default();
    [&[0x78, 0x9c], stream, &adler.to_be_bytes()].concat()
}

/// Frame behind frame: to compress all of it at once takes longer than some clients wait.
fn zstd_bomb() -> Vec<u8> {
    const FRAME: usize = 1 << 20;
    zstd(&vec![0; FRAME]).repeat(BOMB / FRAME)
}

fn cut(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() - 6);
    bytes
}

fn damaged(mut bytes: Vec<u8>) -> Vec<u8> {
    for byte in bytes.iter_mut().skip(12).take(8) {
        *byte ^= 0xff;
    }
    bytes
}

pub(crate) const FAULTS: &[Fault] = &[
    Fault::http1("bomb/gzip", "100 MB of zeros in 100 KB of gzip", || body("gzip", &gzip_bomb())),
    Fault::http1("bomb/deflate", "the same in deflate", || body("deflate", &deflate_bomb())),
    Fault::http1("bomb/zstd", "the same in zstd", || body("zstd", &zstd_bomb())),
    Fault::http1("bomb/br", "the same in br", || body("br", BROTLI_BOMB)),
    Fault::http1("bomb/nested", "the same in gzip in gzip", || body("gzip, gzip", NESTED_BOMB)),
    Fault::http1("coding/too-many", "a body in six codings", || {
        body("gzip, gzip, gzip, gzip, gzip, gzip", &gzip(TEXT))
    }),
    Fault::http1("coding/broken-gzip", "gzip with damage in it", || body("gzip", &damaged(gzip(TEXT)))),
    Fault::http1("coding/broken-deflate", "deflate with damage in it", || {
        body("deflate", &damaged(deflate(TEXT)))
    }),
    Fault::http1("coding/broken-zstd", "zstd with damage in it", || body("zstd", &damaged(zstd(TEXT)))),
    Fault::http1("coding/broken-br", "bytes that are no br", || body("br", b"\xff\xff\xff\xff\xff")),
    Fault::http1("coding/cut-gzip", "gzip without its end", || body("gzip", &cut(gzip(TEXT)))),
    Fault::http1("coding/cut-zstd", "zstd without its end", || body("zstd", &cut(zstd(TEXT)))),
    Fault::http1("coding/cut-br", "br without its end", || body("br", &BROTLI_TEXT[..BROTLI_TEXT.len() - 6])),
    Fault::http1("coding/not-gzip", "text that claims to be gzip", || body("gzip", TEXT)),
    Fault::http1("coding/gzip-transfer-coding", "compresses the whole message, which is allowed", || {
        transferred("gzip, chunked", &one_chunk(&gzip(TEXT)))
    }),
    Fault::http1("coding/gzip-transfer-coding-until-close", "compresses it, and ends by closing", || {
        transferred("gzip", &gzip(TEXT)).then(End::Close)
    }),
    Fault::http1("coding/not-gzip-transfer-coding", "claims to compress it, and does not", || {
        transferred("gzip, chunked", &one_chunk(TEXT))
    }),
    Fault::http1("coding/unknown", "a coding that is unknown", || body("rot13", TEXT)),
    Fault::http1("coding/empty-gzip", "no bytes that claim to be gzip", || body("gzip", b"")),
    Fault::http1("json/broken", "JSON without its end", || plain("{\"message\":")),
    Fault::http1("json/deep", "JSON that is nested 100,000 deep", || plain("[".repeat(100_000))),
    Fault::http1("json/not-utf-8", "JSON with bytes that are not UTF-8", || plain(b"{\"a\":\"\xff\"}")),
    Fault::http1("json/html", "HTML where JSON was wanted", || plain("<html>hello</html>")),
];
