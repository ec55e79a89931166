//! Names of files: those that are written, of which none leads out of its folder, and those that are read.

use std::path::PathBuf;

use patata::PathTemplate;

use crate::input::error::InputError;
use crate::input::field::FieldPath;
use crate::input::row::{Row, Value};

use super::braces::{self, Scope};
use super::encoding::Encoding;
use super::text::{Text, Token, found, tokens, unusable};

/// The longest name that file systems take, in bytes.
const MAX_NAME: usize = 255;

/// Where the body of each response goes.
#[derive(Debug, Clone)]
pub(super) struct SaveTo {
    /// The folder, with one place for all that is below it. It refuses what would lead out.
    folder: PathTemplate,
    below: Text,
}

impl SaveTo {
    pub(super) fn new(template: &str) -> Result<Self, InputError> {
        let unusable = |message: &str| unusable("--save-to", format!("{template:?} {message}"));
        braces::check("--save-to", template, Scope::Text)?;
        let mut tokens = tokens(template);
        if !tokens.iter().any(|token| matches!(token, Token::Field(_))) {
            return Err(unusable(
                "has no field in it, and each response needs a file of its own; write {index} or {id} in it",
            ));
        }
        let mut folder = String::new();
        if let Some(Token::Literal(text)) = tokens.first_mut() {
            let below = text.split_off(text.rfind('/').map_or(0, |at| at + 1));
            folder = std::mem::replace(text, below).replace('{', "{{").replace('}', "}}");
        }
        let folder = PathTemplate::new(&format!("{folder}{{id}}"))
            .map_err(|_| unusable("is no path of files; it leads out of its own folder"))?;
        let below = Text::new(tokens, |_| Encoding::FileName);
        let save_to = Self { folder, below };
        match save_to.below.render_with(|_| Ok(Value::Text("x"))).and_then(|name| save_to.path(&name)) {
            Ok(_) => Ok(save_to),
            Err(_) => {
                Err(unusable("is no path of files; it leads out of its own folder, or ends with a slash"))
            }
        }
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = &FieldPath> {
        self.below.fields()
    }

    /// The path for a row. `{id}` is what the row is known by, where it has no field of this name.
    pub(super) fn render(&self, row: &Row, id: &patata_run::Id) -> Result<PathBuf, String> {
        let shown = id.to_string();
        let name = self.below.render_with(|path| match path.name() {
            "id" if row.field(path).is_none() => Ok(Value::Text(&shown)),
            _ => found(row, path),
        })?;
        self.path(&name)
    }

    fn path(&self, name: &str) -> Result<PathBuf, String> {
        if let Some(long) = name.split('/').find(|part| part.len() > MAX_NAME) {
            return Err(format!(
                "--save-to: a file's name would have {} bytes, and no more than {MAX_NAME} can be; use a shorter field, \
                 as {{index}}",
                long.len()
            ));
        }
        self.folder.path(name, 0).map_err(|message| {
            let message = message.strip_prefix("stream_to: the id ").unwrap_or(&message);
            format!("--save-to: the name {message}")
        })
    }
}

/// The name of a file that is read for each row. As in a URL, a value that it begins with stands as it is.
pub(super) fn existing(name: &str) -> Text {
    Text::new(tokens(name), |at| if at == 0 { Encoding::AsIs } else { Encoding::ExistingName })
}
