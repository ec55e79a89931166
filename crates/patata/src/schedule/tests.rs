//! What the schedule promises, with moments that are made up.

use std::hash::RandomState;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use crate::clock;
use crate::config::Config;
use crate::config::limits::Limits;
use crate::job::Job;
use crate::job::call::Call;
use crate::job::planner::Planner;
use crate::request::Request;
use crate::schedule::trouble::Sign;
use crate::schedule::{Release, Room, Schedule};

pub(super) type Jobs = Vec<Box<Job>>;

/// A schedule with a call, whose jobs are numbered as they are tagged.
struct Fixture {
    schedule: Schedule,
    call: Arc<Call>,
}

impl Deref for Fixture {
    type Target = Schedule;

    fn deref(&self) -> &Schedule {
        &self.schedule
    }
}

impl DerefMut for Fixture {
    fn deref_mut(&mut self) -> &mut Schedule {
        &mut self.schedule
    }
}

impl Fixture {
    /// For the same call.
    fn jobs(&self, urls: &[(u32, &str)]) -> Jobs {
        jobs(&self.call, urls)
    }

    fn push(&mut self, job: Box<Job>) -> Option<usize> {
        self.schedule.push(job).unwrap()
    }

    fn push_at(&mut self, due: Instant, job: Box<Job>) {
        self.schedule.push_at(due, job).unwrap();
    }

    /// Jobs of the call that could be sent.
    fn sendable(&self) -> usize {
        self.schedule.ahead(&self.call)
    }

    fn expire(&mut self, now: Instant) -> Jobs {
        self.schedule.expire(now, &mut Vec::new())
    }
}

/// All with the same hasher, as those of one engine.
pub(super) fn jobs(call: &Arc<Call>, urls: &[(u32, &str)]) -> Jobs {
    static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let mut planner = Planner::new(HASHER.clone());
    let planned = urls.iter().map(|(tag, url)| {
        let (tag, mut job) = planner.plan(Request::get(*tag, *url), call).unwrap();
        job.asked.number = tag.into();
        job
    });
    planned.collect()
}

/// Another call.
pub(super) fn call(schedule: &mut Schedule, number: u64, config: Config) -> Arc<Call> {
    schedule.begin(|place| Arc::new(Call::new(number, place, 0, Arc::new(config))))
}

fn schedule() -> Fixture {
    limited(Limits::default())
}

/// With 100 connections.
fn limited(limits: Limits) -> Fixture {
    with(limits, 100)
}

fn with(limits: Limits, connections: usize) -> Fixture {
    let mut schedule = Schedule::new(limits, connections, 1);
    let call = call(&mut schedule, 1, Config::default().of_calls());
    Fixture { schedule, call }
}

/// So many jobs for one host, numbered from `first`.
fn push(schedule: &mut Fixture, host: &str, first: u32, count: u32) {
    let url = format!("http://{host}/");
    for job in schedule.jobs(&(first..first + count).map(|tag| (tag, &*url)).collect::<Vec<_>>()) {
        schedule.push(job);
    }
}

pub(super) fn take_jobs(schedule: &mut Schedule, limit: usize, now: Instant) -> Jobs {
    let mut taken = Vec::new();
    schedule.take(room(limit), now, 0, &mut taken);
    taken
}

/// Of an event loop that has so many connections, all of which are free.
pub(super) fn room(connections: usize) -> Room {
    Room { limit: connections, spare: 0, connections }
}

/// States that these are no longer in flight.
pub(super) fn release(schedule: &mut Schedule, jobs: Jobs, retry_after: Option<Duration>, now: Instant) {
    for job in jobs {
        job.call.returned();
        let counted_by = job.ticket.is_counted_by_call.then_some((job.call.place, job.call.number));
        let was_counted = job.ticket.is_counted;
        let release = Release { was_counted, retry_after, counted_by, ..Release::new(job.target.origin) };
        schedule.release(release, now);
    }
}

pub(super) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn take(schedule: &mut Schedule, limit: usize, now: Instant) -> Vec<u32> {
    tags(&take_jobs(schedule, limit, now))
}

fn tags(jobs: &Jobs) -> Vec<u32> {
    jobs.iter().map(|job| job.asked.number as u32).collect()
}

#[test]
fn jobs_of_one_origin_keep_their_order() {
    let mut schedule = schedule();
    for job in schedule.jobs(&[(1, "http://a/"), (2, "http://a/"), (3, "http://a/")]) {
        schedule.push(job);
    }
    assert_eq!(take(&mut schedule, 2, clock::now()), [1, 2]);
    assert_eq!(schedule.sendable(), 1);
    assert_eq!(take(&mut schedule, 2, clock::now()), [3]);
    assert_eq!(schedule.sendable(), 0);
}

#[test]
fn a_long_queue_does_not_hold_back_another_origin() {
    let mut schedule = schedule();
    let crowd: Vec<_> = (0..100).map(|tag| (tag, "http://crowd/")).chain([(100, "http://lone/")]).collect();
    for job in schedule.jobs(&crowd) {
        schedule.push(job);
    }
    assert!(take(&mut schedule, 20, clock::now()).contains(&100));
}

#[test]
fn a_delayed_job_is_taken_once_it_is_due_and_not_before() {
    let mut schedule = schedule();
    let now = clock::now();
    let mut both = schedule.jobs(&[(1, "http://a/"), (2, "http://a/")]);
    schedule.push_at(now + Duration::from_secs(2), both.remove(0));
    schedule.push_at(now + Duration::from_secs(1), both.remove(0));
    assert_eq!(schedule.next_due(now), Some(now + Duration::from_secs(1)));
    assert!(take(&mut schedule, 9, now).is_empty());
    assert_eq!(take(&mut schedule, 9, now + Duration::from_secs(2)), [2, 1]);
}

#[test]
fn a_host_that_has_more_than_its_share_by_now_keeps_nobody_from_the_next_job() {
    let mut schedule = with(Limits::default(), 8);
    let now = clock::now();
    push(&mut schedule, "slow", 0, 10);
    push(&mut schedule, "other", 10, 1);
    assert_eq!(take(&mut schedule, 5, now), [0, 10, 1, 2, 3]);
    // With so many hosts, four in flight are more than a share.
    for tag in 11..17 {
        push(&mut schedule, &format!("other{tag}"), tag, 1);
    }
    let mut taken = Vec::new();
    let prospect = schedule.take(room(8), now, 0, &mut taken);
    assert_eq!(tags(&taken), [11, 12, 13, 14, 15, 16]);
    assert!(prospect.hungry.len() == 1 && schedule.sendable() == 0);
    assert_eq!(schedule.push(schedule.jobs(&[(17, "http://new/")]).remove(0)), Some(0));
}

#[test]
fn an_event_loop_left_without_jobs_is_woken_by_the_next_one() {
    let mut schedule = schedule();
    assert!(take(&mut schedule, 1, clock::now()).is_empty());
    let mut both = schedule.jobs(&[(1, "http://a/"), (2, "http://a/")]);
    assert_eq!(schedule.push(both.remove(0)), Some(0));
    assert_eq!(schedule.push(both.remove(0)), None, "it is woken once");
}

#[test]
fn draining_yields_every_job() {
    let mut schedule = schedule();
    let mut both = schedule.jobs(&[(1, "http://a/"), (2, "http://b/")]);
    schedule.push(both.remove(0));
    schedule.push_at(clock::now(), both.remove(0));
    assert_eq!(schedule.drain().len(), 2);
    assert_eq!(schedule.sendable(), 0);
    assert!(take(&mut schedule, 9, clock::now()).is_empty());
}

#[test]
fn a_host_has_no_more_in_flight_than_it_may() {
    let mut schedule = limited(Limits { concurrency_per_host: Some(3), ..Limits::default() });
    let now = clock::now();
    push(&mut schedule, "a", 0, 10);
    push(&mut schedule, "b", 10, 2);
    let mut taken = take_jobs(&mut schedule, 100, now);
    assert_eq!(tags(&taken), [0, 10, 1, 11, 2]);
    assert!(take(&mut schedule, 100, now).is_empty());
    assert_eq!(schedule.sendable(), 0, "more input is wanted, for others");
    release(&mut schedule, vec![taken.remove(0)], None, now);
    assert_eq!(take(&mut schedule, 100, now), [3]);
}

#[test]
fn a_host_that_asks_for_it_is_left_alone_and_others_go_on() {
    let mut schedule = schedule();
    let now = clock::now();
    push(&mut schedule, "a", 0, 4);
    push(&mut schedule, "b", 4, 4);
    let taken = take_jobs(&mut schedule, 2, now);
    assert_eq!(tags(&taken), [0, 4]);
    release(&mut schedule, taken.into_iter().take(1).collect(), Some(seconds(5)), now);
    let prospect = schedule.take(room(100), now, 0, &mut Vec::new());
    assert_eq!(prospect.due, Some(now + seconds(5)));
    push(&mut schedule, "a", 8, 1);
    assert!(take(&mut schedule, 100, now + seconds(4)).is_empty());
    assert_eq!(take(&mut schedule, 100, now + seconds(5)), [1, 2, 3, 8]);
}

#[test]
fn a_host_without_jobs_that_asks_to_be_left_alone_is_remembered() {
    let mut schedule = schedule();
    let now = clock::now();
    push(&mut schedule, "a", 0, 1);
    let taken = take_jobs(&mut schedule, 9, now);
    release(&mut schedule, taken, Some(seconds(5)), now);
    push(&mut schedule, "a", 1, 1);
    assert!(take(&mut schedule, 9, now + seconds(4)).is_empty());
    assert_eq!(take(&mut schedule, 9, now + seconds(5)), [1]);
}

#[test]
fn rates_hold_for_all_hosts_and_for_each() {
    let rates = |text: &str| vec![text.parse().unwrap()];
    let limits = Limits { rates: rates("10/s"), rates_per_host: rates("1/s"), ..Limits::default() };
    let mut schedule = limited(limits);
    let begin = clock::now();
    for host in 0..20 {
        push(&mut schedule, &format!("host{host}"), host * 10, 10);
    }
    let mut by_host = [0; 20];
    for step in 0..10_000 {
        for job in take_jobs(&mut schedule, 100, begin + Duration::from_millis(step)) {
            by_host[job.asked.number as usize / 10] += 1;
        }
    }
    assert_eq!(by_host.iter().sum::<u32>(), 100);
    assert!(by_host.iter().all(|count| (4..=6).contains(count)), "{by_host:?}");
}

#[test]
fn a_host_that_is_kept_apart_gets_one_request_at_a_time_and_others_go_on() {
    let mut schedule = schedule();
    let now = clock::now();
    let origin = schedule.jobs(&[(0, "http://a/")]).remove(0).target.origin.clone();
    schedule.keep_apart(&origin, seconds(2));
    push(&mut schedule, "a", 0, 3);
    assert_eq!(take(&mut schedule, 9, now), [0], "also where it is alone");
    push(&mut schedule, "b", 3, 2);
    assert_eq!(take(&mut schedule, 9, now), [3, 4]);
    // A shorter time does not shorten it.
    schedule.keep_apart(&origin, seconds(1));
    assert!(take(&mut schedule, 9, now + seconds(1)).is_empty());
    assert_eq!(take(&mut schedule, 9, now + seconds(2)), [1]);
    assert_eq!(take(&mut schedule, 9, now + seconds(4)), [2]);
}

#[test]
fn a_host_that_is_kept_apart_is_forgotten_no_sooner_than_it_may_be_sent_more() {
    let mut schedule = schedule();
    let now = clock::now();
    push(&mut schedule, "a", 0, 1);
    let origin = schedule.jobs(&[(0, "http://a/")]).remove(0).target.origin.clone();
    schedule.keep_apart(&origin, seconds(2));
    let taken = take_jobs(&mut schedule, 9, now);
    release(&mut schedule, taken, None, now);
    push(&mut schedule, "a", 1, 1);
    assert!(take(&mut schedule, 9, now + seconds(1)).is_empty());
    assert_eq!(take(&mut schedule, 9, now + seconds(2)), [1]);
}

#[test]
fn what_is_limited_by_a_rate_becomes_due() {
    let mut schedule = limited(Limits { rates: vec!["2/s".parse().unwrap()], ..Limits::default() });
    let now = clock::now();
    push(&mut schedule, "a", 0, 2);
    let mut taken = Vec::new();
    let prospect = schedule.take(room(100), now, 0, &mut taken);
    assert_eq!((tags(&taken), prospect.due), (vec![0], Some(now + Duration::from_millis(500))));
}

#[test]
fn jobs_whose_time_is_over_are_taken_out_wherever_they_wait() {
    let mut schedule = limited(Limits { concurrency_per_host: Some(1), ..Limits::default() });
    let now = clock::now();
    let call = schedule.call.clone();
    let expiring = |tag, host, after| {
        let mut job = jobs(&call, &[(tag, host)]).remove(0);
        job.attempt.expires = Some(now + seconds(after));
        job
    };
    push(&mut schedule, "a", 0, 1);
    assert_eq!(take(&mut schedule, 9, now), [0]);
    schedule.push(expiring(1, "http://a/", 1));
    schedule.push(expiring(2, "http://b/", 3));
    schedule.push_at(now + seconds(9), expiring(3, "http://c/", 1));
    schedule.push_at(now + seconds(9), schedule.jobs(&[(4, "http://c/")]).remove(0));
    assert!(schedule.expire(now).is_empty());
    assert_eq!(schedule.next_due(now), Some(now + seconds(1)));
    let mut expired = tags(&schedule.expire(now + seconds(1)));
    expired.sort();
    assert_eq!(expired, [1, 3]);
    assert_eq!(tags(&schedule.expire(now + seconds(3))), [2]);
    assert_eq!(schedule.drain().len(), 1);
}

#[test]
fn a_host_with_more_than_its_share_leaves_room_for_others_and_does_not_hold_up_the_input() {
    let mut schedule = schedule();
    let now = clock::now();
    push(&mut schedule, "dead", 0, 1000);
    for host in 0..9 {
        push(&mut schedule, &format!("host{host}"), 1000 + host, 1);
    }
    // Ten hosts share 100 connections: nobody is to have more than twice 10 of them while connections are few.
    let taken = take(&mut schedule, 40, now);
    let dead = taken.iter().filter(|tag| **tag < 1000).count();
    assert_eq!((dead, taken.len()), (21, 30));
    assert_eq!(schedule.sendable(), 0, "more input is wanted, for others");
    push(&mut schedule, "host0", 2000, 1);
    assert_eq!(take(&mut schedule, 10, now)[0], 2000);
}

#[test]
fn a_host_that_never_answers_has_the_last_connections_at_no_time() {
    let mut schedule = schedule();
    let now = clock::now();
    push(&mut schedule, "dead", 0, 1000);
    for host in 0..9 {
        push(&mut schedule, &format!("host{host}"), 1000 + host, 1);
    }
    // The others are under way for long, and whenever connections are asked for, there is nothing but the dead one's.
    let mut free = 100;
    for limit in [100, 60, 60, 30, 20, 10, 5, 1] {
        let limit = limit.min(free);
        let mut taken = Vec::new();
        schedule.take(Room { limit, spare: free - limit, connections: 100 }, now, 0, &mut taken);
        free -= taken.len();
    }
    assert_eq!(free, 25);
    push(&mut schedule, "host0", 2000, 1);
    assert_eq!(take(&mut schedule, free, now)[0], 2000);
}

#[test]
fn a_host_that_has_not_answered_leaves_room_though_it_is_alone_for_a_moment() {
    let mut schedule = schedule();
    let now = clock::now();
    push(&mut schedule, "good", 0, 1);
    for mut job in take_jobs(&mut schedule, 100, now) {
        let (origin, was_counted) = (job.target.origin.clone(), std::mem::take(&mut job.ticket.is_counted));
        let release = Release { was_counted, sign: Sign::Answered, ..Release::new(origin) };
        schedule.release(release, now);
    }
    push(&mut schedule, "dead", 1, 1000);
    assert_eq!(take(&mut schedule, 100, now).len(), 75);
    push(&mut schedule, "good", 2000, 1);
    assert_eq!(take(&mut schedule, 25, now)[0], 2000);
}

#[test]
fn a_host_that_is_left_alone_has_all_connections() {
    let mut schedule = schedule();
    let now = clock::now();
    push(&mut schedule, "a", 0, 1);
    push(&mut schedule, "b", 1, 200);
    let mut taken = take_jobs(&mut schedule, 50, now);
    let done = taken.extract_if(.., |job| job.asked.number == 0).collect();
    release(&mut schedule, done, None, now);
    assert_eq!(taken.len() + take(&mut schedule, 51, now).len(), 100);
    assert!(schedule.sendable() > 0);
}

#[test]
fn what_has_begun_goes_before_what_has_not() {
    let mut schedule = schedule();
    let now = clock::now();
    push(&mut schedule, "a", 0, 3);
    let mut retry = schedule.jobs(&[(9, "http://a/")]).remove(0);
    retry.attempt.number = 1;
    schedule.push_at(now + seconds(1), retry);
    assert_eq!(take(&mut schedule, 1, now), [0]);
    assert_eq!(take(&mut schedule, 9, now + seconds(1)), [9, 1, 2]);
}
