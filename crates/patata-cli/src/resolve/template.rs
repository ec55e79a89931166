//! The request that is made of each row.

use crate::args::commands::RunArgs;
use crate::args::request::RequestFlags;
use crate::args::values::Header;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::input::{BodyParts, Template, TemplateParts};
use crate::secrets;

pub(super) fn template(
    request: &RequestFlags,
    url: Option<String>,
    args: &RunArgs,
    environment: &Environment,
) -> Result<Template, Failure> {
    let parts = TemplateParts {
        url,
        method: request.method.clone(),
        headers: headers(request, environment)?,
        params: params(request, environment)?,
        body: body(request)?,
        save_to: args.output.save_to.clone(),
        id: args.input.id.clone(),
    };
    Template::new(&parts).map_err(|error| Failure::usage(error.to_string()))
}

/// Whether a text has places for fields, or may have.
pub(super) fn has_fields(text: &str) -> bool {
    text.contains('{')
}

/// Whether a header is made for each row: one that has places, and the one that says what the body is.
pub(super) fn is_of_rows(name: &str, value: &str) -> bool {
    has_fields(value) || name.eq_ignore_ascii_case("content-type")
}

/// The headers that are made for each row. The client sends the others.
fn headers(request: &RequestFlags, environment: &Environment) -> Result<Vec<(String, String)>, Failure> {
    let mut headers = Vec::new();
    for header in &request.headers {
        if let Header::Set(name, value) = header
            && is_of_rows(name, value)
        {
            headers.push((name.clone(), beside_fields("-H", value, environment)?));
        }
    }
    Ok(headers)
}

fn params(request: &RequestFlags, environment: &Environment) -> Result<Vec<(String, String)>, Failure> {
    let of_rows = request.params.iter().filter(|pair| has_fields(&pair.0) || has_fields(&pair.1));
    of_rows.map(|pair| Ok((pair.0.clone(), beside_fields("--param", &pair.1, environment)?))).collect()
}

/// Fills variables in beside places for fields, among which their own braces must not be taken for some.
fn beside_fields(flag: &str, text: &str, environment: &Environment) -> Result<String, Failure> {
    secrets::filled(flag, text, environment, |value| value.replace('{', "{{").replace('}', "}}"))
}

/// The body, as it was said.
pub(super) fn body(request: &RequestFlags) -> Result<Option<BodyParts>, Failure> {
    if let Some(json) = &request.json {
        return Ok(Some(match json.strip_prefix('@') {
            Some(name) => file(name, Some("application/json")),
            None => BodyParts::Json(json.clone()),
        }));
    }
    if !request.form.is_empty() {
        let pairs = request.form.iter().map(|pair| (pair.0.clone(), pair.1.clone())).collect();
        return Ok(Some(BodyParts::Form(pairs)));
    }
    match &request.data[..] {
        [] => Ok(None),
        [one] => Ok(Some(match one.strip_prefix('@') {
            Some(name) => file(name, None),
            None => BodyParts::Data(one.clone()),
        })),
        several if several.iter().any(|data| data.starts_with('@')) => {
            Err(Failure::usage("-d: a file is a whole body; give -d @FILE alone"))
        }
        several => Ok(Some(BodyParts::Data(several.join("&")))),
    }
}

fn file(name: &str, media_type: Option<&str>) -> BodyParts {
    let name = if name == "-" { "/dev/stdin" } else { name };
    BodyParts::File { name: name.to_owned(), media_type: media_type.map(str::to_owned) }
}
