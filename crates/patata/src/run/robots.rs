//! Which requests of a call `robots.txt` lets through: the file of an origin is fetched before anything else is sent there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::uri::PathAndQuery;

use crate::address::target::{ByOrigin, Origin, Target};
use crate::config::Config;
use crate::error::{Error, Kind, Phase};
use crate::job::Job;
use crate::request::Request;
use crate::response::Response;
use crate::robots::{RobotsRules, RobotsVerdict};

/// Where the file of an origin is.
const FILE: &str = "/robots.txt";
/// The types of it.
const ACCEPTED: &str = "text/plain, */*;q=0.5";

/// What a call may send, and what of it waits for the file of its origin.
#[derive(Debug)]
pub(crate) struct RobotsGate {
    rules: Arc<dyn RobotsRules>,
    held: ByOrigin<Vec<Box<Job>>>,
    /// The origins whose files are on their way, by the slots of the jobs.
    fetching: HashMap<usize, Arc<Origin>>,
    /// How many files were fetched.
    fetched: usize,
}

/// What becomes of a job.
pub(crate) enum Ruling {
    /// It may be sent, and those of its origin so far apart.
    Go(Box<Job>, Option<Duration>),
    /// It is kept here until the file of its origin is there.
    Held,
    /// Likewise, and this asks for the file.
    Fetch(Request<()>, Arc<Origin>),
    /// It must not be sent.
    Refused(Box<Job>, Error),
}

/// What has waited for a file that is there now.
pub(crate) enum Released {
    /// It is to be asked about again.
    Judged(Vec<Box<Job>>),
    /// It ends as the fetching of the file has, since the call is over.
    Ended(Vec<Box<Job>>, Error),
}

impl RobotsGate {
    /// For a call with these options, where it obeys `robots.txt`.
    pub(crate) fn new(config: &Config) -> Option<Box<Self>> {
        let rules = config.robots.clone()?;
        Some(Box::new(Self { rules, held: ByOrigin::default(), fetching: HashMap::new(), fetched: 0 }))
    }

    /// Asks whether the hop that a job is at may be sent.
    pub(crate) fn ask(&mut self, job: Box<Job>) -> Ruling {
        if job.asked.is_internal() || job.target.path.path() == FILE {
            return Ruling::Go(job, None);
        }
        if let Some(waiting) = self.held.get_mut(&job.target.origin) {
            waiting.push(job);
            return Ruling::Held;
        }
        match self.rules.verdict(&job.target.to_string()) {
            Ok(RobotsVerdict::Allowed { delay }) => Ruling::Go(job, delay),
            Ok(RobotsVerdict::Forbidden(reason)) => {
                let error = Error::new(Kind::Robots, Phase::Plan, format!("Not sent: {reason}"));
                Ruling::Refused(job, error)
            }
            Ok(RobotsVerdict::Unknown) => {
                let origin = job.target.origin.clone();
                self.held.insert(origin.clone(), vec![job]);
                let request = Request::get((), file_of(&origin)).header("accept", ACCEPTED);
                Ruling::Fetch(request, origin)
            }
            Err(cause) => Ruling::Refused(job, untold().with_source(cause)),
        }
    }

    /// Notes the job that fetches the file of an origin.
    pub(crate) fn note_fetching(&mut self, job: &mut Job, origin: Arc<Origin>) {
        self.fetched += 1;
        job.asked.make_internal(self.fetched);
        self.fetching.insert(job.asked.slot, origin);
    }

    /// Takes what became of a job that has fetched a file. Gives what has waited for it.
    pub(crate) fn learn(&mut self, job: Box<Job>) -> Released {
        let origin = self.fetching.remove(&job.asked.slot).unwrap_or_else(|| job.target.origin.clone());
        let result = job.into_outcome(()).result;
        self.tell(&origin, result.as_ref())
    }

    /// The same where its request cannot be sent.
    pub(crate) fn give_up(&mut self, origin: &Arc<Origin>, error: &Error) -> Released {
        self.tell(origin, Err(error))
    }

    fn tell(&mut self, origin: &Arc<Origin>, came: Result<&Response, &Error>) -> Released {
        let waiting = self.held.remove(origin).unwrap_or_default();
        if let Err(error) = came
            && error.is_run_deadline()
        {
            return Released::Ended(waiting, error.repeated());
        }
        let file = file_of(origin);
        self.rules.learn(&file, came);
        match self.rules.verdict(&file) {
            // Who has learnt nothing would have it fetched for ever.
            Ok(RobotsVerdict::Unknown) => Released::Ended(waiting, untold()),
            Ok(_) | Err(_) => Released::Judged(waiting),
        }
    }

    /// Whether files are on their way.
    pub(crate) fn is_fetching(&self) -> bool {
        !self.fetching.is_empty()
    }

    /// All jobs that wait for a file, as the call has ended.
    pub(crate) fn take_waiting(&mut self) -> Vec<Box<Job>> {
        self.held.drain().flat_map(|(_, waiting)| waiting).collect()
    }

    /// Forgets a job of its own that has come back once the call has ended.
    pub(crate) fn forget(&mut self, job: &Job) {
        self.fetching.remove(&job.asked.slot);
    }
}

/// Nothing is known of what `robots.txt` allows.
fn untold() -> Error {
    let message = "Not sent: it could not be found out whether robots.txt allows it";
    Error::new(Kind::Robots, Phase::Plan, message)
}

/// The URL of the file of an origin.
fn file_of(origin: &Arc<Origin>) -> String {
    Target { origin: origin.clone(), path: PathAndQuery::from_static(FILE) }.to_string()
}
