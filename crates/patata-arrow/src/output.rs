//! Which columns results have, and whether they can: known before any I/O.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, Schema};

use crate::columns::template::columns_there;
use crate::error::TableError;
use crate::type_text::{all_nullable, list};

/// What becomes of bodies.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub enum BodyAs {
    /// Their JSON, as values of a type that the first results tell: the members that any of them has. It is text where
    /// they tell none.
    #[default]
    Inferred,
    /// Their JSON, as values of this type: see [`type_of`](crate::type_of) and [`struct_type`](crate::struct_type). All
    /// of it may be null.
    Json(DataType),
    /// Text, in the charset that it says.
    Text,
    /// Bytes.
    Binary,
    /// Nothing: there is no column of them.
    None,
}

/// Which columns results have: those of the input, and behind them `status`, `body`, `error`, `error_kind`, `attempts`,
/// `elapsed_ms`, and `url`, `headers` and `path` where these are asked for.
///
/// ```
/// use arrow_schema::{DataType, Field, Schema};
/// use patata_arrow::{BodyAs, Output};
///
/// let input = Schema::new(vec![Field::new("url", DataType::Utf8, false), Field::new("n", DataType::Int64, false)]);
/// let plan = Output::new().body(BodyAs::Text).keep(["n"]).with_url(true).plan(&input)?;
/// let names: Vec<_> = plan.schema().unwrap().fields().iter().map(|field| field.name().clone()).collect();
/// assert_eq!(names, ["n", "status", "body", "error", "error_kind", "attempts", "elapsed_ms", "url"]);
/// # Ok::<(), patata_arrow::TableError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Output {
    body: BodyAs,
    keep: Option<Vec<String>>,
    has_url: bool,
    has_headers: bool,
    has_path: bool,
    prefix: String,
    batch_rows: usize,
    is_distinct: bool,
}

impl Default for Output {
    fn default() -> Self {
        Self::new()
    }
}

impl Output {
    /// All columns of the input, and bodies as JSON of an inferred type.
    pub fn new() -> Self {
        Self {
            body: BodyAs::default(),
            keep: None,
            has_url: false,
            has_headers: false,
            has_path: false,
            prefix: String::new(),
            batch_rows: 8192,
            is_distinct: false,
        }
    }

    /// What becomes of bodies. Default: [`BodyAs::Inferred`].
    #[must_use]
    pub fn body(mut self, body: BodyAs) -> Self {
        self.body = body;
        self
    }

    /// The input's columns that results have, in this order. Default: all.
    #[must_use]
    pub fn keep<N: Into<String>>(mut self, columns: impl IntoIterator<Item = N>) -> Self {
        self.keep = Some(columns.into_iter().map(Into::into).collect());
        self
    }

    /// Whether there is a column `url`: what answered, after redirects. Default: no.
    #[must_use]
    pub fn with_url(mut self, has_url: bool) -> Self {
        self.has_url = has_url;
        self
    }

    /// Whether there is a column `headers`: a list of names and values, as a name may be there twice. Default: no.
    #[must_use]
    pub fn with_headers(mut self, has_headers: bool) -> Self {
        self.has_headers = has_headers;
        self
    }

    /// Whether there is a column `path`: the file that a body was [saved](patata::Request::stream_to) to, whose `body` is null.
    /// Default: no.
    #[must_use]
    pub fn with_path(mut self, has_path: bool) -> Self {
        self.has_path = has_path;
        self
    }

    /// What the names of the results' own columns begin with, where the input has columns of their names. Default:
    /// nothing.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The most rows of a batch of results. Batches are smaller where bodies are large. Default: 8192; 0 is 1.
    #[must_use]
    pub fn batch_rows(mut self, rows: usize) -> Self {
        self.batch_rows = rows.max(1);
        self
    }

    /// Whether equal requests are sent once, and their rows share the answer: method, URL, parameters, headers and body
    /// count; ids, time-outs and costs do not. The receipt counts the requests that are sent. Default: each row sends its
    /// own.
    ///
    /// Answers are kept until the input has ended, as an equal row may come: memory grows with the number of distinct
    /// requests, and with the size of their bodies.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use arrow_array::{RecordBatch, RecordBatchIterator, StringArray};
    /// use patata_arrow::{Columns, Output, fetch};
    ///
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let base = server.url();
    /// let urls = StringArray::from(vec![format!("{base}/"); 100]);
    /// let batch = RecordBatch::try_from_iter([("url", Arc::new(urls) as _)])?;
    /// let input = RecordBatchIterator::new([Ok(batch.clone())], batch.schema());
    /// let client = patata::Client::builder().build()?;
    /// let mut rows = fetch(&client, input, &Columns::new(), &Output::new().distinct(true))?;
    /// assert_eq!(rows.by_ref().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 100);
    /// assert_eq!(rows.receipt().ok, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn distinct(mut self, is_distinct: bool) -> Self {
        self.is_distinct = is_distinct;
        self
    }

    /// Finds the kept columns in the input's schema.
    ///
    /// # Errors
    /// Columns to keep that are not there, and names that two columns would have.
    pub fn plan(&self, input: &Schema) -> Result<OutputPlan, TableError> {
        let kept = self.kept(input)?;
        let mut kept_fields: Vec<FieldRef> = Vec::new();
        for index in &kept {
            let field = &input.fields()[*index];
            let name = field.name();
            if let Some(own) = self.own_names().into_iter().find(|own| own == name) {
                return Err(TableError::unusable(
                    format!("column {name:?}"),
                    format!("the input has it, and the results have a column {own:?} of their own"),
                    "leave it out with keep, or give the results' columns other names with prefix",
                ));
            }
            kept_fields.push(field.clone());
        }
        Ok(OutputPlan { options: self.clone(), kept: kept.into(), kept_fields })
    }

    fn kept(&self, input: &Schema) -> Result<Vec<usize>, TableError> {
        let Some(names) = &self.keep else { return Ok((0..input.fields().len()).collect()) };
        let place = |(place, name): (usize, &String)| match input.fields().find(name) {
            Some(_) if names[..place].contains(name) => {
                Err(TableError::unusable("keep", format!("{name:?} is there twice"), "name each column once"))
            }
            Some((index, _)) => Ok(index),
            None => Err(TableError::unusable(
                "keep",
                format!("the input has no column {name:?}"),
                columns_there(input),
            )),
        };
        names.iter().enumerate().map(place).collect()
    }

    fn own_names(&self) -> Vec<String> {
        self.own_fields(&DataType::Null).iter().map(|field| field.name().clone()).collect()
    }

    /// The results' own columns, with bodies of this type.
    fn own_fields(&self, body: &DataType) -> Vec<FieldRef> {
        let mut fields = vec![("status", DataType::Int16)];
        if self.body != BodyAs::None {
            fields.push(("body", body.clone()));
        }
        fields.extend([
            ("error", DataType::Utf8),
            ("error_kind", DataType::Utf8),
            ("attempts", DataType::Int32),
            ("elapsed_ms", DataType::Float64),
        ]);
        if self.has_url {
            fields.push(("url", DataType::Utf8));
        }
        if self.has_headers {
            fields.push(("headers", headers_type()));
        }
        if self.has_path {
            fields.push(("path", DataType::Utf8));
        }
        let field =
            |(name, data_type)| Arc::new(Field::new(format!("{}{name}", self.prefix), data_type, true));
        fields.into_iter().map(field).collect()
    }
}

/// The members of a header.
pub(crate) fn header_members() -> Fields {
    Fields::from(vec![Field::new("name", DataType::Utf8, true), Field::new("value", DataType::Utf8, true)])
}

fn headers_type() -> DataType {
    list(DataType::Struct(header_members()))
}

/// An [`Output`] that goes with the columns of an input.
#[derive(Debug, Clone)]
pub struct OutputPlan {
    options: Output,
    /// The columns of the input that are kept.
    kept: Arc<[usize]>,
    kept_fields: Vec<FieldRef>,
}

impl OutputPlan {
    /// The results' schema; `None` as long as the type of bodies is to be inferred.
    pub fn schema(&self) -> Option<Schema> {
        let body = match &self.options.body {
            BodyAs::Inferred => return None,
            BodyAs::Json(data_type) => all_nullable(data_type),
            BodyAs::Text => DataType::Utf8,
            BodyAs::Binary => DataType::Binary,
            BodyAs::None => DataType::Null,
        };
        Some(self.schema_with(&body))
    }

    pub(crate) fn schema_with(&self, body: &DataType) -> Schema {
        let mut fields = self.kept_fields.clone();
        fields.extend(self.options.own_fields(body));
        Schema::new(fields)
    }

    pub(crate) fn kept(&self) -> &Arc<[usize]> {
        &self.kept
    }

    pub(crate) fn body(&self) -> &BodyAs {
        &self.options.body
    }

    pub(crate) fn has_url(&self) -> bool {
        self.options.has_url
    }

    pub(crate) fn has_headers(&self) -> bool {
        self.options.has_headers
    }

    pub(crate) fn has_path(&self) -> bool {
        self.options.has_path
    }

    pub(crate) fn is_distinct(&self) -> bool {
        self.options.is_distinct
    }

    /// Runs that end at a number of 16 bits go no further than that, in a column that is put together of several.
    pub(crate) fn batch_rows(&self) -> usize {
        let has_short_runs = self.kept_fields.iter().any(|field| match field.data_type() {
            DataType::RunEndEncoded(ends, _) => *ends.data_type() == DataType::Int16,
            _ => false,
        });
        let most = if has_short_runs { i16::MAX.unsigned_abs().into() } else { usize::MAX };
        self.options.batch_rows.min(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_kept_is_told_with_the_fix() {
        let names = ["url", "status", "n"].map(|name| Field::new(name, DataType::Utf8, true));
        let input = Schema::new(names.to_vec());
        let error = |output: Output| output.plan(&input).unwrap_err().to_string();
        assert!(error(Output::new()).starts_with("column \"status\": the input has it"));
        assert!(error(Output::new().keep(["url"]).with_url(true)).starts_with("column \"url\""));
        assert!(
            error(Output::new().keep(["x"])).contains("no column \"x\"; it has \"url\", \"status\", \"n\"")
        );
        assert!(error(Output::new().keep(["n", "n"])).contains("\"n\" is there twice"));
        let plan = Output::new().prefix("http_").with_url(true).body(BodyAs::None).plan(&input).unwrap();
        let names: Vec<_> =
            plan.schema().unwrap().fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names[..4], ["url", "status", "n", "http_status"]);
        assert!(names.contains(&"http_url".into()) && !names.contains(&"http_body".into()));
        assert!(Output::new().keep(["n"]).plan(&input).unwrap().schema().is_none());
    }
}
