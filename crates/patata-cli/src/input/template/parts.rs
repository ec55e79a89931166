//! A request as a user writes it, before it is read as a template.

use std::fmt;

use crate::variables::Variables;

/// A request as a user writes it. In each text, `{field}` is the place of a field's value, `{user.name}` of one within
/// another, `{"any field"}` of one whose name has blanks in it, `{index}` of the row's place in the input, counted from 0,
/// where no field has this name. `{{field}}` is `{field}` itself; every other brace stands for itself.
#[derive(Clone, Default)]
pub struct TemplateParts {
    /// The URL. Default: `{url}`; another one leaves aside what a row has for `url`. Values are percent-encoded for where they stand; the one that it begins with stands as
    /// it is.
    pub url: Option<String>,
    /// The method. Default: GET, with a body POST.
    pub method: Option<String>,
    /// Headers. A field's value may hold no line break.
    pub headers: Vec<(String, String)>,
    /// Query parameters behind those of the URL.
    pub params: Vec<(String, String)>,
    /// The body.
    pub body: Option<BodyParts>,
    /// What environment variables hold that headers, parameters and the body name, as `env:NAME`. Those of the body are
    /// put into it by [`Template::with_variables`](super::Template::with_variables) alone, so that it can be written down without them.
    pub variables: Variables,
    /// Where the body of each response is saved. No value leads out of the folder before the first field: a slash in one
    /// is written as `%2F`. `{id}` is what the row is known by, where it has no field of this name.
    pub save_to: Option<String>,
    /// The field that a row is known by. Default: `id` in JSONL; the row's place for all else.
    pub id: Option<String>,
    /// What the request costs, by unit: a number, or the name of a field that has one.
    pub costs: Vec<(String, String)>,
}

impl fmt::Debug for TemplateParts {
    /// Without what may be secret: the URL, headers, parameters, the body.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TemplateParts")
            .field("method", &self.method)
            .field("save_to", &self.save_to)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// A body as a user writes it.
#[derive(Clone, PartialEq, Eq)]
pub enum BodyParts {
    /// What `-d` says: JSON, if it is an object or an array, a form otherwise. A `Content-Type` among the headers
    /// decides instead.
    Data(String),
    /// JSON with places in it: within quotes for texts, outside of them for values.
    Json(String),
    /// Names and values of a form.
    Form(Vec<(String, String)>),
    /// The content of a file, sent as it is. Its name may have places in it.
    File {
        /// The name, without the `@`.
        name: String,
        /// What is said in `Content-Type`. Default: what the headers say, else that of a form, as curl does.
        media_type: Option<String>,
    },
}

impl fmt::Debug for BodyParts {
    /// Of which kind it is, without the content, which may be secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Data(_) => "Data",
            Self::Json(_) => "Json",
            Self::Form(_) => "Form",
            Self::File { .. } => "File",
        })
    }
}
