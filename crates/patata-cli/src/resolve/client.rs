//! The client: every option of the engine that a flag sets.

use std::sync::Arc;

use patata::{Builder, Client, ConfigError, HttpVersion, TlsVersion};
use patata_budget::{ClientOptions, Handle, join};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::caching::with_cache;
use super::costs::{self, Settling};
use super::template::{is_of_request, is_of_rows};
use crate::args::commands::{RequestArgs, RunArgs};
use crate::args::connections::{ConnectionFlags, Http, Tls};
use crate::args::limits::{BudgetFlags, FailureFlags, LimitFlags};
use crate::args::request::RequestFlags;
use crate::args::retries::{RetryFlags, TimeFlags};
use crate::args::values::{Concurrency, Header, Pair};
use crate::environment::Environment;
use crate::exit::Failure;
use crate::secrets::filled;
use crate::variables::names_variable;

/// That of a run. What has places for fields is left to the template.
pub(super) fn for_run(args: &RunArgs, environment: &Environment) -> Result<(Client, Arc<Settling>), Failure> {
    let mut builder = Client::builder().ordered(args.output.ordered);
    builder = with_request(builder, &args.request, environment, (true, args.pages.pages.is_some()))?;
    builder = with_shared_budget(builder, &args.limits.budgets, environment)?;
    builder = some(builder, args.limits.workers, |builder, count| builder.num_workers(count.get()));
    builder = with_failures(builder, &args.failures);
    builder = with_retries(builder, &args.retries);
    builder = with_times(builder, &args.times);
    builder = with_cache(builder, &args.cache, args.distinct.if_changed)?;
    let client = with_connections(builder, &args.connections, environment)?.build().map_err(refused)?;
    // As those of a run, and not of its client, whose limits cannot be changed while it is under way.
    let builder = with_limits(client.to_builder(), &args.limits);
    let (builder, settling) = costs::settled(builder, &args.costs.settle);
    Ok((builder.build().map_err(refused)?, settling))
}

/// That of one request: there is nothing to share among threads.
pub(super) fn for_one(args: &RequestArgs, environment: &Environment) -> Result<Client, Failure> {
    let mut builder = Client::builder().num_workers(1);
    builder = match args.pages.pages {
        // Several may be asked for at once, and are printed in their order.
        Some(_) => builder.ordered(true),
        None => builder.concurrency(1),
    };
    builder = with_request(builder, &args.request, environment, (false, args.pages.pages.is_some()))?;
    builder = with_shared_budget(builder, &args.budgets, environment)?;
    builder = with_own_budgets(builder, &args.budgets);
    builder = with_retries(builder, &args.retries);
    builder = with_times(builder, &args.times);
    builder = with_cache(builder, &args.cache, false)?;
    builder = some(builder, args.ok.as_ref(), |builder, ok| builder.ok_statuses(ok.0.clone()));
    if args.output.is_some() && args.request.max_response_size.is_none() {
        // What goes to a file takes no memory.
        builder = builder.max_response_size(usize::MAX);
    }
    with_connections(builder, &args.connections, environment)?.build().map_err(refused)
}

/// Sets what each request says. Where there are rows, what has places for their fields is left out; where there are pages, the
/// parameters that are the first one's own.
fn with_request(
    mut builder: Builder,
    flags: &RequestFlags,
    environment: &Environment,
    (has_rows, has_pages): (bool, bool),
) -> Result<Builder, Failure> {
    let fill = |flag: &str, text: &str| filled(flag, text, environment, str::to_owned);
    if let Some(user) = &flags.user {
        let user = fill("-u", user)?;
        let (name, password) = user.split_once(':').ok_or_else(|| {
            Failure::usage("-u: the password is missing; write NAME:env:PASSWORD, or NAME: for an empty one")
        })?;
        builder = builder.basic_auth(name, password);
    }
    if let Some(token) = &flags.bearer {
        builder = builder.bearer_auth(fill("--bearer", token)?);
    }
    if flags.json.is_some() {
        builder = builder.accept("application/json");
    }
    for header in &flags.headers {
        builder = match header {
            Header::LeftOut(name) => builder.without_header(name),
            Header::Set(name, value) if has_rows && is_of_rows(name, value) => builder,
            Header::Set(name, value) => builder.header(name, fill("-H", value)?),
        };
    }
    if let Some(name) = &flags.user_agent {
        builder = builder.header("user-agent", name);
    }
    if !flags.cookies.is_empty() {
        if flags.cookies.iter().any(|cookies| !cookies.contains('=')) {
            return Err(Failure::usage("-b: cookies are written as NAME=VALUE; a file of them is not read"));
        }
        builder = builder.header("cookie", fill("-b", &flags.cookies.join("; "))?);
    }
    let is_own = |pair: &&Pair| match has_rows {
        true => is_of_request(pair, has_pages),
        false => has_pages && !names_variable(&pair.1),
    };
    for pair in flags.params.iter().filter(|pair| !is_own(pair)) {
        builder = builder.param(&pair.0, fill("--param", &pair.1)?);
    }
    if flags.cookie_jar {
        builder = builder.cookie_jar(true);
    }
    builder = some(builder, flags.max_redirects, Builder::max_redirects);
    if flags.no_follow_redirects {
        builder = builder.follow_redirects(false);
    }
    builder = some(builder, flags.max_response_size, Builder::max_response_size);
    Ok(some(builder, flags.max_decompression_ratio, |builder, ratio| builder.max_decompression_ratio(ratio)))
}

fn with_limits(mut builder: Builder, flags: &LimitFlags) -> Builder {
    builder = some(builder, flags.concurrency, |builder, concurrency| match concurrency {
        Concurrency::Auto => builder.concurrency_auto(),
        Concurrency::Count(count) => builder.concurrency(count),
    });
    builder =
        some(builder, flags.concurrency_per_host, |builder, count| builder.concurrency_per_host(count.get()));
    builder = flags.rate.iter().fold(builder, Builder::rate);
    builder = flags.rate_per_host.iter().fold(builder, Builder::rate_per_host);
    if flags.no_learn_limits {
        builder = builder.learn_limits(false);
    }
    builder = with_own_budgets(builder, &flags.budgets);
    builder = flags
        .budget_per_host
        .iter()
        .fold(builder, |builder, budget| builder.budget_per_host(&budget.unit, &budget.rate));
    some(builder, flags.queue_max_size, |builder, count| builder.queue_max_size(count.get()))
}

fn with_own_budgets(builder: Builder, flags: &BudgetFlags) -> Builder {
    flags.own().fold(builder, |builder, budget| builder.budget(&budget.unit, &budget.rate))
}

/// Joins a shared budget. Nothing is connected yet.
fn with_shared_budget(
    builder: Builder,
    flags: &BudgetFlags,
    environment: &Environment,
) -> Result<Builder, Failure> {
    let mut handles = flags.shared();
    let Some(text) = handles.next() else {
        return match flags.budget_timeout {
            None => Ok(builder),
            Some(_) => Err(Failure::usage(
                "--budget-timeout: there is no shared budget that could be waited for; give its handle by --budget",
            )),
        };
    };
    if handles.next().is_some() {
        return Err(Failure::usage(
            "--budget: one budget can be shared, and there are several handles; leave one",
        ));
    }
    // A variable is a whole handle, or a part of one.
    let is_whole = text.starts_with("env:");
    let encoded = |value: &str| match is_whole {
        true => value.trim().to_owned(),
        false => utf8_percent_encode(value, NON_ALPHANUMERIC).to_string(),
    };
    let handle: Handle = filled("--budget", text, environment, encoded)?
        .parse()
        .map_err(|error| Failure::usage(format!("--budget: {error}")))?;
    let mut options = ClientOptions::default();
    options.budget_timeout = flags.budget_timeout.unwrap_or(options.budget_timeout);
    Ok(builder.allotment(&join(handle, options)))
}

fn with_failures(mut builder: Builder, flags: &FailureFlags) -> Builder {
    builder = some(builder, flags.max_failures, |builder, budget| builder.max_failures(budget.0));
    builder = some(builder, flags.ok.as_ref(), |builder, ok| builder.ok_statuses(ok.0.clone()));
    some(builder, flags.abort_on.as_ref(), |builder, statuses| builder.abort_on(statuses.0.clone()))
}

fn with_retries(mut builder: Builder, flags: &RetryFlags) -> Builder {
    // As curl counts: what is sent again.
    builder = some(builder, flags.retry, |builder, again| builder.retries(again.saturating_add(1)));
    builder = some(builder, flags.retries, |builder, attempts| builder.retries(attempts.get()));
    builder = some(builder, flags.retry_statuses.as_ref(), |builder, statuses| {
        builder.retry_statuses(statuses.0.clone())
    });
    builder = some(builder, flags.retry_budget, |builder, budget| builder.retry_budget(budget.0));
    builder = some(builder, flags.backoff, Builder::backoff);
    builder = some(builder, flags.max_backoff, Builder::max_backoff);
    builder.retry_non_idempotent(flags.retry_non_idempotent).idempotency_key(flags.idempotency_key)
}

fn with_times(mut builder: Builder, flags: &TimeFlags) -> Builder {
    builder = some(builder, flags.timeout, Builder::timeout);
    builder = some(builder, flags.connect_timeout, Builder::connect_timeout);
    builder = some(builder, flags.total_timeout, Builder::total_timeout);
    builder = some(builder, flags.host_timeout, |builder, limit| builder.host_timeout(limit));
    some(builder, flags.deadline, Builder::deadline)
}

fn with_connections(
    mut builder: Builder,
    flags: &ConnectionFlags,
    environment: &Environment,
) -> Result<Builder, Failure> {
    if let Some(proxy) = &flags.proxy {
        let encoded = |value: &str| utf8_percent_encode(value, NON_ALPHANUMERIC).to_string();
        let proxy = filled("-x", proxy, environment, encoded)?;
        // As curl takes it.
        let has_scheme = proxy.contains("://");
        builder = builder.proxy(if has_scheme { proxy } else { format!("http://{proxy}") });
    }
    if flags.no_proxy {
        builder = builder.without_proxy();
    }
    builder = some(builder, flags.cacert.as_ref(), Builder::ca_file);
    if flags.insecure {
        builder = builder.verify(false);
    }
    builder = some(builder, flags.cert.as_ref(), |builder, cert| builder.cert(cert, flags.key.as_deref()));
    for resolve in &flags.resolve {
        builder = builder.resolve(&resolve.host, resolve.addresses.iter().copied());
    }
    builder = some(builder, flags.unix_socket.as_ref(), Builder::unix_socket);
    builder = some(builder, flags.http, |builder, version| {
        builder.http_version(match version {
            Http::One => HttpVersion::Http1,
            Http::Two => HttpVersion::Http2,
        })
    });
    Ok(some(builder, flags.tls_min, |builder, version| {
        builder.min_tls_version(match version {
            Tls::OneTwo => TlsVersion::Tls12,
            Tls::OneThree => TlsVersion::Tls13,
        })
    }))
}

/// Sets an option that was given.
fn some<V>(builder: Builder, value: Option<V>, set: impl FnOnce(Builder, V) -> Builder) -> Builder {
    match value {
        Some(value) => set(builder, value),
        None => builder,
    }
}

/// What the engine refuses, by the flag that says it.
pub(super) fn refused(error: ConfigError) -> Failure {
    let flag = match error.option {
        "headers" => "--header".to_owned(),
        "verify" => "--cacert".to_owned(),
        "auth" => "--user".to_owned(),
        "cookies" => "--cookie".to_owned(),
        "http_version" => "--http".to_owned(),
        "ok_statuses" => "--ok".to_owned(),
        "num_workers" => "--workers".to_owned(),
        "budgets" => "--budget".to_owned(),
        "budgets_per_host" => "--budget-per-host".to_owned(),
        option => format!("--{}", option.replace('_', "-")),
    };
    Failure::usage(format!("{flag} must be {}, got {}", error.allowed, error.value))
}
