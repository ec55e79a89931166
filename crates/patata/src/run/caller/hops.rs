//! The hops of a job: `robots.txt` and the cache are asked about each before it is sent, and told what came of it.

use crate::clock;
use crate::config::cookie_policy::CookiePolicy;
use crate::error::Error;
use crate::job::{Job, redirect};
use crate::run::caching::{Said, Told};
use crate::run::caller::Caller;
use crate::run::robots::{Released, Ruling};

impl<T> Caller<T> {
    /// Asks what there is to be asked about the hop that a job is at, and those behind it, until one is to be sent or is the
    /// answer.
    pub(super) fn consult(&mut self, mut job: Box<Job>, mut may_wait: bool) {
        loop {
            let Some(allowed) = self.admit(job) else { return };
            let Some(caching) = &mut self.caching else { return self.engine.push(allowed) };
            job = allowed;
            let (asked, answer) = match caching.ask(job, may_wait) {
                Said::Send(asked) => return self.engine.push(asked),
                Said::Wait => return,
                Said::Ended(asked, answer) => (asked, answer),
            };
            job = asked;
            job.end(clock::now(), answer);
            if !self.leads_on(&mut job) {
                return self.deliver(job);
            }
            may_wait = true;
        }
    }

    /// Asks whether `robots.txt` allows the hop that a job is at, and gives it back where it does.
    fn admit(&mut self, job: Box<Job>) -> Option<Box<Job>> {
        let Some(robots) = &mut self.robots else { return Some(job) };
        match robots.ask(job) {
            Ruling::Go(job, None) => return Some(job),
            Ruling::Go(job, Some(delay)) => {
                self.engine.keep_apart(&job.target.origin, delay);
                return Some(job);
            }
            Ruling::Held => {}
            Ruling::Fetch(request, origin) => match self.planner.plan(request, &self.call) {
                Ok(((), mut job)) => {
                    robots.note_fetching(&mut job, origin);
                    if self.prices {
                        job.ticket.charge = Some(Box::default());
                    }
                    self.consult(job, true);
                }
                Err(((), error)) => {
                    let released = robots.give_up(&origin, &error);
                    self.let_go(released);
                }
            },
            Ruling::Refused(mut job, error) => {
                job.end(clock::now(), Err(error));
                self.deliver(job);
            }
        }
        None
    }

    /// Learns from the files `robots.txt` that have come, and follows redirects of others, each hop of which is asked about.
    pub(super) fn obey(&mut self) {
        if self.caching.is_none() {
            let hops: Vec<_> = self.taken.extract_if(.., |job| job.attempt.leads_on).collect();
            hops.into_iter().for_each(|job| self.go_on(job));
        }
        let files: Vec<_> = self.taken.extract_if(.., |job| job.asked.is_internal()).collect();
        files.into_iter().for_each(|job| self.deliver(job));
    }

    /// What has waited for a `robots.txt` goes on, or ends with the call.
    fn let_go(&mut self, released: Released) {
        match released {
            Released::Judged(jobs) => jobs.into_iter().for_each(|job| self.consult(job, true)),
            Released::Ended(jobs, error) => self.end_alike(jobs, &error),
        }
    }

    /// Tells the cache what has come of what was sent.
    pub(super) fn learn(&mut self) {
        for job in std::mem::take(&mut self.taken) {
            let Some(caching) = &mut self.caching else {
                self.taken.push(job);
                continue;
            };
            match caching.tell(job, &mut self.receipt) {
                Told::Again(job) => self.engine.push(job),
                Told::Ended(job, waiting) => {
                    self.go_on(job);
                    waiting.into_iter().for_each(|job| self.consult(job, false));
                }
                Told::EndedForAll(job, waiting) => {
                    if let Some(Err(error)) = job.end.as_ref().map(|end| &end.result) {
                        self.end_alike(waiting, error);
                    }
                    self.go_on(job);
                }
            }
        }
    }

    /// Ends jobs that were not sent as another one has ended.
    fn end_alike(&mut self, jobs: Vec<Box<Job>>, error: &Error) {
        for mut job in jobs {
            job.end(clock::now(), Err(error.repeated().unsent()));
            self.deliver(job);
        }
    }

    /// Hands out what was sent, or follows where it leads.
    fn go_on(&mut self, mut job: Box<Job>) {
        if std::mem::take(&mut job.attempt.leads_on) && self.leads_on(&mut job) {
            return self.consult(job, true);
        }
        self.taken.push(job);
    }

    /// Follows a redirect that a cache has been told of, or has answered with. Whether there was one to follow.
    fn leads_on(&mut self, job: &mut Job) -> bool {
        let Some(Ok(answer)) = job.end.as_ref().map(|end| &end.result) else { return false };
        let config = &self.call.config;
        match redirect::follow(job, answer.status, &answer.headers, config.max_redirects, &mut self.planner) {
            Ok(None) => false,
            Ok(Some((target, message))) => {
                if matches!(config.cookies, CookiePolicy::OfRedirects) {
                    let headers = answer.headers.clone();
                    job.keep_cookies(&headers);
                }
                job.end = None;
                job.redirect(target, message);
                true
            }
            Err(error) => {
                job.end(clock::now(), Err(error));
                false
            }
        }
    }

    /// Hands out what has ended without being sent, or learns from what the user has not asked for.
    fn deliver(&mut self, job: Box<Job>) {
        if let Some(robots) = self.robots.as_mut().filter(|_| job.asked.is_internal()) {
            let released = robots.learn(job);
            return self.let_go(released);
        }
        if self.call.judge([&*job]) {
            self.engine.end_call(&self.call);
        }
        let tag = self.tags.remove(job.asked.slot);
        self.outbox.insert(job, tag);
    }
}
