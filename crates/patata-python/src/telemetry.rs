//! What the exchanges of a client have come to, for who reports it from Python, and the trace that a call belongs to.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use patata::{ExchangeObserver, TraceParent};
use patata_telemetry::{Attribute, FinishedSpan, Recorder, Value};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::interpreter::detached;
use crate::once::interned;
use crate::options::unusable;

/// Keeps the durations of exchanges, and those that are recorded as spans, until they are drained.
#[pyclass(module = "patata._patata", frozen, name = "Recorder")]
#[derive(Debug)]
pub(crate) struct PyRecorder(Arc<Recorder>);

#[pymethods]
impl PyRecorder {
    #[new]
    fn new() -> Self {
        Self(Arc::new(Recorder::of_durations()))
    }

    /// The durations since it was last asked, in lists of what is alike: attributes, and durations.
    fn drain_durations<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Bound<'py, PyDict>, Durations)>> {
        let drained = detached(py, || self.0.drain());
        let with_dict = |(attributes, durations): patata_telemetry::Drained| {
            Ok((dict(py, attributes.pairs())?, Durations(durations)))
        };
        drained.into_iter().map(with_dict).collect()
    }

    /// The spans that have ended since it was last asked, and how many found no room.
    fn drain_spans<'py>(&self, py: Python<'py>) -> PyResult<(Vec<Bound<'py, PyTuple>>, u64)> {
        let (spans, lost) = detached(py, || self.0.take_spans());
        let spans: PyResult<_> = spans.into_iter().map(|span| tuple(py, span)).collect();
        Ok((spans?, lost))
    }
}

/// How long exchanges took that are alike, in seconds.
#[pyclass(module = "patata._patata", frozen)]
#[derive(Debug)]
pub(crate) struct Durations(Vec<f64>);

#[pymethods]
impl Durations {
    fn __len__(&self) -> usize {
        self.0.len()
    }

    /// One by one.
    fn values(&self) -> Vec<f64> {
        self.0.clone()
    }

    /// How many fall into each bucket, of which a bound is the upper end of its own; their sum, the least and the longest.
    fn in_buckets(&self, bounds: Vec<f64>) -> (Vec<u64>, f64, f64, f64) {
        let mut counts = vec![0; bounds.len() + 1];
        let (mut sum, mut min, mut max) = (0.0, f64::INFINITY, f64::NEG_INFINITY);
        for seconds in &self.0 {
            counts[bounds.partition_point(|bound| bound < seconds)] += 1;
            sum += seconds;
            min = seconds.min(min);
            max = seconds.max(max);
        }
        (counts, sum, min, max)
    }
}

/// The observer behind what an option holds.
pub(crate) fn observer(value: &Bound<'_, PyAny>) -> PyResult<Option<Arc<dyn ExchangeObserver>>> {
    let recorder = value.getattr(interned!(value.py(), "_recorder"))?;
    Ok(Some(recorder.cast::<PyRecorder>()?.get().0.observer()))
}

/// What `trace_parent` of a call has: ids of trace and span, flags, state, the share that is recorded, if any, and whether
/// servers are told.
type Parent = (u128, u64, u8, String, Option<f64>, bool);

/// The client for a call that belongs to a trace, where its options say so.
pub(crate) fn traced(
    client: &patata::Client,
    options: &Bound<'_, PyDict>,
) -> PyResult<Option<patata::Client>> {
    let Some(given) = options.get_item(interned!(options.py(), "trace_parent"))? else { return Ok(None) };
    let (trace_id, span_id, flags, state, recorded, is_propagated): Parent = given.extract()?;
    let parent = TraceParent::new(trace_id, span_id).sampled(flags & 1 == 1).state(&state);
    let parent = parent.propagated(is_propagated);
    let parent = match recorded {
        Some(share) => parent.recorded(share),
        None => parent,
    };
    client.to_builder().trace_parent(parent).build().map(Some).map_err(unusable)
}

/// A span as Python takes it apart: ids of trace, span and parent, name, begin and end in nanoseconds, attributes, and what
/// went wrong, if anything has.
fn tuple(py: Python<'_>, span: FinishedSpan) -> PyResult<Bound<'_, PyTuple>> {
    let FinishedSpan {
        trace_id,
        span_id,
        parent_id,
        name,
        began,
        duration,
        attributes,
        has_failed,
        error,
        ..
    } = span;
    let began = nanos(began);
    let end = began + u64::try_from(duration.as_nanos()).unwrap_or_default();
    let error = has_failed.then(|| error.unwrap_or_default());
    (trace_id, span_id, parent_id, name, began, end, dict(py, attributes)?, error).into_pyobject(py)
}

fn dict(py: Python<'_>, attributes: Vec<Attribute>) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in attributes {
        let name = PyString::intern(py, name);
        match value {
            Value::Text(Cow::Borrowed(text)) => dict.set_item(name, PyString::intern(py, text))?,
            Value::Text(Cow::Owned(text)) => dict.set_item(name, text)?,
            Value::Integer(number) => dict.set_item(name, number)?,
            Value::Number(number) => dict.set_item(name, number)?,
        }
    }
    Ok(dict)
}

fn nanos(moment: SystemTime) -> u64 {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
