//! The text that Prometheus reads.

use std::fmt::{self, Write};

use patata::{Progress, Receipt};

use crate::attributes::Value;
use crate::boundaries::BOUNDARIES;
use crate::series::Series;

/// The media type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

const DURATION: &str = "http_client_request_duration_seconds";

/// The histogram `http_client_request_duration_seconds` of a recorder's series.
///
/// ```
/// let text = patata_telemetry::prometheus::text(&[]);
/// assert!(text.starts_with("# HELP http_client_request_duration_seconds"));
/// ```
pub fn text(series: &[Series]) -> String {
    let mut text = String::new();
    // Writing to a text does not fail.
    let _ = write_histogram(&mut text, series);
    text
}

fn write_histogram(text: &mut String, all: &[Series]) -> fmt::Result {
    head(
        text,
        DURATION,
        "Duration of HTTP client requests, each attempt and redirect by itself.",
        "histogram",
    )?;
    for series in all {
        let labels = labels(series);
        let separator = if labels.is_empty() { "" } else { "," };
        let mut count = 0;
        for (bound, more) in BOUNDARIES.iter().zip(series.buckets) {
            count += more;
            writeln!(text, "{DURATION}_bucket{{{labels}{separator}le=\"{bound}\"}} {count}")?;
        }
        writeln!(text, "{DURATION}_bucket{{{labels}{separator}le=\"+Inf\"}} {}", series.count)?;
        writeln!(text, "{DURATION}_sum{{{labels}}} {}", series.sum)?;
        writeln!(text, "{DURATION}_count{{{labels}}} {}", series.count)?;
    }
    Ok(())
}

/// What became of the requests of a run so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunFigures {
    /// Requests taken from the input.
    pub submitted: u64,
    /// Requests that are a success.
    pub ok: u64,
    /// Requests that have failed.
    pub failed: u64,
    /// Attempts made for the requests that have ended.
    pub attempts: u64,
    /// Bytes of the bodies received.
    pub body_bytes: u64,
    /// Requests that servers are busy with.
    pub in_flight: usize,
    /// What keeps the run from being faster, in a word.
    pub limited_by: Option<String>,
}

impl RunFigures {
    /// Those of a run of the engine.
    pub fn of(progress: &Progress, receipt: &Receipt) -> Self {
        Self {
            submitted: receipt.submitted,
            ok: receipt.ok,
            failed: receipt.failed,
            attempts: receipt.attempts,
            body_bytes: receipt.body_bytes,
            in_flight: progress.in_flight,
            limited_by: Some(progress.bottleneck.to_string()),
        }
    }
}

/// The counters and gauges of a run, whose names begin with `patata_`.
///
/// ```
/// # let server = patata_testserver::Server::start().unwrap();
/// # let url = server.url();
/// let client = patata::Client::builder().build()?;
/// let mut run = client.run([patata::Request::get(1, &*url)]);
/// let control = run.control();
/// run.by_ref().for_each(drop);
/// use patata_telemetry::prometheus::{RunFigures, run_text};
/// let text = run_text(&RunFigures::of(&control.progress(), run.receipt()));
/// assert!(text.contains("\npatata_requests_done_total{outcome=\"ok\"} 1\n"));
/// # Ok::<(), patata::ConfigError>(())
/// ```
pub fn run_text(figures: &RunFigures) -> String {
    let mut text = String::new();
    let _ = write_run(&mut text, figures);
    text
}

fn write_run(text: &mut String, figures: &RunFigures) -> fmt::Result {
    head(text, "patata_requests_submitted_total", "Requests taken from the input.", "counter")?;
    writeln!(text, "patata_requests_submitted_total {}", figures.submitted)?;
    head(text, "patata_requests_done_total", "Requests that have ended, by how.", "counter")?;
    for (outcome, count) in [("ok", figures.ok), ("failed", figures.failed)] {
        writeln!(text, "patata_requests_done_total{{outcome=\"{outcome}\"}} {count}")?;
    }
    head(text, "patata_attempts_total", "Attempts of the requests that have ended.", "counter")?;
    writeln!(text, "patata_attempts_total {}", figures.attempts)?;
    head(text, "patata_body_bytes_total", "Bytes of the bodies received, decoded.", "counter")?;
    writeln!(text, "patata_body_bytes_total {}", figures.body_bytes)?;
    head(text, "patata_requests_in_flight", "Requests that servers are busy with.", "gauge")?;
    writeln!(text, "patata_requests_in_flight {}", figures.in_flight)?;
    head(text, "patata_bottleneck", "What keeps the run from being faster.", "gauge")?;
    match &figures.limited_by {
        Some(limit) => writeln!(text, "patata_bottleneck{{limit=\"{}\"}} 1", escaped(limit)),
        None => Ok(()),
    }
}

fn head(text: &mut String, name: &str, help: &str, kind: &str) -> fmt::Result {
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

/// The attributes of a series as labels: dots are no part of their names.
fn labels(series: &Series) -> String {
    let pairs = series.attributes.pairs();
    let labels: Vec<_> = pairs
        .iter()
        .map(|(name, value)| {
            let value = match value {
                Value::Text(text) => escaped(text),
                Value::Integer(number) => number.to_string(),
                Value::Number(number) => number.to_string(),
            };
            format!("{}=\"{value}\"", name.replace('.', "_"))
        })
        .collect();
    labels.join(",")
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
