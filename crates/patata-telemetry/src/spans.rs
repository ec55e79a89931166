//! Spans that have ended.

use std::time::{Duration, SystemTime};

use patata::{Exchange, ExchangeSpan};

use crate::attributes::{Attribute, at_end, at_start, span_name};

/// The most spans that wait to be taken.
pub(crate) const MOST_WAITING: usize = 100_000;

/// What a span is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// One exchange with a server.
    Client,
    /// A run of many.
    Internal,
}

/// A span that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct FinishedSpan {
    /// The trace that it belongs to.
    pub trace_id: u128,
    /// Its own id.
    pub span_id: u64,
    /// That of the span above it; 0 for the root of a trace.
    pub parent_id: u64,
    /// What it is called.
    pub name: &'static str,
    /// What it is of.
    pub kind: SpanKind,
    /// When it began.
    pub began: SystemTime,
    /// How long it took.
    pub duration: Duration,
    /// What is said of it.
    pub attributes: Vec<Attribute>,
    /// Whether it has failed.
    pub has_failed: bool,
    /// The whole text of the error, where nothing was answered.
    pub error: Option<String>,
}

impl FinishedSpan {
    pub(crate) fn of(exchange: &Exchange<'_>, span: ExchangeSpan) -> Self {
        let ExchangeSpan { trace_id, parent_id, span_id } = span;
        let mut attributes = at_start(&exchange.start);
        attributes.extend(at_end(exchange));
        Self {
            trace_id,
            span_id,
            parent_id,
            name: span_name(exchange.start.method()),
            kind: SpanKind::Client,
            began: exchange.start.began(),
            duration: exchange.duration,
            attributes,
            has_failed: exchange.error_type().is_some(),
            error: exchange.result.err().map(ToString::to_string),
        }
    }
}
