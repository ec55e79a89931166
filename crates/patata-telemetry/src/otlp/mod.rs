//! Sends what a recorder has to a collector, in OTLP over HTTP, by patata's own engine.

mod encode;
mod exporter;

use std::time::Duration;

pub use exporter::Exporter;

/// Where a collector is, and what it is told of the program.
#[derive(Debug, Clone)]
pub struct Options {
    /// The URL of the collector, as `http://localhost:4318`; `/v1/traces` and `/v1/metrics` are added.
    pub endpoint: String,
    /// Headers of each message, such as one that authorises.
    pub headers: Vec<(String, String)>,
    /// What is said of the program: `service.name` above all.
    pub resource: Vec<(String, String)>,
    /// How often what there is is sent.
    pub interval: Duration,
}

impl Options {
    /// Those of a collector, which is told of a service of this name every 10 seconds.
    pub fn new(endpoint: impl Into<String>, service: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            headers: Vec::new(),
            resource: vec![("service.name".to_owned(), service.into())],
            interval: Duration::from_secs(10),
        }
    }
}

/// What did not come to the collector.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
#[error("{} did not come to the collector{}", lost(.spans, *.has_lost_metrics), because(.cause.as_deref()))]
pub struct Lost {
    /// How many spans: those that found no room while they waited, and those of messages that failed.
    pub spans: u64,
    /// Whether the last metrics were not taken.
    pub has_lost_metrics: bool,
    /// Why the last message failed, where one has.
    pub cause: Option<String>,
}

fn lost(spans: &u64, has_lost_metrics: bool) -> String {
    match (*spans, has_lost_metrics) {
        (0, _) => "the last metrics".to_owned(),
        (count, false) => format!("{count} spans"),
        (count, true) => format!("{count} spans and the last metrics"),
    }
}

fn because(cause: Option<&str>) -> String {
    cause.map(|cause| format!(": {cause}")).unwrap_or_default()
}
