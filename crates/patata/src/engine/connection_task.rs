//! A connection's life: opened for one job, kept for others, closed by the server, by age or for want of room.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use tokio::task::AbortHandle;

use crate::address::target::Origin;
use crate::clock;
use crate::config::Config;
use crate::engine::body_decoding::is_coded;
use crate::engine::event_loop::{EventLoop, Way};
use crate::engine::watching::Watched;
use crate::error::Error;
use crate::job::Job;
use crate::job::call::Call;
use crate::transport::collect::Expected;
use crate::transport::compose::Templates;
use crate::transport::connect::establish::attempt_timed_out;
use crate::transport::connection::{Connection, Fault, Received};
use crate::transport::download::Destination;
use crate::transport::prepared::Prepared;
use crate::transport::timer::within;

/// Opens a connection for a job, in a place of the pool that has been reserved for it.
pub(crate) fn open(event_loop: &Rc<EventLoop>, way: Rc<Way>, job: Box<Job>) {
    let slot = Rc::new(Slot::new(&job.call));
    let number = event_loop.enter(slot.clone());
    // The task may be ended before it has begun: the job is where it is found then.
    slot.give(Order::Send(job));
    let place =
        Place { event_loop: event_loop.clone(), number, slot: slot.clone(), given_away: Cell::new(false) };
    let task = tokio::task::spawn_local(serve(place, way));
    slot.task.set(Some(task.abort_handle()));
}

async fn serve(place: Place, way: Rc<Way>) {
    let (event_loop, slot) = (&*place.event_loop, &place.slot);
    let Order::Send(job) = slot.order.take() else { return };
    let origin = job.target.origin.clone();
    let mut held = Held { event_loop, way: &way, job: Some(job), is_sending: false, watched: None };
    let Some(mut connection) = held.connect(&origin).await else { return };
    let mut heads = Heads::default();
    // The clock is read once an exchange, at its end.
    let mut now = clock::now();
    loop {
        let deadline = held.begin(now);
        // In a box, as most connections never need the room for it.
        if held.awaits_leave() && !Box::pin(held.get_leave(deadline)).await {
            return;
        }
        held.watch(now);
        let Some(job) = &mut held.job else { return };
        job.attempt.exchange_began = Some(now);
        let config = &job.call.config;
        let templates = heads.of(config, &origin, &connection);
        let idle_timeout = config.idle_timeout;
        let size_limits = config.size_limits();
        let expected = Expected {
            limits: size_limits,
            file: RefCell::default(),
            follows_redirects: config.max_redirects.is_some(),
        };
        let mut request = templates.compose(job);
        if let Some(watched) = &held.watched {
            watched.sign(&mut request);
        }
        let has_files = job.asked.stream_to.is_some() || !request.body.is_in_memory();
        let opened = if has_files { files(&mut request, job, &expected).await } else { Ok(()) };
        let result = match opened {
            Ok(()) => {
                held.is_sending = true;
                connection.exchange(request, deadline, &expected).await
            }
            Err(error) => Err(error.into()),
        };
        held.note_sent(&result);
        if connection.is_reused() && held.may_be_sent_anew(&result) {
            // A kept connection that was dead all along says nothing of the server, and costs no attempt. Once a
            // request: a server that closes whatever it is sent must not get more than was asked for.
            held.send_anew(clock::now(), &result).await;
            match held.connect(&origin).await {
                Some(fresh) => {
                    heads = Heads::default();
                    connection = fresh;
                }
                None => return,
            }
            continue;
        }
        let result = match result {
            Ok(received) if is_coded(&received) => {
                event_loop.decoding.decode(received, size_limits, deadline).await.map_err(Fault::from)
            }
            result => result,
        };
        let kept = result.is_ok() && connection.is_usable() && !place.is_beyond(&way);
        now = clock::now();
        held.settle(now, result);
        if !kept {
            return;
        }
        let retirement = now + idle_timeout;
        match idle(event_loop, &origin, &mut connection, slot, retirement).await {
            Order::Send(job) => {
                held.job = Some(job);
                // Too old it is too, where this process was stopped while the connection's time ran out.
                if event_loop.turn_began() >= retirement || connection.has_ended().await {
                    // Nothing has been sent, so that this is no second time.
                    let Some(fresh) = held.connect(&origin).await else { return };
                    heads = Heads::default();
                    connection = fresh;
                }
            }
            Order::Wait | Order::Close => return,
            Order::Retire => return place.give_away(),
        }
        now = event_loop.turn_began();
    }
}

/// Opens the files that a job needs, which may be more than there may be: nothing of it has been sent then.
async fn files(request: &mut Prepared<'_>, job: &Job, expected: &Expected) -> Result<(), Error> {
    if !request.body.is_in_memory() {
        request.body.open_file().await?;
    }
    if let Some(path) = &job.asked.stream_to {
        let destination = Destination::new(path.clone(), &job.call.parts).await?;
        expected.file.replace(Some(destination));
    }
    Ok(())
}

/// The heads that a connection's requests begin with: those of the options that were the last to use it.
#[derive(Default)]
struct Heads(Option<(Arc<Config>, Templates)>);

impl Heads {
    fn of(&mut self, config: &Arc<Config>, origin: &Origin, connection: &Connection) -> &Templates {
        if !self.0.as_ref().is_some_and(|(last, _)| Arc::ptr_eq(last, config)) {
            self.0 = None;
        }
        let make = || Templates::new(config, origin, connection.is_http2(), connection.forwarder());
        &self.0.get_or_insert_with(|| (config.clone(), make())).1
    }
}

/// Waits for the next order. `Order::Wait` comes back where the connection closed or became too old.
async fn idle(
    event_loop: &EventLoop,
    origin: &Arc<Origin>,
    connection: &mut Connection,
    slot: &Rc<Slot>,
    retirement: Instant,
) -> Order {
    slot.rest();
    let number = event_loop.pool().checkin(origin, slot.clone());
    event_loop.wake();
    poll_fn(|context| {
        let order = slot.poll_order(context);
        // An order goes first: the job in it must not be lost with the connection.
        if order.is_pending() && connection.poll_over(retirement, context).is_ready() {
            event_loop.pool().remove(origin, number);
            return Poll::Ready(Order::Wait);
        }
        order
    })
    .await
}

/// A connection's place among those of its event loop: given back when the connection ends, however it does.
struct Place {
    event_loop: Rc<EventLoop>,
    /// By which the event loop knows it.
    number: usize,
    slot: Rc<Slot>,
    given_away: Cell<bool>,
}

impl Place {
    /// Whether it is one too many at a server that may count them. The client's own way keeps to that by itself.
    fn is_beyond(&self, way: &Way) -> bool {
        let pool = self.event_loop.pool();
        way.is_one_server && pool.open() > pool.connections()
    }

    /// Another connection has this place already.
    fn give_away(&self) {
        self.given_away.set(true);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Order::Send(job) = self.slot.order.take() {
            // The connection has ended before it could look at it.
            self.event_loop.abandon(job);
        }
        self.event_loop.leave(self.number);
        if !self.given_away.get() {
            self.event_loop.pool().closed();
            self.event_loop.wake();
        }
    }
}

/// The job that a connection is busy with. Should the connection break down, its job still becomes an outcome.
struct Held<'a> {
    event_loop: &'a EventLoop,
    way: &'a Way,
    job: Option<Box<Job>>,
    /// Whether it is being sent, or its answer awaited.
    is_sending: bool,
    /// Of the exchange, where somebody watches.
    watched: Option<Watched>,
}

impl Held<'_> {
    /// Begins an attempt, unless it goes on. Returns when it must be over.
    fn begin(&mut self, now: Instant) -> Instant {
        self.job.as_mut().map_or(now, |job| job.begin(now))
    }

    /// A fresh connection for the job, which is settled where there is none to be had.
    async fn connect(&mut self, origin: &Arc<Origin>) -> Option<Connection> {
        let now = clock::now();
        let deadline = self.begin(now);
        self.watch(now);
        let call = self.job.as_ref()?.call.clone();
        let most = self.event_loop.shared.connections_for(&call);
        let opening = self.way.establisher.open(origin, call.config.connect_timeout, most);
        let opened = within(deadline, opening).await;
        match opened.unwrap_or_else(|| Err(attempt_timed_out(origin))) {
            Ok(connection) => {
                if let Some(job) = &mut self.job {
                    job.attempt.is_first = true;
                }
                Some(connection)
            }
            Err(error) => {
                self.settle(clock::now(), Err(error.into()));
                None
            }
        }
    }

    /// Whether something is to be waited for before the job is sent.
    fn awaits_leave(&self) -> bool {
        self.job.as_ref().is_some_and(|job| job.attempt.awaits_leave)
    }

    /// Waits for it. Where it says no, or takes too long, the job is settled.
    async fn get_leave(&mut self, deadline: Instant) -> bool {
        let Some(job) = &mut self.job else { return false };
        let before_send = job.message.head.as_ref().and_then(|head| head.before_send.clone());
        let Some(before_send) = before_send else { return true };
        match within(deadline, before_send.wait()).await.unwrap_or_else(|| Err(Error::too_late())) {
            Ok(()) => {
                job.attempt.awaits_leave = false;
                true
            }
            Err(error) => {
                self.settle(clock::now(), Err(error.into()));
                false
            }
        }
    }

    /// An exchange is over: notes whether the server may have got any of the request.
    fn note_sent(&mut self, result: &Result<Received, Fault>) {
        self.is_sending = false;
        if let Some(job) = &mut self.job {
            job.attempt.was_sent |= match result {
                Ok(_) => true,
                Err(fault) => fault.error.request_sent() && fault.unprocessed.is_none(),
            };
        }
    }

    /// Whether the connection ended before an answer, and sending the job again can repeat nothing.
    fn may_be_sent_anew(&self, result: &Result<Received, Fault>) -> bool {
        let (Err(fault), Some(job)) = (result, &self.job) else { return false };
        let harmless = !fault.error.request_sent() || job.is_idempotent();
        !job.attempt.was_sent_anew && fault.before_answer && harmless && job.message.body.is_whole()
    }

    /// Waits until the rates have room for one more: for a server, what comes anew is a request as any other.
    async fn send_anew(&mut self, now: Instant, result: &Result<Received, Fault>) {
        self.tell(now, result);
        let Some(job) = &mut self.job else { return };
        job.attempt.was_sent_anew = true;
        if let Some(due) = self.event_loop.shared.count_anew(job, now) {
            let due = job.attempt.deadline.map_or(due, |deadline| deadline.min(due));
            tokio::time::sleep_until(due.into()).await;
        }
    }

    /// Notes that an exchange begins, unless one goes on, where somebody watches.
    fn watch(&mut self, now: Instant) {
        if let Some(job) = &mut self.job
            && job.call.config.telemetry.is_on()
            && self.watched.is_none()
        {
            self.watched = Some(self.event_loop.watch(job, now));
        }
    }

    /// Tells how it has ended.
    fn tell(&mut self, now: Instant, result: &Result<Received, Fault>) {
        if let Some(watched) = self.watched.take()
            && let Some(job) = &self.job
        {
            self.event_loop.tell(job, watched, now, result);
        }
    }

    fn settle(&mut self, now: Instant, result: Result<Received, Fault>) {
        self.tell(now, &result);
        if let Some(job) = self.job.take() {
            self.event_loop.settle(job, now, result);
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.watched.is_some() {
            self.tell(clock::now(), &Err(Error::not_begun(None::<&str>).into()));
        }
        if let Some(mut job) = self.job.take() {
            job.attempt.was_sent |= self.is_sending;
            // Without an end, which the caller reads as a failure where its call has not ended.
            self.event_loop.abandon(job);
        }
    }
}

/// How a connection is told what to do next.
pub(crate) struct Slot {
    /// The way by which it was opened.
    pub(crate) route: usize,
    order: Cell<Order>,
    waker: RefCell<Option<Waker>>,
    /// The call of the request that it is busy with; 0 for none.
    call: Cell<u64>,
    task: Cell<Option<AbortHandle>>,
}

/// What an idle connection may be told.
#[derive(Default)]
pub(crate) enum Order {
    /// Nothing yet.
    #[default]
    Wait,
    /// Go on with this job.
    Send(Box<Job>),
    /// Close, and leave the place to a connection of another origin.
    Retire,
    /// Close, and give the place back.
    Close,
}

impl Slot {
    fn new(call: &Call) -> Self {
        Self {
            route: call.route,
            order: Cell::new(Order::Wait),
            waker: RefCell::new(None),
            call: Cell::new(call.number),
            task: Cell::new(None),
        }
    }

    pub(crate) fn give(&self, order: Order) {
        if let Order::Send(job) = &order {
            self.call.set(job.call.number);
        }
        self.order.set(order);
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// It is busy with nothing.
    fn rest(&self) {
        self.call.set(0);
    }

    /// Ends the connection if it is busy with a request of none of these calls.
    pub(crate) fn abort_unless_of(&self, open: &HashSet<u64>) {
        let call = self.call.get();
        if call != 0
            && !open.contains(&call)
            && let Some(task) = self.task.take()
        {
            task.abort();
        }
    }

    fn poll_order(&self, context: &Context<'_>) -> Poll<Order> {
        match self.order.take() {
            Order::Wait => {
                let mut waker = self.waker.borrow_mut();
                if !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
                    *waker = Some(context.waker().clone());
                }
                Poll::Pending
            }
            order => Poll::Ready(order),
        }
    }
}
