//! What is noted of an exchange where somebody watches: when it began, and as what it is known in a trace.

use std::time::Instant;

use crate::engine::event_loop::EventLoop;
use crate::job::Job;
use crate::telemetry::exchange::{Exchange, ExchangeSpan, ExchangeStart};
use crate::telemetry::header::{TRACEPARENT, TraceHeaders};
use crate::telemetry::trace_parent::TraceParent;
use crate::transport::connection::{Fault, Received};
use crate::transport::prepared::Prepared;

/// An exchange that is watched.
#[derive(Debug)]
pub(crate) struct Watched {
    began: Instant,
    resend_count: u32,
    traced: Option<Box<Traced>>,
}

/// One that belongs to a trace.
#[derive(Debug)]
struct Traced {
    /// Where the server is told.
    headers: Option<TraceHeaders>,
    /// Where it is recorded.
    span: Option<ExchangeSpan>,
}

impl Watched {
    /// Adds what tells the server of the trace, unless the request says of itself to which it belongs.
    pub(crate) fn sign<'t>(&'t self, request: &mut Prepared<'t>) {
        if let Some(headers) = self.traced.as_ref().and_then(|traced| traced.headers.as_ref())
            && !request.headers.contains_key(TRACEPARENT)
        {
            request.trace = Some(headers);
        }
    }
}

impl EventLoop {
    /// An exchange begins.
    pub(crate) fn watch(&self, job: &mut Job, now: Instant) -> Watched {
        let resend_count = job.attempt.exchanges;
        job.attempt.exchanges += 1;
        let parent = job.call.config.telemetry.parent.as_deref();
        let traced =
            parent.map(|parent| Box::new(self.trace(parent, job, self.started(job, now, resend_count))));
        Watched { began: now, resend_count, traced }
    }

    fn trace(&self, parent: &TraceParent, job: &Job, start: ExchangeStart<'_>) -> Traced {
        let TraceParent { trace_id, span_id: parent_id, flags, ref state, recorded, is_propagated } = *parent;
        let (span_id, flags, span) = match recorded {
            None => (parent_id, flags, None),
            Some(_) if parent.records(job.call.number, job.asked.number) => {
                let observer = job.call.config.telemetry.observer.as_ref();
                let own = observer.and_then(|observer| observer.span_id(&start));
                let span_id = own.unwrap_or_else(|| self.random_id());
                (span_id, flags, Some(ExchangeSpan { trace_id, parent_id, span_id }))
            }
            Some(_) => (self.random_id(), 0, None),
        };
        let headers = is_propagated.then(|| TraceHeaders::new(trace_id, span_id, flags, state.clone()));
        Traced { headers, span }
    }

    fn random_id(&self) -> u64 {
        self.random.borrow_mut().u64(1..)
    }

    fn started<'j>(&self, job: &'j Job, began: Instant, resend_count: u32) -> ExchangeStart<'j> {
        let (method, target) = (&job.message.method, &job.target);
        let parent = job.call.config.telemetry.parent.as_ref();
        let parent = parent.map(|parent| (parent.trace_id, parent.span_id));
        ExchangeStart { event_loop: self.index, method, target, resend_count, began, parent }
    }

    /// An exchange has ended.
    pub(crate) fn tell(&self, job: &Job, watched: Watched, now: Instant, result: &Result<Received, Fault>) {
        let Some(observer) = &job.call.config.telemetry.observer else { return };
        let Watched { began, resend_count, traced } = watched;
        observer.ended(&Exchange {
            start: self.started(job, began, resend_count),
            result: match result {
                Ok(received) => Ok((received.head.status, received.head.version)),
                Err(fault) => Err(&fault.error),
            },
            duration: now.saturating_duration_since(began),
            span: traced.and_then(|traced| traced.span),
        });
    }
}
