//! Jobs whose hosts' names are being looked up: they wait aside, so that no slow name holds back the others.

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use tokio::sync::Notify;

use crate::address::target::{ByOrigin, Origin};
use crate::clock;
use crate::engine::event_loop::{EventLoop, Way};
use crate::error::Error;
use crate::job::Job;
use crate::transport::connect::establish::attempt_timed_out;
use crate::transport::timer::within;

/// How late a job may hear that its own time-out has passed. Thousands that wait for one name have thousands
/// of deadlines; so they are looked through now and then, and not for each of them.
const GRAIN: Duration = Duration::from_millis(10);

/// The jobs of one event loop that wait, by origin.
#[derive(Debug, Default)]
pub(crate) struct NameWaits(ByOrigin<Crowd>);

/// Those that wait for one origin.
#[derive(Debug)]
struct Crowd {
    jobs: Vec<Box<Job>>,
    /// The first of their deadlines.
    deadline: Instant,
    /// Tells that there is an earlier one.
    sooner: Rc<Notify>,
}

impl NameWaits {
    /// Adds a job that must be over by `deadline`: meanwhile its call does not count it as in flight. Whether it is the
    /// first one of its origin.
    fn add(&mut self, job: Box<Job>, deadline: Instant) -> bool {
        job.call.returned();
        if let Some(crowd) = self.0.get_mut(&job.target.origin) {
            if deadline < crowd.deadline {
                crowd.deadline = deadline;
                crowd.sooner.notify_one();
            }
            crowd.jobs.push(job);
            return false;
        }
        let origin = job.target.origin.clone();
        self.0.insert(origin, Crowd { jobs: vec![job], deadline, sooner: Rc::default() });
        true
    }

    /// Takes out the jobs of an origin.
    fn release(&mut self, origin: &Arc<Origin>) -> Vec<Box<Job>> {
        in_flight_again(self.0.remove(origin).map(|crowd| crowd.jobs).unwrap_or_default())
    }

    /// Takes out those whose deadline has passed.
    fn expire(&mut self, origin: &Arc<Origin>, now: Instant) -> Vec<Box<Job>> {
        let Some(crowd) = self.0.get_mut(origin) else { return Vec::new() };
        let is_over = |job: &mut Box<Job>| job.attempt.deadline.is_some_and(|deadline| deadline <= now);
        let expired = crowd.jobs.extract_if(.., is_over).collect();
        match crowd.jobs.iter().filter_map(|job| job.attempt.deadline).min() {
            Some(deadline) => crowd.deadline = deadline,
            None => drop(self.0.remove(origin)),
        }
        in_flight_again(expired)
    }

    /// The first deadline of those that wait, and what tells of an earlier one.
    fn deadline(&self, origin: &Arc<Origin>) -> Option<(Instant, Rc<Notify>)> {
        self.0.get(origin).map(|crowd| (crowd.deadline, crowd.sooner.clone()))
    }

    /// Takes out those of calls that have ended.
    pub(crate) fn extract_ended(&mut self) -> Vec<Box<Job>> {
        let mut ended = Vec::new();
        for crowd in self.0.values_mut() {
            ended.extend(crowd.jobs.extract_if(.., |job| job.call.is_ended()));
        }
        self.0.retain(|_, crowd| !crowd.jobs.is_empty());
        in_flight_again(ended)
    }

    /// Takes out all.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Box<Job>> {
        self.0.drain().flat_map(|(_, crowd)| crowd.jobs)
    }
}

/// What goes on, as its calls count it.
fn in_flight_again(jobs: Vec<Box<Job>>) -> Vec<Box<Job>> {
    for job in &jobs {
        job.call.sent(1);
    }
    jobs
}

/// Sets a job aside until it is known where its origin is; then it goes back to the schedule. Its attempt
/// begins here. Its connection, which it does not take, is free for others.
pub(crate) fn park(event_loop: &Rc<EventLoop>, way: Rc<Way>, mut job: Box<Job>) {
    let deadline = job.begin(clock::now());
    let origin = job.target.origin.clone();
    let patience = job.call.config.connect_timeout;
    let is_first = way.name_waits.borrow_mut().add(job, deadline);
    if is_first {
        tokio::task::spawn_local(look_up(event_loop.clone(), way, origin, patience));
    }
    event_loop.wake();
}

async fn look_up(event_loop: Rc<EventLoop>, way: Rc<Way>, origin: Arc<Origin>, patience: Duration) {
    let mut answer = pin!(way.establisher.look_up_the_way(&origin, patience));
    let result = loop {
        // Nobody waits any more.
        let Some((deadline, sooner)) = way.name_waits.borrow().deadline(&origin) else { return };
        let until = deadline.max(clock::now() + GRAIN);
        let patience = pin!(within(until, sooner.notified()));
        match select(answer.as_mut(), patience).await {
            Either::Left((result, _)) => break result,
            Either::Right((Some(()), _)) => {}
            Either::Right((None, _)) => {
                let now = clock::now();
                let expired = way.name_waits.borrow_mut().expire(&origin, now);
                for job in expired {
                    fail(&event_loop, job, now, attempt_timed_out(&origin));
                }
            }
        }
    };
    let jobs = way.name_waits.borrow_mut().release(&origin);
    let now = clock::now();
    for job in jobs {
        match &result {
            Ok(()) => event_loop.put_back(job),
            Err(error) => fail(&event_loop, job, now, error.repeated()),
        }
    }
    event_loop.wake();
}

/// A job has failed for want of an address.
fn fail(event_loop: &EventLoop, mut job: Box<Job>, now: Instant, error: Error) {
    let result = Err(error.into());
    if job.call.config.telemetry.is_on() {
        let watched = event_loop.watch(&mut job, now);
        event_loop.tell(&job, watched, now, &result);
    }
    event_loop.settle(job, now, result);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::config::limits::Limits;
    use crate::engine::event_loop;
    use crate::engine::routes::{Route, RouteKey};
    use crate::engine::shared::Shared;
    use crate::error::{Kind, Phase};
    use crate::job::planner::Planner;
    use crate::request::Request;
    use crate::response::Outcome;
    use crate::transport::connect::Connector;
    use crate::transport::connect::dns::Lookup;
    use crate::transport::connect::tls::Tls;
    use patata_testserver::Server;

    /// The outcomes of these requests by one event loop with one connection, in the order in which they came.
    fn outcomes(lookup: Lookup, config: Config, requests: Vec<Request<u32>>) -> Vec<Outcome<u32>> {
        let limits = Limits { concurrency: Some(1), ..Limits::default() };
        let connector = Connector::new(Tls::default(), &config).looking_up(lookup);
        let shared = Arc::new(Shared::new(
            Arc::new(Config { limits, ..config.clone() }),
            Route::new(connector, false, RouteKey::default()),
        ));
        let (call, _) = shared.begin_call(Arc::new(config.of_calls()), 0);
        let mut planner = Planner::new(shared.hasher.clone());
        let count = requests.len();
        for request in requests {
            let (tag, mut job) = planner.plan(request, &call).unwrap();
            job.asked.number = tag.into();
            shared.push(job);
        }
        call.close_input();
        let thread = event_loop::spawn(&shared, 0).unwrap();
        let mut ended = Vec::new();
        while ended.len() < count {
            call.completions.wait(Duration::from_millis(10));
            ended.extend(call.completions.take());
        }
        shared.close();
        thread.join().unwrap();
        let outcome = |job: Box<Job>| {
            let tag = job.asked.number as u32;
            job.into_outcome(tag)
        };
        ended.into_iter().map(outcome).collect()
    }

    fn tags(outcomes: &[Outcome<u32>]) -> Vec<u32> {
        outcomes.iter().map(|outcome| outcome.tag).collect()
    }

    #[test]
    fn requests_to_a_name_that_is_slow_are_overtaken_by_all_others() {
        let server = Server::start().unwrap();
        let slow = format!("http://slow.example:{}/", server.address().port());
        let requests = (0..3).map(|tag| Request::get(tag, &slow));
        let others = (3..9).map(|tag| Request::get(tag, format!("{}/", server.url())));
        let lookup: Lookup = |_| {
            std::thread::sleep(Duration::from_millis(300));
            Ok(vec![[127, 0, 0, 1].into()])
        };
        let outcomes = outcomes(lookup, Config::default(), requests.chain(others).collect());
        assert!(outcomes.iter().all(|outcome| outcome.result.is_ok() && outcome.attempts == 1));
        assert_eq!(tags(&outcomes), [3, 4, 5, 6, 7, 8, 0, 1, 2]);
    }

    #[test]
    fn a_name_that_never_answers_is_a_timeout_of_connecting_for_all_who_wait() {
        let config = Config { connect_timeout: Duration::from_millis(50), ..Config::default() };
        let never: Lookup = |_| loop {
            std::thread::park();
        };
        let requests = (0..100).map(|tag| Request::get(tag, "http://never.example/")).collect();
        for outcome in outcomes(never, config, requests) {
            let error = outcome.result.unwrap_err();
            assert_eq!((error.kind(), error.phase()), (Kind::Timeout, Phase::Connect));
            assert!(error.to_string().contains("connect_timeout"), "{error}");
        }
    }

    #[test]
    fn each_who_waits_keeps_a_deadline_of_its_own() {
        let server = Server::start().unwrap();
        let lookup: Lookup = |_| {
            std::thread::sleep(Duration::from_millis(300));
            Ok(vec![[127, 0, 0, 1].into()])
        };
        let url = format!("http://slow.example:{}/", server.address().port());
        let patient = Request::get(0, &url);
        let hasty = |tag| Request::get(tag, &url).timeout(Duration::from_millis(20));
        let outcomes = outcomes(lookup, Config::default(), vec![patient, hasty(1), hasty(2)]);
        assert_eq!(tags(&outcomes), [1, 2, 0]);
        assert!(outcomes[2].result.is_ok());
        let error = outcomes[0].result.as_ref().unwrap_err();
        assert_eq!((error.kind(), error.phase()), (Kind::Timeout, Phase::Connect));
        assert!(error.to_string().contains("(timeout)"), "{error}");
    }

    #[test]
    fn a_name_without_an_address_fails_all_who_wait_with_its_cause() {
        let lookup: Lookup = |_| Err(std::io::Error::other("nobody knows it"));
        let requests = (0..5).map(|tag| Request::get(tag, "http://unknown.example/")).collect();
        for outcome in outcomes(lookup, Config::default(), requests) {
            let error = outcome.result.unwrap_err();
            assert_eq!((error.kind(), outcome.attempts), (Kind::Resolve, 1));
            assert_eq!(error.to_string(), "Cannot connect to unknown.example:80: nobody knows it");
        }
    }
}
