//! A request on its way: what was asked, how far it has come, how it ended.

pub(crate) mod call;
pub(crate) mod completions;
pub(crate) mod planner;
pub(crate) mod redirect;
pub(crate) mod ticket;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use http::header::{self, HeaderName, HeaderValue};

use crate::address::target::Target;
use crate::clock;
use crate::clock::FOREVER;
use crate::cookies::Jar;
use crate::error::{Error, Kind, Phase};
use crate::job::call::Call;
use crate::job::ticket::Ticket;
use crate::request::Head;
use crate::request::auth::AuthRequest;
use crate::request::body::Body;
use crate::request::retry_if::RetryIf;
use crate::response::headers::Headers;
use crate::response::{Answer, End, Outcome};

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    pub(crate) attempt: Duration,
    /// One request with all of its attempts.
    pub(crate) total: Option<Duration>,
    /// When the whole run must be over.
    pub(crate) run: Option<Instant>,
}

/// By what a server knows a request again that it has got before.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What is sent on one hop, apart from where.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) method: Method,
    /// What the request itself says, on top of the client's defaults.
    pub(crate) head: Option<Box<Head>>,
    pub(crate) body: Body,
    /// Whether the client's default headers go along; no longer so once a redirect left the origin.
    pub(crate) defaults: bool,
}

/// A request that is ready to be sent, and how far it has come: each part is written by one stage.
#[derive(Debug)]
pub(crate) struct Job {
    /// Whose it is.
    pub(crate) call: Arc<Call>,
    pub(crate) asked: Asked,
    /// Where it goes, and what is sent there: on a redirect, the next hop.
    pub(crate) target: Target,
    pub(crate) message: Message,
    /// Where the attempt began, kept once a redirect has changed it.
    pub(crate) first_hop: Option<Box<(Target, Message)>>,
    pub(crate) attempt: Attempt,
    pub(crate) ticket: Ticket,
    /// How it ended, once it has. The job's box carries it back to the thread that made the box: there it
    /// is cheap to free.
    pub(crate) end: Option<End>,
}

/// What the caller has asked for, which stays as it is.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// Its place in the input, counted from 0.
    pub(crate) number: u64,
    /// Where the caller keeps its tag.
    pub(crate) slot: usize,
    pub(crate) timeout: Option<Duration>,
    /// The file that the response's body goes to.
    pub(crate) stream_to: Option<Arc<Path>>,
}

/// The slots above are those of jobs that the user knows nothing of.
const INTERNAL: usize = usize::MAX / 2;

impl Asked {
    /// Makes it one that the user knows nothing of: it has no tag, and comes to no outcome.
    pub(crate) fn make_internal(&mut self, number: usize) {
        self.slot = INTERNAL + number;
    }

    /// Whether the user knows nothing of it.
    pub(crate) fn is_internal(&self) -> bool {
        self.slot > INTERNAL
    }
}

/// How far it has come, as the event loops that send it know.
#[derive(Debug, Default)]
pub(crate) struct Attempt {
    /// Attempts begun.
    pub(crate) number: u32,
    /// Whether a server may have got any of it, in whichever attempt.
    pub(crate) was_sent: bool,
    /// Redirects followed in this attempt.
    pub(crate) hops: u32,
    /// The cookies that they set, where no others are kept.
    pub(crate) cookies: Option<Box<Jar>>,
    /// How often this attempt has found no file descriptor for its connection.
    pub(crate) shortages: u32,
    /// How often it has been sent, or nearly so, where somebody watches.
    pub(crate) exchanges: u32,
    /// How often a server has refused it unread, and it went out again: in all attempts, and besides these.
    pub(crate) refusals: u32,
    /// Whether it has been sent anew, for free, since its connection was dead or on its way out: done once.
    pub(crate) was_sent_anew: bool,
    /// Whether something is to be waited for before it is sent.
    pub(crate) awaits_leave: bool,
    /// Whether a connection was opened for it that no other has used.
    pub(crate) is_first: bool,
    /// What it is authorised by, once a function of the user's has been asked to refresh it.
    pub(crate) authorization: Authorization,
    /// Whether it has been answered, and the user's `retry_if` is to say whether that is the end.
    pub(crate) is_questioned: bool,
    /// Whether it has been answered with a redirect that its caller is to follow.
    pub(crate) leads_on: bool,
    /// Whether it would have been sent again, had the retry budget had room for it.
    pub(crate) is_retry_denied: bool,
    /// When the first attempt began.
    pub(crate) started: Option<Instant>,
    /// When the current attempt must be over.
    pub(crate) deadline: Option<Instant>,
    /// When all of its attempts must be over.
    pub(crate) expires: Option<Instant>,
    /// When its latest exchange began.
    pub(crate) exchange_began: Option<Instant>,
}

/// How far a job has come with the user's auth function.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Authorization {
    /// As it was at the beginning.
    #[default]
    First,
    /// The server has answered 401: on its way to the caller's thread, where the function is called.
    Stale,
    /// Refreshed, which is done once.
    Refreshed,
}

impl Attempt {
    /// Whether its answer may not be the end: its caller says so.
    pub(crate) fn is_undecided(&self) -> bool {
        self.is_questioned || self.leads_on
    }
}

impl Job {
    /// Asks the user's function for a header: the request's own function, or else the client's. A request
    /// that says already by what it is authorised is left as it is.
    ///
    /// # Errors
    /// What the function failed with.
    pub(crate) fn authorize(&mut self) -> Result<(), Error> {
        let default = self.call.config.authorize.as_ref();
        let head = self.message.head.as_deref();
        let own = head.and_then(|head| head.authorize.as_ref());
        let Some(authorize) = own.or(default).cloned() else { return Ok(()) };
        let is_refresh = self.attempt.authorization == Authorization::Stale;
        if !is_refresh && head.is_some_and(|head| head.headers.contains_key(header::AUTHORIZATION)) {
            if let Some(head) = &mut self.message.head {
                // Nor does a 401 bring the function in.
                head.authorize = None;
            }
            return Ok(());
        }
        let request = AuthRequest {
            method: &self.message.method,
            url: self.target.to_string(),
            body: self.message.body.as_bytes(),
            is_refresh,
        };
        let (name, value) = authorize.header(&request)?;
        let head = self.message.head.get_or_insert_default();
        head.headers.insert(name, value);
        head.authorize = Some(authorize);
        if is_refresh {
            self.attempt.authorization = Authorization::Refreshed;
        }
        Ok(())
    }

    /// Adds a key by which the server knows the request again, where it may do harm twice and has none.
    pub(crate) fn add_idempotency_key(&mut self, random: &mut fastrand::Rng) {
        if !self.is_idempotent()
            && let Ok(key) = HeaderValue::try_from(format!("{:032x}", random.u128(..)))
        {
            self.message.head.get_or_insert_default().headers.insert(IDEMPOTENCY_KEY, key);
        }
    }

    /// Whether a function of the user's may be asked for another header.
    pub(crate) fn is_refreshable(&self) -> bool {
        self.message.head.as_ref().is_some_and(|head| head.authorize.is_some())
    }

    /// Whether a 401 may be answered with a fresh header. Asked once: then it is under way.
    pub(crate) fn begin_refresh(&mut self) -> bool {
        let may = self.attempt.authorization == Authorization::First
            && self.is_refreshable()
            && self.message.body.is_whole();
        if may {
            self.attempt.authorization = Authorization::Stale;
        }
        may
    }

    /// Begins an attempt, unless a redirect or a second sending continues one. Returns when it must be
    /// over: after the request's own time-out, or else the client's, and never after what ends all attempts.
    pub(crate) fn begin(&mut self, now: Instant) -> Instant {
        if let Some(deadline) = self.attempt.deadline {
            return deadline;
        }
        let timeouts = self.call.timeouts;
        self.attempt.number += 1;
        if self.attempt.started.is_none() {
            self.attempt.started = Some(now);
            self.attempt.expires = timeouts.total.map(|total| now + total.min(FOREVER));
        }
        let mut deadline = now + self.asked.timeout.unwrap_or(timeouts.attempt).min(FOREVER);
        for limit in [self.attempt.expires, timeouts.run].into_iter().flatten() {
            deadline = deadline.min(limit);
        }
        self.attempt.deadline = Some(deadline);
        deadline
    }

    /// Keeps what a redirect sets for the hops behind it.
    pub(crate) fn keep_cookies(&mut self, headers: &Headers) {
        if headers.get("set-cookie").is_some() {
            self.attempt.cookies.get_or_insert_default().store(&self.target, headers);
        }
    }

    /// Goes on to the next hop, which the same attempt and deadline cover.
    pub(crate) fn redirect(&mut self, target: Target, message: Message) {
        let hop =
            (std::mem::replace(&mut self.target, target), std::mem::replace(&mut self.message, message));
        self.first_hop.get_or_insert_with(|| Box::new(hop));
        self.attempt.hops += 1;
    }

    /// Ends the attempt: the next one starts over, where the request itself says. Not so where that would
    /// repeat what must not be repeated: a POST that was answered with a redirect has been done, and only
    /// the hop that failed is tried again.
    pub(crate) fn end_attempt(&mut self) {
        self.attempt.deadline = None;
        self.attempt.shortages = 0;
        if self.first_hop.as_ref().is_some_and(|first| first.1.method.is_idempotent())
            && let Some(first) = self.first_hop.take()
        {
            (self.target, self.message) = *first;
            self.attempt.hops = 0;
            self.attempt.cookies = None;
        }
    }

    /// What the user's function for its responses is: its own, or else its call's.
    pub(crate) fn retry_if(&self) -> Option<&RetryIf> {
        let own = self.message.head.as_ref().and_then(|head| head.retry_if.as_ref());
        own.or(self.call.config.retry_if.as_ref())
    }

    /// What the user's function says of its answer: whether there is to be another attempt.
    ///
    /// # Errors
    /// What the function failed with.
    pub(crate) fn asks_for_another(&self) -> Result<bool, Error> {
        let (Some(retry_if), Some(End { elapsed, result: Ok(answer) })) = (self.retry_if(), &self.end) else {
            return Ok(false);
        };
        let response = answer.clone().into_response(self.target.clone());
        retry_if.asks_for_another(&response, self.sendings(), *elapsed)
    }

    /// Attempts begun, and those that a server refused unread.
    pub(crate) fn sendings(&self) -> u32 {
        self.attempt.number + self.attempt.refusals
    }

    /// Comes to the one end that every request has.
    pub(crate) fn end(&mut self, now: Instant, result: Result<Answer, Error>) {
        let elapsed =
            self.attempt.started.map_or(Duration::ZERO, |started| now.saturating_duration_since(started));
        self.end = Some(End { elapsed, result });
        if self.ticket.charge.as_ref().is_some_and(|charge| charge.sendings == 0) {
            self.ticket.charge = None;
        }
    }

    /// Whether the server may get this request twice without harm: by its method, or because it carries a
    /// key by which the server knows it again.
    pub(crate) fn is_idempotent(&self) -> bool {
        self.message.method.is_idempotent()
            || self.message.head.as_ref().is_some_and(|head| head.headers.contains_key(IDEMPOTENCY_KEY))
    }

    /// What the caller is told of it, with the tag that it knows it by.
    pub(crate) fn into_outcome<T>(self, tag: T) -> Outcome<T> {
        let attempts = self.sendings();
        let Self { target, attempt: Attempt { is_retry_denied: retry_denied, started, .. }, end, .. } = self;
        let charge = self.ticket.charge;
        let End { elapsed, result } = end.unwrap_or_else(|| {
            // The event loop that held the job ended before the job did.
            let error =
                Error::new(Kind::Cancelled, Phase::Schedule, "The event loop of this request broke down");
            End {
                elapsed: started
                    .map_or(Duration::ZERO, |started| clock::now().saturating_duration_since(started)),
                result: Err(error),
            }
        });
        let result = match result {
            Ok(answer) => Ok(answer.into_response(target)),
            Err(error) => Err(error.at(target)),
        };
        Outcome { tag, attempts, retry_denied, elapsed, charge, result }
    }
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;

    use super::*;
    use crate::job::planner::Planner;
    use crate::request::Request;

    #[test]
    fn a_retry_repeats_no_post_that_was_redirected() {
        for (method, expected) in [(Method::POST, "http://a/answer"), (Method::GET, "http://a/")] {
            let mut planner = Planner::new(RandomState::new());
            let mut job = planner.plan(Request::new((), method, "http://a/"), &Arc::default()).unwrap().1;
            let target = planner.target("http://a/answer").unwrap().0;
            let message = Message { method: Method::GET, ..job.message.clone() };
            job.redirect(target, message);
            job.end_attempt();
            assert_eq!((job.message.method.as_str(), job.target.to_string().as_str()), ("GET", expected));
        }
    }
}
