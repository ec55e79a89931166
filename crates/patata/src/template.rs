//! Where the body of each response is saved: a path with a place for the request's id.

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

    /// The path for one request.
    ///
    /// # Errors
    /// An id that leads out of the folder, or cannot stand in a path.
    pub fn path(&self, id: &str, index: u64) -> Result<PathBuf, String> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Id => text.push_str(id),
                Piece::Index => text.push_str(&index.to_string()),
            }
        }
        if text.contains('\0') {
            return Err(format!("stream_to: the id {id:?} holds a null character"));
        }
        let path = PathBuf::from(text);
        let is_inside = path
            .strip_prefix(&self.folder)
            .is_ok_and(|below| stays_inside(below) && below.file_name().is_some());
        if is_inside && !path.to_string_lossy().ends_with('/') {
            Ok(path)
        } else {
            Err(format!("stream_to: the id {id:?} leads out of {}", self.folder.display()))
        }
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
    fn no_id_leads_out_of_the_folder() {
        let template = PathTemplate::new("dir/{id}").unwrap();
        assert_eq!(template.path("a/b", 0).unwrap(), Path::new("dir/a/b"));
        for id in ["..", "../x", "a/../../x", "a/..", "", ".", "a/", "a\0"] {
            assert!(template.path(id, 0).is_err(), "{id:?}");
        }
        let bare = PathTemplate::new("{id}").unwrap();
        for id in ["/etc/passwd", "../x", ""] {
            assert!(bare.path(id, 0).is_err(), "{id:?}");
        }
    }
}
