//! What a run would do, found out without sending anything but probes.

mod estimate;
mod survey;

use std::io::{self, Write};
use std::time::Duration;

use patata::{Client, Request};
use patata_run::figures;

use self::estimate::{Limits, estimate};
use self::survey::Survey;
use crate::args::commands::RunArgs;
use crate::exit::{Exit, Failure};
use crate::paging::Paging;
use crate::resolve::Plan;

/// Bad rows that are shown.
const SHOWN: usize = 20;
/// Hosts that are shown.
const HOSTS: usize = 10;

pub(super) fn perform(plan: &Plan, args: &RunArgs) -> Result<Exit, Failure> {
    let most = args.rehearsal.probe.map_or(0, usize::from);
    let survey = survey::survey(plan, most, &args.rehearsal.probe_method)?;
    let exit = if survey.bad == 0 { Exit::Ok } else { Exit::Failed };
    Failure::of_stdout(print(&survey))?;
    if plan.paging.as_ref().is_some_and(Paging::follows) {
        let hint = "each of them may lead to more pages (--pages), which are not among these numbers";
        Failure::of_stdout(writeln!(io::stdout().lock(), "{hint}"))?;
    }
    if most > 0 {
        let requests = survey.requests();
        let probes = Probes::send(&plan.client, survey.probes);
        Failure::of_stdout(print_probes(&probes, requests, args))?;
    } else {
        let hint = "nothing was sent; add --probe 10 to find out how long it will take";
        Failure::of_stdout(writeln!(io::stdout().lock(), "{hint}"))?;
    }
    Ok(exit)
}

fn print(survey: &Survey) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let methods: Vec<_> =
        survey.methods.iter().map(|(method, count)| format!("{} {method}", figures::count(*count))).collect();
    let of = if methods.is_empty() { String::new() } else { format!(": {}", methods.join(", ")) };
    writeln!(
        out,
        "{} in the input, {}{of}",
        figures::counted(survey.rows, "row"),
        figures::counted(survey.requests(), "request")
    )?;
    if survey.bodies > 0 {
        writeln!(
            out,
            "{} with a body, {} in all",
            figures::counted(survey.bodies, "request"),
            figures::bytes(survey.bytes)
        )?;
    }
    let mut hosts: Vec<_> = survey.hosts.iter().collect();
    hosts.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
    for (host, count) in hosts.iter().take(HOSTS) {
        writeln!(out, "  {} to {host}", figures::count(**count))?;
    }
    let rest: u64 = hosts.iter().skip(HOSTS).map(|(_, count)| **count).sum();
    if rest > 0 || survey.other_hosts > 0 {
        writeln!(out, "  {} to other hosts", figures::count(rest + survey.other_hosts))?;
    }
    if survey.bad > 0 {
        writeln!(out, "{} that cannot be sent:", figures::counted(survey.bad, "row"))?;
        for message in &survey.messages {
            writeln!(out, "  {message}")?;
        }
        let more = survey.bad - survey.messages.len() as u64;
        if more > 0 {
            writeln!(out, "  and {more} more")?;
        }
    }
    Ok(())
}

/// What came of the probes.
#[derive(Debug, Default)]
struct Probes {
    sent: u64,
    ok: u64,
    bytes: u64,
    elapsed: Vec<Duration>,
    examples: Vec<String>,
}

impl Probes {
    fn send(client: &Client, requests: Vec<Request<()>>) -> Self {
        let mut probes = Self::default();
        for outcome in client.run(requests) {
            probes.sent += 1;
            let is_ok = client.is_ok(&outcome);
            probes.ok += u64::from(is_ok);
            probes.elapsed.push(outcome.elapsed);
            match &outcome.result {
                Ok(response) => {
                    probes.bytes += response.body.len() as u64;
                    if !is_ok {
                        probes.examples.push(format!("{}: {}", response.url, response.status));
                    }
                }
                Err(error) => probes.examples.push(error.to_string()),
            }
        }
        probes.elapsed.sort();
        probes
    }

    fn median(&self) -> Duration {
        self.elapsed.get(self.elapsed.len() / 2).copied().unwrap_or_default()
    }
}

fn print_probes(probes: &Probes, requests: u64, args: &RunArgs) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if probes.sent == 0 {
        return writeln!(
            out,
            "no probe was sent, as none of the requests is a GET; --probe-method POST sends some all the same"
        );
    }
    let milliseconds = probes.median().as_secs_f64() * 1000.0;
    let failed = probes.sent - probes.ok;
    writeln!(
        out,
        "{} sent: {} ok, {failed} failed; half of them took {} or less",
        figures::counted(probes.sent, "probe"),
        probes.ok,
        figures::milliseconds(milliseconds)
    )?;
    for example in probes.examples.iter().take(3) {
        writeln!(out, "  {example}")?;
    }
    let estimate = estimate(requests, probes.median(), &Limits::of(&args.limits));
    writeln!(
        out,
        "about {} for all, limited by {}",
        figures::seconds(estimate.seconds),
        estimate.limited_by
    )?;
    writeln!(out, "about {} of bodies will come", figures::bytes(probes.bytes / probes.sent * requests))
}
