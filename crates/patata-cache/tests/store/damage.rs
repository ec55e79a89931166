//! Files that are not what was written: cut at any place, with bytes that have changed, or with more behind them.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::{body, files, has, open, store};

const ENTRIES: usize = 12;

fn url(number: usize) -> String {
    format!("http://a/{number}")
}

/// What may happen to a file.
#[derive(Debug, Clone)]
enum Harm {
    Cut,
    Changed(u8),
    /// A block of it reads as NULs: what a file system makes of what was not on disk when the power went.
    Emptied(usize),
    Longer(Vec<u8>),
}

fn harms() -> impl Strategy<Value = Harm> {
    prop_oneof![
        Just(Harm::Cut),
        (1..=255_u8).prop_map(Harm::Changed),
        (1..5_000_usize).prop_map(Harm::Emptied),
        proptest::collection::vec(any::<u8>(), 1..200).prop_map(Harm::Longer),
    ]
}

fn harm(path: &Path, place: usize, harm: &Harm) {
    let mut bytes = std::fs::read(path).unwrap();
    let place = place % bytes.len();
    match harm {
        Harm::Cut => bytes.truncate(place),
        Harm::Changed(change) => bytes[place] ^= change,
        Harm::Emptied(length) => bytes.iter_mut().skip(place).take(*length).for_each(|byte| *byte = 0),
        Harm::Longer(more) => bytes.extend_from_slice(more),
    }
    // In place: the file that others have open.
    std::fs::write(path, bytes).unwrap();
}

/// A cache as it is after a process has ended: responses of several sizes, two of which are files.
fn filled(folder: &Path) -> Vec<PathBuf> {
    let cache = open(folder);
    for number in 0..ENTRIES {
        let length = if number % 6 == 5 { 70_000 } else { 20 + 300 * number };
        store(&cache, &url(number), &body(&url(number), number, length), None);
    }
    drop(cache);
    let all = files(folder).into_iter().filter(|(path, length)| *length > 0 && path.parent() != Some(folder));
    all.map(|(path, _)| path).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn an_entry_is_right_or_missing_whatever_happens_to_files(
        which: prop::sample::Index, place: usize, what in harms(), is_open: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let all = filled(folder.path());
        let before = is_open.then(|| open(folder.path()));
        let path: &PathBuf = which.get(&all);
        harm(path, place, &what);
        let cache = before.unwrap_or_else(|| open(folder.path()));
        // That one is wrong would fail.
        let found = (0..ENTRIES).filter(|number| has(&cache, &url(*number))).count();
        // A byte of a record or a body is of one entry; one of the rows ends what is known of a segment.
        if matches!(what, Harm::Changed(_)) && path.extension().is_none_or(|name| name != "index") {
            prop_assert_eq!(found, ENTRIES - 1);
        }
        // It is a cache still.
        for number in 0..ENTRIES {
            store(&cache, &url(number), &body(&url(number), 99, 200), None);
            prop_assert!(has(&cache, &url(number)));
        }
        prop_assert!(cache.take_trouble().is_none());
        let late = open(folder.path());
        prop_assert!((0..ENTRIES).all(|number| has(&late, &url(number))));
    }
}
