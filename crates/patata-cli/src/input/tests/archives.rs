//! Packed files, told by their first bytes.

use std::io::Write;

use super::super::{InputError, InputOptions};
use super::Files;

pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zstd(content: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn urls(from: usize, to: usize) -> Vec<u8> {
    (from..to).flat_map(|at| format!("http://host/{}\n", at * 7919).into_bytes()).collect()
}

#[test]
fn archives_of_several_parts_are_read_whole_whatever_their_name() {
    let (one, two) = (urls(0, 50_000), urls(50_000, 60_000));
    let whole = [&*one, &two].concat();
    let skipped = [&b"\x50\x2a\x4d\x18\x02\0\0\0ab"[..], &zstd(&one), &zstd(&two)].concat();
    let plain = Files::new(&[("a.txt", &whole)]).rows(InputOptions::default());
    for content in [
        gzip(&whole),
        [gzip(&one), gzip(&two)].concat(),
        zstd(&whole),
        [zstd(&one), zstd(&two)].concat(),
        skipped,
    ] {
        for name in ["a.txt", "a.txt.gz", "a"] {
            let (rows, ended) = Files::new(&[(name, &content)]).rows(InputOptions::default());
            ended.unwrap();
            assert!(rows == plain.0, "{name}");
        }
    }
}

#[test]
fn an_archive_that_is_cut_off_or_damaged_is_told_with_the_place_in_it() {
    let content = urls(0, 50_000);
    for (packed, format) in [(gzip(&content), "gzip"), (zstd(&content), "zstd")] {
        for length in [5, packed.len() / 2, packed.len() - 1] {
            let (_, ended) = Files::new(&[("a.txt", &packed[..length])]).rows(InputOptions::default());
            let error = ended.unwrap_err();
            let told = error.to_string();
            let InputError::Archive { format: found, offset, .. } = error else { panic!("{told}") };
            assert_eq!(found, format);
            assert!(offset <= length as u64 && told.contains("archive is cut off, at byte"), "{told}");
        }
        let mut damaged = packed.clone();
        let middle = damaged.len() / 2;
        damaged[middle..middle + 64].fill(0x55);
        let followed = [&*packed, b"rubbish behind the end"].concat();
        for content in [damaged, followed] {
            let (_, ended) = Files::new(&[("a.txt", &content)]).rows(InputOptions::default());
            let told = ended.unwrap_err().to_string();
            assert!(told.contains(&format!("a.txt: the {format} archive is")), "{told}");
        }
    }
}
