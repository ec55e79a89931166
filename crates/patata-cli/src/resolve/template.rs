//! The request that is made of each row.

use crate::args::commands::RunArgs;
use crate::args::request::RequestFlags;
use crate::args::values::{Header, Pair};
use crate::environment::Environment;
use crate::exit::Failure;
use crate::input::{BodyParts, Template, TemplateParts};
use crate::secrets;
use crate::variables::{Variables, names_variable};

pub(super) fn template(
    request: &RequestFlags,
    url: Option<String>,
    args: &RunArgs,
    environment: &Environment,
) -> Result<Template, Failure> {
    let (headers, body) = (headers(request), body(request)?);
    let params = params(request, args.pages.pages.is_some());
    let mut variables = Variables::default();
    let mut look_up = |flag: &str, text: &str| secrets::look_up(flag, text, environment, &mut variables);
    headers.iter().try_for_each(|(_, value)| look_up("-H", value))?;
    params.iter().try_for_each(|(_, value)| look_up("--param", value))?;
    look_up_in(body.as_ref(), look_up)?;
    let parts = TemplateParts {
        url,
        method: request.method.clone(),
        headers,
        params,
        body,
        variables,
        save_to: args.output.save_to.clone(),
        id: args.input.id.clone(),
        costs: args.costs.cost.iter().map(|cost| (cost.unit.clone(), cost.amount.clone())).collect(),
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
fn headers(request: &RequestFlags) -> Vec<(String, String)> {
    let of_rows = request.headers.iter().filter_map(|header| match header {
        Header::Set(name, value) if is_of_rows(name, value) => Some((name.clone(), value.clone())),
        _ => None,
    });
    of_rows.collect()
}

/// Whether a parameter is the request's own, and not the client's: one that has places, and where there are pages, any that
/// is no secret. The link to a page has it itself.
pub(super) fn is_of_request(pair: &Pair, has_pages: bool) -> bool {
    has_fields(&pair.0) || has_fields(&pair.1) || (has_pages && !names_variable(&pair.1))
}

fn params(request: &RequestFlags, has_pages: bool) -> Vec<(String, String)> {
    let of_rows = request.params.iter().filter(|pair| is_of_request(pair, has_pages));
    of_rows.map(|pair| (pair.0.clone(), pair.1.clone())).collect()
}

/// Looks up the variables that a body names.
fn look_up_in(
    body: Option<&BodyParts>,
    mut look_up: impl FnMut(&str, &str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let Some(body) = body else { return Ok(()) };
    body.texts().into_iter().try_for_each(|text| look_up(body.flag(), text))
}

/// What the variables hold that a body names.
pub(super) fn variables_of(
    body: Option<&BodyParts>,
    environment: &Environment,
) -> Result<Variables, Failure> {
    let mut variables = Variables::default();
    look_up_in(body, |flag, text| secrets::look_up(flag, text, environment, &mut variables))?;
    Ok(variables)
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
