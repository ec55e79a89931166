//! Which file of the engine may know which other: the data flows one way, and stages know only values.

#![allow(clippy::unwrap_used, reason = "a failure in here fails the test, as it should")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// For each file, all that it may import. `error` stands for everything in `error`; a path with more
/// parts stands for itself alone.
const ALLOWED: &[(&str, &[&str])] = &[
    ("lib.rs", &[]),
    // Values. They know other values and nothing that acts on them.
    // Exceptions: the options hold the retry policy, which is a value, and say in Accept-Encoding what
    // the decoder undoes.
    (
        "config.rs",
        &[
            "auth::Authorize",
            "body::Body",
            "decode",
            "failures::FailurePolicy",
            "http_version::HttpVersion",
            "params::Params",
            "proxy::Proxies",
            "retry_if::RetryIf",
            "schedule::host::Limits",
            "schedule::retry::RetryPolicy",
            "stall::StallReport",
            "statuses::OkStatuses",
            "transport::burst::Bursts",
        ],
    ),
    ("auth.rs", &["error::Error"]),
    ("certificate.rs", &[]),
    ("error.rs", &["certificate::CertificateFault"]),
    ("headers.rs", &[]),
    ("location.rs", &["headers::Headers"]),
    ("http_version.rs", &[]),
    ("proxy.rs", &["error::ConfigError", "target::Origin"]),
    ("tls_version.rs", &[]),
    ("request.rs", &["auth", "body::Body", "error::Error", "params", "retry_if"]),
    ("retry_if.rs", &["error", "response::Response"]),
    // A response's URL is the target that answered, made a text only when it is read.
    ("charset.rs", &[]),
    ("response.rs", &["charset", "error::Error", "headers::Headers", "target::Target"]),
    ("receipt.rs", &["error", "latency::Latency", "response::Outcome", "statuses::OkStatuses"]),
    ("statuses.rs", &[]),
    ("pieces.rs", &[]),
    ("progress.rs", &[]),
    ("rate.rs", &[]),
    ("latency.rs", &[]),
    ("failures.rs", &["error", "statuses"]),
    ("stall.rs", &[]),
    ("stop.rs", &["failures::TooManyFailures"]),
    ("body.rs", &["error::is_shortage", "multipart::Multipart"]),
    ("multipart.rs", &["body"]),
    ("params.rs", &[]),
    ("template.rs", &["error::ConfigError"]),
    ("outgoing.rs", &["blocking", "body", "error"]),
    ("prepared.rs", &["outgoing::Outgoing"]),
    // Everything may ask for the time, and nothing asks anybody else.
    ("clock.rs", &[]),
    ("blocking.rs", &[]),
    ("readiness.rs", &["clock"]),
    // Stages. They know values, and their own submodules.
    ("target.rs", &["error::Error", "request::redacted"]),
    (
        "plan.rs",
        &[
            "auth",
            "body",
            "clock",
            "cookies::Jar",
            "error",
            "headers::Headers",
            "params",
            "request",
            "response",
            "retry_if::RetryIf",
            "schedule::adaptive::Ticket",
            "target",
        ],
    ),
    ("schedule/mod.rs", &["clock", "plan::Job", "progress::Bottleneck", "target"]),
    ("schedule/adaptive/mod.rs", &["clock"]),
    ("schedule/adaptive/closings.rs", &["schedule::adaptive::Ticket"]),
    ("schedule/adaptive/cohort.rs", &["schedule::adaptive::Ticket"]),
    ("schedule/adaptive/epoch.rs", &[]),
    ("schedule/adaptive/probe.rs", &[]),
    ("schedule/adaptive/simulation.rs", &["clock", "schedule::adaptive"]),
    ("schedule/adaptive/success_rate.rs", &[]),
    ("schedule/adaptive/throttle.rs", &[]),
    ("schedule/adaptive/verdict.rs", &["error"]),
    ("schedule/budget.rs", &[]),
    (
        "schedule/host.rs",
        &[
            "rate::Rate",
            "schedule::adaptive",
            "schedule::ease_in::EaseIn",
            "schedule::health",
            "schedule::pace::Pace",
            "schedule::ready::Ready",
            "schedule::slowdown::Slowdown",
        ],
    ),
    ("schedule/ease_in.rs", &[]),
    ("schedule/slowdown.rs", &["schedule::adaptive::Gate"]),
    ("schedule/health.rs", &["clock::FOREVER"]),
    ("schedule/trouble.rs", &["plan::Job", "schedule", "target::Origin"]),
    ("schedule/ready.rs", &["plan::Job"]),
    ("schedule/pace.rs", &["rate::Rate", "schedule::quota::Quota"]),
    ("schedule/quota.rs", &[]),
    ("schedule/tests.rs", &["clock", "plan", "request::Request", "schedule"]),
    ("schedule/timed.rs", &[]),
    ("retry_after.rs", &["headers::Headers"]),
    ("schedule/retry.rs", &["error", "statuses::Statuses"]),
    ("transport/mod.rs", &[]),
    ("transport/burst.rs", &["clock"]),
    (
        "transport/collect.rs",
        &["decode::SizeLimits", "error", "headers::Headers", "pieces", "transport::save"],
    ),
    // Exception: a body that goes to a file is decoded from file to file, as it may not fit into memory.
    ("transport/save.rs", &["blocking", "decode", "error", "headers::Headers", "transport::part"]),
    (
        "transport/connect.rs",
        &[
            "config::Config",
            "error",
            "http_version::HttpVersion",
            "proxy",
            "target::Origin",
            "transport::dial",
            "transport::dns",
            "transport::stream",
            "transport::tls",
            "transport::tunnel",
            "transport::verify",
        ],
    ),
    ("transport/dial.rs", &[]),
    ("transport/dns.rs", &["blocking", "clock"]),
    (
        "transport/establish.rs",
        &["clock", "config::Config", "error", "http_version::HttpVersion", "target", "transport"],
    ),
    (
        "transport/http1/mod.rs",
        &[
            "clock",
            "error",
            "location",
            "prepared::Prepared",
            "proxy::Proxy",
            "transport::collect",
            "transport::connect",
            "transport::lane",
            "transport::stream",
            "transport::timer",
        ],
    ),
    // What transfer codings there are is known to whoever undoes them.
    ("transport/http1/framing.rs", &["decode", "headers::Headers"]),
    ("transport/http1/head.rs", &["headers::Headers", "transport::lane"]),
    (
        "transport/http1/send.rs",
        &["error::Error", "outgoing::Outgoing", "prepared::Prepared", "transport::stream"],
    ),
    (
        "transport/http2.rs",
        &[
            "error",
            "headers::Headers",
            "location",
            "outgoing::Outgoing",
            "prepared::Prepared",
            "transport::collect",
            "transport::stream",
            "transport::lane",
            "transport::timer",
            "transport::windows",
        ],
    ),
    (
        "transport/lane.rs",
        &[
            "error",
            "headers::Headers",
            "prepared::Prepared",
            "proxy::Proxy",
            "transport::collect",
            "transport::http1",
            "transport::http2",
        ],
    ),
    ("transport/part.rs", &[]),
    ("transport/pool.rs", &["target"]),
    ("transport/stream.rs", &[]),
    ("transport/timer.rs", &["clock"]),
    ("transport/tls.rs", &["tls_version::TlsVersion", "transport::verify"]),
    (
        "transport/tunnel.rs",
        &[
            "error",
            "proxy::Proxy",
            "target::Origin",
            "transport::stream",
            "transport::http1",
            "transport::lane",
        ],
    ),
    ("transport/windows.rs", &["transport::stream"]),
    ("transport/verify.rs", &["certificate::CertificateFault"]),
    // Exception: where a redirect leads is planned like any URL, so the policy is lent the planner.
    (
        "redirect.rs",
        &["body::Body", "error", "headers::Headers", "location", "plan", "request", "target::Target"],
    ),
    ("cookie_date.rs", &[]),
    ("set_cookie.rs", &["cookie_date"]),
    ("cookies.rs", &["clock", "headers::Headers", "set_cookie::SetCookie", "target::Target"]),
    ("decode/mod.rs", &["error", "headers::Headers", "pieces::Pieces"]),
    ("decode/members.rs", &["decode"]),
    // Between a lane and the main loop.
    (
        "decoding.rs",
        &[
            "blocking",
            "decode",
            "error",
            "transport::collect::Stored",
            "transport::lane::Received",
            "transport::timer",
        ],
    ),
    // Exception: what fuzzers call reaches right to what they try. It is in no build but theirs and the tests'.
    (
        "benching.rs",
        &["clock", "decode", "deliver::Delivery", "headers::Headers", "plan", "request::Request", "schedule"],
    ),
    ("fuzzing/mod.rs", &[]),
    ("fuzzing/decoding.rs", &["decode", "error", "fuzzing::Drawn", "headers::Headers"]),
    (
        "fuzzing/redirect.rs",
        &[
            "fuzzing::Drawn",
            "headers::Headers",
            "plan",
            "redirect::follow",
            "request::Request",
            "target::Target",
        ],
    ),
    (
        "fuzzing/response.rs",
        &[
            "body::Body",
            "clock",
            "fuzzing::Drawn",
            "prepared::Prepared",
            "transport::collect",
            "transport::http1::Http1",
            "transport::lane",
            "transport::stream",
        ],
    ),
    ("fuzzing/retry_after.rs", &["fuzzing::Drawn", "headers::Headers", "retry_after"]),
    ("fuzzing/text.rs", &["charset", "fuzzing::Drawn"]),
    (
        "simulation/mod.rs",
        &[
            "caller",
            "config::Config",
            "proxy::Proxies",
            "receipt::Receipt",
            "request::Request",
            "response::Outcome",
            "run",
            "shared::Shared",
            "transport",
        ],
    ),
    ("simulation/server.rs", &["simulation"]),
    (
        "simulation/tests.rs",
        &["config::Config", "error::Kind", "rate::Rate", "request::Request", "schedule", "simulation"],
    ),
    ("lead.rs", &[]),
    ("order.rs", &[]),
    ("waiting.rs", &["order::Reorder", "plan::Job", "response::Outcome", "unfinished::Left"]),
    ("unfinished.rs", &["plan::Job"]),
    ("deliver.rs", &["plan::Job"]),
    ("destinations.rs", &["error::Error"]),
    // What the threads of a run share: both ends of an event loop, the schedule and the delivery.
    (
        "shared.rs",
        &[
            "clock",
            "config::Config",
            "cookies::Jar",
            "deliver::Delivery",
            "error::Error",
            "failures::FailureTally",
            "plan::Job",
            "plan::Timeouts",
            "progress",
            "schedule::Release",
            "schedule::Room",
            "schedule::Schedule",
            "schedule::budget::RetryBudget",
            "schedule::trouble",
            "stall::InputWait",
            "stop::Stop",
            "transport::part::Parts",
            "target::Origin",
        ],
    ),
    // The main loop: the only file that knows every stage; the delivery, through what is shared.
    (
        "run.rs",
        &[
            "blocking",
            "clock",
            "config::Config",
            "decoding::Decoding",
            "error::Error",
            "error::Kind",
            "error::Phase",
            "parked",
            "plan",
            "readiness::Readiness",
            "redirect",
            "response",
            "retry_after::retry_after",
            "schedule",
            "serve",
            "shared",
            "stall::StallWatch",
            "transport",
        ],
    ),
    (
        "compose.rs",
        &[
            "body::Body",
            "config::Config",
            "cookies::Jar",
            "plan::Job",
            "prepared::Prepared",
            "proxy::Proxy",
            "request",
            "target::Origin",
        ],
    ),
    // A lane's life: between the main loop, which settles what it brings, and the transport.
    (
        "serve.rs",
        &[
            "clock",
            "compose::Templates",
            "config::Config",
            "decoding::is_coded",
            "error::Error",
            "plan::Job",
            "prepared::Prepared",
            "run::EventLoop",
            "target::Origin",
            "transport",
        ],
    ),
    // Beside a lane's life: jobs that have none yet.
    (
        "parked.rs",
        &[
            "clock",
            "plan::Job",
            "run::EventLoop",
            "target",
            "transport::establish::attempt_timed_out",
            "transport::timer",
        ],
    ),
    // The caller's side: plans what it is given, and reaches the stages only through the run it shares.
    // TLS settings pass through it unread.
    (
        "caller.rs",
        &[
            "auth::Authorize",
            "clock",
            "config::Config",
            "control::Control",
            "destinations::Destinations",
            "error::Error",
            "lead::Lead",
            "plan",
            "progress::CallerNews",
            "receipt::Receipt",
            "request::Request",
            "response::Outcome",
            "retry_after::retry_after",
            "run",
            "schedule::retry::Ending",
            "shared::Shared",
            "stop::Stop",
            "transport::connect::Connector",
            "transport::tls::Tls",
            "unfinished",
            "waiting::Waiting",
        ],
    ),
    ("control.rs", &["progress::Progress", "shared::Shared"]),
    (
        "pull.rs",
        &[
            "caller",
            "clock",
            "config::Config",
            "control::Control",
            "receipt::Receipt",
            "request::Request",
            "response::Outcome",
            "stop::Stop",
            "stream::RunStream",
            "transport::tls::Tls",
            "unfinished::Unfinished",
        ],
    ),
    (
        "push.rs",
        &[
            "caller",
            "config::Config",
            "control::Control",
            "receipt::Receipt",
            "request::Request",
            "stop::Stop",
            "transport::tls::Tls",
            "unfinished::Unfinished",
        ],
    ),
    (
        "stream.rs",
        &[
            "caller::Step",
            "clock",
            "config::Config",
            "pull::Run",
            "push::PushedRun",
            "receipt::Receipt",
            "request::Request",
            "response::Outcome",
            "stop::Stop",
            "transport::tls::Tls",
            "unfinished::Unfinished",
        ],
    ),
    (
        "client.rs",
        &[
            "builder::Builder",
            "config::Config",
            "pull::Run",
            "push::PushedRun",
            "request::Request",
            "stream::StreamedRun",
            "transport::tls::Tls",
        ],
    ),
    (
        "builder/mod.rs",
        &[
            "client::Client",
            "config::Config",
            "error::ConfigError",
            "request::names_several_hosts",
            "statuses::Statuses",
            "transport::tls::Tls",
        ],
    ),
    (
        "builder/connections.rs",
        &[
            "builder::Builder",
            "http_version::HttpVersion",
            "proxy::Proxies",
            "tls_version::TlsVersion",
            "transport::tls",
        ],
    ),
    (
        "builder/limits.rs",
        &["builder::Builder", "failures::MaxFailures", "rate", "stall::StallReport", "statuses::OkStatuses"],
    ),
    ("builder/retries.rs", &["builder::Builder", "retry_if", "schedule::health::Patience"]),
    ("builder/requests.rs", &["auth", "body", "builder::Builder", "config::Config", "request"]),
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file, by its path below `src`.
fn files() -> Vec<(String, String)> {
    fn visit(folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(source()).unwrap().to_str().unwrap().replace('\\', "/");
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    visit(&source(), &mut found);
    found.sort();
    found
}

/// The code without comments and without what only tests see.
fn production(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" {
            // A module ends with the first brace that stands at the margin, anything else with `;`.
            let _ =
                lines.by_ref().find(|line| *line == "}" || (line.ends_with(';') && !line.starts_with(' ')));
        } else {
            kept.push_str(line.split("//").next().unwrap_or_default());
            kept.push('\n');
        }
    }
    kept
}

/// The paths named after each `crate::`, groups in braces taken apart.
fn imports(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (position, _) in code.match_indices("crate::") {
        expand("", &code[position + "crate::".len()..], &mut found);
    }
    found
}

/// Reads one path or group at the beginning of `rest`; returns how far it went.
fn expand(prefix: &str, rest: &str, found: &mut BTreeSet<String>) -> usize {
    let is_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '*');
    let end = rest.find(|c: char| !is_path(c)).unwrap_or(rest.len());
    let path = format!("{prefix}{}", &rest[..end]);
    if !rest[end..].starts_with('{') {
        found.insert(path.trim_end_matches("::self").trim_end_matches(':').to_owned());
        return end;
    }
    let mut position = end + 1;
    while position < rest.len() && !rest[position..].starts_with('}') {
        if rest[position..].starts_with(is_path) {
            position += expand(&path, &rest[position..], found);
            // Past an `as name` too.
            position += rest[position..].find([',', '}']).unwrap_or(rest.len() - position);
        } else {
            position += rest[position..].chars().next().map_or(1, char::len_utf8);
        }
    }
    position + 1
}

/// Whether a table's entry covers an import: a module all that is in it, anything else only itself.
fn covers(allowed: &str, import: &str) -> bool {
    let is_module = allowed.rsplit("::").next().unwrap_or_default().starts_with(char::is_lowercase);
    import == allowed
        || (is_module && import.strip_prefix(allowed).is_some_and(|rest| rest.starts_with("::")))
}

/// What is wrong with a file's imports, each named.
fn strangers(name: &str, text: &str) -> Vec<String> {
    let Some((_, allowed)) = ALLOWED.iter().find(|(file, _)| *file == name) else {
        return vec![format!("src/{name} is not in the table of tests/layering.rs")];
    };
    let code = production(text);
    let mut wrong: Vec<_> = imports(&code)
        .into_iter()
        .filter(|import| !allowed.iter().any(|entry| covers(entry, import)))
        .map(|import| format!("src/{name} may not know crate::{import}"))
        .collect();
    if code.contains("super::") {
        wrong.push(format!("src/{name} says super::, which hides what it knows; use crate::"));
    }
    wrong
}

#[test]
fn every_file_knows_only_what_the_table_allows() {
    let wrong: Vec<_> = files().iter().flat_map(|(name, text)| strangers(name, text)).collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn the_table_allows_nothing_that_is_not_used() {
    let files = files();
    let mut idle = Vec::new();
    for (name, allowed) in ALLOWED {
        let text = files.iter().find(|(file, _)| file == name).map(|(_, text)| text.as_str());
        let Some(text) = text else {
            idle.push(format!("src/{name} is gone"));
            continue;
        };
        let imports = imports(&production(text));
        let unused = allowed.iter().filter(|entry| !imports.iter().any(|import| covers(entry, import)));
        idle.extend(unused.map(|entry| format!("src/{name} no longer needs crate::{entry}")));
    }
    assert!(idle.is_empty(), "\n{}\n", idle.join("\n"));
}

#[test]
fn only_the_main_loop_knows_every_stage() {
    // The delivery is reached through what the threads share, so that the caller reaches it too.
    let stages = ["plan", "schedule", "transport", "redirect", "decoding", "shared"];
    for (name, text) in files() {
        let imports = imports(&production(&text));
        let known = |stage: &&str| imports.iter().any(|import| import.split("::").next() == Some(*stage));
        let all = stages.iter().all(known);
        assert_eq!(all, name == "run.rs", "src/{name}");
    }
}

#[test]
fn an_import_that_is_not_in_the_table_is_named_with_its_file() {
    let told = |text| strangers("transport/lane.rs", text).join("\n");
    for text in ["use crate::plan::Job;", "use crate::{error::Error, plan::{self, Job as Work}};"] {
        assert!(told(text).contains("src/transport/lane.rs may not know crate::plan::Job"), "{text}");
    }
    assert!(told("fn a() { crate::decode::decode() }").contains("crate::decode::decode"));
    assert!(told("use super::connect::Connector;").contains("super::"));
    assert_eq!(strangers("new.rs", ""), ["src/new.rs is not in the table of tests/layering.rs"]);
    for text in [
        "use crate::error::{Error, Kind};",
        "/// See [`Job`](crate::plan::Job).",
        "#[cfg(test)]\nmod tests {\n    use crate::plan::Job;\n}\n",
    ] {
        assert_eq!(told(text), "", "{text}");
    }
}
