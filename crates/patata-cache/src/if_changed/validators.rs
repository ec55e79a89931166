//! What servers have said of the files of one folder, kept beside these.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::error::CacheError;

/// The file that has it, a line for each saving.
const NAME: &str = ".patata-validators.jsonl";
/// So many lines that later ones have taken the place of are left where they are.
const LEFT: usize = 1_000;

/// What a server has said of a file, and how that was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Validators {
    name: String,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_modified: Option<String>,
    length: u64,
    /// In nanoseconds since 1970.
    changed: u64,
}

/// Those of all files of a folder.
#[derive(Debug)]
pub(super) struct FolderValidators {
    folder: PathBuf,
    /// `None` until they are read.
    known: Option<HashMap<String, Validators>>,
}

impl FolderValidators {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), known: None }
    }

    /// What is known of a file, where it is there as it came from this URL.
    ///
    /// # Errors
    /// What is known cannot be read.
    pub(super) fn of(&mut self, name: &str, url: &str) -> Result<Option<Validators>, CacheError> {
        let path = self.folder.join(name);
        let known = self.known()?.get(name).filter(|known| known.url == url);
        Ok(known.filter(|known| as_it_is(&path).ok() == Some((known.length, known.changed))).cloned())
    }

    /// Keeps what a server has said of a file that was saved just now.
    ///
    /// # Errors
    /// The disk fails.
    pub(super) fn note(
        &mut self,
        name: &str,
        url: &str,
        etag: Option<String>,
        last_modified: Option<String>,
    ) -> Result<(), CacheError> {
        let file = self.file();
        let failed = || CacheError::io("writing", &file);
        let (length, changed) = as_it_is(&self.folder.join(name)).map_err(failed())?;
        let (name, url) = (name.to_owned(), url.to_owned());
        let validators = Validators { name, url, etag, last_modified, length, changed };
        let mut options = OpenOptions::new();
        let written =
            options.create(true).append(true).open(&file).and_then(|mut file| append(&mut file, &validators));
        written.map_err(failed())?;
        self.known()?.insert(validators.name.clone(), validators);
        Ok(())
    }

    fn file(&self) -> PathBuf {
        self.folder.join(NAME)
    }

    fn known(&mut self) -> Result<&mut HashMap<String, Validators>, CacheError> {
        if self.known.is_none() {
            self.known = Some(read(&self.file()).map_err(CacheError::io("reading", &self.file()))?);
        }
        Ok(self.known.get_or_insert_default())
    }
}

/// How long a file is, and when it has changed.
fn as_it_is(path: &Path) -> io::Result<(u64, u64)> {
    let about = fs::metadata(path)?;
    let changed = about.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    Ok((about.len(), u64::try_from(changed).unwrap_or(u64::MAX)))
}

/// Appends a line. It begins with the line's break, so that what another process left unfinished spoils nothing else.
fn append(file: &mut File, validators: &Validators) -> io::Result<()> {
    let mut line = vec![b'\n'];
    serde_json::to_writer(&mut line, validators)?;
    file.write_all(&line)
}

/// What a file has; lines that are not whole are passed over. One with many lines of no use is written anew.
fn read(path: &Path) -> io::Result<HashMap<String, Validators>> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(cause) => return Err(cause),
    };
    let (mut known, mut lines) = (HashMap::new(), 0);
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        lines += 1;
        if let Ok(validators) = serde_json::from_slice::<Validators>(line) {
            known.insert(validators.name.clone(), validators);
        }
    }
    if lines > 2 * known.len() + LEFT {
        write_anew(path, known.values())?;
    }
    Ok(known)
}

fn write_anew<'v>(path: &Path, mut known: impl Iterator<Item = &'v Validators>) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let mut text = io::BufWriter::new(file.as_file_mut());
    known.try_for_each(|validators| {
        text.write_all(b"\n")?;
        serde_json::to_writer(&mut text, validators).map_err(io::Error::from)
    })?;
    text.flush()?;
    drop(text);
    file.persist(path).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://a/";

    fn noted(folder: &Path, names: &[&str]) -> FolderValidators {
        let mut known = FolderValidators::new(folder);
        for name in names {
            fs::write(folder.join(name), "potato").unwrap();
            known.note(name, URL, Some("\"1\"".to_owned()), None).unwrap();
        }
        known
    }

    #[test]
    fn what_was_said_of_a_file_is_known_to_the_next_process_until_the_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let own = noted(folder.path(), &["a", "b"]).of("a", URL).unwrap().unwrap();
        let mut next = FolderValidators::new(folder.path());
        assert_eq!((next.of("a", URL).unwrap(), own.etag.as_deref()), (Some(own.clone()), Some("\"1\"")));
        assert_eq!((next.of("a", "http://other/").unwrap(), next.of("c", URL).unwrap()), (None, None));
        fs::write(folder.path().join("a"), "another potato").unwrap();
        fs::remove_file(folder.path().join("b")).unwrap();
        assert_eq!((next.of("a", URL).unwrap(), next.of("b", URL).unwrap()), (None, None));
    }

    #[test]
    fn a_line_that_is_not_whole_harms_no_other() {
        let folder = tempfile::tempdir().unwrap();
        noted(folder.path(), &["a"]);
        let path = folder.path().join(NAME);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"\n{\"name\":\"b\",").unwrap();
        noted(folder.path(), &["c"]);
        let known = read(&path).unwrap();
        assert!(known.len() == 2 && known.contains_key("a") && known.contains_key("c"));
    }

    #[test]
    fn lines_of_no_use_do_not_gather_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        noted(folder.path(), &vec!["a"; 1_100]);
        let path = folder.path().join(NAME);
        let long = fs::metadata(&path).unwrap().len();
        let before = read(&path).unwrap();
        assert!(fs::metadata(&path).unwrap().len() * 1_000 < long);
        assert_eq!(read(&path).unwrap(), before);
    }
}
