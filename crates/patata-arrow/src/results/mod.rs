//! Outcomes as batches of results.

pub(crate) mod bodies;
mod fractions;
pub(crate) mod gather;
pub(crate) mod infer;
mod own_columns;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, DataType, SchemaRef};
use patata::Outcome;

use crate::error::{TableError, plain};
use crate::output::{BodyAs, OutputPlan};
use crate::results::bodies::{BodyReader, without_mark};
use crate::results::gather::gather;
use crate::results::infer::Shape;
use crate::results::own_columns::{Reading, own_columns};
use crate::rows::Row;
use crate::rows::answer::{Answer, Earlier};
use crate::rows::shared::SharedAnswers;

/// From this many bytes on a batch is made, however few rows it has: so that memory is bounded, and that no column comes
/// near the 2^31 bytes that one can hold.
const BATCH_BYTES: usize = 64 << 20;

/// Outcomes on their way into batches.
///
/// Rows are in the order in which their outcomes are [pushed](Self::push): that of the input where the client is
/// [`ordered`](patata::Builder::ordered). What came of a row that failed is in its `error`.
pub struct Results {
    plan: OutputPlan,
    /// `None` until the first batch tells what bodies are.
    reading: Option<(Reading, SchemaRef)>,
    /// Those that the next batch is made of.
    open: Answered,
    /// What is enough for a batch, in its order.
    full: VecDeque<Answered>,
    shared: Option<SharedAnswers>,
    /// Scratch space.
    url: Vec<u8>,
    has_ended: bool,
}

/// Rows, and what each is answered with.
#[derive(Debug, Default)]
struct Answered {
    rows: Vec<Row>,
    answers: Vec<Answer>,
    bytes: usize,
}

impl fmt::Debug for Results {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Results").field("waiting", &self.open.rows.len()).finish_non_exhaustive()
    }
}

impl Results {
    /// Results that are none yet.
    ///
    /// # Errors
    /// A type of bodies that JSON is not read as.
    pub fn new(plan: OutputPlan) -> Result<Self, TableError> {
        let reading = match plan.body() {
            BodyAs::Inferred => None,
            BodyAs::Json(data_type) => {
                let reader = BodyReader::new(data_type).map_err(|cause| {
                    let fix =
                        "give a type of texts, numbers, truth values, dates, times, lists, structs and maps";
                    TableError::unusable(format!("schema {data_type}"), plain(cause), fix)
                })?;
                let data_type = reader.data_type().clone();
                Some((Reading::Json(reader), data_type))
            }
            BodyAs::Text => Some((Reading::Text, DataType::Utf8)),
            BodyAs::Binary => Some((Reading::Binary, DataType::Binary)),
            BodyAs::None => Some((Reading::None, DataType::Null)),
        };
        let reading = reading.map(|(reading, body)| (reading, Arc::new(plan.schema_with(&body))));
        Ok(Self {
            reading,
            open: Answered::default(),
            full: VecDeque::new(),
            shared: plan.is_distinct().then(SharedAnswers::new),
            url: Vec::new(),
            has_ended: false,
            plan,
        })
    }

    /// The schema of all batches; `None` as long as the type of bodies is to be inferred.
    pub fn schema(&self) -> Option<SchemaRef> {
        self.reading.as_ref().map(|(_, schema)| schema.clone())
    }

    /// Takes an outcome.
    pub fn push(&mut self, outcome: Outcome<Row>) {
        let (row, answer) = Answer::of(outcome);
        self.answer(row, answer);
    }

    /// Takes what an earlier process has written down of a row, whose request is not sent again: its columns are those
    /// that the outcome would have given, had it come now.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use arrow_array::cast::AsArray;
    /// use arrow_array::{RecordBatch, StringArray};
    /// use patata_arrow::{Columns, Earlier, Output, Plan, Requests, Results};
    ///
    /// let urls = Arc::new(StringArray::from(vec!["http://host/1"])) as _;
    /// let batch = RecordBatch::try_from_iter([("url", urls)])?;
    /// let output = Output::new().plan(&batch.schema())?;
    /// let plan = Plan::new(&Columns::new(), &batch.schema())?;
    /// let mut results = Results::new(output.clone())?;
    /// for request in Requests::new([Ok(batch)].into_iter(), plan, &output) {
    ///     let body = r#"{"name": "a"}"#.into();
    ///     let earlier = Earlier { status: Some(200), body, attempts: 1, ..Earlier::default() };
    ///     results.push_earlier(request.tag, earlier);
    /// }
    /// results.finish()?;
    /// let batch = results.take()?.unwrap();
    /// assert_eq!(batch["body"].as_struct().column(0).as_string::<i32>().value(0), "a");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn push_earlier(&mut self, row: Row, earlier: Earlier) {
        self.answer(row, Answer::earlier(earlier));
    }

    /// States that there are no more outcomes, and settles the schema: what is left is [taken](Self::take) yet.
    ///
    /// # Errors
    /// A type of bodies that no column can have.
    pub fn finish(&mut self) -> Result<(), TableError> {
        self.has_ended = true;
        if let Some(shared) = &self.shared {
            shared.end();
        }
        if self.reading.is_none() {
            let first = self.full.front().unwrap_or(&self.open);
            self.reading = Some(self.inferred(&first.answers)?);
        }
        Ok(())
    }

    /// Has the rows that are there be enough for a batch: for whoever would rather have few than wait.
    pub fn flush(&mut self) {
        if !self.open.rows.is_empty() {
            self.full.push_back(std::mem::take(&mut self.open));
        }
    }

    /// The next batch, if there is enough for one: to be asked for after each outcome, so that memory stays flat, and
    /// after the [end](Self::finish) until there is none.
    ///
    /// # Errors
    /// A batch that cannot be made.
    pub fn take(&mut self) -> Result<Option<RecordBatch>, TableError> {
        loop {
            if let Some(full) = self.full.pop_front() {
                if self.reading.is_none() {
                    self.reading = Some(self.inferred(&full.answers)?);
                }
                match self.batch(&full.rows, &full.answers) {
                    Ok(batch) => return Ok(Some(batch)),
                    // As a rule, a column that is too large for its layout; what else it may be is found with the last row.
                    Err(_) if full.rows.len() > 1 => self.split(full),
                    Err(error) => return Err(TableError::Output(error)),
                }
            } else if let Some((row, answer)) = self.shared.as_ref().and_then(SharedAnswers::take) {
                self.add(row, answer);
            } else if self.has_ended && !self.open.rows.is_empty() {
                self.flush();
            } else {
                return Ok(None);
            }
        }
    }

    /// Whether there is more to [take](Self::take) already, as rows share answers that have come
    /// ([`Output::distinct`](crate::Output::distinct)): then the network need not be waited for.
    pub fn has_more(&self) -> bool {
        !self.full.is_empty() || self.shared.as_ref().is_some_and(SharedAnswers::has_row)
    }

    /// How many rows that were read have no result, as they were to share the answer of a request that has none: known
    /// once all is taken. The requests themselves are in the accounts of their run.
    pub fn unanswered(&self) -> usize {
        self.shared.as_ref().map_or(0, SharedAnswers::waiting)
    }

    pub(crate) fn shared(&self) -> Option<&SharedAnswers> {
        self.shared.as_ref()
    }

    /// Takes the answer of a row that was asked.
    fn answer(&mut self, row: Row, answer: Answer) {
        let Some(shared) = self.shared.clone() else { return self.add(row, answer) };
        while let Some((row, answer)) = shared.take_before(&row) {
            self.add(row, answer);
        }
        let answer = shared.answer(&row, answer);
        self.add(row, answer);
    }

    fn add(&mut self, row: Row, answer: Answer) {
        let bytes = self.size(&answer);
        if self.open.bytes.saturating_add(bytes) > BATCH_BYTES {
            self.flush();
        }
        self.open.bytes = self.open.bytes.saturating_add(bytes);
        self.open.rows.push(row);
        self.open.answers.push(answer);
        if self.open.rows.len() >= self.plan.batch_rows() {
            self.flush();
        }
    }

    /// What of an answer goes into a batch, and may be large.
    fn size(&mut self, answer: &Answer) -> usize {
        let mut size = answer.body().map_or(0, |body| body.bytes.len());
        if let Some(failure) = answer.failure() {
            size += failure.message.len();
        }
        if self.plan.has_headers() {
            answer.each_header(|name, value| size += name.len() + value.len());
        }
        if self.plan.has_url() {
            self.url.clear();
            answer.write_url(&mut self.url);
            size += self.url.len();
        }
        size
    }

    /// Has two batches made of what is too large for one.
    fn split(&mut self, mut first: Answered) {
        let middle = first.rows.len() / 2;
        let (rows, answers) = (first.rows.split_off(middle), first.answers.split_off(middle));
        self.full.push_front(Answered { rows, answers, bytes: 0 });
        self.full.push_front(first);
    }

    /// How bodies are read, and the schema that follows: inferred from these answers.
    fn inferred(&self, answers: &[Answer]) -> Result<(Reading, SchemaRef), TableError> {
        Ok(match inferred(answers) {
            Some(body) => {
                let reader = BodyReader::new(&body).map_err(TableError::Output)?;
                (Reading::Json(reader), Arc::new(self.plan.schema_with(&body)))
            }
            None => (Reading::Text, Arc::new(self.plan.schema_with(&DataType::Utf8))),
        })
    }

    fn batch(&self, rows: &[Row], answers: &[Answer]) -> Result<RecordBatch, ArrowError> {
        let Some((reading, schema)) = &self.reading else {
            return Err(ArrowError::SchemaError("the type of bodies is not known".into()));
        };
        let mut columns = gather(rows)?;
        columns.extend(own_columns(&self.plan, reading, answers)?);
        RecordBatch::try_new(schema.clone(), columns)
    }
}

/// The type that the bodies of responses with a status of 2xx tell: what servers say of failures has another one.
fn inferred(answers: &[Answer]) -> Option<DataType> {
    let mut shape = Shape::default();
    for answer in answers.iter().filter(|answer| answer.status().is_some_and(|status| status / 100 == 2)) {
        let Some(body) = answer.body() else { continue };
        if let Ok(value) = serde_json::from_slice(without_mark(&body.json())) {
            shape.see(&value);
        }
    }
    shape.data_type()
}
