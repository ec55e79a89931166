//! What becomes of a job after an exchange, or the failure to begin one: its end, another attempt, or another hop.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;

use crate::clock;
use crate::config::cookie_policy::CookiePolicy;
use crate::config::retry_policy::Ending;
use crate::engine::connection_task::Order;
use crate::engine::event_loop::EventLoop;
use crate::error::{Error, Kind};
use crate::job::{Job, redirect};
use crate::response::Answer;
use crate::response::cache_status::CacheStatus;
use crate::schedule::Release;
use crate::schedule::adaptive::{Report, Verdict};
use crate::schedule::host::{Answered, Lesson};
use crate::schedule::pacer::Heard;
use crate::schedule::retry_after::{retry_after, should_retry};
use crate::schedule::told;
use crate::schedule::trouble::Sign;
use crate::transport::collect::Stored;
use crate::transport::connection::{Fault, Received, ResponseHead, Unprocessed};
use crate::transport::pool::Shortage;

/// How often a request is sent anew that a server refuses unread; then the attempt has failed.
const MAX_REFUSALS: u32 = 5;
/// The longest wait before the first time, doubled for each further one.
const REFUSAL_WAIT: Duration = Duration::from_millis(20);
/// The wait for a file descriptor, doubled each time.
const SHORTAGE_WAIT: Duration = Duration::from_millis(10);
const LONGEST_SHORTAGE_WAIT: Duration = Duration::from_secs(1);
/// How often an attempt is begun anew while there is no file descriptor for any connection; then it has failed.
const MAX_SHORTAGES: u32 = 10;

/// What an answer is to the retry policy.
#[inline]
fn ending(job: &Job, head: &ResponseHead, retry_after: Option<Duration>) -> Ending<'static> {
    let is_asked = head.status.as_u16() >= 400 && job.call.config.is_gentle();
    let should_retry = if is_asked { should_retry(&head.headers) } else { None };
    Ending::Answered { status: head.status, says_when: retry_after.is_some(), should_retry }
}

/// When the server wants to be asked again, where its answer is one that is tried again or says "not now".
fn asked_wait(job: &Job, head: &ResponseHead) -> Option<Duration> {
    let config = &job.call.config;
    let is_asked = matches!(head.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
        || (config.is_gentle() && config.retry.retries_status(head.status))
        || (head.status == StatusCode::FORBIDDEN && config.learns_limits);
    is_asked.then(|| retry_after(&head.headers, clock::date)).flatten()
}

/// What is learnt from what an answer tells of limits.
#[derive(Debug)]
struct Learnt {
    /// How long the host is to be left alone for it.
    wait: Option<Duration>,
    /// For the pacer of the host, where there is one.
    heard: Option<Box<Heard>>,
}

/// Learns from an answer, where it may tell of limits, or a pacer waits for it: nearly none does.
#[inline]
fn learnt(job: &Job, now: Instant, head: &ResponseHead) -> Option<Box<Learnt>> {
    let may_tell = job.call.config.learns_limits && told::may_tell(&head.headers);
    (may_tell || job.ticket.paced > 0).then(|| learn(job, now, head))
}

#[cold]
fn learn(job: &Job, now: Instant, head: &ResponseHead) -> Box<Learnt> {
    let limits = told::told(&head.headers, clock::date);
    let is_obeyed = job.call.config.learns_limits;
    let wait = if is_obeyed { told::wait(&limits, head.status) } else { None };
    let heard = (job.ticket.paced > 0).then(|| {
        let sent = job.attempt.exchange_began.unwrap_or(now);
        Box::new(Heard { number: job.ticket.paced, sent, limits, is_refused: is_refusal(head.status) })
    });
    Box::new(Learnt { wait, heard })
}

/// Whether it may be for a limit that a server does not do what it is asked to.
fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::FORBIDDEN)
}

/// What is known of a job when it is no longer in flight, as far as the schedule learns from it.
#[derive(Default)]
struct News {
    /// How long the server asks to be left alone.
    retry_after: Option<Duration>,
    /// What the server has answered, where it has.
    answered: Option<Answered>,
    /// What it tells of its limits, where its host is paced by that.
    heard: Option<Box<Heard>>,
    /// For the controller of the host's concurrency.
    report: Option<Report>,
    sign: Sign,
}

impl EventLoop {
    /// A job whose time is over has failed where it waits.
    pub(crate) fn expire(&self, job: Box<Job>, now: Instant) {
        self.fail(job, now, Error::too_late());
    }

    /// Gives a job back that comes to no end here.
    pub(crate) fn abandon(&self, mut job: Box<Job>) {
        self.release_untried(&mut job);
        self.finish(job);
    }

    /// Gives a job back to the schedule as it came.
    pub(crate) fn put_back(&self, mut job: Box<Job>) {
        self.release_untried(&mut job);
        self.shared.push(job);
        self.wake();
    }

    /// A job is no longer in flight, and nothing has been learnt of its host.
    fn release_untried(&self, job: &mut Job) {
        let sign = if job.ticket.is_probe { Sign::Untried } else { Sign::None };
        if job.ticket.charge.is_some() {
            self.give_back_unsent(job, None);
        }
        self.release(job, News { sign, ..News::default() });
    }

    /// Gives back what a job was charged that was not sent since.
    fn give_back_unsent(&self, job: &mut Job, fault: Option<&Fault>) {
        let Some(charged) = job.ticket.charge.as_ref().and_then(|charge| charge.last.as_ref()) else {
            return;
        };
        let has_begun = job.attempt.exchange_began.is_some_and(|began| began >= charged.at);
        let was_refused =
            fault.is_some_and(|fault| !fault.error.request_sent() || fault.unprocessed.is_some());
        if !has_begun || was_refused {
            self.shared.give_back(job, clock::now());
        }
    }

    /// A job is no longer in flight.
    fn release(&self, job: &mut Job, news: News) {
        job.call.returned();
        let News { retry_after, answered, heard, report, sign } = news;
        let was_counted = std::mem::take(&mut job.ticket.is_counted);
        (job.attempt.is_first, job.ticket.is_probe, job.ticket.paced) = (false, false, 0);
        let lesson = job.ticket.sample.take().map(|sample| {
            Box::new(Lesson { sample: *sample, report: report.unwrap_or_else(Report::nothing) })
        });
        let answered = answered.filter(|_| job.call.config.is_gentle());
        let is_refused = matches!(answered, Some(Answered::TooMany { .. }));
        if was_counted || retry_after.is_some() || is_refused || sign != Sign::None {
            let origin = job.target.origin.clone();
            let is_counted_by_call = std::mem::take(&mut job.ticket.is_counted_by_call);
            let counted_by = is_counted_by_call.then_some((job.call.place, job.call.number));
            let release =
                Release { origin, was_counted, retry_after, answered, lesson, heard, sign, counted_by };
            self.released.borrow_mut().push(release);
        }
    }

    /// What the controller of its host's concurrency is to know of a job.
    fn report(
        &self,
        job: &Job,
        now: Instant,
        result: &Result<Received, Fault>,
        retry_after: Option<Duration>,
    ) -> Option<Report> {
        job.ticket.sample.as_ref()?;
        let verdict = match result {
            Ok(received) => Verdict::of_status(received.head.status),
            Err(fault) => Verdict::of_error(&fault.error),
        };
        let began = job.attempt.exchange_began.unwrap_or(now);
        // Where one has answered sooner than the socket was looked at before, nothing is known but that.
        let came = self
            .readiness
            .as_ref()
            .map_or(now, |readiness| readiness.readable())
            .clamp(began, now.max(began));
        Some(Report { verdict, latency: came - began, retry_after })
    }

    /// What becomes of a job after an exchange, or the failure to begin one.
    pub(crate) fn settle(&self, mut job: Box<Job>, now: Instant, result: Result<Received, Fault>) {
        let head = result.as_ref().ok().map(|received| &received.head);
        let asked = head.and_then(|head| asked_wait(&job, head));
        let (mut retry_after, mut wait, mut heard) = (asked, asked, None);
        if let Some(head) = head
            && let Some(learnt) = learnt(&job, now, head)
        {
            wait = asked.max(learnt.wait);
            heard = learnt.heard;
            // A 200 that says that it was the last one has been accepted all the same.
            retry_after = asked.or(learnt.wait.filter(|_| is_refusal(head.status)));
        }
        let report = self.report(&job, now, &result, retry_after);
        let answered = head.map(|head| {
            let sent = job.attempt.exchange_began.unwrap_or(now);
            match ending(&job, head, retry_after).is_wish_to_wait() {
                true => Answered::TooMany { sent, says_when: retry_after.is_some() },
                false => Answered::Accepted { sent },
            }
        });
        let was_probe = job.ticket.is_probe;
        let sign = self.sign(&job, &result);
        if let Err(fault) = &result
            && job.ticket.charge.is_some()
        {
            self.give_back_unsent(&mut job, Some(fault));
        }
        self.release(&mut job, News { retry_after: wait, answered, heard, report, sign });
        match result {
            Ok(received) => self.settle_response(job, now, received, retry_after),
            Err(fault) if self.may_wait(&job, now, &fault, was_probe) => self.wait_with_others(job),
            Err(fault) => self.settle_fault(job, now, fault),
        }
    }

    /// What the end of an exchange says of the host. Of one that is well, only the first answer on each connection is told.
    fn sign(&self, job: &Job, result: &Result<Received, Fault>) -> Sign {
        match result {
            Ok(_) if job.attempt.is_first || job.ticket.is_probe || self.shared.has_suspects() => {
                let is_noted = job.call.config.patience.is_on();
                if is_noted { Sign::Answered } else { Sign::None }
            }
            Err(fault) if job.ticket.is_probe && fault.is_of_nobody() => Sign::Untried,
            _ => Sign::None,
        }
    }

    /// Notes where a host could not be reached or did not answer in time. Returns whether the request, which was not
    /// sent, may wait with the others of its host without losing an attempt.
    fn may_wait(&self, job: &Job, now: Instant, fault: &Fault, was_probe: bool) -> bool {
        let is_over = job.call.is_overdue(now) || job.attempt.expires.is_some_and(|expiry| expiry <= now);
        let counts = was_probe || (fault.error.is_of_host() && !is_over);
        if !counts || fault.is_of_nobody() || !job.call.config.patience.is_on() {
            return false;
        }
        let cause = fault.error.to_string().into();
        let released = &mut self.released.borrow_mut();
        let others_wait = self.shared.note_failure(job, now, was_probe, cause, released);
        others_wait && !was_probe && !fault.error.request_sent()
    }

    /// What could not be sent waits until its host is there again; its attempt did not take place.
    fn wait_with_others(&self, mut job: Box<Job>) {
        job.attempt.number = job.attempt.number.saturating_sub(1);
        job.end_attempt();
        self.shared.push(job);
        self.wake();
    }

    fn settle_fault(&self, mut job: Box<Job>, now: Instant, fault: Fault) {
        if fault.error.is_shortage() && self.make_do(now, job.attempt.shortages) {
            let wait = SHORTAGE_WAIT * 2_u32.pow(job.attempt.shortages.min(10));
            job.attempt.shortages += 1;
            self.shared.push_at(now + wait.min(LONGEST_SHORTAGE_WAIT), job);
            return self.wake();
        }
        if let Some(due) = fault.unprocessed.and_then(|why| self.due_anew(&mut job, now, why)) {
            self.shared.push_at(due, job);
            return self.wake();
        }
        match self.due_again(&mut job, now, Ending::Failed(&fault.error), None) {
            Some(due) => self.retry(job, due),
            None => self.fail(job, now, fault.error),
        }
    }

    /// When what the server has not looked at goes out again in the same attempt, whatever `retries` says. A
    /// connection that the server leaves says nothing of the request: the first time that is at once, and free. Any
    /// other counts, waits, and is within the retry budget, as a server that refuses may refuse for ever.
    fn due_anew(&self, job: &mut Job, now: Instant, why: Unprocessed) -> Option<Instant> {
        if !job.message.body.is_whole() {
            return None;
        }
        if why == Unprocessed::Leaving && !std::mem::replace(&mut job.attempt.was_sent_anew, true) {
            return Some(now);
        }
        // Waits that differ, so that what was refused together does not come back together.
        let share = 0.5 + self.random.borrow_mut().f64() / 2.0;
        let due = now + (REFUSAL_WAIT * 2_u32.pow(job.attempt.refusals.min(10))).mul_f64(share);
        let may = job.attempt.refusals < MAX_REFUSALS && self.shared.allows_retry(job, now, due, false);
        job.attempt.refusals += u32::from(may);
        may.then_some(due)
    }

    /// Out of file descriptors, the connections that there are must do, and the job waits. `false` where there are none
    /// and it has waited often: then others have them all.
    fn make_do(&self, now: Instant, shortages: u32) -> bool {
        let shortage = self.pool().run_short(now);
        match shortage {
            Shortage::Idle(slot) => slot.give(Order::Close),
            Shortage::Busy => {}
            // Others have them, and do the work for a while.
            Shortage::Total if self.shared.has_connections_beside(self.index) => self.pool().rest(),
            Shortage::Total => return shortages < MAX_SHORTAGES,
        }
        true
    }

    fn settle_response(
        &self,
        mut job: Box<Job>,
        now: Instant,
        received: Received,
        retry_after: Option<Duration>,
    ) {
        let Received { head, body } = received;
        let call = job.call.clone();
        if let Some(jar) = &call.jar {
            jar.store(&job.target, &head.headers);
        }
        let next_hop = if head.status.is_redirection() {
            let planner = &mut self.planner.borrow_mut();
            redirect::follow(&job, head.status, &head.headers, call.config.max_redirects, planner)
        } else {
            Ok(None)
        };
        match next_hop {
            Ok(Some(_)) if call.config.cache.is_some() || call.config.robots.is_some() => {
                // The caller follows, as these are asked about each hop there.
                job.attempt.leads_on = true;
                return self.answer(job, now, head, Ok((Bytes::new(), None)));
            }
            Ok(Some((target, message))) => {
                if matches!(call.config.cookies, CookiePolicy::OfRedirects) {
                    job.keep_cookies(&head.headers);
                }
                job.redirect(target, message);
                self.shared.push(job);
                return self.wake();
            }
            Ok(None) => {}
            Err(error) => return self.fail(job, now, error),
        }
        if head.status == StatusCode::UNAUTHORIZED && job.begin_refresh() {
            // The user's function is called on the caller's thread, which sends the job back.
            return self.finish(job);
        }
        let ending = ending(&job, &head, retry_after);
        if let Some(due) = self.due_again(&mut job, now, ending, retry_after) {
            return self.retry(job, due);
        }
        let stored = match body {
            Stored::Memory(body) => Ok((body, None)),
            Stored::Undecodable(error) => Err(error),
            Stored::File(path) => Ok((Bytes::new(), Some(path))),
        };
        job.attempt.is_questioned = stored.is_ok() && self.is_question(&job, ending);
        self.answer(job, now, head, stored);
    }

    /// Gives a job back with its answer.
    fn answer(
        &self,
        mut job: Box<Job>,
        now: Instant,
        head: ResponseHead,
        stored: Result<(Bytes, Option<Arc<Path>>), Error>,
    ) {
        let ResponseHead { status, version, headers, .. } = head;
        let cached = CacheStatus::Sent;
        job.end(
            now,
            stored.map(|(body, saved_to)| Answer { status, version, headers, body, saved_to, cached }),
        );
        self.finish(job);
    }

    pub(crate) fn fail(&self, mut job: Box<Job>, now: Instant, error: Error) {
        let error = match error.kind() {
            Kind::Timeout if job.call.is_overdue(now) => error.at_deadline(),
            Kind::Timeout if job.attempt.expires.is_some_and(|expiry| expiry <= now) => {
                error.with_limit("total_timeout")
            }
            _ => error,
        };
        let error = if job.attempt.was_sent { error.sent() } else { error };
        job.end(now, Err(error));
        self.finish(job);
    }

    /// When a job is sent again, where it may be and its time is not over by then.
    fn due_again(
        &self,
        job: &mut Job,
        now: Instant,
        ending: Ending<'_>,
        retry_after: Option<Duration>,
    ) -> Option<Instant> {
        if !job.call.config.is_gentle() {
            return None;
        }
        let policy = &job.call.config.retry;
        let random = self.random.borrow_mut().f64();
        let wait = policy.next(ending, job.attempt.number, job.is_idempotent(), random)?;
        if !job.message.body.is_whole() {
            job.call.not_resent.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let due = now + wait.max(retry_after.unwrap_or_default());
        self.shared.allows_retry(job, now, due, ending.is_wish_to_wait()).then_some(due)
    }

    /// Whether the user's function is to say if an answer is the end.
    fn is_question(&self, job: &Job, ending: Ending<'_>) -> bool {
        let retry = &job.call.config.retry;
        let Ending::Answered { status, .. } = ending else { return false };
        job.retry_if().is_some()
            && !retry.retries_status(status)
            && retry.may_follow(ending, job.attempt.number, job.is_idempotent())
            && job.message.body.is_whole()
    }

    fn retry(&self, mut job: Box<Job>, due: Instant) {
        job.end_attempt();
        self.shared.push_at(due, job);
        self.wake();
    }
}
