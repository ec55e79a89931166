//! How a value is written where it stands.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::input::json;
use crate::input::row::Value;

/// All but what RFC 3986 calls unreserved: what holds for a segment of a path holds for a part of a query and of a form.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The same where a host and a port may stand.
const NO_HOST: &AsciiSet = &RESERVED.remove(b':').remove(b'[').remove(b']');

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Where nothing has a meaning.
    AsIs,
    /// In a host or a port.
    Host,
    /// In a part of a URL's path, with other text.
    InSegment,
    /// As a whole part of a URL's path.
    Segment,
    /// In a query or a form.
    Component,
    /// Within the quotes of a JSON string.
    JsonString,
    /// As a JSON value.
    JsonValue,
    /// In a header's value.
    Header,
    /// In the name of a file that is written.
    FileName,
    /// In the name of a file that is read.
    ExistingName,
}

impl Encoding {
    /// A text as a part of a query or a form.
    pub(super) fn component(text: &str) -> String {
        utf8_percent_encode(text, RESERVED).to_string()
    }

    /// Writes a value behind a text.
    ///
    /// # Errors
    /// Why it cannot stand there, to be read behind the field's name.
    pub(super) fn write(self, value: Value<'_>, to: &mut String) -> Result<(), String> {
        if self == Self::JsonValue {
            return write_json(value, to);
        }
        if value.is_null() {
            return Err("is null, and nothing can be written for it; give it a value".to_owned());
        }
        match (self, value) {
            // As it is escaped already.
            (Self::JsonString, Value::Json(raw)) if raw.starts_with('"') => {
                to.push_str(&raw[1..raw.len() - 1]);
                return Ok(());
            }
            (Self::JsonString, _) => {
                let quoted = serde_json::Value::from(value.text()?).to_string();
                to.push_str(&quoted[1..quoted.len() - 1]);
                return Ok(());
            }
            _ => {}
        }
        let text = value.text()?;
        self.check(&text)?;
        match self {
            Self::Host => to.extend(utf8_percent_encode(&text, NO_HOST)),
            Self::InSegment | Self::Segment | Self::Component => {
                to.extend(utf8_percent_encode(&text, RESERVED));
            }
            Self::FileName => text.chars().for_each(|letter| write_in_name(letter, to)),
            _ => to.push_str(&text),
        }
        Ok(())
    }

    /// What is refused, as no way of writing it would mean what it says.
    fn check(self, text: &str) -> Result<(), String> {
        let message = match self {
            Self::Segment if text.is_empty() => {
                "is empty, and would leave a part of the URL's path empty; give it a value"
            }
            Self::Header if text.contains(['\r', '\n', '\0']) => {
                "holds a line break or a null character, which no header can; remove it"
            }
            Self::ExistingName if text.contains(['/', '\\', '\0']) || matches!(text, "" | "." | "..") => {
                "is no name of a file; where it is a path, begin the name with it, as in @{path}"
            }
            _ => return Ok(()),
        };
        Err(message.to_owned())
    }
}

/// What would part a name into folders, or make two names the same, is percent-encoded; other scripts stay readable.
fn write_in_name(letter: char, to: &mut String) {
    match letter {
        '/' | '\\' | '%' | '\0'..='\x1f' | '\x7f' => to.push_str(&format!("%{:02X}", u32::from(letter))),
        _ => to.push(letter),
    }
}

fn write_json(value: Value<'_>, to: &mut String) -> Result<(), String> {
    match value {
        Value::Json(raw) => to.push_str(raw),
        Value::Index(_) => to.push_str(&value.text()?),
        Value::Text(text) => {
            json::is_json(text).map_err(|reason| {
                format!(
                    "is {:?}, which is no JSON ({reason}); if it is a text, put its place within quotes",
                    shortened(text)
                )
            })?;
            to.push_str(text.trim());
        }
    }
    Ok(())
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
