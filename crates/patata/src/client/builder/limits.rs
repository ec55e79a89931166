//! The options of how much is asked of servers, and of how much failure a run puts up with.

use std::sync::Arc;
use std::time::Duration;

use crate::client::builder::Builder;
use crate::config::rate;
use crate::config::rate::Rate;
use crate::report::failures::MaxFailures;
use crate::report::stall::StallReport;
use crate::response::statuses::OkStatuses;

/// Requests in flight at all hosts together, where each has as many as it can use.
const MOST_ADAPTIVE: usize = 1000;

impl Builder {
    /// Requests in flight at once, over all event loops, each on a connection of its own, or over HTTP/2 as a
    /// stream of one. At least 1. Default: 100 for each event loop, unless a run on top of it says otherwise.
    ///
    /// Connections are kept for 15 seconds for further requests to their hosts, beside those in use: up to 4096 in
    /// all, or half of the files that the process may have open, and none beyond `concurrency` through a proxy or to
    /// a unix socket.
    pub fn concurrency(mut self, count: usize) -> Self {
        self.config.limits.concurrency = Some(self.positive("concurrency", count));
        self.config.limits.adaptive = None;
        self
    }

    /// As many requests in flight as each host can use, instead of a fixed number: the concurrency that gives the
    /// most successful responses a second is found out by trying, host by host, up to 1000 for all together and
    /// to `concurrency_per_host` for each.
    ///
    /// It grows while throughput grows, and shrinks on 429, 503, time-outs and rising latency, and on connections that
    /// are refused, reset or closed unanswered, if fewer requests at a time make those rarer, which is tried. Where a
    /// server limits the rate rather than the number, requests are paced by what it lets through.
    /// Of a server whose latency rises with every request in flight, it uses about half of the top throughput.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let client = patata::Client::builder().concurrency_auto().build()?;
    /// let requests = (0..1000).map(|id| patata::Request::get(id, format!("{url}/")));
    /// assert!(client.run(requests).all(|outcome| outcome.result.is_ok()));
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn concurrency_auto(mut self) -> Self {
        self.config.limits.adaptive = Some(MOST_ADAPTIVE);
        self
    }

    /// The most requests in flight at once at each host (scheme, name and port). At least 1. Default: as many as
    /// `concurrency` allows.
    ///
    /// ```
    /// let client = patata::Client::builder().concurrency(500).concurrency_per_host(8).build()?;
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn concurrency_per_host(mut self, count: usize) -> Self {
        self.config.limits.concurrency_per_host = Some(self.positive("concurrency_per_host", count));
        self
    }

    /// The most requests sent in a time, retries and redirects among them: a number, a slash and a unit (`s`,
    /// `min`, `h`, `day`), which a number may stand before. Given several times, all of them hold. Default: no
    /// limit.
    ///
    /// Requests are spread evenly over the time, and what a pause left out is not made up for. Of several rates, the
    /// one with the shortest time is spread evenly, and the longer ones are quotas: so many in any such time, which
    /// may be used up at once. So `"100/s"` with `"1000000/day"` sends 100 a second until the million is used up.
    ///
    /// `"auto"` is what each host tells of its own limits, in requests, tokens or whatever it calls them: it is asked at
    /// the pace at which what remains of each lasts until it is reset, and the strictest counts. Before its first answer
    /// it gets four requests; one that tells nothing is not paced. Where requests [state](crate::Request::cost) what they
    /// cost in a unit that a limit is named by, they take that of it; else it is learnt what they take on average. It may stand beside other rates, which hold too.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let client = patata::Client::builder().rate("50/s").rate("100000/day").build()?;
    /// let begin = std::time::Instant::now();
    /// client.run((0..11).map(|id| patata::Request::get(id, format!("{url}/")))).for_each(drop);
    /// assert!(begin.elapsed().as_millis() >= 180);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn rate(mut self, rate: impl AsRef<str>) -> Self {
        if rate.as_ref() == rate::AUTO {
            self.config.limits.is_rate_auto = true;
        } else if let Some(rate) = self.parse_rate("rate", rate::ALLOWED_OR_AUTO, rate.as_ref()) {
            self.config.limits.rates.push(rate);
        }
        self
    }

    /// The same for each host (scheme, name and port) by itself. Default: no limit.
    ///
    /// ```
    /// let client = patata::Client::builder().rate_per_host("600/min").build()?;
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn rate_per_host(mut self, rate: impl AsRef<str>) -> Self {
        if let Some(rate) = self.parse_rate("rate_per_host", rate::ALLOWED, rate.as_ref()) {
            self.config.limits.rates_per_host.push(rate);
        }
        self
    }

    /// Whether a host is left alone that says with an answer that nothing of one of its limits remains: until that is
    /// reset, and at most for 5 minutes, as for `Retry-After`. Default: it is.
    ///
    /// What is read are the headers of the IETF's drafts, of GitHub and its kin, of OpenAI, Anthropic, Discord, Shopify
    /// and others; what is malformed is ignored. A 403 that says so is tried again as a 429 is. [`rate`](Self::rate)
    /// `"auto"` uses them to pace requests before it comes to that.
    ///
    /// ```
    /// let client = patata::Client::builder().learn_limits(false).build()?;
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn learn_limits(mut self, learn: bool) -> Self {
        self.config.learns_limits = learn;
        self
    }

    fn parse_rate(&mut self, option: &'static str, allowed: &'static str, text: &str) -> Option<Rate> {
        let rate = text.parse().ok();
        if rate.is_none() {
            self.fail(option, allowed, format!("{text:?}"));
        }
        rate
    }

    /// The most requests that may fail before the run ends by itself: a number, where 0 ends it at the first
    /// failure, or a share between 0 and 1 of all that have ended, once those are 100. A failure is what a
    /// request ends with after its last attempt: an error, or a status that is not among
    /// [`ok_statuses`](Self::ok_statuses). Default: all may fail.
    ///
    /// Then nothing more is taken from the input, what is done is handed out, the rest is cancelled, and
    /// [`Run::stopped`](crate::Run::stopped) says how many of what failed, with examples.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let client = patata::Client::builder().max_failures(0.1).build()?;
    /// let endless = (0..).map(|id| patata::Request::get(id, format!("{url}/status/404")));
    /// let mut run = client.run(endless);
    /// assert!(run.by_ref().count() >= 100);
    /// assert!(run.stopped().unwrap().to_string().contains("status 404"));
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn max_failures(mut self, most: impl Into<MaxFailures>) -> Self {
        let most = most.into();
        match most {
            MaxFailures::Share(share) if !(share > 0.0 && share < 1.0) => {
                self.fail("max_failures", "a whole number of requests, or a share between 0 and 1", share);
            }
            _ => self.config.failures.most = Some(most),
        }
        self
    }

    /// The statuses that count as success, for [`max_failures`](Self::max_failures) and the
    /// [`Receipt`](crate::Receipt). Default: all below 400.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let client = patata::Client::builder().ok_statuses([200, 404]).build()?;
    /// let mut run = client.run([patata::Request::get((), format!("{url}/status/404"))]);
    /// run.by_ref().for_each(drop);
    /// assert_eq!(run.receipt().ok, 1);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn ok_statuses(mut self, codes: impl IntoIterator<Item = u16>) -> Self {
        self.config.ok_statuses = OkStatuses(self.statuses("ok_statuses", codes));
        self
    }

    /// The statuses of which the first one ends the run, as [`max_failures`](Self::max_failures) does: 401, say,
    /// where all requests carry the same key. What is tried again, or sent with a fresh header, is judged by how
    /// it ends. Default: none.
    ///
    /// ```
    /// let client = patata::Client::builder().abort_on([401, 403]).build()?;
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn abort_on(mut self, codes: impl IntoIterator<Item = u16>) -> Self {
        self.config.failures.abort_on = self.statuses("abort_on", codes);
        self
    }

    /// Has `tell` called when the run has waited for its input for so long, with nothing in flight and nothing
    /// waiting to be sent: once a wait, and up to a quarter later. An input that waits for outcomes of its own
    /// run inside [`next`](Iterator::next), where none can be handed out, is found so. Default: nobody is told.
    ///
    /// It is called on a thread of the run's, and must not wait.
    ///
    /// ```
    /// # use std::{sync::mpsc, time::Duration};
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let (tell, told) = mpsc::channel();
    /// let tell = move || drop(tell.send(()));
    /// let client = patata::Client::builder().on_input_stall(Duration::from_millis(50), tell).build()?;
    /// let requests = (0..2).map(|id| {
    ///     if id == 1 {
    ///         told.recv().unwrap();
    ///     }
    ///     patata::Request::get(id, format!("{url}/"))
    /// });
    /// assert_eq!(client.run(requests).count(), 2);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn on_input_stall(mut self, after: Duration, tell: impl Fn() + Send + Sync + 'static) -> Self {
        self.config.stall_report = Some(StallReport { after, tell: Arc::new(tell) });
        self
    }
}
