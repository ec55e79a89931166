//! A text with places for fields.

use crate::input::error::InputError;
use crate::input::field::FieldPath;
use crate::input::row::{Row, Value};
use crate::similar::nearest;

use super::braces::{self, Scope, begins_name, is_in_name};
use super::encoding::Encoding;

/// A part of what a user wrote.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Literal(String),
    Field(FieldPath),
}

/// Takes a text apart: `{field}` and `{"any field"}` are places, `{{field}}` is `{field}` itself, `{{field` is `{field`
/// where no brace closes it, and every other brace stands for itself, so that JSON and GraphQL can be written as they are.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let unclosed = if text.contains("{{") { braces::unclosed(text, Scope::Text) } else { Vec::new() };
    let mut tokens = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        literal.push_str(&rest[..at]);
        rest = &rest[at..];
        let is_next_unclosed = unclosed.contains(&(text.len() - rest.len() + 1));
        let doubled = rest[1..].starts_with('{').then(|| place(&rest[1..])).flatten();
        let length = match (place(rest), doubled) {
            (Some((field, length)), _) => {
                if !literal.is_empty() {
                    tokens.push(Token::Literal(std::mem::take(&mut literal)));
                }
                tokens.push(Token::Field(field));
                length
            }
            (None, Some((_, length))) if rest[1 + length..].starts_with('}') => {
                literal.push_str(&rest[1..=length]);
                length + 2
            }
            _ => {
                literal.push('{');
                if is_next_unclosed { 2 } else { 1 }
            }
        };
        rest = &rest[length..];
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        tokens.push(Token::Literal(literal));
    }
    tokens
}

/// The place for a field with which a text begins, and how long it is.
fn place(text: &str) -> Option<(FieldPath, usize)> {
    let inner = text.strip_prefix('{')?;
    if let Some(quoted) = inner.strip_prefix('"') {
        let name = &quoted[..quoted.find('"')?];
        let is_place = !name.is_empty() && quoted[name.len()..].starts_with("\"}");
        return is_place.then(|| (FieldPath::whole(name), name.len() + 4));
    }
    let name = &inner[..inner.find('}')?];
    let is_name = name.starts_with(begins_name) && !name.ends_with('.') && name.chars().all(is_in_name);
    is_name.then(|| (FieldPath::new(name), name.len() + 2))
}

/// A text with places, of which each says how a value stands there.
#[derive(Debug, Clone, Default)]
pub(super) struct Text {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
enum Piece {
    Literal(String),
    Field(FieldPath, Encoding),
}

impl Text {
    /// `encoding` is asked for each place, with its number among the tokens.
    pub(super) fn new(tokens: Vec<Token>, mut encoding: impl FnMut(usize) -> Encoding) -> Self {
        let piece = |(at, token)| match token {
            Token::Literal(text) => Piece::Literal(text),
            Token::Field(path) => Piece::Field(path, encoding(at)),
        };
        Self { pieces: tokens.into_iter().enumerate().map(piece).collect() }
    }

    /// A text in which values stand in one way.
    pub(super) fn with(text: &str, encoding: Encoding) -> Self {
        Self::new(tokens(text), |_| encoding)
    }

    /// The same, of a part of a request.
    ///
    /// # Errors
    /// A brace that is not closed.
    pub(super) fn checked(part: &'static str, text: &str, encoding: Encoding) -> Result<Self, InputError> {
        braces::check(part, text, Scope::Text)?;
        Ok(Self::with(text, encoding))
    }

    /// The same, with something done to what stands between its places.
    pub(super) fn filled(mut self, fill: impl Fn(&str) -> String) -> Self {
        for piece in &mut self.pieces {
            if let Piece::Literal(text) = piece {
                *text = fill(text);
            }
        }
        self
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = &FieldPath> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Field(path, _) => Some(path),
            Piece::Literal(_) => None,
        })
    }

    /// The text, if it is the same for all rows.
    pub(super) fn constant(&self) -> Option<&str> {
        match &*self.pieces {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The text for a row.
    ///
    /// # Errors
    /// Names the field that is missing, or cannot stand where it should.
    pub(super) fn render(&self, row: &Row) -> Result<String, String> {
        self.render_with(|path| found(row, path))
    }

    /// The text with values from elsewhere.
    pub(super) fn render_with<'a>(
        &self,
        value: impl Fn(&FieldPath) -> Result<Value<'a>, String>,
    ) -> Result<String, String> {
        let mut text = String::with_capacity(64 * self.pieces.len());
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Field(path, encoding) => encoding
                    .write(value(path)?, &mut text)
                    .map_err(|message| format!("the field {:?} {message}", path.name()))?,
            }
        }
        Ok(text)
    }
}

/// What a row has for a field of a template.
pub(super) fn found<'a>(row: &'a Row, path: &FieldPath) -> Result<Value<'a>, String> {
    row.field(path).ok_or_else(|| {
        let hint = match nearest(path.name(), row.names()) {
            Some(near) => format!("did you mean {{{near}}}?"),
            None => "add it to the row".to_owned(),
        };
        format!("has no field {:?}, which the template names; {hint}", path.name())
    })
}

/// What makes a template unusable.
pub(super) fn unusable(part: &'static str, message: impl Into<String>) -> InputError {
    InputError::Template { part, message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_names_a_field_is_a_place() {
        let shown = |text| -> Vec<String> {
            tokens(text)
                .into_iter()
                .map(|token| match token {
                    Token::Literal(text) => text,
                    Token::Field(path) => format!("<{}>", path.name()),
                })
                .collect()
        };
        for (text, expected) in [
            ("", vec![]),
            ("a{b}c", vec!["a", "<b>", "c"]),
            ("{a.b-c.0}{_x}", vec!["<a.b-c.0>", "<_x>"]),
            ("{\"first name\"}", vec!["<first name>"]),
            ("{\"a.b\"}", vec!["<a.b>"]),
            ("{{a}}", vec!["{a}"]),
            ("x{{a.b}}{c}", vec!["x{a.b}", "<c>"]),
            ("{{\"first name\"}}", vec!["{\"first name\"}"]),
            (r#"{"a":{"b":{c}}}"#, vec![r#"{"a":{"b":"#, "<c>", "}}"]),
            (r#"{"a":"b"}"#, vec![r#"{"a":"b"}"#]),
            ("{}{ a }{1}{a", vec!["{}{ a }{1}{a"]),
            ("{a.}{\"\"}", vec!["{a.}{\"\"}"]),
            ("query { user { id name } }", vec!["query { user { id name } }"]),
            ("{größe}", vec!["<größe>"]),
            ("{{a}", vec!["{", "<a>"]),
            ("x{{a/{b}", vec!["x{a/", "<b>"]),
            ("{{a {{{b", vec!["{a {{b"]),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }
}
