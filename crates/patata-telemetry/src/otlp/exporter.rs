//! The thread that sends what there is, now and then and at the end.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use opentelemetry_proto::tonic::resource::v1::Resource;
use patata::{Body, Client, ConfigError, Control, Request};

use crate::otlp::{Lost, Options, encode};
use crate::recorder::{Recorder, locked};

/// The most spans of one message.
const SPANS_A_MESSAGE: usize = 2_000;

/// How often it looks whether spans wait, where metrics are not due.
const LOOK: Duration = Duration::from_secs(1);

/// How long one message may take with all of its attempts, while the program goes on.
const PATIENCE: Duration = Duration::from_secs(30);

/// The statuses that OTLP has tried again.
const RETRIED: [u16; 4] = [429, 502, 503, 504];

/// Sends what a recorder has to a collector, from a thread of its own, until it is finished.
///
/// ```no_run
/// use std::sync::Arc;
/// use std::time::Duration;
/// use patata_telemetry::Recorder;
/// use patata_telemetry::otlp::{Exporter, Options};
///
/// let recorder = Arc::new(Recorder::new());
/// let exporter = Exporter::start(recorder.clone(), Options::new("http://localhost:4318", "importer"))?;
/// let client = patata::Client::builder().observer(recorder.observer()).build()?;
/// // …
/// if let Err(lost) = exporter.finish(Duration::from_secs(10)) {
///     eprintln!("{lost}");
/// }
/// # Ok::<(), patata::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct Exporter {
    /// Tells the thread until when the last messages may take.
    end: mpsc::Sender<Instant>,
    /// What is being sent.
    under_way: UnderWay,
    thread: Option<JoinHandle<Lost>>,
}

impl Exporter {
    /// Begins to send.
    ///
    /// # Errors
    /// For an endpoint or headers that cannot be used, or where there is no room for another thread.
    pub fn start(recorder: Arc<Recorder>, options: Options) -> Result<Self, ConfigError> {
        let sender = Sender::new(recorder, &options)?;
        let under_way = sender.under_way.clone();
        let (end, ended) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("patata-otlp".to_owned())
            .spawn(move || sender.run(&ended, options.interval))
            .map_err(|cause| unusable("sent by a thread of its own", cause.to_string()))?;
        Ok(Self { end, under_way, thread: Some(thread) })
    }

    /// Sends what is left, for as long as that may take, and ends.
    ///
    /// # Errors
    /// What has not come to the collector since it was started.
    pub fn finish(mut self, patience: Duration) -> Result<(), Lost> {
        let until = Instant::now() + patience;
        // It fails where the thread has broken down, of which joining it tells.
        let _ = self.end.send(until);
        let Some(thread) = self.thread.take() else { return Ok(()) };
        while !thread.is_finished() {
            if Instant::now() >= until
                && let Some(control) = &*locked(&self.under_way)
            {
                control.cancel();
            }
            std::thread::sleep(GRAIN);
        }
        let broken = || Lost { cause: Some("its thread broke down".to_owned()), ..Lost::default() };
        let lost = thread.join().unwrap_or_else(|_| broken());
        if lost == Lost::default() { Ok(()) } else { Err(lost) }
    }
}

/// How often it is looked whether the last messages are sent.
const GRAIN: Duration = Duration::from_millis(5);

type UnderWay = Arc<Mutex<Option<Control>>>;

/// What the thread has.
struct Sender {
    recorder: Arc<Recorder>,
    resource: Resource,
    client: Client,
    metrics_url: String,
    traces_url: String,
    began: SystemTime,
    under_way: UnderWay,
    lost: Lost,
}

impl Sender {
    fn new(recorder: Arc<Recorder>, options: &Options) -> Result<Self, ConfigError> {
        let base = options.endpoint.trim_end_matches('/');
        let base =
            base.strip_suffix("/v1/traces").or_else(|| base.strip_suffix("/v1/metrics")).unwrap_or(base);
        let mut builder = Client::builder()
            .num_workers(1)
            .concurrency(4)
            .retries(5)
            .retry_non_idempotent(true)
            .retry_statuses(RETRIED)
            .timeout(Duration::from_secs(10))
            .environment_proxy();
        for (name, value) in &options.headers {
            builder = builder.header(name, value);
        }
        let client = builder.build()?;
        let metrics_url = format!("{base}/v1/metrics");
        if let Err(error) = client.check(&Request::get((), &*metrics_url)) {
            return Err(unusable("the URL of a collector, as http://localhost:4318", error.to_string()));
        }
        let resource = encode::resource(&options.resource);
        let (traces_url, began, lost) = (format!("{base}/v1/traces"), SystemTime::now(), Lost::default());
        let under_way = UnderWay::default();
        Ok(Self { recorder, resource, client, metrics_url, traces_url, began, under_way, lost })
    }

    fn run(mut self, ended: &mpsc::Receiver<Instant>, interval: Duration) -> Lost {
        let mut waited = Duration::ZERO;
        loop {
            let look = LOOK.min(interval);
            match ended.recv_timeout(look) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(until) => {
                    // The metrics are one small message, and say most.
                    self.send_metrics(until.saturating_duration_since(Instant::now()));
                    self.send_spans(until.saturating_duration_since(Instant::now()));
                    return self.lost;
                }
                // It was dropped and not finished: nobody waits.
                Err(RecvTimeoutError::Disconnected) => return self.lost,
            }
            self.send_spans(PATIENCE);
            waited += look;
            if waited >= interval {
                waited = Duration::ZERO;
                self.send_metrics(PATIENCE);
            }
        }
    }

    fn send_metrics(&mut self, patience: Duration) {
        let series = self.recorder.series();
        if series.is_empty() {
            return;
        }
        let message = encode::metrics(&self.resource, &series, self.began);
        let failed = self.send(&self.metrics_url, vec![message], patience).into_iter().find_map(Result::err);
        // What was counted is in the next message too.
        self.lost.has_lost_metrics = failed.is_some();
        self.lost.cause = failed.or(self.lost.cause.take());
    }

    fn send_spans(&mut self, patience: Duration) {
        let (mut spans, lost) = self.recorder.take_spans();
        self.lost.spans += lost;
        let (mut messages, mut counts) = (Vec::new(), Vec::new());
        while !spans.is_empty() {
            let rest = spans.split_off(spans.len().min(SPANS_A_MESSAGE));
            counts.push(spans.len() as u64);
            messages.push(encode::traces(&self.resource, spans));
            spans = rest;
        }
        let sent = self.send(&self.traces_url, messages, patience);
        for (count, result) in counts.into_iter().zip(sent) {
            if let Err(cause) = result {
                self.lost.spans += count;
                self.lost.cause = Some(cause);
            }
        }
    }

    /// Sends messages. Returns what became of each, in their order.
    fn send(&self, url: &str, messages: Vec<Vec<u8>>, patience: Duration) -> Vec<Result<(), String>> {
        let request = |(number, message): (usize, Vec<u8>)| {
            Request::post(number, url)
                .header("content-type", "application/x-protobuf")
                .body(Body::from(message))
        };
        let requests: Vec<_> = messages.into_iter().enumerate().map(request).collect();
        let mut results = vec![Err("it took too long".to_owned()); requests.len()];
        if patience.is_zero() {
            return results;
        }
        let of_run = match self.client.to_builder().deadline(patience).build() {
            Ok(of_run) => of_run,
            Err(error) => return vec![Err(error.to_string()); results.len()],
        };
        let run = of_run.run(requests);
        *locked(&self.under_way) = Some(run.control());
        for outcome in run {
            results[outcome.tag] = match outcome.result {
                Ok(response) if response.status.is_success() => Ok(()),
                Ok(response) => Err(format!("it answered with {}", response.status)),
                Err(error) => Err(error.to_string()),
            };
        }
        *locked(&self.under_way) = None;
        results
    }
}

fn unusable(allowed: &'static str, value: String) -> ConfigError {
    ConfigError { option: "otlp", allowed, value }
}
