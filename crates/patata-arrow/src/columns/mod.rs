//! Which column is which part of a request, and whether it can be: known before any I/O.

pub(crate) mod template;

use std::collections::BTreeMap;

use arrow_schema::{DataType, Schema, SchemaRef};
use http::Method;

use crate::columns::template::{Template, columns_there};
use crate::error::TableError;
use crate::values::json::Json;
use crate::values::pairs::Pairs;
use crate::values::path::Path;
use crate::values::scalars::{is_bytes, is_number, is_scalar, is_text};

/// Which columns requests are made of.
///
/// A column that has the name of a part is taken for it: `url`, `id`, `method`, `headers`, `params`, `json`, `form`,
/// `content`, `timeout`, `cost`. [`rename`](Self::rename) says that it has another name, [`without`](Self::without) that
/// it is something else.
///
/// | part | type of its column |
/// |---|---|
/// | `url` | text; or a template over columns of scalars |
/// | `id` | any scalar: by what errors name the request |
/// | `method` | text; null is the default one |
/// | `headers`, `params`, `form` | a struct or a map of scalars or lists of scalars, or the JSON of an object; a null leaves a name out, a list repeats it |
/// | `json` | a text that is JSON; or a struct, a list, a map, a number, which are written as JSON, without the members that are null |
/// | `content` | bytes or text |
/// | `timeout` | seconds as a number, or a length of time |
/// | `cost` | amounts by unit: a struct, a map or the JSON of an object |
///
/// A null is a part that the row does not have. Texts may be of any layout, and packed in a dictionary or in runs.
///
/// ```
/// use arrow_schema::{DataType, Field, Schema};
/// use patata_arrow::{Columns, Plan};
///
/// let schema = Schema::new(vec![Field::new("user", DataType::Int64, false), Field::new("body", DataType::Utf8, true)]);
/// let columns = Columns::new().url("https://api.example/users/{user}").rename("json", "body")?;
/// assert!(Plan::new(&columns, &schema.clone().into()).is_ok());
/// let error = Plan::new(&Columns::new(), &schema.into()).unwrap_err();
/// assert!(error.to_string().starts_with("url=\"url\": the input has no column \"url\"; it has \"user\", \"body\""));
/// # Ok::<(), patata_arrow::TableError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Columns {
    url: String,
    method: Method,
    /// `None` for parts that have no column.
    renamed: BTreeMap<Part, Option<String>>,
}

impl Default for Columns {
    fn default() -> Self {
        Self::new()
    }
}

impl Columns {
    /// Columns that have the names of what they are.
    pub fn new() -> Self {
        Self { url: "url".into(), method: Method::GET, renamed: BTreeMap::new() }
    }

    /// The name of the column of URLs, or a template: a URL with columns in braces, as in
    /// `https://api.example/users/{user_id}?day={day}`. Default: `url`.
    ///
    /// `{column.member}` is a member of a struct. Values are percent-encoded, so that one never leads elsewhere; not so
    /// where the template begins with one (`{base}/users`), and in `{+column}`, which is part of a URL already. `{{` and
    /// `}}` are braces. A URL without braces is that of all rows.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// The method of rows whose column `method` does not say one. Default: GET.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Says that a part's column has another name.
    ///
    /// # Errors
    /// A part that requests do not have.
    pub fn rename(mut self, part: &str, column: impl Into<String>) -> Result<Self, TableError> {
        if part == "url" {
            return Ok(self.url(column));
        }
        self.renamed.insert(Part::from_name(part)?, Some(column.into()));
        Ok(self)
    }

    /// Says that the column of this name is no part of the requests.
    ///
    /// # Errors
    /// A part that requests do not have, and `url`, which they always have.
    pub fn without(mut self, part: &str) -> Result<Self, TableError> {
        self.renamed.insert(Part::from_name(part)?, None);
        Ok(self)
    }
}

/// What a column may be of a request, beside its URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Id,
    Method,
    Headers,
    Params,
    Json,
    Form,
    Content,
    Timeout,
    Cost,
}

impl Part {
    const ALL: [Self; 9] = [
        Self::Id,
        Self::Method,
        Self::Headers,
        Self::Params,
        Self::Json,
        Self::Form,
        Self::Content,
        Self::Timeout,
        Self::Cost,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Method => "method",
            Self::Headers => "headers",
            Self::Params => "params",
            Self::Json => "json",
            Self::Form => "form",
            Self::Content => "content",
            Self::Timeout => "timeout",
            Self::Cost => "cost",
        }
    }

    fn from_name(name: &str) -> Result<Self, TableError> {
        Self::ALL.into_iter().find(|part| part.name() == name).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.into_iter().map(Self::name).collect();
            let fix = format!("they have {}, and always a url", names.join(", "));
            TableError::unusable(format!("columns {name:?}"), "requests have no such part", fix)
        })
    }

    /// What keeps a column of a type from being this.
    fn check(self, data_type: &DataType) -> Result<(), String> {
        let unless = |fits: bool, wanted: &str| match fits || *data_type == DataType::Null {
            true => Ok(()),
            false => Err(format!("it is {data_type}, not {wanted}")),
        };
        match self {
            Self::Id => unless(is_scalar(data_type), "a scalar"),
            Self::Method => unless(is_text(data_type), "text"),
            Self::Headers | Self::Params | Self::Form | Self::Cost => Pairs::check(data_type),
            Self::Json => Json::check(data_type),
            Self::Content => unless(is_bytes(data_type), "bytes or text"),
            Self::Timeout => unless(
                is_number(data_type) || matches!(data_type, DataType::Duration(_)),
                "a number of seconds or a length of time",
            ),
        }
    }
}

/// Where URLs come from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum UrlSource {
    Column(String, Path),
    Template(Template),
}

/// [`Columns`] that go with the columns of a schema.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) schema: SchemaRef,
    pub(crate) url: UrlSource,
    pub(crate) method: Method,
    /// The columns of parts, with their names.
    pub(crate) parts: BTreeMap<Part, (String, Path)>,
}

impl Plan {
    /// Finds the columns in a schema.
    ///
    /// # Errors
    /// A column that is not there, or of a type that its part cannot have: names it, and what to do.
    pub fn new(columns: &Columns, schema: &SchemaRef) -> Result<Self, TableError> {
        let mut parts = BTreeMap::new();
        for part in Part::ALL {
            if let Some(found) = part_column(part, columns, schema)? {
                parts.insert(part, found);
            }
        }
        let url = url_source(&columns.url, schema)?;
        Ok(Self { schema: schema.clone(), url, method: columns.method.clone(), parts })
    }

    /// Whether requests have ids that are whole numbers; else they are texts, or there are none.
    pub fn has_integer_ids(&self) -> bool {
        let path = self.parts.get(&Part::Id).map(|(name, _)| Path::find(&self.schema, name));
        path.flatten().is_some_and(|(_, data_type)| data_type.is_integer())
    }
}

fn part_column(part: Part, columns: &Columns, schema: &Schema) -> Result<Option<(String, Path)>, TableError> {
    let renamed = columns.renamed.get(&part);
    let name = match renamed {
        Some(None) => return Ok(None),
        Some(Some(name)) => name,
        None => part.name(),
    };
    let Some((path, data_type)) = Path::find(schema, name) else {
        return match renamed {
            None => Ok(None),
            Some(_) => Err(TableError::unusable(
                format!("columns {:?}", part.name()),
                format!("the input has no column {name:?}"),
                columns_there(schema),
            )),
        };
    };
    part.check(data_type).map_err(|problem| {
        let part = part.name();
        let fix =
            format!("say which column {part:?} is, or that there is none, with columns={{{part:?}: …}}");
        TableError::unusable(format!("column {name:?} cannot be the {part} of requests"), problem, fix)
    })?;
    Ok(Some((name.to_owned(), path)))
}

fn url_source(url: &str, schema: &Schema) -> Result<UrlSource, TableError> {
    let subject = format!("url={url:?}");
    match Path::find(schema, url) {
        // One without any value has no type of its own: a table without rows may have such.
        Some((path, data_type)) if is_text(data_type) || *data_type == DataType::Null => {
            Ok(UrlSource::Column(url.to_owned(), path))
        }
        Some((_, data_type)) => Err(TableError::unusable(
            subject,
            format!("the column is {data_type}, not text"),
            "name a column of texts, or a template as https://host/{column}",
        )),
        None if url.contains(['{', '}']) || url.contains("://") => {
            Ok(UrlSource::Template(Template::new(url, schema)?))
        }
        None => Err(TableError::unusable(
            subject,
            format!("the input has no column {url:?}"),
            format!("{}: name one of these, or a template as https://host/{{column}}", columns_there(schema)),
        )),
    }
}

#[cfg(test)]
mod tests {
    use arrow_schema::{Field, TimeUnit};

    use super::*;
    use crate::type_text::{nullable, type_of};

    fn plan(columns: Columns, fields: &[(&str, DataType)]) -> Result<Plan, String> {
        let fields: Vec<_> =
            fields.iter().map(|(name, data_type)| Field::new(*name, data_type.clone(), true)).collect();
        Plan::new(&columns, &Schema::new(fields).into()).map_err(|error| error.to_string())
    }

    #[test]
    fn columns_are_taken_by_their_names() {
        let fields = [
            ("url", DataType::LargeUtf8),
            ("id", DataType::Int64),
            ("headers", type_of("map<string, string>").unwrap()),
            ("json", type_of("struct<a: list<int64>>").unwrap()),
            ("timeout", DataType::Duration(TimeUnit::Second)),
            ("cost", type_of("struct<tokens: double>").unwrap()),
            ("other", DataType::Binary),
        ];
        let found = plan(Columns::new(), &fields).unwrap();
        let parts: Vec<_> = found.parts.keys().map(|part| part.name()).collect();
        assert_eq!(parts, ["id", "headers", "json", "timeout", "cost"]);
        let columns = Columns::new().rename("content", "other").unwrap().without("json").unwrap();
        let found = plan(columns, &fields).unwrap();
        assert_eq!(found.parts[&Part::Content].0, "other");
        assert!(!found.parts.contains_key(&Part::Json));
    }

    #[test]
    fn what_cannot_be_is_told_with_the_column_and_the_fix() {
        let url = ("url", DataType::Utf8);
        let of = |data_type| [url.clone(), ("x", data_type)];
        for (part, data_type, problem) in [
            ("id", DataType::Binary, "it is Binary, not a scalar"),
            ("method", DataType::Int8, "it is Int8, not text"),
            ("headers", DataType::Int8, "neither a struct, a map"),
            ("json", DataType::Binary, "no form"),
            ("content", DataType::Int8, "not bytes or text"),
            ("timeout", DataType::Utf8, "not a number of seconds"),
            ("cost", DataType::Float64, "neither a struct, a map"),
        ] {
            let columns = Columns::new().rename(part, "x").unwrap();
            let error = plan(columns, &of(data_type)).unwrap_err();
            assert!(
                error.starts_with(&format!("column \"x\" cannot be the {part} of requests: ")),
                "{error}"
            );
            assert!(
                error.contains(problem) && error.contains(&format!("columns={{\"{part}\": …}}")),
                "{error}"
            );
        }
        let missing = plan(Columns::new().rename("json", "y").unwrap(), &of(DataType::Int8)).unwrap_err();
        assert_eq!(missing, "columns \"json\": the input has no column \"y\"; it has \"url\", \"x\"");
        let unknown = Columns::new().rename("bodies", "x").unwrap_err().to_string();
        assert!(unknown.contains("no such part") && unknown.contains("json, form, content"), "{unknown}");
    }

    #[test]
    fn a_url_is_a_column_a_template_or_the_same_for_all() {
        let fields = [("link", DataType::Utf8View), ("n", DataType::Int64)];
        let source = |url: &str| plan(Columns::new().url(url), &fields).map(|plan| plan.url);
        assert!(matches!(source("link"), Ok(UrlSource::Column(..))));
        assert!(matches!(source("http://h/{n}"), Ok(UrlSource::Template(_))));
        assert!(matches!(source("http://h/"), Ok(UrlSource::Template(_))));
        assert!(source("n").unwrap_err().contains("the column is Int64, not text"));
        assert!(
            source("url")
                .unwrap_err()
                .contains("no column \"url\"; it has \"link\", \"n\": name one of these")
        );
        assert!(source("http://h/{m}").unwrap_err().contains("no column \"m\""));
    }

    #[test]
    fn columns_of_nulls_are_parts_that_no_row_has() {
        let fields: Vec<_> = Part::ALL.into_iter().map(|part| (part.name(), DataType::Null)).collect();
        let found = plan(Columns::new().url("http://h/"), &fields).unwrap();
        assert_eq!(found.parts.len(), Part::ALL.len());
        let nested = ("user", DataType::Struct(vec![nullable("id", DataType::Int64)].into()));
        let found =
            plan(Columns::new().url("http://h/").rename("id", "user.id").unwrap(), &[nested]).unwrap();
        assert_eq!(found.parts[&Part::Id].0, "user.id");
    }
}
