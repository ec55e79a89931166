//! The URL of a request: each value encoded for the part of it in which it stands.

use crate::input::error::InputError;
use crate::input::field::FieldPath;
use crate::input::row::{Row, Value};

use super::braces::{self, Scope};
use super::encoding::Encoding;
use super::text::{Text, Token, tokens, unusable};

/// A URL with places for fields.
#[derive(Debug, Clone)]
pub(super) struct UrlTemplate {
    text: Text,
    /// Whether a value could make a part of the path `.` or `..`, which leads elsewhere.
    guards_path: bool,
}

impl UrlTemplate {
    pub(super) fn new(url: &str) -> Result<Self, InputError> {
        braces::check("URL", url, Scope::Text)?;
        let tokens = tokens(url.trim());
        if tokens.is_empty() {
            return Err(unusable("URL", "is empty; give one, as in \"https://host/{id}\""));
        }
        let encodings: Vec<_> = (0..tokens.len()).map(|at| encoding(&tokens, at)).collect();
        let is_in_path = |encoding: &Encoding| matches!(encoding, Encoding::Segment | Encoding::InSegment);
        let text = Text::new(tokens, |at| encodings[at]);
        // Dots that the user wrote are meant.
        let has_dots = text.render_with(|_| Ok(Value::Text("x"))).is_ok_and(|url| leads_elsewhere(&url));
        let guards_path = !has_dots && encodings.iter().any(is_in_path);
        Ok(Self { text, guards_path })
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = &FieldPath> {
        self.text.fields()
    }

    pub(super) fn render(&self, row: &Row) -> Result<String, String> {
        let url = self.text.render(row)?;
        match self.guards_path && leads_elsewhere(&url) {
            true => Err(
                "a part of the URL's path would be \".\" or \"..\", which leads elsewhere; give the field \
                         another value"
                    .to_owned(),
            ),
            false => Ok(url),
        }
    }
}

/// Whether there is a part of a path that is taken for another place.
fn leads_elsewhere(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    path.contains("/.") && path.split('/').skip(1).any(|part| matches!(part, "." | ".."))
}

/// How the value of the token at `at` is written.
fn encoding(tokens: &[Token], at: usize) -> Encoding {
    if at == 0 {
        return Encoding::AsIs;
    }
    let begins_with_field = matches!(tokens[0], Token::Field(_));
    let before: String =
        tokens[..at].iter().map(|token| if let Token::Literal(text) = token { text } else { "" }).collect();
    if before.contains(['?', '#']) {
        return Encoding::Component;
    }
    let is_host = match before.split_once("://") {
        Some((_, rest)) => !rest.contains('/'),
        // What a field at the beginning holds is a whole URL, or its beginning.
        None => !begins_with_field && !before.contains('/'),
    };
    if is_host {
        return Encoding::Host;
    }
    if begins_with_field && before.contains(['&', '=']) {
        return Encoding::Component;
    }
    let begins = matches!(&tokens[at - 1], Token::Literal(text) if text.ends_with('/'));
    let ends = match tokens.get(at + 1) {
        Some(Token::Literal(text)) => text.starts_with(['/', '?', '#']),
        Some(Token::Field(_)) => false,
        None => true,
    };
    if begins && ends { Encoding::Segment } else { Encoding::InSegment }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_known_by_what_is_before_it() {
        use Encoding::{AsIs, Component, Host, InSegment, Segment};

        for (url, expected) in [
            ("{url}", vec![AsIs]),
            ("{url}/{a}?b={c}", vec![AsIs, Segment, Component]),
            ("{url}&a={b}", vec![AsIs, Component]),
            ("{scheme}://{host}/{a}", vec![AsIs, Host, Segment]),
            ("https://{a}.host:{b}/{c}/{d}.json?{e}={f}#{g}", {
                vec![Host, Host, Segment, InSegment, Component, Component, Component]
            }),
            ("{a}{b}", vec![AsIs, InSegment]),
            ("host/{a}{b}", vec![InSegment, InSegment]),
        ] {
            let tokens = tokens(url);
            let places = (0..tokens.len()).filter(|at| matches!(tokens[*at], Token::Field(_)));
            assert_eq!(places.map(|at| encoding(&tokens, at)).collect::<Vec<_>>(), expected, "{url}");
        }
    }
}
