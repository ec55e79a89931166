//! Flags of who else is told of a run: Prometheus, a collector, whoever reads the log.

use clap::Args;

/// What is said of the flag at length.
const OTLP: &str = "Send metrics and traces to an OpenTelemetry collector, as http://localhost:4318

OTLP over HTTP, by the conventions for HTTP clients. OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME and \
OTEL_RESOURCE_ATTRIBUTES are read, and TRACEPARENT names the span that the run is below. Servers are told of the trace by \
the header traceparent.";

/// Who else is told of a run.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Telemetry")]
pub(crate) struct TelemetryFlags {
    /// Let Prometheus read metrics from this address, as :9100 or 127.0.0.1:9100
    #[arg(long, value_name = "ADDRESS", hide_short_help = true)]
    pub(crate) metrics: Option<String>,

    // No doc comment, which rustdoc would take for links.
    #[arg(
        long,
        value_name = "URL",
        hide_short_help = true,
        help = "Send metrics and traces to an OpenTelemetry collector, as http://localhost:4318",
        long_help = OTLP
    )]
    pub(crate) otlp: Option<String>,

    /// With --otlp: the share of requests that become spans, between 0 and 1 [default: 1]
    #[arg(long, value_name = "SHARE", requires = "otlp", value_parser = share, hide_short_help = true)]
    pub(crate) trace_sample: Option<f64>,

    /// How it is told on stderr what happens: text, or a line of JSON for each event [default: text]
    #[arg(long, value_name = "text|json", value_enum, hide_short_help = true)]
    pub(crate) log: Option<LogFormat>,
}

/// How it is told on stderr what happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// A line of JSON for each event
    Json,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "it is a number between 0 and 1".to_owned())
}
