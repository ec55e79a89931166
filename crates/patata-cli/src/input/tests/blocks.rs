//! An input that is read by a second process.

use patata_run::{BLOCK_LENGTH, InputBlock};

use super::super::{InputError, InputOptions, verify};
use super::Files;

fn urls(count: usize) -> Vec<u8> {
    (0..count).flat_map(|at| format!("http://host/{at:08}\n").into_bytes()).collect()
}

/// The blocks of all rows.
fn blocks(files: &Files, earlier: &[InputBlock]) -> Result<(u64, Vec<InputBlock>), InputError> {
    let mut input = files.open(InputOptions { earlier: earlier.to_vec(), ..Default::default() })?;
    let mut blocks = Vec::new();
    while input.next_row()?.is_some() {
        blocks.extend(input.take_blocks());
    }
    blocks.extend(input.take_blocks());
    assert!(input.blocks_ahead().is_empty());
    Ok((input.index(), blocks))
}

fn changed(result: Result<impl std::fmt::Debug, InputError>) -> (u64, u64) {
    match result {
        Err(InputError::Changed { row, line, .. }) => (row, line),
        other => panic!("{other:?}"),
    }
}

#[test]
fn blocks_stand_side_by_side_and_count_the_rows_that_have_begun() {
    let content = urls(200_000);
    let (rows, blocks) = blocks(&Files::new(&[("a", &content)]), &[]).unwrap();
    assert_eq!(rows, 200_000);
    let mut end = 0;
    for block in &blocks {
        assert_eq!(block.offset, end);
        end = block.end();
        assert_eq!(block.rows, end.div_ceil(21), "each row has 21 bytes");
    }
    assert_eq!(end, content.len() as u64);
    assert!(blocks[..blocks.len() - 1].iter().all(|block| block.length == BLOCK_LENGTH));
}

#[test]
fn the_same_input_is_read_again_and_nothing_is_told_of_it_anew() {
    for count in [0, 1, 1000, 200_000] {
        let content = urls(count);
        let packed = zstd::encode_all(&*content, 1).unwrap();
        let (_, first) = blocks(&Files::new(&[("a", &content)]), &[]).unwrap();
        for content in [content, packed] {
            let files = Files::new(&[("b", &content)]);
            assert_eq!(blocks(&files, &first).unwrap(), (count as u64, vec![]));
            assert!(verify(&files.sources(), &first).unwrap());
        }
    }
}

#[test]
fn what_is_added_to_the_end_is_told_and_the_rest_stays_valid() {
    for (before, after) in [(1, 2), (1000, 100_000), (100_000, 100_001), (0, 5)] {
        let (_, first) = blocks(&Files::new(&[("a", &urls(before))]), &[]).unwrap();
        let grown = Files::new(&[("a", &urls(after))]);
        let (rows, added) = blocks(&grown, &first).unwrap();
        assert_eq!(rows, after as u64);
        assert!(verify(&grown.sources(), &first).unwrap());
        let (_, all) = blocks(&grown, &[]).unwrap();
        assert_eq!(all[all.len() - added.len()..], added[..], "only what is new is told");
        // Both kinds of blocks together say what the grown input is.
        let known = [first, added].concat();
        assert_eq!(blocks(&grown, &known).unwrap(), (rows, vec![]));
    }
}

#[test]
fn another_file_behind_the_first_is_an_addition() {
    let (one, two) = (urls(1000), urls(10));
    let (_, first) = blocks(&Files::new(&[("a", &one)]), &[]).unwrap();
    let both = Files::new(&[("a", &one), ("b", &two)]);
    assert_eq!(blocks(&both, &first).unwrap().0, 1010);
    // A row ends where a file ends, so that the same bytes in one file are others.
    let joined = Files::new(&[("a", &[&*one, &two].concat())]);
    let (_, known) = blocks(&both, &[]).unwrap();
    changed(blocks(&joined, &known));
}

#[test]
fn a_change_is_told_before_the_rows_of_its_block_are_given() {
    let content = urls(200_000);
    let (_, first) = blocks(&Files::new(&[("a", &content)]), &[]).unwrap();
    for place in [0, 21, 1_500_000, 3_000_000, content.len() - 1] {
        let mut content = content.clone();
        content[place] ^= 1;
        let files = Files::new(&[("a", &content)]);
        let (row, line) = changed(blocks(&files, &first));
        let begin = place as u64 / BLOCK_LENGTH * BLOCK_LENGTH;
        assert_eq!((row, line), (begin / 21, begin / 21 + 1), "{place}");
        assert_eq!(changed(verify(&files.sources(), &first)), (row, line), "{place}");
    }
    let error = blocks(&Files::new(&[("a", &content[21..])]), &first).unwrap_err().to_string();
    assert!(error.contains("a:1: the input has changed since the run began, from row 0 on"), "{error}");
    assert!(error.contains("begin a new run in another folder"), "{error}");
}

#[test]
fn an_input_that_has_shrunk_has_changed() {
    let content = urls(100_000);
    let (_, first) = blocks(&Files::new(&[("a", &content)]), &[]).unwrap();
    for count in [99_999, 60_000, 10, 0] {
        let files = Files::new(&[("a", &content[..count * 21])]);
        let (row, _) = changed(blocks(&files, &first));
        assert!(row <= count as u64);
        changed(verify(&files.sources(), &first));
    }
}

#[test]
fn what_is_ahead_of_the_rows_can_be_told_at_any_time() {
    let content = urls(200_000);
    let files = Files::new(&[("a", &content)]);
    let mut input = files.open(InputOptions::default()).unwrap();
    for count in [1, 500, 60_000, 139_000] {
        for _ in 0..count {
            assert!(input.skip_row().unwrap());
        }
        let mut known = files.open(InputOptions::default()).unwrap();
        let mut told = Vec::new();
        while known.index() < input.index() {
            known.skip_row().unwrap();
            told.extend(known.take_blocks());
        }
        told.extend(known.blocks_ahead());
        let end = told.iter().map(InputBlock::end).max().unwrap();
        assert!(end >= input.index() * 21, "all rows that are given are in a block");
        assert!(blocks(&files, &told).is_ok());
        let mut content = content.clone();
        content[usize::try_from(input.index()).unwrap() * 21 - 3] = b'x';
        changed(blocks(&Files::new(&[("a", &content)]), &told));
    }
}

#[test]
fn a_source_that_can_be_read_once_is_not_verified_beforehand() {
    assert!(!verify(&[super::super::Source::Stdin], &[]).unwrap());
}
