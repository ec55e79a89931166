//! What a call's cache makes of its requests: it is asked about each hop before that is sent, and told what came of it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;
use http::HeaderMap;
use http::header::HeaderName;

use crate::caching::{
    CacheAnswer, CacheBasis, CacheRequest, CacheVerdict, CachedResponse, Came, Flight, ResponseCache, Times,
};
use crate::clock;
use crate::config::Config;
use crate::error::{Error, Kind, Phase};
use crate::job::Job;
use crate::report::receipt::Receipt;
use crate::response::cache_status::CacheStatus;
use crate::response::{Answer, End};
use crate::transport::compose::Templates;
use crate::transport::download::unwritable;
use crate::transport::part_file::Part;

/// The cache of a call, and what is on its way that it was asked about.
#[derive(Debug)]
pub(crate) struct Caching {
    cache: Arc<dyn ResponseCache>,
    config: Arc<Config>,
    /// The headers that requests are sent with, once there was one.
    templates: OnceLock<Templates>,
    /// Of jobs that are on their way, by their slots.
    tickets: HashMap<usize, Ticket>,
    /// Jobs that wait for what comes of another one, by the key of the flight.
    flights: HashMap<u128, Vec<Box<Job>>>,
    /// Scratch space for a URL.
    url: Vec<u8>,
}

/// What is kept of a job that is on its way.
#[derive(Debug)]
struct Ticket {
    /// Of the hop that it was given for.
    url: Box<[u8]>,
    basis: Option<CacheBasis>,
    /// The one that it leads.
    flight: Option<Flight>,
    /// Headers that were added.
    conditions: Vec<HeaderName>,
    /// Whether the cache could have answered it.
    is_answerable: bool,
}

/// What becomes of a job that the cache was asked about.
pub(crate) enum Said {
    /// It is to be sent.
    Send(Box<Job>),
    /// It is kept here until another one has come to its end.
    Wait,
    /// It has an answer, or must have none.
    Ended(Box<Job>, Result<Answer, Error>),
}

/// What becomes of a job that came back.
pub(crate) enum Told {
    /// It has ended, and these wait no longer for it.
    Ended(Box<Job>, Vec<Box<Job>>),
    /// It has led others that end as it does.
    EndedForAll(Box<Job>, Vec<Box<Job>>),
    /// It is to be sent once more.
    Again(Box<Job>),
}

impl Caching {
    /// For a call with these options, where it has a cache.
    pub(crate) fn new(config: &Arc<Config>) -> Option<Box<Self>> {
        let cache = config.cache.clone()?;
        Some(Box::new(Self {
            cache,
            config: config.clone(),
            templates: OnceLock::new(),
            tickets: HashMap::new(),
            flights: HashMap::new(),
            url: Vec::new(),
        }))
    }

    /// Asks what becomes of the hop that a job is at; `may_wait` says whether it may wait for another one.
    pub(crate) fn ask(&mut self, mut job: Box<Job>, may_wait: bool) -> Said {
        write_url(&mut self.url, &job);
        let headers = self.templates(&job).headers(&job);
        let mut conditions = Vec::new();
        let (basis, flight, is_answerable) = match self.cache.ask(asked(&job, &self.url, &headers)) {
            CacheAnswer::Hit(cached) => {
                let answer = answer_of(cached, &job);
                return Said::Ended(job, answer);
            }
            CacheAnswer::Missing => return Said::Ended(job, Err(missing())),
            CacheAnswer::Pass => (None, None, false),
            CacheAnswer::Send(flight) => (None, Some(flight), true),
            CacheAnswer::Validate { conditions: stated, basis, flight } => {
                conditions = stated;
                (Some(basis), flight, true)
            }
        };
        let flight = flight.filter(|_| may_wait);
        if let Some(Flight { key, .. }) = flight {
            match self.flights.entry(key) {
                Entry::Occupied(mut waiting) => {
                    waiting.get_mut().push(job);
                    return Said::Wait;
                }
                Entry::Vacant(free) => {
                    free.insert(Vec::new());
                }
            }
        }
        let names = conditions.iter().map(|(name, _)| name.clone()).collect();
        if !conditions.is_empty() {
            job.message.head.get_or_insert_default().headers.extend(conditions);
        }
        let url = self.url.as_slice().into();
        self.tickets.insert(job.asked.slot, Ticket { url, basis, flight, conditions: names, is_answerable });
        Said::Send(job)
    }

    /// Tells what came of a job, and has it end as the cache says.
    pub(crate) fn tell(&mut self, mut job: Box<Job>, receipt: &mut Receipt) -> Told {
        write_url(&mut self.url, &job);
        let slot = job.asked.slot;
        let mut ticket = self.tickets.remove(&slot);
        // After a failure the attempt may have begun anew, at another hop than the one that it was given for.
        let of_hop = ticket.as_mut().filter(|ticket| *ticket.url == *self.url);
        let basis = of_hop.and_then(|ticket| ticket.basis.take());
        if let (Some(ticket), Some(head)) = (&ticket, &mut job.message.head) {
            for name in &ticket.conditions {
                head.headers.remove(name);
            }
        }
        match self.verdict(&job, basis) {
            CacheVerdict::AsCame => {
                let is_answerable = ticket.as_ref().is_some_and(|ticket| ticket.is_answerable);
                receipt.cache_misses += u64::from(is_answerable && !job.attempt.leads_on);
            }
            CacheVerdict::Stored(cached) => {
                let answer = answer_of(cached, &job);
                replace(&mut job, answer);
            }
            CacheVerdict::Unchanged => leave(&mut job),
            CacheVerdict::SendAgain => {
                // Whoever waits for it goes on waiting.
                let conditions = Vec::new();
                self.tickets.extend(ticket.map(|ticket| (slot, Ticket { conditions, ..ticket })));
                (job.end, job.attempt.is_questioned) = (None, false);
                return Told::Again(job);
            }
        }
        let flight = ticket.and_then(|ticket| ticket.flight);
        let waiting = flight.and_then(|flight| self.flights.remove(&flight.key)).unwrap_or_default();
        let has_failed = job.end.as_ref().is_some_and(|end| end.result.is_err());
        match flight.is_some_and(|flight| flight.shares_failure && has_failed) {
            true => Told::EndedForAll(job, waiting),
            false => Told::Ended(job, waiting),
        }
    }

    /// What the cache says to what came of a job.
    fn verdict(&self, job: &Job, basis: Option<CacheBasis>) -> CacheVerdict {
        let Some(End { elapsed, result }) = &job.end else { return CacheVerdict::AsCame };
        let came = match result {
            Ok(Answer { status, version, headers, body, saved_to, .. }) => Came::Response {
                status: *status,
                version: *version,
                headers,
                body,
                saved_to: saved_to.as_deref(),
            },
            Err(_) => Came::Failed,
        };
        let ended = job.attempt.started.map_or_else(clock::now, |started| started + *elapsed);
        let times = times(job.attempt.exchange_began.unwrap_or(ended), ended);
        let headers = self.templates(job).headers(job);
        self.cache.tell(asked(job, &self.url, &headers), basis, came, times)
    }

    /// Whether a job has been asked about a change: then it is no question whether its answer is the end.
    pub(crate) fn has_asked(&self, job: &Job) -> bool {
        self.tickets.get(&job.asked.slot).is_some_and(|ticket| !ticket.conditions.is_empty())
    }

    /// All jobs that wait for another one, as the call has ended.
    pub(crate) fn take_waiting(&mut self) -> Vec<Box<Job>> {
        self.tickets.clear();
        self.flights.drain().flat_map(|(_, waiting)| waiting).collect()
    }

    /// Why something was not kept, where it was not.
    pub(crate) fn take_trouble(&self) -> Option<String> {
        self.cache.take_trouble()
    }

    fn templates(&self, job: &Job) -> &Templates {
        // As HTTP/2 has them: without the host, which the URL says, and what is of one connection.
        self.templates.get_or_init(|| Templates::new(&self.config, &job.target.origin, true, None))
    }
}

fn write_url(buffer: &mut Vec<u8>, job: &Job) {
    buffer.clear();
    job.target.write_to(buffer);
}

/// What a cache is shown of a job.
fn asked<'a>(job: &'a Job, url: &'a [u8], headers: &'a HeaderMap) -> CacheRequest<'a> {
    let message = &job.message;
    let body: Option<&[u8]> = match message.body.is_empty() {
        true => Some(&[]),
        false => message.body.as_bytes().map(|body| &**body),
    };
    // URLs are texts; one that were none is one that nothing is stored for.
    let url = std::str::from_utf8(url).unwrap_or_default();
    CacheRequest { method: &message.method, url, headers, body, saved_to: job.asked.stream_to.as_deref() }
}

/// By the calendar, when an exchange began and ended.
fn times(began: Instant, ended: Instant) -> Times {
    let (now, date) = (clock::now(), clock::date());
    let at = |moment| date.checked_sub(now.saturating_duration_since(moment)).unwrap_or(date);
    Times { sent: at(began), came: at(ended) }
}

/// A stored response as the answer to a job, in its file where that is wanted.
fn answer_of(cached: CachedResponse, job: &Job) -> Result<Answer, Error> {
    let CachedResponse { status, version, headers, mut body, file, cached } = cached;
    let path = job.asked.stream_to.as_ref().filter(|_| status.is_success());
    if let Some(path) = path {
        save(path, &body, file.as_deref(), job).map_err(|cause| unwritable(path, cause).unsent())?;
        body = Bytes::new();
    }
    Ok(Answer { status, version, headers, body, saved_to: path.cloned(), cached })
}

/// Puts a stored body where it is wanted.
fn save(path: &Path, body: &[u8], file: Option<&Path>, job: &Job) -> std::io::Result<()> {
    let mut part = Part::create(path, &job.call.parts)?;
    match file {
        Some(file) => part.become_one_with(file)?,
        None => part.file.write_all(body)?,
    }
    part.persist(path)
}

fn replace(job: &mut Job, answer: Result<Answer, Error>) {
    if let Some(end) = &mut job.end {
        end.result = answer;
    }
}

/// Has a job end with the file that is there already.
fn leave(job: &mut Job) {
    if let Some(End { result: Ok(answer), .. }) = &mut job.end {
        (answer.saved_to, answer.cached) = (job.asked.stream_to.clone(), CacheStatus::Unchanged);
    }
}

fn missing() -> Error {
    let message = "Not sent: nothing is stored for it that may be used, and only that is wanted \
                   (cache_mode=\"offline\", or Cache-Control: only-if-cached)";
    Error::new(Kind::NotCached, Phase::Plan, message)
}
