//! Which files the responses of a run go to: no two requests have one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::path::Path;

use crate::error::Error;

/// The longest name that is remembered of a request, in bytes.
const MAX_LABEL: usize = 60;
/// How many bits of a place say where the name begins; the rest are more of the path's hash.
const OFFSET_BITS: u32 = 40;

/// The files that requests have claimed. About 40 bytes are kept of each, so that ten million take no more than what
/// half a gigabyte holds: a hash of the path, and what the request is called.
#[derive(Debug, Default)]
pub(crate) struct Destinations {
    hashers: [RandomState; 2],
    /// By the hash of a path: where the name of its request begins, and 24 bits of a second hash.
    places: HashMap<u64, u64, BuildHasherDefault<Hashed>>,
    /// Names one behind the other, each with its length before it.
    labels: Vec<u8>,
}

impl Destinations {
    /// States that a request's response goes to `path`.
    ///
    /// # Errors
    /// Another request's does already: both are named.
    pub(crate) fn claim(&mut self, path: &Path, label: &str) -> Result<(), Error> {
        // Names that differ only in `//` and `/./` are those of one file: a path's hash knows that.
        let absolute = std::path::absolute(path);
        let path = absolute.as_deref().unwrap_or(path);
        let [first, second] = self.hashers.each_ref().map(|hasher| hasher.hash_one(path));
        let offset = self.labels.len() as u64;
        let place = second << OFFSET_BITS | offset;
        match self.places.entry(first) {
            Entry::Vacant(vacant) => {
                vacant.insert(place);
            }
            Entry::Occupied(other) if (*other.get() ^ place) >> OFFSET_BITS == 0 => {
                let other = label_at(&self.labels, *other.get());
                let message = format!(
                    "stream_to: the response of request {label} would go to {path:?}, as that of request {other} does"
                );
                return Err(Error::invalid(message));
            }
            // Two paths of one hash: the first is remembered.
            Entry::Occupied(_) => return Ok(()),
        }
        let length =
            (0..=MAX_LABEL.min(label.len())).rev().find(|at| label.is_char_boundary(*at)).unwrap_or(0);
        let label = &label.as_bytes()[..length];
        self.labels.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
        self.labels.extend_from_slice(label);
        Ok(())
    }
}

fn label_at(labels: &[u8], place: u64) -> String {
    let offset = usize::try_from(place & ((1 << OFFSET_BITS) - 1)).unwrap_or(usize::MAX);
    let label = labels.get(offset..).and_then(|from| {
        let (length, rest) = from.split_first()?;
        rest.get(..usize::from(*length))
    });
    String::from_utf8_lossy(label.unwrap_or_default()).into_owned()
}

/// A hash of what is a hash already.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_request_for_a_file_is_refused_and_both_are_named() {
        let mut destinations = Destinations::default();
        destinations.claim(Path::new("dir/a"), "1").unwrap();
        destinations.claim(Path::new("dir/b"), "2").unwrap();
        for path in ["dir/a", "dir//a", "dir/./a", "./dir/a"] {
            let error = destinations.claim(Path::new(path), "'third'").unwrap_err().to_string();
            assert!(
                error.contains("request 'third'") && error.ends_with("that of request 1 does"),
                "{error}"
            );
        }
        destinations.claim(Path::new("dir/c"), "4").unwrap();
    }

    #[test]
    fn long_names_are_cut_and_no_others_are_mixed_in() {
        let mut destinations = Destinations::default();
        destinations.claim(Path::new("a"), &"ü".repeat(100)).unwrap();
        destinations.claim(Path::new("b"), "").unwrap();
        let error = |destinations: &mut Destinations, path| {
            destinations.claim(Path::new(path), "x").unwrap_err().to_string()
        };
        assert!(error(&mut destinations, "a").ends_with(&format!("request {} does", "ü".repeat(30))));
        assert!(error(&mut destinations, "b").ends_with("request  does"));
    }

    #[test]
    fn of_many_files_each_is_known_again() {
        let mut destinations = Destinations::default();
        for number in 0..100_000 {
            destinations.claim(Path::new(&format!("dir/{number}")), &number.to_string()).unwrap();
        }
        for number in (0..100_000).step_by(7) {
            let error = destinations.claim(Path::new(&format!("dir/{number}")), "x").unwrap_err();
            assert!(error.to_string().ends_with(&format!("request {number} does")));
        }
    }
}
