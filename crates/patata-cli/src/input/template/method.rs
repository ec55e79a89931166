//! The method of a request.

use patata::Method;

use crate::input::error::InputError;
use crate::input::field::FieldPath;
use crate::input::row::Row;

use super::encoding::Encoding;
use super::text::{Text, unusable};

/// A method, the same for all rows or with places for fields.
#[derive(Debug, Clone)]
pub(super) enum MethodTemplate {
    Constant(Method),
    Text(Text),
}

impl MethodTemplate {
    pub(super) fn new(text: &str) -> Result<Self, InputError> {
        let text = Text::checked("-X", text.trim(), Encoding::AsIs)?;
        match text.constant() {
            None => Ok(Self::Text(text)),
            Some(method) => method_of(method).map(Self::Constant).map_err(|message| unusable("-X", message)),
        }
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = &FieldPath> {
        let text = if let Self::Text(text) = self { Some(text) } else { None };
        text.into_iter().flat_map(Text::fields)
    }

    pub(super) fn render(&self, row: &Row) -> Result<Method, String> {
        match self {
            Self::Constant(method) => Ok(method.clone()),
            Self::Text(text) => method_of(&text.render(row)?),
        }
    }
}

/// A method, in any case.
pub(super) fn method_of(text: &str) -> Result<Method, String> {
    Method::from_bytes(text.to_ascii_uppercase().as_bytes())
        .map_err(|_| format!("the method {text:?} is none; give a word, as GET or POST"))
}
