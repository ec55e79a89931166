//! Where the body of each response is saved: a path with a place for the request's id.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use crate::error::ConfigError;

/// A path with placeholders, as `stream_to` takes it: `{id}` is the request's id, `{index}` its place in the
/// input, counted from 0. `{{` and `}}` are braces.
///
/// No id leads out of the folder that stands before the first placeholder.
///
/// ```
/// let template = patata::PathTemplate::new("downloads/{id}.json")?;
/// assert_eq!(template.path("potato", 0).unwrap(), std::path::Path::new("downloads/potato.json"));
/// assert!(template.path("../../etc/passwd", 1).unwrap_err().contains("leads out of downloads"));
/// # Ok::<(), patata::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct PathTemplate {
    pieces: Vec<Piece>,
    /// What every path must stay in.
    folder: PathBuf,
}

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(String),
    Id,
    Index,
}

impl PathTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// A template without a placeholder, which would save all bodies to one file; one with an unknown
    /// placeholder or a brace alone; one that leads out of its own folder.
    pub fn new(template: &str) -> Result<Self, ConfigError> {
        let unusable = |allowed| ConfigError { option: "stream_to", allowed, value: format!("{template:?}") };
        let pieces = pieces(template)
            .ok_or_else(|| unusable("a path in which the only placeholders are {id} and {index}"))?;
        if !pieces.iter().any(|piece| matches!(piece, Piece::Id | Piece::Index)) {
            return Err(unusable(
                "a path with {id} or {index} in it, as each response needs a file of its own",
            ));
        }
        let folder = folder(&pieces);
        let template = Self { pieces, folder };
        match template.path("id", 0) {
            Ok(_) => Ok(template),
            Err(_) => Err(unusable("a path that stays in the folder it begins with")),
        }
    }

    /// The path for one request. Names are those of the id: two ids never come to one path by it. A part of the
    /// path behind its folder that is no name (an empty one, as in `a//b`, or `.`) has a `%` added to it, as has one
    /// that would be taken for such a part then (`%`, `.%`).
    ///
    /// ```
    /// let template = patata::PathTemplate::new("downloads/{id}")?;
    /// for (id, path) in [("a/b", "downloads/a/b"), ("a//b", "downloads/a/%/b"), ("/a", "downloads/%/a")] {
    ///     assert_eq!(template.path(id, 0).unwrap(), std::path::Path::new(path));
    /// }
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// An id that leads out of the folder, also by way of a symbolic link in it, or cannot stand in a path.
    pub fn path(&self, id: impl AsRef<OsStr>, index: u64) -> Result<PathBuf, String> {
        let id = id.as_ref();
        let refuse = |how: &str| Err(format!("stream_to: the id {id:?} {how}"));
        let mut text = OsString::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(piece) => text.push(piece),
                Piece::Id => text.push(id),
                Piece::Index => text.push(index.to_string()),
            }
        }
        let bytes = text.as_encoded_bytes();
        if bytes.contains(&0) {
            return refuse("holds a null character");
        }
        // A path that ends with a slash or a dot is a folder and no file.
        let is_folder = bytes.ends_with(b"/") || bytes.ends_with(b"/.");
        let path = named(&text, self.folder.as_os_str().len());
        let is_inside = path
            .strip_prefix(&self.folder)
            .is_ok_and(|below| stays_inside(below) && below.file_name().is_some());
        if !is_inside || is_folder {
            return refuse(&format!("leads out of {}", self.folder.display()));
        }
        match self.link_on_the_way(&path) {
            Some(link) => refuse(&format!("leads out of {} by the link {link:?}", self.folder.display())),
            None => Ok(path),
        }
    }

    /// The first folder below the template's own that is a symbolic link. What the template's folder itself is, is
    /// the user's to say.
    fn link_on_the_way(&self, path: &Path) -> Option<PathBuf> {
        let folders = path.ancestors().skip(1);
        let below = folders.take_while(|folder| folder.starts_with(&self.folder) && *folder != self.folder);
        let is_link = |folder: &&Path| folder.symlink_metadata().is_ok_and(|about| about.is_symlink());
        below.filter(is_link).last().map(Path::to_owned)
    }
}

/// A path in which each part behind the first `folder` bytes is a name: one that is empty or a dot, so that it would
/// vanish, has a `%` added, and so has each that would be taken for such a one then.
fn named(text: &OsStr, folder: usize) -> PathBuf {
    let is_short = |part: &[u8]| part.strip_prefix(b".").unwrap_or(part).iter().all(|byte| *byte == b'%');
    let bytes = text.as_encoded_bytes();
    if !bytes[folder..].split(|byte| *byte == b'/').any(is_short) {
        return text.into();
    }
    let mut path = os_slice(text, 0, folder).to_owned();
    let mut begin = folder;
    for part in bytes[folder..].split(|byte| *byte == b'/') {
        let end = begin + part.len();
        path.push(os_slice(text, begin, end));
        let is_last = end == bytes.len();
        if is_short(part) && !(is_last && matches!(part, b"" | b".")) {
            path.push("%");
        }
        if !is_last {
            path.push("/");
        }
        begin = end + 1;
    }
    path.into()
}

/// A part of an id, cut at slashes.
fn os_slice(id: &OsStr, begin: usize, end: usize) -> &OsStr {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        OsStr::from_bytes(&id.as_bytes()[begin..end])
    }
    #[cfg(not(unix))]
    {
        // Where names are no bytes, an id is a text.
        id.to_str().map_or(id, |text| OsStr::new(&text[begin..end]))
    }
}

/// A template's pieces; `None` where its braces are wrong.
fn pieces(template: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        text.push_str(&rest[..at]);
        let tail = &rest[at..];
        let (piece, length) = match tail {
            _ if tail.starts_with("{{") || tail.starts_with("}}") => {
                text.push_str(&tail[..1]);
                (None, 2)
            }
            _ if tail.starts_with("{id}") => (Some(Piece::Id), 4),
            _ if tail.starts_with("{index}") => (Some(Piece::Index), 7),
            _ => return None,
        };
        if let Some(piece) = piece {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
            pieces.push(piece);
        }
        rest = &tail[length..];
    }
    text.push_str(rest);
    pieces.push(Piece::Text(text));
    pieces.retain(|piece| *piece != Piece::Text(String::new()));
    Some(pieces)
}

/// What stands before the last slash before the first placeholder.
fn folder(pieces: &[Piece]) -> PathBuf {
    match pieces.first() {
        Some(Piece::Text(text)) => text.rfind('/').map_or_else(PathBuf::new, |at| text[..=at].into()),
        _ => PathBuf::new(),
    }
}

/// Whether a path below a folder never leaves it, not even to come back.
fn stays_inside(below: &Path) -> bool {
    below.components().all(|component| matches!(component, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_in() {
        for (template, expected) in [
            ("dir/{id}.bin", "dir/a.bin"),
            ("{id}", "a"),
            ("/tmp/{index}-{id}.json", "/tmp/7-a.json"),
            ("dir/{id}/{index}", "dir/a/7"),
            ("../dir/{{x}}{id}", "../dir/{x}a"),
            ("./{id}", "./a"),
        ] {
            assert_eq!(PathTemplate::new(template).unwrap().path("a", 7).unwrap(), Path::new(expected));
        }
    }

    #[test]
    fn an_unusable_template_is_told_with_the_fix() {
        for (template, part) in [
            ("dir/all.bin", "{id} or {index}"),
            ("", "{id} or {index}"),
            ("dir/{name}", "the only placeholders are"),
            ("dir/{id", "the only placeholders are"),
            ("dir/}{id}", "the only placeholders are"),
            ("dir/{id.__class__}", "the only placeholders are"),
            ("dir/{id}/../../x", "stays in the folder"),
            ("dir/{id}/", "stays in the folder"),
        ] {
            let error = PathTemplate::new(template).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains(&format!("{template:?}")), "{error}");
        }
    }

    #[test]
    fn an_id_in_the_middle_that_ends_with_no_name_is_a_folder_of_its_own() {
        let template = PathTemplate::new("d/{id}/x").unwrap();
        for (id, path) in
            [("%a", "d/%a/x"), ("%a/", "d/%a/%/x"), ("a/.", "d/a/.%/x"), ("", "d/%/x"), (".", "d/.%/x")]
        {
            assert_eq!(template.path(id, 0).unwrap(), Path::new(path), "{id:?}");
        }
    }

    #[test]
    fn no_id_leads_out_of_the_folder() {
        let template = PathTemplate::new("dir/{id}").unwrap();
        assert_eq!(template.path("a/b", 0).unwrap(), Path::new("dir/a/b"));
        for id in ["..", "../x", "a/../../x", "a/..", "", ".", "a/", "a/.", "a\0"] {
            assert!(template.path(id, 0).is_err(), "{id:?}");
        }
        let bare = PathTemplate::new("{id}").unwrap();
        assert_eq!(bare.path("/etc/passwd", 0).unwrap(), Path::new("%/etc/passwd"));
        for id in ["../x", ""] {
            assert!(bare.path(id, 0).is_err(), "{id:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_folder_leads_no_id_outside() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("link")).unwrap();
        std::os::unix::fs::symlink(folder.path(), elsewhere.path().join("own")).unwrap();
        let template = PathTemplate::new(&format!("{}/{{id}}", folder.path().display())).unwrap();
        let refused = template.path("link/x/y", 0).unwrap_err();
        assert!(refused.ends_with(&format!("by the link {:?}", folder.path().join("link"))), "{refused}");
        // A rename puts the file in place of the link.
        assert!(template.path("link", 0).is_ok());
        // The folder that the user names may be one.
        let template = PathTemplate::new(&format!("{}/own/{{id}}", elsewhere.path().display())).unwrap();
        assert!(template.path("a/b", 0).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn no_two_ids_share_a_path(
            one in "[a.%/]{1,5}",
            other in "[a.%/]{1,5}",
            template in proptest::sample::select(vec!["d/{id}", "d/{id}.bin", "d/x{id}", "d/{id}/x", "{id}", "d/.{id}"]),
        ) {
            let template = PathTemplate::new(template).unwrap();
            let normal = |id: &str| template.path(id, 0).map(|path| path.components().collect::<PathBuf>());
            if let (Ok(first), Ok(second)) = (normal(&one), normal(&other)) {
                proptest::prop_assert_eq!(first == second, one == other);
            }
        }
    }
}
