//! The main loop: the only file that knows every stage, and what goes from each to the next.
//!
//! Each event loop is a thread. In a turn, connections that have an answer receive it; then jobs are taken for
//! the connections that are free, and they send; then what was completed is handed over.

use std::cell::{Cell, RefCell, RefMut};
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use tokio::runtime::{LocalOptions, LocalRuntime};

use crate::clock;
use crate::config::Config;
use crate::config::retry_policy::Ending;
use crate::engine::body_decoding::Decoding;
use crate::engine::connection_task::{Order, Slot};
use crate::engine::name_waits::NameWaits;
use crate::engine::readiness::Readiness;
use crate::engine::shared::{Shared, Taken};
use crate::engine::{connection_task, name_waits};
use crate::error::{Error, Kind, Phase};
use crate::job::planner::Planner;
use crate::job::{Job, redirect};
use crate::report::stall::StallWatch;
use crate::response::Answer;
use crate::schedule::adaptive::{Report, Verdict};
use crate::schedule::host::{Answered, Lesson};
use crate::schedule::retry_after::retry_after;
use crate::schedule::trouble::{Refused, Sign};
use crate::schedule::{Release, Room};
use crate::transport::blocking::{count_threads, no_thread};
use crate::transport::collect::Stored;
use crate::transport::connect::Connector;
use crate::transport::connect::establish::Establisher;
use crate::transport::connection::{Fault, Received, ResponseHead, Unprocessed};
use crate::transport::part_file::Parts;
use crate::transport::pool::{Pool, Reservation, Shortage};

/// The most connections that go on before the main loop has a look and sockets are asked again.
const CONNECTIONS_A_TURN: u32 = 128;

/// How often a request is sent anew that a server refuses unread; then the attempt has failed.
const MAX_REFUSALS: u32 = 5;
/// The longest wait before the first time, doubled for each further one.
const REFUSAL_WAIT: Duration = Duration::from_millis(20);
/// The wait for a file descriptor, doubled each time.
const SHORTAGE_WAIT: Duration = Duration::from_millis(10);
const LONGEST_SHORTAGE_WAIT: Duration = Duration::from_secs(1);
/// How often an attempt is begun anew while there is no file descriptor for any connection; then it has failed.
const MAX_SHORTAGES: u32 = 10;

/// How long the end of a run may wait for files that are being written.
const PARTS_GO: Duration = Duration::from_secs(5);

/// Starts the thread of one event loop.
pub(crate) fn spawn<T: Send + 'static>(
    shared: &Arc<Shared<T>>,
    index: usize,
    connections: usize,
    connector: Connector,
) -> io::Result<std::thread::JoinHandle<()>> {
    let departure = Departure(shared.clone());
    let spawned = std::thread::Builder::new().name(format!("patata-{index}")).spawn(move || {
        let readiness = departure.0.config.limits.adaptive.map(|_| Readiness::new());
        let runtime = match runtime(readiness.as_ref()) {
            Ok(runtime) => runtime,
            // Out of file descriptors.
            Err(cause) => return departure.0.begin_falsely(&cause),
        };
        departure.0.begin();
        let shared = departure.0.clone();
        let parts = shared.parts.clone();
        let event_loop = EventLoop::new(shared, index, connections, connector, readiness);
        runtime.block_on(turns(Rc::new(event_loop)));
        // A name look-up that hangs must not hang the end of the run.
        runtime.shutdown_background();
        // What was being saved goes, before the process may end.
        parts.wait(PARTS_GO);
    });
    spawned.map_err(no_thread)
}

/// An event loop as a task among others, for a simulation.
#[cfg(test)]
pub(crate) async fn beside<T: Send + 'static>(
    shared: Arc<Shared<T>>,
    connections: usize,
    connector: Connector,
) {
    let departure = Departure(shared);
    turns(Rc::new(EventLoop::new(departure.0.clone(), 0, connections, connector, None))).await;
}

fn runtime(readiness: Option<&Arc<Readiness>>) -> io::Result<LocalRuntime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_io().enable_time().event_interval(CONNECTIONS_A_TURN);
    count_threads(&mut builder);
    if let Some(readiness) = readiness {
        let (park, unpark) = (readiness.clone(), readiness.clone());
        builder.on_thread_park(move || park.park()).on_thread_unpark(move || unpark.unpark());
    }
    builder.build_local(LocalOptions::default())
}

/// What an answer is to the retry policy.
fn ending(head: &ResponseHead, retry_after: Option<Duration>) -> Ending<'static> {
    Ending::Answered { status: head.status, says_when: retry_after.is_some() }
}

/// What is known of a job when it is no longer in flight, as far as the schedule learns from it.
#[derive(Default)]
struct News {
    /// How long the server asks to be left alone.
    retry_after: Option<Duration>,
    /// What the server has answered, where it has.
    answered: Option<Answered>,
    /// For the controller of the host's concurrency.
    report: Option<Report>,
    sign: Sign,
}

/// Counts an event loop as ended, however it ends.
struct Departure<T>(Arc<Shared<T>>);

impl<T> Drop for Departure<T> {
    fn drop(&mut self) {
        self.0.depart();
    }
}

/// Turn after turn, until the run is cancelled.
async fn turns<T: Send + 'static>(event_loop: Rc<EventLoop<T>>) {
    let shared = event_loop.shared.clone();
    while !shared.is_cancelled() {
        event_loop.wants_turn.set(false);
        let due = event_loop.dispatch();
        // The connections send first: the caller, once woken, may take this thread's core.
        yield_once().await;
        event_loop.hand_over();
        match due {
            // Being due is as good as being woken.
            Some(due) => drop(tokio::time::timeout_at(due.into(), shared.woken(event_loop.index)).await),
            None => shared.woken(event_loop.index).await,
        }
    }
    // A run that ends by itself yields what is done.
    if shared.stopped().is_some() {
        event_loop.hand_over();
    }
}

/// Lets all tasks go first that are ready by now.
async fn yield_once() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// One event loop: its connections, and the ended jobs it has not handed over.
pub(crate) struct EventLoop<T> {
    pub(crate) shared: Arc<Shared<T>>,
    pub(crate) establisher: Establisher,
    pub(crate) decoding: Decoding,
    /// The files that responses are being saved to.
    pub(crate) parts: Parts,
    index: usize,
    planner: RefCell<Planner>,
    pool: RefCell<Pool<Rc<Slot<T>>>>,
    /// Jobs of origins whose names are being looked up: they take no connection.
    pub(crate) name_waits: RefCell<NameWaits<T>>,
    /// Jobs that have ended since the last turn.
    ended: RefCell<Vec<Box<Job<T>>>>,
    /// Requests that have left the network since the last turn, as far as the schedule must know.
    released: RefCell<Vec<Release>>,
    random: RefCell<fastrand::Rng>,
    /// When what is read became readable, where that is of interest.
    readiness: Option<Arc<Readiness>>,
    stall_watch: RefCell<StallWatch>,
    /// Whether a turn has been asked for already: asking takes an atomic operation.
    wants_turn: Cell<bool>,
    turn_began: Cell<Instant>,
}

impl<T> EventLoop<T> {
    /// Asks for another turn.
    pub(crate) fn wake(&self) {
        if !self.wants_turn.replace(true) {
            self.shared.wake(self.index);
        }
    }

    /// When jobs were last taken and given to connections.
    pub(crate) fn turn_began(&self) -> Instant {
        self.turn_began.get()
    }

    pub(crate) fn pool(&self) -> RefMut<'_, Pool<Rc<Slot<T>>>> {
        self.pool.borrow_mut()
    }

    /// A request has come to its one end.
    pub(crate) fn finish(&self, job: Box<Job<T>>) {
        self.ended.borrow_mut().push(job);
        self.wake();
    }
}

impl<T: Send + 'static> EventLoop<T> {
    fn new(
        shared: Arc<Shared<T>>,
        index: usize,
        connections: usize,
        connector: Connector,
        readiness: Option<Arc<Readiness>>,
    ) -> Self {
        Self {
            index,
            establisher: Establisher::new(connector, &shared.config, shared.config.random(index)),
            parts: shared.parts.clone(),
            decoding: Decoding::new(shared.config.size_limits()),
            planner: RefCell::new(Planner::new(shared.hasher.clone())),
            pool: RefCell::new(Pool::new(connections, shared.config.most_open_by_worker())),
            name_waits: RefCell::default(),
            ended: RefCell::default(),
            released: RefCell::default(),
            random: RefCell::new(shared.config.random(index)),
            readiness,
            stall_watch: RefCell::default(),
            wants_turn: Cell::new(false),
            turn_began: Cell::new(clock::now()),
            shared,
        }
    }

    fn hand_over(&self) {
        let mut ended = self.ended.borrow_mut();
        if !ended.is_empty() {
            self.shared.judge(&ended);
            self.shared.completions.send(&mut ended);
        }
    }

    /// Takes as many jobs as there is room for. Returns when it should be done again at the latest.
    fn dispatch(self: &Rc<Self>) -> Option<Instant> {
        let now = clock::now();
        self.turn_began.set(now);
        let (free, connections) = {
            let mut pool = self.pool();
            (pool.free(now), pool.connections())
        };
        let limit = free.min(self.shared.config.pool_submit_size);
        let room = Room { limit, spare: free - limit, connections };
        let Taken { jobs, expired, refused, due } =
            self.shared.take(self.index, room, now, &mut self.released.borrow_mut());
        for job in expired {
            self.expire(job, now);
        }
        for Refused { job, cause } in refused {
            let error = Error::unavailable(&job.target.origin, &cause);
            self.fail(job, now, error);
        }
        if self.shared.is_overdue(now) {
            // The caller takes no more input.
            self.shared.completions.nudge();
        }
        if jobs.len() == limit && limit < free {
            self.wake();
        }
        for job in jobs {
            self.place(job);
        }
        let pool = self.pool();
        self.shared.board.publish_connections(self.index, pool.busy(), pool.open());
        let rests_until = pool.rests_until();
        let is_idle = pool.busy() == 0;
        drop(pool);
        let watched = if is_idle { self.watch_input(now) } else { None };
        due.into_iter().chain(rests_until).chain(watched).min()
    }

    /// Looks now and then, where somebody wants to be told, whether it is the input that keeps the run waiting.
    /// Returns when next. One event loop does so for all.
    fn watch_input(&self, now: Instant) -> Option<Instant> {
        let report = self.shared.config.stall_report.as_ref().filter(|_| self.index == 0)?;
        let mut watch = self.stall_watch.borrow_mut();
        if watch.is_due(now) && watch.look(now, report.after, self.shared.input_wait(now)) {
            (report.tell)();
        }
        watch.next()
    }

    /// A job whose time is over has failed where it waits.
    fn expire(&self, job: Box<Job<T>>, now: Instant) {
        let error = Error::new(Kind::Timeout, Phase::Schedule, "The request waited too long to be sent");
        self.fail(job, now, error);
    }

    /// Gives a job to an idle connection of its origin, or to a new one.
    fn place(self: &Rc<Self>, job: Box<Job<T>>) {
        let mut pool = self.pool();
        if let Some(slot) = pool.checkout(&job.target.origin) {
            return slot.give(Order::Send(job));
        }
        if !self.establisher.knows_the_way(&job.target.origin) {
            return name_waits::park(self, job);
        }
        match pool.reserve() {
            Reservation::Free => connection_task::open(self, job),
            Reservation::InsteadOf(slot) => {
                slot.give(Order::Retire);
                connection_task::open(self, job);
            }
            // No more are taken than there is room for.
            Reservation::Full => {
                drop(pool);
                self.put_back(job);
            }
        }
    }

    /// Gives a job back to the schedule as it came.
    pub(crate) fn put_back(&self, mut job: Box<Job<T>>) {
        let sign = if job.is_probe { Sign::Untried } else { Sign::None };
        self.release(&mut job, News { sign, ..News::default() });
        self.shared.push(job);
        self.wake();
    }

    /// A job is no longer in flight.
    fn release(&self, job: &mut Job<T>, news: News) {
        let News { retry_after, answered, report, sign } = news;
        let was_counted = std::mem::take(&mut job.is_counted);
        (job.is_first, job.is_probe) = (false, false);
        let lesson = job.ticket.take().map(|ticket| {
            Box::new(Lesson { ticket: *ticket, report: report.unwrap_or_else(Report::nothing) })
        });
        let is_refused = matches!(answered, Some(Answered::TooMany { .. }));
        if was_counted || retry_after.is_some() || is_refused || sign != Sign::None {
            let origin = job.target.origin.clone();
            let release = Release { origin, was_counted, retry_after, answered, lesson, sign };
            self.released.borrow_mut().push(release);
        }
    }

    /// What the controller of its host's concurrency is to know of a job.
    fn report(
        &self,
        job: &Job<T>,
        now: Instant,
        result: &Result<Received, Fault>,
        retry_after: Option<Duration>,
    ) -> Option<Report> {
        job.ticket.as_ref()?;
        let verdict = match result {
            Ok(received) => Verdict::of_status(received.head.status),
            Err(fault) => Verdict::of_error(&fault.error),
        };
        let began = job.exchange_began.unwrap_or(now);
        // Where one has answered sooner than the socket was looked at before, nothing is known but that.
        let came = self
            .readiness
            .as_ref()
            .map_or(now, |readiness| readiness.readable())
            .clamp(began, now.max(began));
        Some(Report { verdict, latency: came - began, retry_after })
    }

    /// What becomes of a job after an exchange, or the failure to begin one.
    pub(crate) fn settle(&self, mut job: Box<Job<T>>, now: Instant, result: Result<Received, Fault>) {
        let retry_after = result.as_ref().ok().and_then(|received| self.asked_wait(&received.head));
        let report = self.report(&job, now, &result, retry_after);
        let answered = result.as_ref().ok().map(|received| {
            let ending = ending(&received.head, retry_after);
            let sent = job.exchange_began.unwrap_or(now);
            match ending.is_wish_to_wait() {
                true => Answered::TooMany { sent, says_when: retry_after.is_some() },
                false => Answered::Accepted { sent },
            }
        });
        let was_probe = job.is_probe;
        let sign = self.sign(&job, &result);
        self.release(&mut job, News { retry_after, answered, report, sign });
        match result {
            Ok(received) => self.settle_response(job, now, received, retry_after),
            Err(fault) if self.may_wait(&job, now, &fault, was_probe) => self.wait_with_others(job),
            Err(fault) => self.settle_fault(job, now, fault),
        }
    }

    /// When the server wants to be asked again, where its answer is one that is tried again or says "not now".
    fn asked_wait(&self, head: &ResponseHead) -> Option<Duration> {
        let policy = &self.shared.config.retry;
        let is_asked = matches!(head.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
            || (policy.attempts > 1 && policy.retries_status(head.status));
        is_asked.then(|| retry_after(&head.headers, clock::date)).flatten()
    }

    /// What the end of an exchange says of the host. Of one that is well, only the first answer on each connection is told.
    fn sign(&self, job: &Job<T>, result: &Result<Received, Fault>) -> Sign {
        match result {
            Ok(_) if job.is_first || job.is_probe || self.shared.has_suspects() => {
                let is_noted = self.shared.config.limits.patience.is_on();
                if is_noted { Sign::Answered } else { Sign::None }
            }
            Err(fault) if job.is_probe && fault.is_of_nobody() => Sign::Untried,
            _ => Sign::None,
        }
    }

    /// Notes where a host could not be reached or did not answer in time. Returns whether the request, which was not
    /// sent, may wait with the others of its host without losing an attempt.
    fn may_wait(&self, job: &Job<T>, now: Instant, fault: &Fault, was_probe: bool) -> bool {
        let is_over = self.shared.is_overdue(now) || job.expires.is_some_and(|expiry| expiry <= now);
        let counts = was_probe || (fault.error.is_of_host() && !is_over);
        if !counts || fault.is_of_nobody() || !self.shared.config.limits.patience.is_on() {
            return false;
        }
        let cause = fault.error.to_string().into();
        let released = &mut self.released.borrow_mut();
        let others_wait = self.shared.note_failure(&job.target.origin, now, was_probe, cause, released);
        others_wait && !was_probe && !fault.error.request_sent()
    }

    /// What could not be sent waits until its host is there again; its attempt did not take place.
    fn wait_with_others(&self, mut job: Box<Job<T>>) {
        job.attempts = job.attempts.saturating_sub(1);
        job.end_attempt();
        self.shared.push(job);
        self.wake();
    }

    fn settle_fault(&self, mut job: Box<Job<T>>, now: Instant, fault: Fault) {
        if fault.error.is_shortage() && self.make_do(now, job.shortages) {
            let wait = SHORTAGE_WAIT * 2_u32.pow(job.shortages.min(10));
            job.shortages += 1;
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
    fn due_anew(&self, job: &mut Job<T>, now: Instant, why: Unprocessed) -> Option<Instant> {
        if !job.message.body.is_whole() {
            return None;
        }
        if why == Unprocessed::Leaving && !std::mem::replace(&mut job.was_sent_anew, true) {
            return Some(now);
        }
        // Waits that differ, so that what was refused together does not come back together.
        let share = 0.5 + self.random.borrow_mut().f64() / 2.0;
        let due = now + (REFUSAL_WAIT * 2_u32.pow(job.refusals.min(10))).mul_f64(share);
        let may = job.refusals < MAX_REFUSALS && self.shared.allows_retry(job, now, due, false);
        job.refusals += u32::from(may);
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
            Shortage::Total if self.shared.board.has_connections_beside(self.index) => self.pool().rest(),
            Shortage::Total => return shortages < MAX_SHORTAGES,
        }
        true
    }

    fn settle_response(
        &self,
        mut job: Box<Job<T>>,
        now: Instant,
        received: Received,
        retry_after: Option<Duration>,
    ) {
        let Received { head, body } = received;
        let config = &self.shared.config;
        if let Some(jar) = &self.shared.jar {
            jar.store(&job.target, &head.headers);
        }
        let next_hop = if head.status.is_redirection() {
            let planner = &mut self.planner.borrow_mut();
            redirect::follow(&job, head.status, &head.headers, config.max_redirects, planner)
        } else {
            Ok(None)
        };
        match next_hop {
            Ok(Some((target, message))) => {
                if config.keeps_cookies.is_none() {
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
        let ending = ending(&head, retry_after);
        if let Some(due) = self.due_again(&mut job, now, ending, retry_after) {
            return self.retry(job, due);
        }
        let stored = match body {
            Stored::Memory(body) => Ok((body, None)),
            Stored::Undecodable(error) => Err(error),
            Stored::File(path) => Ok((Bytes::new(), Some(path))),
        };
        let answer = stored.map(|(body, saved_to)| Answer {
            status: head.status,
            version: head.version,
            headers: head.headers,
            body,
            saved_to,
        });
        job.is_questioned = answer.is_ok() && self.is_question(&job, ending);
        job.end(now, answer);
        self.finish(job);
    }

    fn fail(&self, mut job: Box<Job<T>>, now: Instant, error: Error) {
        let error = match error.kind() {
            Kind::Timeout if self.shared.is_overdue(now) => error.at_deadline(),
            Kind::Timeout if job.expires.is_some_and(|expiry| expiry <= now) => {
                error.with_limit("total_timeout")
            }
            _ => error,
        };
        let error = if job.was_sent { error.sent() } else { error };
        job.end(now, Err(error));
        self.finish(job);
    }

    /// When a job is sent again, where it may be and its time is not over by then.
    fn due_again(
        &self,
        job: &mut Job<T>,
        now: Instant,
        ending: Ending<'_>,
        retry_after: Option<Duration>,
    ) -> Option<Instant> {
        let policy = &self.shared.config.retry;
        if policy.attempts <= 1 {
            return None;
        }
        let random = self.random.borrow_mut().f64();
        let wait = policy.next(ending, job.attempts, job.is_idempotent(), random)?;
        if !job.message.body.is_whole() {
            self.shared.not_resent.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let due = now + wait.max(retry_after.unwrap_or_default());
        self.shared.allows_retry(job, now, due, ending.is_wish_to_wait()).then_some(due)
    }

    /// Whether the user's function is to say if an answer is the end.
    fn is_question(&self, job: &Job<T>, ending: Ending<'_>) -> bool {
        let Config { retry, retry_if, .. } = &*self.shared.config;
        let Ending::Answered { status, .. } = ending else { return false };
        job.retry_if(retry_if.as_ref()).is_some()
            && !retry.retries_status(status)
            && retry.may_follow(ending, job.attempts, job.is_idempotent())
            && job.message.body.is_whole()
    }

    fn retry(&self, mut job: Box<Job<T>>, due: Instant) {
        job.end_attempt();
        self.shared.push_at(due, job);
        self.wake();
    }
}

impl<T> Drop for EventLoop<T> {
    /// Hands over what an event loop still has if it breaks down, and leaves it where the run is ended.
    fn drop(&mut self) {
        self.ended.get_mut().extend(self.name_waits.get_mut().drain());
        if self.shared.is_cancelled() {
            self.shared.leave(self.ended.get_mut().drain(..));
        } else {
            self.shared.completions.send(self.ended.get_mut());
        }
    }
}
