//! Who else is told of a run while it is under way, and when it has ended: Prometheus, and a collector.

mod metrics;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use patata::{Client, Receipt, TraceParent};
use patata_run::Tick;
use patata_telemetry::otlp::{Exporter, Options};
use patata_telemetry::prometheus::{self, RunFigures};
use patata_telemetry::{Recorder, RunSpan};

use self::metrics::MetricsServer;
use crate::args::telemetry::TelemetryFlags;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::log::{self, Level};
use crate::secrets::filled;

/// How long the last messages to a collector may take: where the run has ended, and where somebody waits for its end.
const PATIENCE: Duration = Duration::from_secs(5);
const PATIENCE_OF_INTERRUPTED: Duration = Duration::from_millis(500);

/// Who is told of a run.
#[derive(Default)]
pub(crate) struct Reporting {
    recorder: Option<Arc<Recorder>>,
    figures: Arc<Mutex<RunFigures>>,
    /// Ends when this does.
    _server: Option<MetricsServer>,
    export: Option<Export>,
}

/// What is sent to a collector.
struct Export {
    exporter: Exporter,
    span: RunSpan,
    /// Whether the span of the run is recorded: whoever has begun it may not want that.
    is_recorded: bool,
}

impl fmt::Debug for Reporting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reporting").field("is_on", &self.recorder.is_some()).finish_non_exhaustive()
    }
}

impl Reporting {
    /// Begins to tell whoever the flags name. What this is of a client is put into its place.
    ///
    /// # Errors
    /// The first thing that cannot be done, by its flag.
    pub(crate) fn begin(
        flags: &TelemetryFlags,
        client: &mut Client,
        environment: &Environment,
    ) -> Result<Self, Failure> {
        if flags.metrics.is_none() && flags.otlp.is_none() {
            return Ok(Self::default());
        }
        let recorder = Arc::new(Recorder::new());
        let figures = Arc::default();
        let server =
            flags.metrics.as_deref().map(|address| serve(address, &recorder, &figures)).transpose()?;
        let mut builder = client.to_builder().observer(recorder.observer());
        let mut export = None;
        if let Some(url) = &flags.otlp {
            let options = options(filled("--otlp", url, environment, str::to_owned)?, environment);
            let exporter = Exporter::start(recorder.clone(), options).map_err(refused)?;
            let above = text(environment, "TRACEPARENT").and_then(|parent| TraceParent::parse(&parent));
            let span = RunSpan::begin("patata run", above.as_ref());
            let parent = span.parent();
            let is_recorded = parent.is_sampled();
            let share = flags.trace_sample.unwrap_or(1.0);
            builder = builder.trace_parent(if is_recorded { parent.recorded(share) } else { parent });
            export = Some(Export { exporter, span, is_recorded });
        }
        *client = builder.build().map_err(refused)?;
        Ok(Self { recorder: Some(recorder), figures, _server: server, export })
    }

    /// Tells how far the run is.
    pub(crate) fn publish(&self, tick: &Tick) {
        if self.recorder.is_none() {
            return;
        }
        let mut figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        *figures = RunFigures {
            submitted: tick.submitted,
            ok: tick.ok,
            failed: tick.failed,
            attempts: tick.attempts,
            body_bytes: tick.bytes,
            in_flight: tick.in_flight,
            limited_by: tick.limited_by.map(|limit| format!("{limit:?}").to_lowercase()),
        };
    }

    /// Sends what is left, and says what has not come.
    pub(crate) fn end(&mut self, receipt: &Receipt, is_interrupted: bool) {
        let (Some(recorder), Some(export)) = (&self.recorder, self.export.take()) else { return };
        if export.is_recorded {
            recorder.add_span(export.span.end(receipt));
        }
        let patience = if is_interrupted { PATIENCE_OF_INTERRUPTED } else { PATIENCE };
        if let Err(lost) = export.exporter.finish(patience) {
            log::say(Level::Warning, "telemetry lost", &format!("--otlp: {lost}"));
        }
    }
}

fn serve(
    address: &str,
    recorder: &Arc<Recorder>,
    figures: &Arc<Mutex<RunFigures>>,
) -> Result<MetricsServer, Failure> {
    let (recorder, figures) = (recorder.clone(), figures.clone());
    let text = move || {
        let of_run = figures.lock().unwrap_or_else(PoisonError::into_inner).clone();
        prometheus::text(&recorder.series()) + &prometheus::run_text(&of_run)
    };
    let server = MetricsServer::start(address, Arc::new(text)).map_err(|cause| {
        let message = format!("--metrics: cannot serve at {address}: {cause}; write ADDRESS:PORT, or :PORT, of a port that is free");
        match cause.kind() {
            std::io::ErrorKind::InvalidInput => Failure::usage(message),
            _ => Failure::local(message),
        }
    })?;
    log::say(Level::Info, "metrics", &format!("metrics are at {}", server.url()));
    Ok(server)
}

/// Where the collector is, and what the environment says it is to be told.
fn options(endpoint: String, environment: &Environment) -> Options {
    let service = text(environment, "OTEL_SERVICE_NAME");
    let mut options = Options::new(endpoint, service.as_deref().unwrap_or("patata"));
    options.headers = pairs(environment, "OTEL_EXPORTER_OTLP_HEADERS");
    for (name, value) in pairs(environment, "OTEL_RESOURCE_ATTRIBUTES") {
        match options.resource.iter_mut().find(|(known, _)| *known == name) {
            // The variable that is only for it goes before.
            Some(_) if service.is_some() => {}
            Some((_, known)) => *known = value,
            None => options.resource.push((name, value)),
        }
    }
    options
}

fn text(environment: &Environment, name: &str) -> Option<String> {
    environment.get(name).map(|value| value.to_string_lossy().into_owned())
}

/// What a variable says as `name=value,name=value`, percent-encoded.
fn pairs(environment: &Environment, name: &str) -> Vec<(String, String)> {
    let decoded =
        |text: &str| percent_encoding::percent_decode_str(text.trim()).decode_utf8_lossy().into_owned();
    let text = text(environment, name).unwrap_or_default();
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

fn refused(error: patata::ConfigError) -> Failure {
    Failure::usage(format!("--{} must be {}, got {}", error.option, error.allowed, error.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_what_a_collector_is_told() {
        let environment = Environment::of(&[
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20a, x-key = b"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=import,team=data"),
        ]);
        let options = options("http://localhost:4318".to_owned(), &environment);
        let pairs = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(options.headers, pairs(&[("authorization", "Bearer a"), ("x-key", "b")]));
        assert_eq!(options.resource, pairs(&[("service.name", "import"), ("team", "data")]));
    }

    #[test]
    fn the_name_of_the_service_has_a_variable_of_its_own() {
        let environment = Environment::of(&[
            ("OTEL_SERVICE_NAME", "own"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=import"),
        ]);
        let options = options("http://localhost:4318".to_owned(), &environment);
        assert_eq!(options.resource, [("service.name".to_owned(), "own".to_owned())]);
    }
}
