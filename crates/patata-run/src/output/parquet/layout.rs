//! Which columns parts have: the same in all parts of a run, whatever their rows are.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};
use patata_arrow::{BodyReader, type_of};

use crate::manifest::OutputOptions;

/// Said of a column of text whose cells are JSON where they can be.
pub(super) const CELLS: (&str, &str) = ("patata", "json or text");

/// The column that says what of a body does not fit the schema.
pub(super) const BODY_ERROR: &str = "body_error";

/// What a column has of a row.
#[derive(Debug)]
pub(super) enum Part {
    Id,
    Index,
    Status,
    Ok,
    Url,
    Method,
    Attempts,
    Ms,
    Headers,
    Path,
    /// The body, or what is within it, by a type; as a cell of text where there is none.
    Body {
        within: Vec<String>,
        reader: Option<BodyReader>,
    },
    /// A header of this name.
    Header(String),
    Error,
    ErrorKind,
    ErrorMessage,
    Changed,
    /// What of the body does not fit.
    BodyError,
}

/// The columns of parts.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(super) parts: Vec<Part>,
    pub(super) schema: SchemaRef,
}

impl Layout {
    /// Those that a run is asked for.
    ///
    /// # Errors
    /// What of it is none, and the fix.
    pub(crate) fn new(options: &OutputOptions) -> Result<Self, String> {
        let body = options.schema.as_deref().map(|text| type_of(text).map_err(|error| error.to_string()));
        let body = body.transpose()?;
        let mut names: Vec<&str> = match &*options.columns {
            [] => vec![
                "id", "index", "status", "ok", "url", "method", "attempts", "ms", "headers", "path", "body",
                "error", "changed",
            ],
            chosen => chosen.iter().map(String::as_str).collect(),
        };
        if options.columns.is_empty() && !options.headers {
            names.retain(|name| *name != "headers");
        }
        let has_bodies = names.iter().any(|name| name.split('.').next() == Some("body"));
        if body.is_some() && !has_bodies {
            return Err(
                "the schema is that of bodies, and no column has them; add body to the columns".into()
            );
        }
        if body.is_some() {
            names.push(BODY_ERROR);
        }
        let (mut parts, mut fields): (Vec<Part>, Vec<Field>) = Default::default();
        for name in names {
            if fields.iter().any(|field| field.name() == name) {
                return Err(format!("the column {name:?} is there twice; name each once"));
            }
            let part = part(name, body.as_ref(), options.headers)?;
            fields.push(part.field(name));
            parts.push(part);
        }
        Ok(Self { parts, schema: Arc::new(Schema::new(fields)) })
    }
}

fn part(name: &str, body: Option<&DataType>, has_headers: bool) -> Result<Part, String> {
    let (member, within) =
        name.split_once('.').map_or((name, None), |(member, within)| (member, Some(within)));
    if member == "headers" && !has_headers {
        return Err(format!(
            "the column {name:?} is one of headers, which rows do not have; ask for headers too"
        ));
    }
    Ok(match (member, within) {
        ("id", None) => Part::Id,
        ("index", None) => Part::Index,
        ("status", None) => Part::Status,
        ("ok", None) => Part::Ok,
        ("url", None) => Part::Url,
        ("method", None) => Part::Method,
        ("attempts", None) => Part::Attempts,
        ("ms", None) => Part::Ms,
        ("headers", None) => Part::Headers,
        ("headers", Some(header)) => Part::Header(header.to_ascii_lowercase()),
        ("path", None) => Part::Path,
        ("body", within) => {
            let within: Vec<_> =
                within.iter().flat_map(|within| within.split('.')).map(str::to_owned).collect();
            Part::Body { reader: body.map(|body| reader(name, body, &within)).transpose()?, within }
        }
        ("error", None) => Part::Error,
        ("error", Some("kind")) => Part::ErrorKind,
        ("error", Some("message")) => Part::ErrorMessage,
        ("changed", None) => Part::Changed,
        (BODY_ERROR, None) => Part::BodyError,
        _ => {
            return Err(format!(
                "rows have no {name:?}; a column is one of id, index, status, ok, url, method, attempts, ms, headers, \
                 path, body, error, changed, or within one, as body.name"
            ));
        }
    })
}

/// What reads a body, or what is within it.
fn reader(name: &str, body: &DataType, within: &[String]) -> Result<BodyReader, String> {
    let mut data_type = body;
    for member in within {
        let field = match data_type {
            DataType::Struct(fields) => fields.find(member).map(|(_, field)| field),
            _ => None,
        };
        data_type = field.map(|field| field.data_type()).ok_or_else(|| {
            format!("the column {name:?} is not in the schema, which has no member {member:?} there; add it to the schema")
        })?;
    }
    BodyReader::new(data_type)
        .map_err(|cause| format!("the column {name:?} cannot be read from JSON: {cause}"))
}

impl Part {
    fn field(&self, name: &str) -> Field {
        let data_type = match self {
            Self::Index => DataType::Int64,
            Self::Status => DataType::Int16,
            Self::Ok | Self::Changed => DataType::Boolean,
            Self::Attempts => DataType::Int32,
            Self::Ms => DataType::Float64,
            Self::Headers => headers_type(),
            Self::Error => DataType::Struct(error_members()),
            Self::Body { reader: Some(reader), .. } => reader.data_type().clone(),
            Self::Body { reader: None, .. } => {
                let cells = HashMap::from([(CELLS.0.to_owned(), CELLS.1.to_owned())]);
                return Field::new(name, DataType::Utf8, true).with_metadata(cells);
            }
            Self::Id
            | Self::Url
            | Self::Method
            | Self::Path
            | Self::Header(_)
            | Self::ErrorKind
            | Self::ErrorMessage
            | Self::BodyError => DataType::Utf8,
        };
        Field::new(name, data_type, true)
    }
}

fn headers_type() -> DataType {
    let entries = Fields::from(vec![
        Field::new("keys", DataType::Utf8, false),
        Field::new("values", DataType::Utf8, true),
    ]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false)
}

pub(super) fn error_members() -> Fields {
    Fields::from(vec![Field::new("kind", DataType::Utf8, true), Field::new("message", DataType::Utf8, true)])
}
