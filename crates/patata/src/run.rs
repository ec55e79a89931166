//! The main loop: the only file that knows every stage, and what goes from each to the next.
//!
//! Each event loop is a thread. In its turns it takes jobs from the schedule, puts each on a lane, and
//! hands over what its lanes have completed since the last turn.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::hash::RandomState;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use http::header::{self, HeaderMap};
use http_body_util::Full;
use tokio::runtime::{LocalOptions, LocalRuntime};
use tokio::sync::Notify;

use crate::config::Config;
use crate::decode;
use crate::deliver::Delivery;
use crate::error::{Error, Kind, Phase};
use crate::headers::Headers;
use crate::plan::{ByOrigin, Job, Origin, Planner};
use crate::redirect;
use crate::response::{Outcome, Response, Url};
use crate::schedule::Schedule;
use crate::schedule::retry::Ending;
use crate::transport::connect::Connector;
use crate::transport::lane::{Fault, Lane, Received};
use crate::transport::pool::{Pool, Reservation};
use crate::transport::tls::Tls;

/// The most lanes that go on before outcomes are handed over and sockets are asked again.
const LANES_A_TURN: u32 = 128;

/// What the caller and the event loops of one run have in common.
#[derive(Debug)]
pub(crate) struct Shared<T> {
    pub(crate) config: Arc<Config>,
    pub(crate) delivery: Delivery<T>,
    pub(crate) hasher: RandomState,
    schedule: Mutex<Schedule<T>>,
    /// One for each event loop.
    wake_ups: Vec<Notify>,
    /// Event loops that have not ended.
    alive: AtomicUsize,
    cancelled: AtomicBool,
    /// Whether the input may hold more: then an event loop without work asks for it.
    input_open: AtomicBool,
}

impl<T> Shared<T> {
    pub(crate) fn new(config: Arc<Config>, event_loops: usize) -> Self {
        Self {
            config,
            delivery: Delivery::new(),
            hasher: RandomState::new(),
            schedule: Mutex::new(Schedule::new()),
            wake_ups: (0..event_loops).map(|_| Notify::new()).collect(),
            alive: AtomicUsize::new(event_loops),
            cancelled: AtomicBool::new(false),
            input_open: AtomicBool::new(true),
        }
    }

    /// Makes a job ready, and wakes an event loop that has room for it.
    pub(crate) fn push(&self, job: Box<Job<T>>) {
        let idle = self.schedule().push(job);
        self.wake(idle);
        if self.alive.load(Ordering::Acquire) == 0 {
            self.fail_scheduled();
        }
    }

    fn push_at(&self, due: Instant, job: Box<Job<T>>) {
        let idle = self.schedule().push_at(due, job);
        self.wake(idle);
    }

    /// Jobs that no event loop has taken yet.
    pub(crate) fn ready(&self) -> usize {
        self.schedule().ready()
    }

    /// States that the input has ended.
    pub(crate) fn close_input(&self) {
        self.input_open.store(false, Ordering::Relaxed);
    }

    /// Ends all event loops. What they hold is dropped, and becomes no outcome.
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        for wake_up in &self.wake_ups {
            wake_up.notify_one();
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Whether no event loop is left, so that nothing more will come.
    pub(crate) fn is_dead(&self) -> bool {
        self.alive.load(Ordering::Acquire) == 0
    }

    fn wake(&self, event_loop: Option<usize>) {
        if let Some(wake_up) = event_loop.and_then(|index| self.wake_ups.get(index)) {
            wake_up.notify_one();
        }
    }

    fn schedule(&self) -> MutexGuard<'_, Schedule<T>> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No event loop is left to send what is scheduled: it fails, rather than waiting for ever.
    fn fail_scheduled(&self) {
        let jobs = self.schedule().drain();
        self.delivery.send(&mut jobs.into_iter().map(|job| broken_down(*job)).collect());
    }
}

/// Starts the thread of one event loop.
pub(crate) fn spawn<T: Send + 'static>(
    shared: &Arc<Shared<T>>,
    index: usize,
    connections: usize,
    tls: Tls,
) -> io::Result<std::thread::JoinHandle<()>> {
    let shared = shared.clone();
    let departure = Departure(shared.clone());
    std::thread::Builder::new().name(format!("patata-{index}")).spawn(move || {
        let _departure = departure;
        let Ok(runtime) = runtime() else {
            // Out of file descriptors: the other event loops do the work, or the last one's departure tells.
            return;
        };
        runtime.block_on(Rc::new(EventLoop::new(shared, index, connections, tls)).turns());
        // A name look-up that hangs must not hang the end of the run.
        runtime.shutdown_background();
    })
}

fn runtime() -> io::Result<LocalRuntime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .event_interval(LANES_A_TURN)
        .build_local(LocalOptions::default())
}

/// Counts an event loop as ended, however it ends; the last one out fails what nobody is left to send.
struct Departure<T>(Arc<Shared<T>>);

impl<T> Drop for Departure<T> {
    fn drop(&mut self) {
        let was_last = self.0.alive.fetch_sub(1, Ordering::AcqRel) == 1;
        if was_last && !self.0.is_cancelled() {
            self.0.fail_scheduled();
        }
    }
}

/// One event loop: its lanes, the jobs it has taken, the outcomes it has not handed over.
struct EventLoop<T> {
    shared: Arc<Shared<T>>,
    index: usize,
    connector: Connector,
    planner: RefCell<Planner>,
    pool: RefCell<Pool<Rc<Slot<T>>>>,
    /// Taken a little ahead, so that a lane that is done goes on at once.
    ahead: RefCell<Ahead<T>>,
    outcomes: RefCell<Vec<Outcome<T>>>,
    random: RefCell<fastrand::Rng>,
}

impl<T: Send + 'static> EventLoop<T> {
    fn new(shared: Arc<Shared<T>>, index: usize, connections: usize, tls: Tls) -> Self {
        Self {
            index,
            connector: Connector::new(tls, shared.config.connect_timeout),
            planner: RefCell::new(Planner::new(shared.hasher.clone())),
            pool: RefCell::new(Pool::new(connections)),
            ahead: RefCell::new(Ahead::new()),
            outcomes: RefCell::new(Vec::new()),
            random: RefCell::new(fastrand::Rng::new()),
            shared,
        }
    }

    /// Turn after turn, until the run is cancelled.
    async fn turns(self: Rc<Self>) {
        let wake_up = &self.shared.wake_ups[self.index];
        loop {
            let due = self.dispatch();
            // The lanes send first: the caller, once woken, may take this thread's core.
            yield_once().await;
            self.hand_over();
            let woken = async {
                match due {
                    Some(due) => {
                        // Waking for a delayed job is as good as being woken.
                        let _ = tokio::time::timeout_at(due.into(), wake_up.notified()).await;
                    }
                    None => wake_up.notified().await,
                }
            };
            woken.await;
            if self.shared.is_cancelled() {
                return;
            }
        }
    }

    fn hand_over(&self) {
        let mut outcomes = self.outcomes.borrow_mut();
        if !outcomes.is_empty() {
            self.shared.delivery.send(&mut outcomes);
        }
    }

    /// Takes as many jobs as there is room for, and a few ahead. Returns when the next delayed one is due,
    /// if this event loop could then send it.
    fn dispatch(self: &Rc<Self>) -> Option<Instant> {
        self.place_ahead();
        let (free, busy) = {
            let pool = self.pool.borrow();
            (pool.free(), pool.busy())
        };
        let config = &self.shared.config;
        let mut taken = Vec::new();
        let due = {
            let mut schedule = self.shared.schedule();
            // Ahead only while there is plenty: the last jobs go to whoever is free.
            let share = schedule.ready() / (2 * self.shared.wake_ups.len());
            let ahead = busy.min(share).saturating_sub(self.ahead.borrow().count);
            let limit = (free + ahead).min(config.pool_submit_size);
            schedule.take(limit, Instant::now(), self.index, &mut taken);
            if limit == config.pool_submit_size && taken.len() == limit {
                self.wake();
            }
            schedule.next_due()
        };
        if taken.len() < free && self.shared.input_open.load(Ordering::Relaxed) {
            self.shared.delivery.nudge();
        }
        for job in taken {
            self.place(job);
        }
        due.filter(|_| self.pool.borrow().free() > 0)
    }

    /// Jobs that were taken ahead for lanes which have since gone idle or closed.
    fn place_ahead(self: &Rc<Self>) {
        let count = {
            let ahead = self.ahead.borrow();
            ahead.count.min(self.pool.borrow().free())
        };
        for _ in 0..count {
            let job = self.ahead.borrow_mut().pop();
            if let Some(job) = job {
                self.place(job);
            }
        }
    }

    /// Gives a job to an idle lane, a new one, or to whichever lane is done first.
    fn place(self: &Rc<Self>, job: Box<Job<T>>) {
        let mut pool = self.pool.borrow_mut();
        if let Some(slot) = pool.checkout(&job.target.origin) {
            slot.give(Order::Send(job));
            return;
        }
        match pool.reserve() {
            Reservation::Full => self.ahead.borrow_mut().push(job),
            Reservation::Free => self.open_lane(job),
            Reservation::InsteadOf(slot) => {
                slot.give(Order::Retire);
                self.open_lane(job);
            }
        }
    }

    fn open_lane(self: &Rc<Self>, job: Box<Job<T>>) {
        tokio::task::spawn_local(serve(Place { event_loop: self.clone(), given_away: false }, job));
    }

    /// What becomes of a job after an exchange or the failure to begin one.
    fn settle(&self, job: Box<Job<T>>, now: Instant, result: Result<Received, Fault>, reused: bool) {
        match result {
            Ok(received) => self.settle_response(job, now, received),
            Err(fault) => self.settle_fault(job, now, fault, reused),
        }
    }

    fn settle_response(&self, mut job: Box<Job<T>>, now: Instant, received: Received) {
        let Received { head, body } = received;
        let config = &self.shared.config;
        let next_hop = if head.status.is_redirection() {
            redirect::follow(
                &job,
                head.status,
                &head.headers,
                config.max_redirects,
                &mut self.planner.borrow_mut(),
            )
        } else {
            Ok(None)
        };
        match next_hop {
            Ok(Some((target, message))) => {
                job.redirect(target, message);
                return self.push(job);
            }
            Ok(None) => {}
            Err(error) => return self.finish(failed(*job, now, error)),
        }
        if let Some(wait) = self.wait_before_retry(&job, Ending::Answered(head.status)) {
            return self.retry(job, now + wait);
        }
        let decoded = decode::decode(&head.headers, body, config.max_response_size);
        let Job { tag, target, attempts, started, .. } = *job;
        let result = decoded.map(|body| Response {
            status: head.status,
            version: head.version,
            headers: Headers::new(&head.headers),
            body,
            url: Url(target),
        });
        self.finish(outcome(tag, attempts, started, now, result));
    }

    fn settle_fault(&self, mut job: Box<Job<T>>, now: Instant, fault: Fault, reused: bool) {
        // A kept connection that was dead all along says nothing of the server: try again, once.
        let harmless = job.is_idempotent() || !fault.error.request_sent();
        if fault.before_answer && reused && !job.resent && harmless {
            job.resent = true;
            return self.push(job);
        }
        match self.wait_before_retry(&job, Ending::Failed(&fault.error)) {
            Some(wait) => self.retry(job, now + wait),
            None => self.finish(failed(*job, now, fault.error)),
        }
    }

    fn wait_before_retry(&self, job: &Job<T>, ending: Ending<'_>) -> Option<Duration> {
        let policy = &self.shared.config.retry;
        if policy.attempts <= 1 {
            return None;
        }
        policy.next(ending, job.attempts, job.is_idempotent(), self.random.borrow_mut().f64())
    }

    fn retry(&self, mut job: Box<Job<T>>, due: Instant) {
        job.end_attempt();
        self.shared.push_at(due, job);
        self.wake();
    }

    fn push(&self, job: Box<Job<T>>) {
        self.shared.push(job);
        self.wake();
    }

    fn finish(&self, outcome: Outcome<T>) {
        self.outcomes.borrow_mut().push(outcome);
        self.wake();
    }

    /// Asks for another turn.
    fn wake(&self) {
        self.shared.wake_ups[self.index].notify_one();
    }

    /// What a lane to `origin` sends for a job.
    fn compose(&self, job: &Job<T>, templates: &Templates) -> http::Request<Full<bytes::Bytes>> {
        let message = &job.message;
        let mut request = http::Request::new(Full::new(message.body.clone()));
        *request.method_mut() = message.method.clone();
        *request.uri_mut() = job.target.path.clone().into();
        let template = if message.defaults { &templates.with_defaults } else { &templates.own };
        *request.headers_mut() = template.clone();
        if let Some(headers) = &message.headers {
            request.headers_mut().extend((**headers).clone());
        }
        request
    }
}

impl<T> Drop for EventLoop<T> {
    /// Hands over what an event loop still has if it breaks down.
    fn drop(&mut self) {
        if self.shared.is_cancelled() {
            return;
        }
        let outcomes = self.outcomes.get_mut();
        while let Some(job) = self.ahead.get_mut().pop() {
            outcomes.push(broken_down(*job));
        }
        self.shared.delivery.send(outcomes);
    }
}

/// The heads that a lane's requests begin with.
struct Templates {
    /// What patata itself says.
    own: HeaderMap,
    /// The same with the user's defaults.
    with_defaults: HeaderMap,
}

impl Templates {
    fn new(config: &Config, origin: &Origin) -> Self {
        let mut own = HeaderMap::with_capacity(8);
        own.insert(header::HOST, origin.authority.clone());
        own.extend(config.own_headers.clone());
        let mut with_defaults = own.clone();
        with_defaults.extend(config.headers.clone());
        Self { own, with_defaults }
    }
}

/// A lane's life: opened for one job, kept for others, closed by the server, by age or for want of room.
async fn serve<T: Send + 'static>(place: Place<T>, job: Box<Job<T>>) {
    let event_loop = place.event_loop.clone();
    let origin = job.target.origin.clone();
    let mut held = Held { event_loop: &event_loop, job: Some(job) };
    let deadline = held.begin(Instant::now());
    let opened = tokio::time::timeout_at(deadline.into(), event_loop.connector.open(&origin)).await;
    let mut lane = match opened.unwrap_or_else(|_| Err(connect_deadline(&origin))) {
        Ok(lane) => lane,
        Err(error) => return held.settle(Instant::now(), Err(error.into()), false),
    };
    let templates = Templates::new(&event_loop.shared.config, &origin);
    let slot = Rc::new(Slot::default());
    // The clock is read once an exchange: the end of one is the beginning of the next.
    let mut now = Instant::now();
    loop {
        let deadline = held.begin(now);
        let Some(job) = &held.job else { return };
        let request = event_loop.compose(job, &templates);
        let reused = lane.is_reused();
        let result = lane.exchange(request, deadline, event_loop.shared.config.max_response_size).await;
        let kept = result.is_ok() && lane.is_usable();
        now = Instant::now();
        held.settle(now, result, reused);
        if !kept {
            return;
        }
        // First all lanes that have an answer receive it, then all send: a server that is sent a burst is
        // woken once, one that is sent single requests is woken for each, which costs a system call's time.
        yield_once().await;
        let next = event_loop.ahead.borrow_mut().pop_for(&origin);
        held.job = match next {
            Some(job) => Some(job),
            None => match idle(&event_loop, &origin, &mut lane, &slot).await {
                Order::Send(job) => {
                    now = Instant::now();
                    Some(job)
                }
                Order::Wait => return,
                Order::Retire => return place.give_away(),
            },
        };
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

/// Waits for the next order. `Order::Wait` comes back where the lane closed or became too old.
async fn idle<T: Send + 'static>(
    event_loop: &EventLoop<T>,
    origin: &Arc<Origin>,
    lane: &mut Lane,
    slot: &Rc<Slot<T>>,
) -> Order<T> {
    let number = event_loop.pool.borrow_mut().checkin(origin, slot.clone());
    event_loop.wake();
    let mut retirement = pin!(tokio::time::sleep(event_loop.shared.config.idle_timeout));
    poll_fn(|context| {
        let order = slot.poll_order(context);
        // An order goes first: the job in it must not be lost with the lane.
        if order.is_pending()
            && (lane.poll_closed(context).is_ready() || retirement.as_mut().poll(context).is_ready())
        {
            event_loop.pool.borrow_mut().remove(origin, number);
            return Poll::Ready(Order::Wait);
        }
        order
    })
    .await
}

/// A lane's place among those of its event loop: given back when the lane ends, however it does.
struct Place<T> {
    event_loop: Rc<EventLoop<T>>,
    given_away: bool,
}

impl<T> Place<T> {
    /// Another lane has this place already.
    fn give_away(mut self) {
        self.given_away = true;
    }
}

impl<T> Drop for Place<T> {
    fn drop(&mut self) {
        if !self.given_away {
            self.event_loop.pool.borrow_mut().closed();
            self.event_loop.shared.wake_ups[self.event_loop.index].notify_one();
        }
    }
}

/// The job that a lane is busy with. Should the lane break down, its job still becomes an outcome.
struct Held<'a, T> {
    event_loop: &'a EventLoop<T>,
    job: Option<Box<Job<T>>>,
}

impl<T: Send + 'static> Held<'_, T> {
    /// Begins an attempt, unless it goes on. Returns when it must be over.
    fn begin(&mut self, now: Instant) -> Instant {
        self.job.as_mut().map_or(now, |job| job.begin(now, self.event_loop.shared.config.timeout))
    }

    fn settle(&mut self, now: Instant, result: Result<Received, Fault>, reused: bool) {
        if let Some(job) = self.job.take() {
            self.event_loop.settle(job, now, result, reused);
        }
    }
}

impl<T> Drop for Held<'_, T> {
    fn drop(&mut self) {
        if let Some(job) = self.job.take()
            && !self.event_loop.shared.is_cancelled()
        {
            self.event_loop.outcomes.borrow_mut().push(broken_down(*job));
        }
    }
}

/// How an idle lane is told what to do next.
struct Slot<T> {
    order: Cell<Order<T>>,
    waker: RefCell<Option<Waker>>,
}

#[derive(Default)]
enum Order<T> {
    #[default]
    Wait,
    Send(Box<Job<T>>),
    Retire,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { order: Cell::new(Order::Wait), waker: RefCell::new(None) }
    }
}

impl<T> Slot<T> {
    fn give(&self, order: Order<T>) {
        self.order.set(order);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    fn poll_order(&self, context: &Context<'_>) -> Poll<Order<T>> {
        match self.order.take() {
            Order::Wait => {
                *self.waker.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            }
            order => Poll::Ready(order),
        }
    }
}

/// Jobs an event loop has taken and cannot place yet, by origin.
#[derive(Debug)]
struct Ahead<T> {
    jobs: ByOrigin<VecDeque<Box<Job<T>>>>,
    count: usize,
}

impl<T> Ahead<T> {
    fn new() -> Self {
        Self { jobs: ByOrigin::default(), count: 0 }
    }

    fn push(&mut self, job: Box<Job<T>>) {
        self.count += 1;
        self.jobs.entry(job.target.origin.clone()).or_default().push_back(job);
    }

    fn pop_for(&mut self, origin: &Arc<Origin>) -> Option<Box<Job<T>>> {
        let queue = self.jobs.get_mut(origin)?;
        let job = queue.pop_front()?;
        self.count -= 1;
        if queue.is_empty() {
            self.jobs.remove(origin);
        }
        Some(job)
    }

    fn pop(&mut self) -> Option<Box<Job<T>>> {
        let origin = self.jobs.keys().next()?.clone();
        self.pop_for(&origin)
    }
}

fn outcome<T>(
    tag: T,
    attempts: u32,
    started: Option<Instant>,
    now: Instant,
    result: Result<Response, Error>,
) -> Outcome<T> {
    let elapsed = started.map_or(Duration::ZERO, |started| now.saturating_duration_since(started));
    Outcome { tag, attempts, elapsed, result }
}

fn failed<T>(job: Job<T>, now: Instant, error: Error) -> Outcome<T> {
    outcome(job.tag, job.attempts, job.started, now, Err(error))
}

/// The outcome of a job whose event loop ended under it.
fn broken_down<T>(job: Job<T>) -> Outcome<T> {
    let error =
        Error::new(Kind::Cancelled, Phase::Schedule, "The event loop that held this request broke down");
    failed(job, Instant::now(), error)
}

fn connect_deadline(origin: &Origin) -> Error {
    Error::new(Kind::Timeout, Phase::Connect, format!("Cannot connect to {origin}"))
        .with_source("the attempt timed out (timeout)")
}
