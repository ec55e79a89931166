//! The main loop: it takes jobs from the schedule, gives them to connections, and hands over what has ended.
//!
//! Each event loop is a thread. In a turn, connections that have an answer receive it; then jobs are taken for
//! the connections that are free, and they send; then what was completed is handed over.

use std::cell::{Cell, RefCell, RefMut};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use slab::Slab;
use tokio::runtime::{LocalOptions, LocalRuntime};

use crate::clock;
use crate::engine::body_decoding::Decoding;
use crate::engine::connection_task::{Order, Slot};
use crate::engine::name_waits::NameWaits;
use crate::engine::readiness::Readiness;
use crate::engine::shared::{Shared, Taken, hand_back};
use crate::engine::stall_watches::StallWatches;
use crate::engine::{connection_task, name_waits};
use crate::error::Error;
use crate::job::Job;
use crate::job::planner::Planner;
use crate::schedule::trouble::{Refusal, Refused};
use crate::schedule::{Release, Room};
use crate::transport::blocking::{count_threads, no_thread};
use crate::transport::connect::establish::Establisher;
use crate::transport::pool::{Pool, Reservation};

/// The most connections that go on before the main loop has a look and sockets are asked again.
const CONNECTIONS_A_TURN: u32 = 128;

/// Starts the thread of one event loop.
pub(crate) fn spawn(shared: &Arc<Shared>, index: usize) -> io::Result<std::thread::JoinHandle<()>> {
    let departure = Departure { shared: shared.clone(), index, has_retired: Cell::new(false) };
    let spawned = std::thread::Builder::new().name(format!("patata-{index}")).spawn(move || {
        let readiness = Readiness::new();
        let runtime = match runtime(&readiness) {
            Ok(runtime) => runtime,
            // Out of file descriptors.
            Err(cause) => return departure.begin_falsely(&cause),
        };
        departure.shared.begin(index);
        let event_loop = EventLoop::new(departure.shared.clone(), index, Some(readiness));
        departure.has_retired.set(runtime.block_on(turns(Rc::new(event_loop))));
        // A name look-up that hangs must not hang the end.
        runtime.shutdown_background();
    });
    spawned.map_err(no_thread)
}

/// An event loop as a task among others, for a simulation.
#[cfg(test)]
pub(crate) async fn beside(shared: Arc<Shared>) {
    let departure = Departure { shared, index: 0, has_retired: Cell::new(false) };
    departure.shared.begin(0);
    let retired = turns(Rc::new(EventLoop::new(departure.shared.clone(), 0, None))).await;
    departure.has_retired.set(retired);
}

fn runtime(readiness: &Arc<Readiness>) -> io::Result<LocalRuntime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_io().enable_time().event_interval(CONNECTIONS_A_TURN);
    count_threads(&mut builder);
    let (park, unpark) = (readiness.clone(), readiness.clone());
    builder.on_thread_park(move || park.park()).on_thread_unpark(move || unpark.unpark());
    builder.build_local(LocalOptions::default())
}

/// Counts an event loop as ended, however it ends.
struct Departure {
    shared: Arc<Shared>,
    index: usize,
    /// Whether it has been counted already, as it had nothing to do.
    has_retired: Cell<bool>,
}

impl Departure {
    fn begin_falsely(&self, cause: &io::Error) {
        self.has_retired.set(true);
        self.shared.begin_falsely(self.index, cause);
    }
}

impl Drop for Departure {
    fn drop(&mut self) {
        if !self.has_retired.get() {
            self.shared.depart(self.index);
        }
    }
}

/// Turn after turn, until the engine goes, or there has been nothing to do for a while: then it is counted as ended,
/// and `true` is returned.
async fn turns(event_loop: Rc<EventLoop>) -> bool {
    let shared = event_loop.shared.clone();
    let patience = shared.config.idle_timeout;
    // It looks now and then whether there are calls left, as the end of the last one wakes nobody. One timer serves all
    // turns.
    let mut look = pin!(tokio::time::sleep(patience));
    let mut is_set = false;
    let mut idle_since = None;
    while !shared.is_closing() {
        event_loop.wants_turn.set(false);
        event_loop.abandon_what_was_cut_short();
        let due = event_loop.dispatch();
        // The connections send first: the caller, once woken, may take this thread's core.
        yield_once().await;
        event_loop.hand_over();
        if shared.is_resting() && shared.retire(event_loop.index) {
            return true;
        }
        let mut woken = pin!(shared.woken(event_loop.index));
        let woken_or_to_look = poll_fn(|context| {
            // Polled once, the timer wakes this task whenever it rings.
            if !std::mem::replace(&mut is_set, true) {
                let _ = look.as_mut().poll(context);
            }
            let is_woken = woken.as_mut().poll(context).is_ready();
            if is_woken || look.is_elapsed() { Poll::Ready(()) } else { Poll::Pending }
        });
        match due {
            // Being due is as good as being woken.
            Some(due) => drop(tokio::time::timeout_at(due.into(), woken_or_to_look).await),
            None => woken_or_to_look.await,
        }
        if look.is_elapsed() {
            // No call has begun or been under way since the last look.
            if idle_since == Some(shared.begun()) && shared.retire(event_loop.index) {
                return true;
            }
            idle_since = shared.is_idle().then(|| shared.begun());
            look.as_mut().reset(tokio::time::Instant::now() + patience);
            is_set = false;
        }
    }
    false
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
pub(crate) struct EventLoop {
    pub(crate) shared: Arc<Shared>,
    pub(crate) decoding: Decoding,
    pub(crate) index: usize,
    pub(crate) planner: RefCell<Planner>,
    pool: RefCell<Pool<Rc<Slot>>>,
    /// All connections, idle or not.
    slots: RefCell<Slab<Rc<Slot>>>,
    /// By which ways connections are opened, by number, as far as they were needed.
    ways: RefCell<Vec<Option<Rc<Way>>>>,
    /// Jobs that have just been taken; empty between turns.
    taken: RefCell<Vec<Box<Job>>>,
    /// Jobs that have ended since the last turn.
    ended: RefCell<Vec<Box<Job>>>,
    /// Requests that have left the network since the last turn, as far as the schedule must know.
    pub(crate) released: RefCell<Vec<Release>>,
    pub(crate) random: RefCell<fastrand::Rng>,
    /// When what is read became readable, where that is of interest.
    pub(crate) readiness: Option<Arc<Readiness>>,
    stall_watches: RefCell<StallWatches>,
    /// How many calls had been cut short when it last looked for their jobs.
    cut_short: Cell<u64>,
    /// Whether a turn has been asked for already: asking takes an atomic operation.
    wants_turn: Cell<bool>,
    turn_began: Cell<Instant>,
}

/// A way by which connections are opened.
pub(crate) struct Way {
    pub(crate) establisher: Establisher,
    /// Jobs of origins whose names are being looked up: they take no connection.
    pub(crate) name_waits: RefCell<NameWaits>,
    pub(crate) is_one_server: bool,
}

impl EventLoop {
    fn new(shared: Arc<Shared>, index: usize, readiness: Option<Arc<Readiness>>) -> Self {
        Self {
            index,
            decoding: Decoding::default(),
            planner: RefCell::new(Planner::new(shared.hasher.clone())),
            pool: RefCell::new(Pool::new(0, 0)),
            slots: RefCell::default(),
            ways: RefCell::default(),
            taken: RefCell::default(),
            ended: RefCell::default(),
            released: RefCell::default(),
            random: RefCell::new(shared.config.random(index)),
            readiness,
            stall_watches: RefCell::default(),
            cut_short: Cell::new(shared.cut_short()),
            wants_turn: Cell::new(false),
            turn_began: Cell::new(clock::now()),
            shared,
        }
    }

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

    pub(crate) fn pool(&self) -> RefMut<'_, Pool<Rc<Slot>>> {
        self.pool.borrow_mut()
    }

    /// A request has come to its one end.
    pub(crate) fn finish(&self, job: Box<Job>) {
        self.ended.borrow_mut().push(job);
        self.wake();
    }

    /// The way of a call's connections.
    pub(crate) fn way(&self, route: usize) -> Rc<Way> {
        let mut ways = self.ways.borrow_mut();
        if ways.len() <= route {
            ways.resize_with(route + 1, || None);
        }
        let way = ways[route].get_or_insert_with(|| {
            let random = self.shared.config.random(self.index);
            let route = self.shared.routes.get(route);
            Rc::new(Way {
                establisher: Establisher::new(route.connector.clone(), random),
                name_waits: RefCell::default(),
                is_one_server: route.is_one_server,
            })
        });
        way.clone()
    }

    /// Takes in a connection that is about to be opened. Returns the number by which it goes.
    pub(crate) fn enter(&self, slot: Rc<Slot>) -> usize {
        self.slots.borrow_mut().insert(slot)
    }

    pub(crate) fn leave(&self, number: usize) {
        self.slots.borrow_mut().remove(number);
    }

    fn hand_over(&self) {
        hand_back(&mut self.ended.borrow_mut(), |call, ended| {
            if call.judge(ended.iter().map(|job| &**job)) {
                self.shared.end_call(call);
            }
        });
    }

    /// Lets go of the jobs of calls that have ended: their connections are closed, and nobody else's.
    fn abandon_what_was_cut_short(&self) {
        let cut_short = self.shared.cut_short();
        if self.cut_short.replace(cut_short) == cut_short {
            return;
        }
        let open = self.shared.calls().iter().map(|call| call.number).collect();
        for (_, slot) in &*self.slots.borrow() {
            slot.abort_unless_of(&open);
        }
        let ways: Vec<_> = self.ways.borrow().iter().flatten().cloned().collect();
        for way in ways {
            let left = way.name_waits.borrow_mut().extract_ended();
            for job in left {
                self.abandon(job);
            }
        }
    }

    /// Takes as many jobs as there is room for. Returns when it should be done again at the latest.
    fn dispatch(self: &Rc<Self>) -> Option<Instant> {
        let now = clock::now();
        self.turn_began.set(now);
        let (free, connections) = {
            let mut pool = self.pool();
            let concurrency = self.shared.connections_of(self.index);
            pool.resize(concurrency, self.shared.kept_by_each);
            (pool.free(now), pool.connections())
        };
        let limit = free.min(self.shared.config.pool_submit_size);
        let room = Room { limit, spare: free - limit, connections };
        let mut jobs = self.taken.take();
        let Taken { expired, refused, due } =
            self.shared.take(self.index, room, now, &mut self.released.borrow_mut(), &mut jobs);
        for job in expired {
            self.expire(job, now);
        }
        for Refused { job, why } in refused {
            let error = match why {
                Refusal::Away(cause) => Error::unavailable(&job.target.origin, &cause),
                Refusal::Unpaid(cause) => Error::without_budget(&cause),
                Refusal::TooDear(why) => Error::invalid(why),
            };
            self.fail(job, now, error);
        }
        if jobs.len() == limit && limit < free {
            self.wake();
        }
        for job in jobs.drain(..) {
            self.place(job);
        }
        self.taken.replace(jobs);
        let pool = self.pool();
        self.shared.publish_connections(self.index, pool.open());
        let rests_until = pool.rests_until();
        let is_idle = pool.busy() == 0;
        drop(pool);
        let watched = if is_idle && self.index == 0 { self.watch_inputs(now) } else { None };
        due.into_iter().chain(rests_until).chain(watched).min()
    }

    /// Looks now and then, where somebody wants to be told, whether it is its input that keeps a call waiting.
    /// Returns when next. One event loop does so for all.
    fn watch_inputs(&self, now: Instant) -> Option<Instant> {
        let mut watches = self.stall_watches.borrow_mut();
        let begun = self.shared.begun();
        if watches.are_due(now, begun) {
            watches.look(now, begun, self.shared.calls(), |call| self.shared.input_wait(call, now));
        }
        watches.next()
    }

    /// Gives a job to an idle connection of its origin, or to a new one.
    fn place(self: &Rc<Self>, job: Box<Job>) {
        if job.ticket.sample.is_some()
            && let Some(readiness) = &self.readiness
        {
            readiness.watch();
        }
        let mut pool = self.pool();
        let route = job.call.route;
        if let Some(slot) = pool.checkout(&job.target.origin, |slot| slot.route == route) {
            return slot.give(Order::Send(job));
        }
        let way = self.way(route);
        if !way.establisher.knows_the_way(&job.target.origin) {
            drop(pool);
            return name_waits::park(self, way, job);
        }
        match pool.reserve() {
            Reservation::Free => connection_task::open(self, way, job),
            Reservation::InsteadOf(slot) => {
                slot.give(Order::Retire);
                connection_task::open(self, way, job);
            }
            // No more are taken than there is room for.
            Reservation::Full => {
                drop(pool);
                self.put_back(job);
            }
        }
    }
}

impl Drop for EventLoop {
    /// Hands over what an event loop still has if it breaks down.
    fn drop(&mut self) {
        for way in self.ways.get_mut().drain(..).flatten() {
            self.ended.get_mut().extend(way.name_waits.borrow_mut().drain());
        }
        hand_back(self.ended.get_mut(), |_, _| ());
    }
}
