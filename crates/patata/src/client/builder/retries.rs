//! The options of how long is waited, and of when a request is sent again.

use std::time::Duration;

use crate::client::builder::Builder;
use crate::config::limits::Patience;
use crate::request::retry_if::{Attempt, RetryIf};

impl Builder {
    /// Attempts in total for each request; 1 is no retry. At least 1. Default: 1.
    ///
    /// Failed connections, time-outs, broken transfers and [`retry_statuses`](Self::retry_statuses) are tried
    /// again. A request whose method is not idempotent is tried again only where nothing of it was sent, or the
    /// answer says that nothing was done (425, 429, and 503 with `Retry-After`), unless
    /// [`retry_non_idempotent`](Self::retry_non_idempotent) says otherwise or it carries an `Idempotency-Key`. A GET whose kept connection turned out dead is sent once
    /// more whatever is said here: that is no attempt.
    ///
    /// Retries wait outside of `concurrency`, and count in all rates. Where a server sends `Retry-After` with a
    /// 429 or 503, or with any status that is tried again, in seconds or as a date, or `retry-after-ms`, no request
    /// goes to that host before that time, but for at most 5 minutes.
    pub fn retries(mut self, attempts: u32) -> Self {
        self.config.retry.attempts =
            self.check("retries", "at least 1 (the total number of attempts)", attempts, |n| *n >= 1);
        self
    }

    /// The statuses that are tried again. Default: 408, 425, 429 and 5xx, save 501 and 505.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let client = patata::Client::builder().retries(3).retry_statuses([429]).build()?;
    /// let outcome = client.run([patata::Request::get((), format!("{url}/status/503"))]).next().unwrap();
    /// assert_eq!(outcome.attempts, 1);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn retry_statuses(mut self, codes: impl IntoIterator<Item = u16>) -> Self {
        self.config.retry.statuses = self.statuses("retry_statuses", codes);
        self
    }

    /// Also tries again where a function says so of a response, say of a 200 whose body is not ready yet.
    ///
    /// It is asked about responses whose status is not tried again anyway, on the thread that takes outcomes from
    /// the run, while [`retries`](Self::retries) leaves another attempt. That a method is not idempotent, and
    /// [`retry_budget`](Self::retry_budget), count as for statuses; `Retry-After` is obeyed. Default: none.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// use std::time::Duration;
    ///
    /// let client = patata::Client::builder()
    ///     .retries(3)
    ///     .backoff(Duration::ZERO)
    ///     .retry_if(|attempt| attempt.response.status == 200 && attempt.attempts < 3)
    ///     .build()?;
    /// assert_eq!(client.run([patata::Request::get((), url)]).next().unwrap().attempts, 3);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn retry_if(mut self, function: impl Fn(&Attempt<'_>) -> bool + Send + Sync + 'static) -> Self {
        let retry_if = RetryIf::new(move |attempt| Ok::<_, std::convert::Infallible>(function(attempt)));
        self.config.retry_if = Some(retry_if);
        self
    }

    /// Whether requests are sent again although the server may have done already what they ask for: those with
    /// a POST, say, that were sent and not answered, or answered with a 500. Default: they are not.
    pub fn retry_non_idempotent(mut self, again: bool) -> Self {
        self.config.retry.non_idempotent = again;
        self
    }

    /// Whether requests whose method is not idempotent get an `Idempotency-Key` header, unless they have one: a
    /// random text that stays the same in all attempts, so that a server which knows such keys does only once
    /// what it is asked for twice. Requests with a key are tried again as idempotent ones are. Default: they do
    /// not.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// use patata::{Client, Method, Request};
    ///
    /// let client = Client::builder().idempotency_key(true).build()?;
    /// let request = Request::new((), Method::POST, format!("{url}/echo"));
    /// let response = client.run([request]).next().unwrap().result.unwrap();
    /// assert!(response.text().to_lowercase().contains("idempotency-key"));
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn idempotency_key(mut self, add: bool) -> Self {
        self.config.idempotency_keys = add;
        self
    }

    /// The most retries, as a share of the first attempts of the last ten seconds, from 0 to 1; or `None` for as
    /// many as there are reasons for. Where a failure would exceed it, it stands. So a server that is down gets
    /// at most a tenth more requests, and not several times as many. In any ten seconds 100 retries are allowed
    /// at least, so that small runs are not concerned. [`Outcome::retry_denied`](crate::Outcome::retry_denied) and
    /// [`Receipt::retries_denied`](crate::Receipt::retries_denied) tell of what was denied. Default: 0.1.
    ///
    /// A 429, and a 503 with `Retry-After`, are the server's wish to wait, and do not count. Where
    /// [`retries`](Self::retries) are on, a host that says so is asked at once at half its pace and with half as
    /// many requests in flight, and at more again as it bears it; and a host that is new gets its first requests a
    /// few more at a time, 64 at first, for as long as it answers within 100 ms.
    ///
    /// ```
    /// let stubborn = patata::Client::builder().retries(5).retry_budget(None).build()?;
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn retry_budget(mut self, share: impl Into<Option<f64>>) -> Self {
        let share = share.into().map(|share| {
            self.check("retry_budget", "a share of the requests, from 0 to 1", share, |share| {
                (0.0..=1.0).contains(share)
            })
        });
        self.config.limits.retry_budget = Some(share);
        self
    }

    /// The longest wait before the second attempt, doubled for each further one; the wait is a random
    /// part of it. Default: 100 ms.
    pub fn backoff(mut self, wait: Duration) -> Self {
        self.config.retry.backoff = wait;
        self
    }

    /// What the doubling of `backoff` stops at. Default: 30 s.
    pub fn max_backoff(mut self, wait: Duration) -> Self {
        self.config.retry.max_backoff = wait;
        self
    }

    /// What all that is random comes from: the waits between attempts, and keys. The same seed gives the same
    /// waits for the same failures in the same order. Default: another one for each run.
    pub fn seed(mut self, seed: u64) -> Self {
        self.config.seed = Some(seed);
        self
    }

    /// The longest one attempt may take, from the first byte of connecting to the last of the body,
    /// redirects included. More than zero. Default: 300 s.
    ///
    /// Where this process could not look in time (it was stopped, or its machine asleep), what has come by then is
    /// taken: sockets are looked at once more, for a second at most, before an attempt has timed out.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.config.timeout = self.duration("timeout", limit);
        self
    }

    /// The longest one request may take with all its attempts and the waits between them, from the start of the
    /// first attempt. More than zero. Default: as long as `retries` and `timeout` allow.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let client = patata::Client::builder().retries(10).total_timeout(Duration::from_secs(60)).build()?;
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn total_timeout(mut self, limit: Duration) -> Self {
        self.config.total_timeout = Some(self.duration("total_timeout", limit));
        self
    }

    /// How long a host that has answered before is waited for when it is in trouble: after 10 failures to connect or
    /// time-outs in a row, one request at a time tries it, with growing waits of up to 5 s between them, while the
    /// others wait without losing attempts. Its first answer opens it again. After so long, and at once where it has
    /// never answered, what waits fails with [`ErrorKind::HostUnavailable`](crate::ErrorKind::HostUnavailable), until
    /// one of the requests that try it, each 30 s, is answered. Zero turns all of that off; `None` waits for ever.
    /// Default: 60 s.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let patient = patata::Client::builder().host_timeout(Duration::from_secs(600)).build()?;
    /// let stubborn = patata::Client::builder().host_timeout(None).build()?;
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn host_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.config.patience = Patience(limit.into());
        self
    }

    /// The longest a whole run may take, from its beginning. More than zero. Default: as long as it takes.
    ///
    /// What has been taken from the input by then and is not done fails with a time-out. Nothing more is
    /// taken; where there was more, [`Run::stopped`](crate::Run::stopped) says so.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// # use std::time::Duration;
    /// let client = patata::Client::builder().deadline(Duration::from_millis(100)).build()?;
    /// let endless = (0..).map(|id| patata::Request::get(id, format!("{url}/")));
    /// let mut run = client.run(endless);
    /// assert!(run.by_ref().count() > 0);
    /// assert!(matches!(run.stopped(), Some(patata::Stop::Deadline(_))));
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.config.deadline = Some(self.duration("deadline", limit));
        self
    }
}
