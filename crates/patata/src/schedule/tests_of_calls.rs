//! What the schedule promises to several calls at once, with moments that are made up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::clock;
use crate::config::Config;
use crate::config::limits::Limits;
use crate::config::retry_policy::RetryPolicy;
use crate::job::Job;
use crate::job::call::Call;
use crate::schedule::host::{Host, Standing};
use crate::schedule::tests::{Jobs, call, jobs, release, room, seconds, take_jobs};
use crate::schedule::{Release, Room, Schedule, counted};

fn milliseconds(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// With 100 connections, and these limits of the client's.
fn schedule(limits: Limits) -> Schedule {
    Schedule::new(limits, 100, 1)
}

/// A call with limits of its own.
fn limited(schedule: &mut Schedule, number: u64, limits: Limits) -> Arc<Call> {
    call(schedule, number, Config { limits, ..Config::default() })
}

fn unlimited(schedule: &mut Schedule, number: u64) -> Arc<Call> {
    limited(schedule, number, Limits::default())
}

fn concurrency(count: usize) -> Limits {
    Limits { concurrency: Some(count), ..Limits::default() }
}

fn rate(text: &str) -> Limits {
    Limits { rates: vec![text.parse().unwrap()], ..Limits::default() }
}

/// So many jobs of a call for one host.
fn push(schedule: &mut Schedule, call: &Arc<Call>, host: &str, count: u32) {
    let url = format!("http://{host}/");
    for job in jobs(call, &vec![(0, &*url); count as usize]) {
        schedule.push(job).unwrap();
    }
}

/// States that these are no longer in flight, and hands them in again.
fn recycle(schedule: &mut Schedule, jobs: Jobs, now: Instant) {
    for mut job in jobs {
        job.call.returned();
        let counted_by = std::mem::take(&mut job.ticket.is_counted_by_call);
        let counted_by = counted_by.then_some((job.call.place, job.call.number));
        let was_counted = std::mem::take(&mut job.ticket.is_counted);
        let release = Release { was_counted, counted_by, ..Release::new(job.target.origin.clone()) };
        schedule.release(release, now);
        schedule.push(job).unwrap();
    }
}

/// How many of these jobs are each call's, by its number.
fn by_call(jobs: &Jobs) -> BTreeMap<u64, usize> {
    let mut counts = BTreeMap::new();
    for job in jobs {
        *counts.entry(job.call.number).or_default() += 1;
    }
    counts
}

#[test]
fn a_call_of_one_job_beside_one_of_many_has_the_next_turn() {
    let mut schedule = schedule(Limits::default());
    let now = clock::now();
    let large = unlimited(&mut schedule, 1);
    push(&mut schedule, &large, "a", 20_000);
    assert_eq!(take_jobs(&mut schedule, 100, now).len(), 100);
    let small = unlimited(&mut schedule, 2);
    push(&mut schedule, &small, "a", 1);
    assert_eq!(by_call(&take_jobs(&mut schedule, 2, now)), BTreeMap::from([(1, 1), (2, 1)]));
    assert_eq!(by_call(&take_jobs(&mut schedule, 10, now)), BTreeMap::from([(1, 10)]));
}

#[test]
fn calls_of_one_host_share_it_evenly_however_many_jobs_they_have() {
    let mut schedule = schedule(Limits::default());
    for (number, count) in [(1, 30), (2, 1000), (3, 100)] {
        let call = unlimited(&mut schedule, number);
        push(&mut schedule, &call, "a", count);
    }
    let taken = take_jobs(&mut schedule, 90, clock::now());
    assert_eq!(by_call(&taken), BTreeMap::from([(1, 30), (2, 30), (3, 30)]));
}

#[test]
fn a_call_to_one_host_beside_a_call_to_ten_others_has_an_eleventh() {
    let mut schedule = schedule(Limits::default());
    let now = clock::now();
    let (one, ten) = (unlimited(&mut schedule, 1), unlimited(&mut schedule, 2));
    push(&mut schedule, &one, "one", 500);
    for host in 0..10 {
        push(&mut schedule, &ten, &format!("ten{host}"), 500);
    }
    let mut counts = BTreeMap::new();
    for _ in 0..50 {
        let taken = take_jobs(&mut schedule, 22, now);
        for (call, count) in by_call(&taken) {
            *counts.entry(call).or_insert(0) += count;
        }
        release(&mut schedule, taken, None, now);
    }
    assert_eq!(counts, BTreeMap::from([(1, 100), (2, 1000)]));
}

#[test]
fn a_calls_own_concurrency_holds_over_all_hosts_and_others_go_on() {
    let mut schedule = schedule(Limits::default());
    let now = clock::now();
    let (narrow, wide) = (limited(&mut schedule, 1, concurrency(3)), unlimited(&mut schedule, 2));
    for host in ["a", "b", "c", "d"] {
        push(&mut schedule, &narrow, host, 10);
        push(&mut schedule, &wide, host, 10);
    }
    let mut taken = take_jobs(&mut schedule, 100, now);
    assert_eq!(by_call(&taken), BTreeMap::from([(1, 3), (2, 40)]));
    for _ in 0..37 {
        let done = taken.iter().position(|job| job.call.number == 1).unwrap();
        let done = taken.remove(done);
        release(&mut schedule, vec![done], None, now);
        let next = take_jobs(&mut schedule, 100, now);
        assert_eq!(by_call(&next), BTreeMap::from([(1, 1)]));
        taken.extend(next);
    }
}

#[test]
fn a_calls_own_concurrency_per_host_holds_for_each_and_others_go_on() {
    let mut schedule = schedule(Limits { concurrency_per_host: Some(6), ..Limits::default() });
    let now = clock::now();
    let limits = Limits { concurrency_per_host: Some(2), ..Limits::default() };
    let (narrow, wide) = (limited(&mut schedule, 1, limits), unlimited(&mut schedule, 2));
    for host in ["a", "b"] {
        push(&mut schedule, &narrow, host, 10);
        push(&mut schedule, &wide, host, 10);
    }
    let taken = take_jobs(&mut schedule, 100, now);
    // Each host has six in flight, and the narrow call has two of them.
    assert_eq!(by_call(&taken), BTreeMap::from([(1, 4), (2, 8)]));
    release(&mut schedule, taken, None, now);
    assert_eq!(by_call(&take_jobs(&mut schedule, 100, now)), BTreeMap::from([(1, 4), (2, 8)]));
}

#[test]
fn a_calls_own_rate_per_host_holds_for_each_and_others_go_on() {
    let mut schedule = schedule(Limits::default());
    let begin = clock::now();
    let limits = Limits { rates_per_host: vec!["10/s".parse().unwrap()], ..Limits::default() };
    let (slow, fast) = (limited(&mut schedule, 1, limits), unlimited(&mut schedule, 2));
    push(&mut schedule, &slow, "a", 100);
    push(&mut schedule, &slow, "b", 100);
    push(&mut schedule, &fast, "a", 20);
    let mut counts = BTreeMap::new();
    for step in 0..200 {
        let now = begin + milliseconds(10 * step);
        let taken = take_jobs(&mut schedule, 100, now);
        for (call, count) in by_call(&taken) {
            *counts.entry(call).or_insert(0) += count;
        }
        if step == 0 {
            assert_eq!(counts, BTreeMap::from([(1, 2), (2, 20)]));
        }
        release(&mut schedule, taken, None, now);
    }
    assert_eq!(counts[&1], 40, "ten a second at each of two hosts");
}

#[test]
fn a_call_at_its_own_limit_keeps_no_event_loop_awake_and_asks_for_no_input() {
    let mut schedule = schedule(Limits::default());
    let now = clock::now();
    let narrow = limited(&mut schedule, 1, concurrency(1));
    push(&mut schedule, &narrow, "a", 10);
    let mut taken = Vec::new();
    let prospect = schedule.take(room(100), now, 0, &mut taken);
    assert_eq!(taken.len(), 1);
    // Nothing is due, and more input of the call would have to wait as this does.
    assert_eq!((prospect.due, prospect.wake, prospect.hungry.len()), (None, Vec::new(), 0));
    assert_eq!((schedule.calls.sendable, schedule.ahead(&narrow)), (0, 9));
    let job = jobs(&narrow, &[(0, "http://a/")]).remove(0);
    assert_eq!(schedule.push(job).unwrap(), None, "it wakes nobody");
}

#[test]
fn a_call_at_its_own_rate_is_due_when_that_says() {
    let mut schedule = schedule(Limits::default());
    let now = clock::now();
    let slow = limited(&mut schedule, 1, rate("2/s"));
    for host in ["a", "b", "c"] {
        push(&mut schedule, &slow, host, 10);
    }
    let mut taken = Vec::new();
    let prospect = schedule.take(room(100), now, 0, &mut taken);
    assert_eq!((taken.len(), prospect.due), (1, Some(now + milliseconds(500))));
    let prospect = schedule.take(room(100), now + milliseconds(100), 0, &mut taken);
    assert_eq!((taken.len(), prospect.due), (1, Some(now + milliseconds(500))));
    schedule.take(room(100), now + milliseconds(500), 0, &mut taken);
    assert_eq!(taken.len(), 2);
}

#[test]
fn a_limited_call_does_not_starve_beside_an_endless_one() {
    let mut schedule = schedule(Limits::default());
    let now = clock::now();
    let (endless, narrow) = (unlimited(&mut schedule, 1), limited(&mut schedule, 2, concurrency(1)));
    push(&mut schedule, &endless, "a", 2000);
    push(&mut schedule, &narrow, "a", 10);
    push(&mut schedule, &narrow, "b", 10);
    let mut rounds = 0;
    let mut of_narrow = 0;
    while of_narrow < 20 {
        let taken = take_jobs(&mut schedule, 10, now);
        assert_eq!(taken.len(), 10);
        of_narrow += by_call(&taken).get(&2).copied().unwrap_or_default();
        release(&mut schedule, taken, None, now);
        rounds += 1;
    }
    assert_eq!(rounds, 20, "one is in flight at any time");
}

#[test]
fn a_limited_call_over_two_thousand_hosts_costs_a_few_looks_a_job() {
    const HOSTS: u32 = 2000;
    let mut schedule = schedule(Limits::default());
    let now = clock::now();
    let narrow = limited(&mut schedule, 1, concurrency(10));
    for host in 0..HOSTS {
        push(&mut schedule, &narrow, &format!("host{host}"), 3);
    }
    let mut left = 3 * HOSTS;
    while left > 0 {
        let taken = take_jobs(&mut schedule, 100, now);
        assert_eq!(taken.len(), 10.min(left as usize));
        left -= taken.len() as u32;
        release(&mut schedule, taken, None, now);
    }
    // A host that is looked at has come into the line before, which takes a number.
    let looks = schedule.sequence;
    assert!(looks <= u64::from(4 * 3 * HOSTS), "{looks} looks for {} jobs", 3 * HOSTS);
}

#[test]
fn many_calls_at_their_limits_are_looked_through_once_a_turn() {
    const CALLS: usize = 2000;
    let mut schedule = schedule(Limits::default());
    let now = clock::now();
    for number in 1..=CALLS as u64 {
        let narrow = limited(&mut schedule, number, concurrency(1));
        push(&mut schedule, &narrow, &format!("host{}", number % 10), 2);
    }
    let taken = take_jobs(&mut schedule, 5000, now);
    assert_eq!(taken.len(), CALLS);
    let before = schedule.calls.looks;
    assert!(take_jobs(&mut schedule, 100, now).is_empty());
    let looks = schedule.calls.looks - before;
    assert!(looks <= 2 * CALLS, "{looks} looks at {CALLS} calls");
}

#[test]
fn a_limit_that_is_given_under_way_holds_at_once_and_one_that_is_lifted_lets_all_go() {
    let mut schedule = schedule(Limits::default());
    let now = clock::now();
    let call = unlimited(&mut schedule, 1);
    for host in ["a", "b", "c"] {
        push(&mut schedule, &call, host, 50);
    }
    let mut taken = take_jobs(&mut schedule, 20, now);
    assert_eq!(taken.len(), 20);
    assert!(schedule.limit(&call, |limits| limits.concurrency = Some(5)));
    assert!(take_jobs(&mut schedule, 80, now).is_empty(), "more are in flight than there may be");
    release(&mut schedule, taken.drain(..15).collect(), None, now);
    assert!(take_jobs(&mut schedule, 80, now).is_empty());
    release(&mut schedule, taken.drain(..2).collect(), None, now);
    assert_eq!(take_jobs(&mut schedule, 80, now).len(), 2);
    assert!(schedule.limit(&call, |limits| limits.concurrency = None));
    assert_eq!(take_jobs(&mut schedule, 80, now).len(), 80);
    assert!(schedule.limit(&call, |limits| limits.rates = rate("1/s").rates));
    assert_eq!(take_jobs(&mut schedule, 80, now).len(), 1);
    assert!(take_jobs(&mut schedule, 80, now).is_empty());
    assert!(schedule.limit(&call, |limits| limits.rates.clear()));
    assert_eq!(take_jobs(&mut schedule, 80, now).len(), 47);
    schedule.end(&call);
    assert!(!schedule.limit(&call, |limits| limits.concurrency = Some(1)), "it has ended");
}

/// A call whose jobs are tried again, with a budget of its own.
fn retrying(schedule: &mut Schedule, number: u64, share: Option<f64>) -> Arc<Call> {
    let limits = Limits { retry_budget: share.map(Some), ..Limits::default() };
    let retry = RetryPolicy { attempts: 5, ..Config::default().retry };
    call(schedule, number, Config { limits, retry, ..Config::default() })
}

/// How many of so many retries are allowed.
fn allowed(schedule: &mut Schedule, call: &Call, asked: usize, now: Instant) -> usize {
    (0..asked).filter(|_| schedule.allows_retry(call, now)).count()
}

/// Has so many first attempts of a call taken, each at a host of its own: one that is new is eased in.
fn send(schedule: &mut Schedule, call: &Arc<Call>, count: u32, now: Instant) {
    for host in 0..count {
        push(schedule, call, &format!("host{host}"), 1);
        let taken = take_jobs(schedule, 100, now);
        assert_eq!(taken.len(), 1);
        release(schedule, taken, None, now);
    }
}

#[test]
fn retries_are_within_the_clients_budget_and_their_calls() {
    let mut schedule = schedule(Limits { retry_budget: Some(Some(0.1)), ..Limits::default() });
    let now = clock::now();
    // Each has room for a hundred, however few requests there are: all together, and the strict one by itself.
    let (free, strict) = (retrying(&mut schedule, 1, None), retrying(&mut schedule, 2, Some(0.0)));
    assert_eq!(allowed(&mut schedule, &free, 60, now), 60);
    assert_eq!(allowed(&mut schedule, &strict, 60, now), 40);
    assert_eq!(allowed(&mut schedule, &free, 10, now), 0);
}

#[test]
fn a_retry_that_the_client_denies_costs_a_call_nothing_of_its_own_budget() {
    let mut schedule = schedule(Limits { retry_budget: Some(Some(0.1)), ..Limits::default() });
    let begin = clock::now();
    let (greedy, strict) = (retrying(&mut schedule, 1, None), retrying(&mut schedule, 2, Some(0.0)));
    assert_eq!(allowed(&mut schedule, &greedy, 200, begin), 100);
    assert_eq!(allowed(&mut schedule, &strict, 200, begin + seconds(5)), 0);
    // The client's window has passed, and the call's would not have, had it counted what was denied.
    assert_eq!(allowed(&mut schedule, &strict, 200, begin + seconds(11)), 100);
}

#[test]
fn a_calls_budget_counts_the_first_attempts_of_that_call_alone() {
    let mut schedule = schedule(Limits { retry_budget: Some(Some(0.5)), ..Limits::default() });
    let now = clock::now();
    let (large, small) = (retrying(&mut schedule, 1, None), retrying(&mut schedule, 2, Some(0.5)));
    send(&mut schedule, &large, 600, now);
    send(&mut schedule, &small, 250, now);
    // Of its own 250, and then of all 850.
    assert_eq!(allowed(&mut schedule, &small, 1000, now), 125);
    assert_eq!(allowed(&mut schedule, &large, 1000, now), 300);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// However late an event loop comes, by some milliseconds: each call keeps to its own rate, all together keep to
    /// the client's, and what is the strictest is used but for 1 %.
    #[test]
    fn nested_rates_all_hold_and_the_strictest_is_used(
        of_client in 20..300_u32,
        of_calls in prop::collection::vec(20..300_u32, 1..4),
        hosts in 1..4_usize,
        late in 0..5_u64,
        seed in any::<u64>(),
    ) {
        const SECONDS: u64 = 20;
        let mut schedule = schedule(rate(&format!("{of_client}/s")));
        let begin = clock::now();
        for (number, of_call) in (1..).zip(&of_calls) {
            let call = limited(&mut schedule, number, rate(&format!("{of_call}/s")));
            for host in 0..hosts {
                push(&mut schedule, &call, &format!("host{host}"), 20);
            }
        }
        let mut counts = BTreeMap::<u64, usize>::new();
        let mut random = fastrand::Rng::with_seed(seed);
        let mut now = begin;
        while now < begin + seconds(SECONDS) {
            let mut taken = Vec::new();
            let prospect = schedule.take(room(100), now, 0, &mut taken);
            for (call, count) in by_call(&taken) {
                *counts.entry(call).or_default() += count;
            }
            recycle(&mut schedule, taken, now);
            now = prospect.due.unwrap() + milliseconds(random.u64(0..=late));
        }
        let most = |rate: u32| f64::from(rate) * SECONDS as f64 * 1.001 + 2.0;
        for (number, of_call) in (1..).zip(&of_calls) {
            let count = counts[&number];
            prop_assert!(count as f64 <= most(*of_call), "call {number}: {count} of {of_call}/s");
        }
        let total: usize = counts.values().sum();
        prop_assert!(total as f64 <= most(of_client), "{total} of {of_client}/s");
        let strictest = of_client.min(of_calls.iter().sum());
        let ideal = f64::from(strictest) * SECONDS as f64;
        prop_assert!(total as f64 >= ideal * 0.99 - 2.0, "{total} of {ideal}");
    }
}

/// What may happen to a schedule.
#[derive(Debug, Clone)]
enum Step {
    Begin(Kind),
    Push {
        call: usize,
        host: u8,
        count: u8,
    },
    PushAt {
        call: usize,
        host: u8,
        milliseconds: u16,
    },
    /// Time passes, and event loops that were woken, or are due, take.
    Take {
        milliseconds: u16,
    },
    Release {
        job: usize,
        asks_for_peace: bool,
    },
    End(usize),
    Limit {
        call: usize,
        concurrency: Option<u8>,
    },
}

/// What a call is limited to.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Unlimited,
    Concurrency,
    PerHost,
    Rate,
    RatePerHost,
}

impl Kind {
    fn limits(self) -> Limits {
        match self {
            Self::Unlimited => Limits::default(),
            Self::Concurrency => concurrency(2),
            Self::PerHost => Limits { concurrency_per_host: Some(1), ..Limits::default() },
            Self::Rate => rate("20/s"),
            Self::RatePerHost => Limits { rates_per_host: rate("10/s").rates, ..Limits::default() },
        }
    }
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![
        Kind::Unlimited,
        Kind::Concurrency,
        Kind::PerHost,
        Kind::Rate,
        Kind::RatePerHost,
    ])
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => kinds().prop_map(Step::Begin),
        6 => (any::<usize>(), 0..4_u8, 1..5_u8).prop_map(|(call, host, count)| Step::Push { call, host, count }),
        2 => (any::<usize>(), 0..4_u8, 0..300_u16)
            .prop_map(|(call, host, milliseconds)| Step::PushAt { call, host, milliseconds }),
        6 => (0..200_u16).prop_map(|milliseconds| Step::Take { milliseconds }),
        6 => (any::<usize>(), prop::bool::weighted(0.1))
            .prop_map(|(job, asks_for_peace)| Step::Release { job, asks_for_peace }),
        1 => any::<usize>().prop_map(Step::End),
        1 => (any::<usize>(), prop::option::of(1..4_u8))
            .prop_map(|(call, concurrency)| Step::Limit { call, concurrency }),
    ];
    prop::collection::vec(step, 1..120)
}

/// Connections of each event loop, where no limit says how many.
const CONNECTIONS: usize = 5;

/// An event loop, as far as the schedule is concerned.
#[derive(Debug, Default)]
struct EventLoop {
    is_woken: bool,
    due: Option<Instant>,
    in_flight: Jobs,
}

/// A schedule with its event loops, and what must be in it.
struct Model {
    schedule: Schedule,
    now: Instant,
    begun: u64,
    calls: Vec<Arc<Call>>,
    event_loops: Vec<EventLoop>,
    /// Jobs of each call under way that were handed in and have not been taken.
    waiting: BTreeMap<u64, usize>,
}

impl Model {
    fn new(limits: Limits, event_loops: usize) -> Self {
        let mut model = Self {
            schedule: Schedule::new(limits, CONNECTIONS * event_loops, event_loops),
            now: clock::now(),
            begun: 0,
            calls: Vec::new(),
            event_loops: Vec::from_iter((0..event_loops).map(|_| EventLoop::default())),
            waiting: BTreeMap::new(),
        };
        model.wake(0..event_loops);
        model
    }

    fn wake(&mut self, event_loops: impl IntoIterator<Item = usize>) {
        for event_loop in event_loops {
            self.event_loops[event_loop].is_woken = true;
        }
    }

    fn wake_all(&mut self) {
        self.wake(0..self.event_loops.len());
    }

    fn perform(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Begin(kind) => {
                self.begun += 1;
                let before = self.schedule.connections();
                self.calls.push(limited(&mut self.schedule, self.begun, kind.limits()));
                self.waiting.insert(self.begun, 0);
                if self.schedule.connections() != before {
                    self.wake_all();
                }
            }
            Step::Push { call, host, count } => {
                let Some(call) = self.pick(call) else { return Ok(()) };
                let url = format!("http://host{host}/");
                for job in jobs(&call, &vec![(0, &*url); count.into()]) {
                    let woken = self.schedule.push(job).unwrap();
                    self.wake(woken);
                }
                *self.waiting.get_mut(&call.number).unwrap() += usize::from(count);
            }
            Step::PushAt { call, host, milliseconds: wait } => {
                let Some(call) = self.pick(call) else { return Ok(()) };
                let job = jobs(&call, &[(0, &*format!("http://host{host}/"))]).remove(0);
                let woken = self.schedule.push_at(self.now + milliseconds(wait.into()), job).unwrap();
                self.wake(woken);
                *self.waiting.get_mut(&call.number).unwrap() += 1;
            }
            Step::Take { milliseconds: passed } => {
                self.now += milliseconds(passed.into());
                self.turn();
            }
            Step::Release { job, asks_for_peace } => {
                let count = self.event_loops.len();
                let event_loop = &mut self.event_loops[job % count];
                if !event_loop.in_flight.is_empty() {
                    let job = event_loop.in_flight.swap_remove(job / count % event_loop.in_flight.len());
                    event_loop.is_woken = true;
                    let wait = asks_for_peace.then_some(milliseconds(150));
                    release(&mut self.schedule, vec![job], wait, self.now);
                }
            }
            Step::End(call) => {
                let Some(call) = self.pick(call) else { return Ok(()) };
                self.calls.retain(|one| one.number != call.number);
                let left = self.schedule.end(&call);
                prop_assert!(left.iter().all(|job| job.call.number == call.number));
                prop_assert_eq!(Some(left.len()), self.waiting.remove(&call.number));
                let late = jobs(&call, &[(0, "http://host0/")]).remove(0);
                prop_assert!(self.schedule.push(late).is_err(), "a call that has ended takes no job");
                self.wake_all();
            }
            Step::Limit { call, concurrency } => {
                let Some(call) = self.pick(call) else { return Ok(()) };
                let concurrency = concurrency.map(usize::from);
                prop_assert!(self.schedule.limit(&call, |limits| limits.concurrency = concurrency));
                self.wake_all();
            }
        }
        self.recount()
    }

    fn pick(&self, index: usize) -> Option<Arc<Call>> {
        (!self.calls.is_empty()).then(|| self.calls[index % self.calls.len()].clone())
    }

    /// Each event loop takes that was woken, or is due. Returns how many jobs they have taken, and whether any had a look.
    fn turn(&mut self) -> (usize, bool) {
        let (mut count, mut has_looked) = (0, false);
        let event_loops = self.event_loops.len();
        for index in 0..event_loops {
            let event_loop = &mut self.event_loops[index];
            if !event_loop.is_woken && event_loop.due.is_none_or(|due| due > self.now) {
                continue;
            }
            event_loop.is_woken = false;
            let total = self.schedule.connections();
            let connections = total / event_loops + usize::from(index < total % event_loops);
            let limit = connections.saturating_sub(event_loop.in_flight.len());
            let room = Room { limit, spare: 0, connections };
            let mut taken = Vec::new();
            let prospect = self.schedule.take(room, self.now, index, &mut taken);
            (count, has_looked) = (count + taken.len(), true);
            for job in &taken {
                *self.waiting.get_mut(&job.call.number).unwrap() -= 1;
            }
            event_loop.due = prospect.due;
            event_loop.in_flight.extend(taken);
            self.wake(prospect.wake);
        }
        (count, has_looked)
    }

    fn in_flight(&self) -> impl Iterator<Item = &Job> {
        self.event_loops.iter().flat_map(|event_loop| &event_loop.in_flight).map(|job| &**job)
    }

    /// Whatever is in flight ends. Returns whether there was anything.
    fn release_all(&mut self) -> bool {
        let mut has_any = false;
        for event_loop in &mut self.event_loops {
            let done = std::mem::take(&mut event_loop.in_flight);
            event_loop.is_woken |= !done.is_empty();
            has_any |= !done.is_empty();
            release(&mut self.schedule, done, None, self.now);
        }
        has_any
    }

    /// Whether all tallies are those that a look at everything gives.
    fn recount(&self) -> Result<(), TestCaseError> {
        let schedule = &self.schedule;
        let (mut sendable, mut active) = (0, 0);
        let mut ahead = BTreeMap::<u64, usize>::new();
        let mut waiting: BTreeMap<u64, usize> = self.calls.iter().map(|call| (call.number, 0)).collect();
        for (origin, host) in &schedule.hosts {
            active += usize::from(host.in_flight > 0 || !host.ready.is_empty());
            let counted_here =
                self.in_flight().filter(|job| job.ticket.is_counted && job.target.origin == *origin);
            prop_assert_eq!(host.in_flight, counted_here.count());
            for queue in host.ready.queues() {
                prop_assert_ne!(queue.len(), 0);
                prop_assert_eq!(queue.counted, counted(host.is_sendable, queue.block));
                sendable += if queue.counted.sendable { queue.len() } else { 0 };
                *ahead.entry(queue.call).or_default() += if queue.counted.ahead { queue.len() } else { 0 };
                *waiting.entry(queue.call).or_default() += queue.len();
            }
            match host.place {
                Standing::InLine(key) => {
                    prop_assert!(schedule.lines.iter().any(|one| one == origin), "{key:?}")
                }
                Standing::Away => prop_assert!(host.ready.is_empty()),
                Standing::Full | Standing::Waiting => {}
            }
        }
        let in_line = |host: &&Host| matches!(host.place, Standing::InLine(_));
        prop_assert_eq!(schedule.lines.iter().count(), schedule.hosts.values().filter(in_line).count());
        for delayed in &schedule.delayed {
            *waiting.entry(delayed.what.call.number).or_default() += 1;
        }
        prop_assert_eq!(&waiting, &self.waiting);
        prop_assert_eq!(schedule.calls.sendable, sendable);
        prop_assert_eq!(schedule.active_hosts, active);
        for call in &self.calls {
            prop_assert_eq!(schedule.ahead(call), ahead.get(&call.number).copied().unwrap_or_default());
            let of_call = self.in_flight().filter(|job| job.call.number == call.number).count();
            prop_assert_eq!(call.in_flight(), of_call);
        }
        Ok(())
    }

    /// Whether event loops with room have been told of all that they could take: a look that nobody asked for finds
    /// nothing.
    fn assert_nobody_sleeps_through(&mut self) -> Result<(), TestCaseError> {
        while self.turn().1 {}
        let has_more_than_its_share =
            |host: &Host| matches!(host.place, Standing::InLine(_)) && !host.is_sendable;
        if self.schedule.hosts.values().any(has_more_than_its_share) {
            // That it has grown since is noticed with the next request that ends.
            return Ok(());
        }
        self.wake_all();
        let (taken, _) = self.turn();
        prop_assert_eq!(taken, 0);
        Ok(())
    }

    /// Whether all that waits is taken in the end, as what is in flight ends and time passes: nothing but what event
    /// loops are told brings them back.
    fn drain(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..5000 {
            if self.waiting.values().all(|count| *count == 0) && self.in_flight().next().is_none() {
                return Ok(());
            }
            let has_released = self.release_all();
            let (taken, has_looked) = self.turn();
            self.recount()?;
            if taken == 0 && !has_looked && !has_released {
                let Some(due) = self.event_loops.iter().filter_map(|event_loop| event_loop.due).min() else {
                    break;
                };
                self.now = self.now.max(due);
            }
        }
        prop_assert!(self.waiting.values().all(|count| *count == 0), "{:?} wait for ever", self.waiting);
        Ok(())
    }
}

proptest! {
    /// Whatever several calls do, in whatever order they end: what is counted is so, a call's end takes out exactly
    /// its own jobs, and none of the others waits for ever.
    #[test]
    fn tallies_are_right_and_nothing_is_left_behind(
        of_client in prop::option::of(kinds()),
        event_loops in 1..4_usize,
        steps in steps(),
    ) {
        let limits = of_client.map_or_else(Limits::default, Kind::limits);
        // There is no event loop that could have no connection at any time.
        let event_loops = event_loops.min(limits.most().unwrap_or(usize::MAX));
        let mut model = Model::new(limits, event_loops);
        for step in steps {
            model.perform(step)?;
        }
        model.assert_nobody_sleeps_through()?;
        model.drain()?;
        for call in std::mem::take(&mut model.calls) {
            model.schedule.finish(&call);
        }
        prop_assert!(model.schedule.is_idle());
        prop_assert_eq!((model.schedule.calls.sendable, model.schedule.active_hosts), (0, 0));
        prop_assert!(!model.schedule.calls.are_limited());
    }
}
