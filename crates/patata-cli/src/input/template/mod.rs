//! What each row is put into: a request with places for the row's fields.

mod body;
mod braces;
mod costs;
mod encoding;
mod file;
mod method;
mod own;
mod parts;
mod plan;
mod text;
mod url;

use std::fmt;
use std::path::PathBuf;

use patata::Request;
use patata_run::Id;

use self::body::BodyTemplate;
use self::costs::CostTemplate;
use self::encoding::Encoding;
use self::file::SaveTo;
use self::method::MethodTemplate;
use self::text::{Text, found};
use self::url::UrlTemplate;
use super::error::InputError;
use super::field::FieldPath;
use super::format::InputFormat;
use super::json;
use super::row::{Row, Value};
use crate::variables::Variables;

pub use self::parts::{BodyParts, TemplateParts};
pub use self::plan::Plan;

const JSON: &str = "application/json";

/// Makes a request of each row.
#[derive(Clone)]
pub struct Template {
    url: UrlTemplate,
    method: Option<MethodTemplate>,
    headers: Vec<(String, Text)>,
    params: Vec<(Text, Text)>,
    body: Option<BodyTemplate>,
    /// The body with what variables hold, where it names some.
    filled: Option<BodyTemplate>,
    save_to: Option<SaveTo>,
    id: Option<FieldPath>,
    costs: Vec<CostTemplate>,
}

impl Template {
    /// Reads what a user wrote.
    ///
    /// # Errors
    /// A part that can be used for no row, and why.
    pub fn new(parts: &TemplateParts) -> Result<Self, InputError> {
        let content_type = parts
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
            .map(|(_, value)| value.as_str());
        let fill = |text: &str| parts.variables.fill(text, str::to_owned);
        let param = |text: &String| Ok(Text::checked("--param", text, Encoding::AsIs)?.filled(fill));
        let header = |(name, value): &(String, String)| {
            Ok((name.clone(), Text::checked("-H", value.trim(), Encoding::Header)?.filled(fill)))
        };
        let body = |variables: &Variables| {
            parts.body.as_ref().map(|body| BodyTemplate::new(body, content_type, variables)).transpose()
        };
        let is_filled = parts.body.as_ref().is_some_and(BodyParts::names_variables);
        Ok(Self {
            url: UrlTemplate::new(parts.url.as_deref().unwrap_or("{url}"))?,
            method: parts.method.as_deref().map(MethodTemplate::new).transpose()?,
            headers: parts.headers.iter().map(header).collect::<Result<_, InputError>>()?,
            params: pairs(&parts.params, param)?,
            body: body(&Variables::default())?,
            filled: if is_filled { body(&parts.variables)? } else { None },
            save_to: parts.save_to.as_deref().map(SaveTo::new).transpose()?,
            id: parts.id.as_deref().map(FieldPath::new),
            costs: parts.costs.iter().map(|(unit, amount)| CostTemplate::new(unit, amount)).collect(),
        })
    }

    /// The fields that rows must have, for [`InputOptions::required`](super::InputOptions::required).
    pub fn fields(&self) -> impl Iterator<Item = &FieldPath> {
        self.url
            .fields()
            .chain(self.method.iter().flat_map(MethodTemplate::fields))
            .chain(self.headers.iter().flat_map(|(_, value)| value.fields()))
            .chain(self.params.iter().flat_map(|(name, value)| name.fields().chain(value.fields())))
            .chain(self.body.iter().flat_map(BodyTemplate::fields))
            // A row without a field `id` is known by another.
            .chain(self.save_to.iter().flat_map(SaveTo::fields).filter(|field| field.name() != "id"))
            .chain(&self.id)
            .chain(self.costs.iter().filter_map(CostTemplate::field))
    }

    /// What a row is known by: what the field says that was chosen for it, else the row's place in the input.
    pub fn id(&self, row: &Row) -> Id {
        let value = match &self.id {
            Some(path) => row.field(path),
            None if row.format() == InputFormat::Jsonl => row.own("id"),
            None => None,
        };
        let place = || Id::Integer(row.index().into());
        match value {
            None => place(),
            Some(Value::Index(_)) => place(),
            Some(value) if value.is_null() => place(),
            Some(Value::Text(text)) => Id::from(text),
            Some(Value::Json(raw)) => match raw.parse() {
                Ok(number) => Id::Integer(number),
                Err(_) => json::as_text(raw).map_or_else(|_| place(), |text| Id::from(&*text)),
            },
        }
    }

    /// The request for a row. A bad row's, and one of a row that does not have what it must, is a request that ends with
    /// a message and is not sent: it names the file, the line and the field.
    pub fn request<T>(&self, row: &Row, tag: T) -> Request<T> {
        match self.plan(row) {
            Ok(plan) => plan.into_request(tag),
            Err(message) => Request::invalid(tag, message),
        }
    }

    /// Puts what variables hold into the body of a row's request.
    pub fn with_variables<T>(&self, row: &Row, request: Request<T>) -> Request<T> {
        // A body that the row has of its own names none.
        let is_own = || row.format() == InputFormat::Jsonl && !matches!(own::body(row), Ok(None));
        match self.filled.as_ref().filter(|_| row.fault().is_none() && !is_own()) {
            // What cannot be made is the same without them, and is told by the request itself.
            Some(body) => match body.render(row) {
                Ok(body) => request.body(body),
                Err(_) => request,
            },
            None => request,
        }
    }

    /// Whether bodies are saved to files.
    pub fn saves(&self) -> bool {
        self.save_to.is_some()
    }

    /// The file that a row's body goes to; none where the row is bad, or bodies are not saved.
    pub fn file(&self, row: &Row) -> Option<PathBuf> {
        let save_to = self.save_to.as_ref().filter(|_| row.fault().is_none())?;
        save_to.render(row, &self.id(row)).ok()
    }

    /// A text body as it is sent for a row.
    #[cfg(test)]
    pub(super) fn body_text(&self, row: &Row) -> Option<Result<String, String>> {
        match &self.body {
            Some(BodyTemplate::Text(text, _)) => Some(text.render(row)),
            _ => None,
        }
    }

    /// What is to be sent for a row, to be looked at before it is made a request.
    ///
    /// # Errors
    /// What is wrong with the row; the message names the file, the line and the field.
    pub fn plan(&self, row: &Row) -> Result<Plan, String> {
        match row.fault() {
            Some(fault) => Err(fault.to_owned()),
            None => self.fill(row).map_err(|message| row.at(message)),
        }
    }

    fn fill(&self, row: &Row) -> Result<Plan, String> {
        if let Some(path) = &self.id {
            found(row, path)?;
        }
        let method = self.method.as_ref().map(|method| method.render(row)).transpose()?;
        let mut plan = Plan::new(self.url.render(row)?, method);
        if row.format() == InputFormat::Jsonl {
            plan.take_own(row)?;
        }
        self.add_pairs(row, &mut plan)?;
        if let (None, Some(body)) = (&plan.body, &self.body) {
            plan.body = Some(body.render(row)?);
        }
        for cost in &self.costs {
            plan.costs.push((cost.unit().to_owned(), cost.render(row)?));
        }
        if let Some(save_to) = &self.save_to {
            plan.save_to = Some(save_to.render(row, &self.id(row))?);
            plan.label = Some(format!("{}:{}", row.file(), row.line()));
        }
        Ok(plan)
    }

    /// Adds the headers and parameters that the row does not have of its own.
    fn add_pairs(&self, row: &Row, plan: &mut Plan) -> Result<(), String> {
        let (own_headers, own_params) = (plan.headers.len(), plan.params.len());
        for (name, value) in &self.headers {
            if !plan.headers[..own_headers].iter().any(|(own, _)| own.eq_ignore_ascii_case(name)) {
                plan.headers.push((name.clone(), Some(value.render(row)?)));
            }
        }
        for (name, value) in &self.params {
            let name = name.render(row)?;
            if !plan.params[..own_params].iter().any(|(own, _)| *own == name) {
                plan.params.push((name, Some(value.render(row)?)));
            }
        }
        Ok(())
    }
}

/// Names and values, as texts.
fn pairs(
    pairs: &[(String, String)],
    text: impl Fn(&String) -> Result<Text, InputError>,
) -> Result<Vec<(Text, Text)>, InputError> {
    pairs.iter().map(|(name, value)| Ok((text(name)?, text(value)?))).collect()
}

impl fmt::Debug for Template {
    /// Without what may be secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Template").field("id", &self.id).finish_non_exhaustive()
    }
}
