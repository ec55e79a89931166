//! Forms with files, as `multipart/form-data` (RFC 7578): fields in their order, files streamed from disk.

use std::borrow::Cow;
use std::path::Path;
use std::{fmt, io};

use bytes::Bytes;

use crate::request::body::{Body, Part};

const LINE_END: &[u8] = b"\r\n";

/// The fields of a form, of which some are files.
///
/// ```
/// # let server = patata_testserver::Server::start().unwrap();
/// # let url = format!("{}/echo-body", server.url());
/// use patata::{Client, FilePart, Multipart, Request};
///
/// let form = Multipart::new()
///     .text("title", "A manifest")
///     .file("upload", FilePart::path("Cargo.toml"))
///     .file("note", FilePart::bytes("note.txt", "potato").media_type("text/plain"));
/// let outcome = Client::builder().build()?.run([Request::post(1, url).body(form)]).next().unwrap();
/// let body = outcome.result.unwrap().body;
/// assert!(String::from_utf8_lossy(&body).contains("filename=\"Cargo.toml\""));
/// # Ok::<(), patata::ConfigError>(())
/// ```
#[derive(Debug, Default)]
pub struct Multipart {
    fields: Vec<(String, Field)>,
}

#[derive(Debug)]
enum Field {
    Text(String),
    File(FilePart),
}

/// A file of a form: its content, the name that the server is told, and its media type.
pub struct FilePart {
    name: Option<String>,
    media_type: Option<String>,
    content: Result<Part, String>,
}

impl fmt::Debug for FilePart {
    /// Without the content, which may be secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FilePart").field("name", &self.name).finish_non_exhaustive()
    }
}

impl FilePart {
    /// A file on disk, read while it is sent. Its name is the path's last part.
    pub fn path(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let content =
            Part::file(path).map_err(|cause| format!("files: the file {path:?} cannot be read: {cause}"));
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        Self { name, media_type: None, content }
    }

    /// A file that is in memory.
    pub fn bytes(name: impl Into<String>, content: impl Into<Bytes>) -> Self {
        Self { name: Some(name.into()), media_type: None, content: Ok(Part::Bytes(content.into())) }
    }

    /// ChunkedBuffer, taken while they are sent; `length` in all, where it is known.
    pub fn pieces<I>(name: impl Into<String>, pieces: I, length: Option<u64>) -> Self
    where
        I: IntoIterator<Item = io::Result<Bytes>>,
        I::IntoIter: Send + 'static,
    {
        let content = Part::once(Box::new(pieces.into_iter()), length);
        Self { name: Some(name.into()), media_type: None, content: Ok(content) }
    }

    /// ChunkedBuffer that can be had any number of times: see [`Body::rewindable`].
    pub fn rewindable<F, I>(name: impl Into<String>, begin: F, length: Option<u64>) -> Self
    where
        F: Fn() -> io::Result<I> + Send + Sync + 'static,
        I: IntoIterator<Item = io::Result<Bytes>>,
        I::IntoIter: Send + 'static,
    {
        Self { name: Some(name.into()), media_type: None, content: Ok(Part::again(begin, length)) }
    }

    /// The name that the server is told. `None` makes it a field like any other.
    #[must_use]
    pub fn file_name(mut self, name: Option<String>) -> Self {
        self.name = name;
        self
    }

    /// The media type. Default: by the ending of the name, else `application/octet-stream`.
    #[must_use]
    pub fn media_type(mut self, media_type: impl Into<String>) -> Self {
        self.media_type = Some(media_type.into());
        self
    }

    /// The lines that say what this is, after the one that names the field.
    fn description(&self) -> Result<String, String> {
        let mut lines = String::new();
        if let Some(name) = &self.name {
            lines.push_str(&format!("; filename=\"{}\"", escaped(name)));
        }
        let media_type: Cow<'_, str> = match (&self.media_type, &self.name) {
            (Some(given), _) if given.parse::<mime::Mime>().is_ok() => given.into(),
            (Some(given), _) => return Err(format!("files: {given:?} is not a media type")),
            (None, Some(name)) => mime_guess::from_path(name).first_or_octet_stream().to_string().into(),
            (None, None) => return Ok(lines),
        };
        lines.push_str(&format!("\r\ncontent-type: {media_type}"));
        Ok(lines)
    }
}

impl Multipart {
    /// A form without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field that is a text.
    #[must_use]
    pub fn text(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.fields.push((name.into(), Field::Text(value.into())));
        self
    }

    /// Adds a file.
    #[must_use]
    pub fn file(mut self, name: impl Into<String>, file: FilePart) -> Self {
        self.fields.push((name.into(), Field::File(file)));
        self
    }

    pub(crate) fn into_body(self) -> Body {
        let boundary = format!("patata-{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
        match self.parts(&boundary) {
            Ok(parts) => {
                Body::streamed(parts).with_media_type(format!("multipart/form-data; boundary={boundary}"))
            }
            Err(message) => Body::unusable(message),
        }
    }

    fn parts(self, boundary: &str) -> Result<Vec<Part>, String> {
        let mut parts = Vec::new();
        // What stands between contents is gathered to be one part.
        let mut between = Vec::new();
        for (name, field) in self.fields {
            let opening =
                format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{}\"", escaped(&name));
            between.extend_from_slice(opening.as_bytes());
            match field {
                Field::Text(value) => {
                    between.extend_from_slice(b"\r\n\r\n");
                    between.extend_from_slice(value.as_bytes());
                }
                Field::File(file) => {
                    between.extend_from_slice(file.description()?.as_bytes());
                    between.extend_from_slice(b"\r\n\r\n");
                    parts.push(Part::Bytes(std::mem::take(&mut between).into()));
                    parts.push(file.content?);
                }
            }
            between.extend_from_slice(LINE_END);
        }
        between.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        parts.push(Part::Bytes(between.into()));
        Ok(parts)
    }
}

/// A name as it stands in quotes: as browsers escape it.
fn escaped(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(form: Multipart) -> String {
        let parts = form.parts("B").unwrap().into_iter();
        parts
            .map(|part| match part {
                Part::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
                Part::File { path, .. } => format!("<{}>", path.display()),
                Part::Once { .. } | Part::Again { .. } => "<pieces>".to_owned(),
            })
            .collect()
    }

    #[test]
    fn fields_and_files_stand_in_their_order() {
        let form = Multipart::new()
            .text("a", "1")
            .file("b", FilePart::bytes("b.json", "{}"))
            .file("c", FilePart::bytes("", "3").file_name(None));
        assert_eq!(
            text(form),
            "--B\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
             --B\r\ncontent-disposition: form-data; name=\"b\"; filename=\"b.json\"\r\n\
             content-type: application/json\r\n\r\n{}\r\n\
             --B\r\ncontent-disposition: form-data; name=\"c\"\r\n\r\n3\r\n--B--\r\n"
        );
    }

    #[test]
    fn a_name_cannot_break_out_of_its_line() {
        let form = Multipart::new().text("a\"\r\nx: y", "1");
        assert!(text(form).contains("name=\"a%22%0D%0Ax: y\"\r\n\r\n1"));
    }

    #[test]
    fn an_unusable_file_or_media_type_is_told() {
        let missing = Multipart::new().file("a", FilePart::path("/no/such/file"));
        assert!(missing.parts("B").is_err_and(|message| message.contains("/no/such/file")));
        let odd = Multipart::new().file("a", FilePart::bytes("a", "").media_type("text\r\nx: y"));
        assert!(odd.parts("B").is_err_and(|message| message.contains("is not a media type")));
    }
}
