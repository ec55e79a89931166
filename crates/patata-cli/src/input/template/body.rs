//! The body of a request: data, JSON, a form, or a file.

use std::path::Path;

use bytes::Bytes;
use patata::Body;

use crate::input::error::InputError;
use crate::input::field::FieldPath;
use crate::input::json;
use crate::input::row::{Row, Value};

use super::braces::{self, JsonString, Scope};
use super::encoding::Encoding;
use super::text::{Text, Token, tokens, unusable};
use super::{BodyParts, JSON, file};
use crate::variables::{Variables, names_variable};

const FORM: &str = "application/x-www-form-urlencoded";

/// Up to which size a file that is the same for all rows is kept in memory.
const KEPT: u64 = 16 << 20;

impl BodyParts {
    /// The body in which every brace stands for itself, for who has no rows. `content_type` is what the headers say.
    ///
    /// # Errors
    /// What is no JSON and should be; a file that cannot be read.
    pub(crate) fn literal(
        &self,
        content_type: Option<&str>,
        variables: &Variables,
    ) -> Result<Body, InputError> {
        let text = |text: String, media_type| Body::from(text).with_media_type(media_type);
        Ok(match self {
            Self::Data(data) => {
                let is_json = looks_like_json(data) && json::is_json(data).is_ok();
                let encode = match is_json || says(content_type, "json") {
                    true => within_json,
                    false => encode_in_data(data, content_type),
                };
                text(variables.fill(data, encode), if is_json { JSON } else { FORM })
            }
            Self::Json(data) => {
                json::is_json(data).map_err(|message| bad_json("--json", &message))?;
                text(variables.fill(data, within_json), JSON)
            }
            Self::Form(pairs) => {
                Body::form(pairs.iter().map(|(name, value)| (name, variables.fill(value, str::to_owned))))
            }
            Self::File { name, media_type } => {
                let media_type = media_type.as_deref().or(content_type).unwrap_or(FORM);
                read(name)?.with_media_type(media_type.to_owned())
            }
        })
    }

    /// The flag that gives it.
    pub(crate) fn flag(&self) -> &'static str {
        match self {
            Self::Json(_) => "--json",
            Self::Form(_) => "--form",
            Self::Data(_) | Self::File { .. } => "-d",
        }
    }

    /// The texts in which variables may be named. What is in a file is sent as it is.
    pub(crate) fn texts(&self) -> Vec<&str> {
        match self {
            Self::Data(text) | Self::Json(text) => vec![text],
            Self::Form(pairs) => pairs.iter().map(|(_, value)| value.as_str()).collect(),
            Self::File { .. } => Vec::new(),
        }
    }

    pub(crate) fn names_variables(&self) -> bool {
        self.texts().into_iter().any(names_variable)
    }

    /// Whether it is JSON by what it looks like.
    pub(crate) fn is_json(&self) -> bool {
        match self {
            Self::Json(_) => true,
            Self::Data(text) => looks_like_json(text) && json_text(text).is_ok(),
            Self::Form(_) | Self::File { .. } => false,
        }
    }

    /// Texts in it that have names: fields of a form, and members of JSON at any depth. Places for fields are left in.
    pub(crate) fn named_values(&self) -> Vec<(String, String)> {
        match self {
            Self::Form(pairs) => pairs.clone(),
            Self::Data(text) | Self::Json(text) if self.is_json() => {
                let mut found = Vec::new();
                // What is no JSON is refused as such.
                if let Ok(value) = serde_json::from_str(&sample(text)) {
                    find_named(&value, &mut found);
                }
                found
            }
            Self::Data(text) => {
                let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
                pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
            }
            Self::Json(_) | Self::File { .. } => Vec::new(),
        }
    }
}

/// A JSON text in which something stands in each place: within quotes the place itself, and a number elsewhere.
fn sample(text: &str) -> String {
    let mut string = JsonString::default();
    let piece = |token: Token| match (json_encoding(&mut string, &token), token) {
        (_, Token::Literal(text)) => text,
        (Encoding::JsonString, Token::Field(path)) => format!("{{{}}}", path.name().replace('"', "")),
        (_, Token::Field(_)) => "0".to_owned(),
    };
    tokens(text).into_iter().map(piece).collect()
}

fn find_named(value: &serde_json::Value, found: &mut Vec<(String, String)>) {
    match value {
        serde_json::Value::Object(members) => {
            for (name, member) in members {
                if let serde_json::Value::String(text) = member {
                    found.push((name.clone(), text.clone()));
                }
                find_named(member, found);
            }
        }
        serde_json::Value::Array(elements) => elements.iter().for_each(|element| find_named(element, found)),
        _ => {}
    }
}

/// What a variable holds, within the quotes of a JSON string. It stands nowhere else, where its name would be no JSON.
fn within_json(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// How a variable stands in data that is no JSON: encoded in a form, and as it is in a text.
fn encode_in_data(text: &str, content_type: Option<&str>) -> fn(&str) -> String {
    let is_form = content_type.is_none() || says(content_type, "x-www-form-urlencoded");
    if is_form && text.contains('=') { Encoding::component } else { str::to_owned }
}

/// Whether a Content-Type names a type, whatever else it says.
fn says(content_type: Option<&str>, name: &str) -> bool {
    content_type.is_some_and(|said| said.to_ascii_lowercase().contains(name))
}

/// A body with places for fields.
#[derive(Debug, Clone)]
pub(super) enum BodyTemplate {
    /// The same for all rows.
    Constant(Body),
    Text(Text, &'static str),
    Form(Vec<(Text, Text)>),
    File(Text, String),
}

impl BodyTemplate {
    /// `content_type` is what the headers say.
    pub(super) fn new(
        parts: &BodyParts,
        content_type: Option<&str>,
        variables: &Variables,
    ) -> Result<Self, InputError> {
        let body = match parts {
            BodyParts::Data(text) => data(text, content_type, variables)?,
            BodyParts::Json(text) => {
                braces::check("--json", text, Scope::JsonString)?;
                let json = json_text(text).map_err(|message| bad_json("--json", &message))?;
                Self::Text(json.filled(|text| variables.fill(text, within_json)), JSON)
            }
            BodyParts::Form(pairs) => {
                let text = |text: &String| Text::checked("--form", text, Encoding::AsIs);
                let fill = |text: &str| variables.fill(text, str::to_owned);
                let pairs = super::pairs(pairs, text)?;
                Self::Form(pairs.into_iter().map(|(name, value)| (name, value.filled(fill))).collect())
            }
            BodyParts::File { name, media_type } => {
                let media_type = media_type.clone().unwrap_or_else(|| FORM.to_owned());
                braces::check("-d", name, Scope::Text)?;
                let name = file::existing(name);
                match name.constant() {
                    Some(name) => Self::Constant(read(name)?.with_media_type(media_type)),
                    None => Self::File(name, media_type),
                }
            }
        };
        Ok(body.kept())
    }

    /// A text without places is shared by all requests.
    fn kept(self) -> Self {
        match &self {
            Self::Text(text, media_type) => match text.constant() {
                Some(text) => {
                    Self::Constant(Body::from(Bytes::from(text.to_owned())).with_media_type(*media_type))
                }
                None => self,
            },
            _ => self,
        }
    }

    pub(super) fn fields(&self) -> Vec<&FieldPath> {
        match self {
            Self::Constant(_) => Vec::new(),
            Self::Text(text, _) | Self::File(text, _) => text.fields().collect(),
            Self::Form(pairs) => {
                pairs.iter().flat_map(|(name, value)| name.fields().chain(value.fields())).collect()
            }
        }
    }

    pub(super) fn render(&self, row: &Row) -> Result<Body, String> {
        Ok(match self {
            Self::Constant(body) => body.clone(),
            Self::Text(text, media_type) => Body::from(text.render(row)?).with_media_type(*media_type),
            Self::File(name, media_type) => Body::file(name.render(row)?).with_media_type(media_type.clone()),
            Self::Form(pairs) => {
                let rendered: Result<Vec<_>, String> =
                    pairs.iter().map(|(name, value)| Ok((name.render(row)?, value.render(row)?))).collect();
                Body::form(rendered?)
            }
        })
    }
}

fn data(text: &str, content_type: Option<&str>, variables: &Variables) -> Result<BodyTemplate, InputError> {
    let json = json_text(text);
    let is_json = says(content_type, "json")
        || (content_type.is_none() && json.as_ref().is_ok_and(|_| looks_like_json(text)));
    if is_json {
        braces::check("-d", text, Scope::JsonString)?;
        let text = json.map_err(|message| bad_json("-d", &message))?;
        return Ok(BodyTemplate::Text(text.filled(|text| variables.fill(text, within_json)), JSON));
    }
    braces::check("-d", text, Scope::Text)?;
    let is_form =
        says(content_type, "x-www-form-urlencoded") || (content_type.is_none() && text.contains('='));
    let encoding = match is_form {
        // What is there alone is a whole form.
        true if tokens(text).len() > 1 => Encoding::Component,
        _ => Encoding::AsIs,
    };
    let encode = encode_in_data(text, content_type);
    let body = Text::with(text, encoding).filled(|text| variables.fill(text, encode));
    Ok(BodyTemplate::Text(body, FORM))
}

fn looks_like_json(text: &str) -> bool {
    let begins_with_field = matches!(tokens(text.trim_start()).first(), Some(Token::Field(_)));
    !begins_with_field && text.trim_start().starts_with(['{', '['])
}

fn bad_json(part: &'static str, message: &str) -> InputError {
    unusable(
        part,
        format!(
            "is no JSON: {message}; quote texts with \", in a shell within '…', as in '{{\"name\":\"{{name}}\"}}'"
        ),
    )
}

/// A JSON text with places in it.
///
/// # Errors
/// Why it would be no JSON, whatever the values.
fn json_text(text: &str) -> Result<Text, String> {
    let tokens = tokens(text);
    let mut string = JsonString::default();
    let encodings: Vec<_> = tokens.iter().map(|token| json_encoding(&mut string, token)).collect();
    let text = Text::new(tokens, |at| encodings[at]);
    let sample = text.render_with(|_| Ok(Value::Json("0")))?;
    json::is_json(&sample)?;
    Ok(text)
}

/// How a value stands behind a token.
fn json_encoding(string: &mut JsonString, token: &Token) -> Encoding {
    if let Token::Literal(text) = token {
        for byte in text.bytes() {
            string.pass(byte);
        }
    }
    if string.is_within() { Encoding::JsonString } else { Encoding::JsonValue }
}

/// A file that is the same for all rows.
fn read(name: &str) -> Result<Body, InputError> {
    let failed = |cause: std::io::Error| unusable("-d", format!("the file {name:?} cannot be read: {cause}"));
    let path = Path::new(name);
    let about = path.metadata().map_err(failed)?;
    // What can be read once is read for the first request of many.
    match about.is_file() && about.len() > KEPT {
        true => Ok(Body::file(path)),
        false => std::fs::read(path).map(Body::from).map_err(failed),
    }
}
