//! The report of a run: one page of HTML that needs nothing else, made from the accounts.

mod budgets;
mod charts;
mod clock;
mod course;
mod failures;
mod frame;
mod hosts;
mod html;
mod latencies;
mod limits;
mod receipt;
mod story;

use std::fmt::Write as _;

use crate::accounts::{Summary, Timeline, figures};
use html::{escaped, shortened};

const STYLE: &str = include_str!("style.css");
/// Nothing is loaded and nothing runs, whatever a server has sent: only what stands in the page is shown.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
/// Bytes that the options may take.
const OPTIONS: usize = 6_000;
/// Characters of a command that are shown.
const COMMAND: usize = 1000;
/// Characters of an option's value.
const VALUE: usize = 300;

/// The report of a run that has ended or is under way, as one page of HTML: no script, nothing that is loaded, at most
/// 150 KB whatever the length of the run.
///
/// ```
/// use patata_run::{Summary, Timeline, report};
///
/// let summary = Summary { command: "patata run urls.csv -o run/".to_owned(), ..Summary::default() };
/// let page = report(&summary, &Timeline::default());
/// assert!(page.starts_with("<!doctype html>"));
/// assert!(page.contains("patata run urls.csv -o run/"));
/// assert!(!page.contains("<script"));
/// ```
pub fn report(summary: &Summary, timeline: &Timeline) -> String {
    let mut page = String::with_capacity(100_000);
    let title = escaped(&shortened(&title(summary), 120)).to_string();
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
    );
    for section in [
        head(summary),
        receipt::receipt(summary),
        receipt::tiles(summary, timeline),
        story::section(summary),
        course::section(timeline),
        latencies::course(timeline),
        limits::section(summary, timeline),
        budgets::section(timeline),
        latencies::histogram(summary),
        hosts::section(summary, timeline),
        failures::section(summary),
        options(summary),
        foot(summary, timeline),
    ] {
        page.push_str(&section);
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn title(summary: &Summary) -> String {
    if summary.folder.is_empty() { "patata: a run".to_owned() } else { format!("patata: {}", summary.folder) }
}

/// How the run stands, in a word, and the class that colours it.
fn state(summary: &Summary) -> (&'static str, &'static str) {
    match (summary.ended, &summary.stopped) {
        (None, _) => ("under way", "busy"),
        (Some(_), Some(_)) => ("ended early", "bad"),
        (Some(_), None) if summary.failed == 0 && summary.unknown == 0 => ("done, all ok", "good"),
        (Some(_), None) if summary.ok == 0 => ("done, nothing ok", "bad"),
        (Some(_), None) => ("done, some failed", "fair"),
    }
}

fn head(summary: &Summary) -> String {
    let (state, class) = state(summary);
    let command = shortened(&summary.command, COMMAND);
    let mut facts = Vec::new();
    if summary.started > 0.0 {
        let end = match summary.ended {
            Some(ended) => clock::until(summary.started, ended),
            None => format!("as of {}", clock::utc(summary.time)),
        };
        facts.push(format!("{} {} {end}", clock::utc(summary.started), html::ARROW));
    }
    if summary.processes > 1 {
        facts.push(format!("{} processes", figures::count(summary.processes.into())));
    }
    if !summary.versions.is_empty() {
        facts.push(format!("patata {}", shortened(&summary.versions.join(", "), 100)));
    }
    format!(
        "<header>\n<p class=\"state {class}\">{state}</p>\n<h1><code>{}</code></h1>\n<p class=\"facts\">{}</p>\n</header>\n",
        escaped(&command),
        escaped(&facts.join(" · "))
    )
}

fn options(summary: &Summary) -> String {
    if summary.options.is_empty() {
        return String::new();
    }
    let mut section = html::open("Options");
    section.push_str("<table class=\"options\">\n");
    let row = |(name, value): (&String, &serde_json::Value)| {
        let value = match value {
            serde_json::Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        let (name, value) = (shortened(name, 60), shortened(&value, VALUE));
        let (name, value) = (escaped(&name), escaped(&value));
        format!("<tr><th scope=\"row\"><code>{name}</code></th><td><code>{value}</code></td></tr>\n")
    };
    let shown = html::fill(&mut section, OPTIONS, summary.options.iter().map(row));
    section.push_str("</table>\n");
    html::note_of_more(&mut section, summary.options.len() - shown, "option");
    section + "</section>\n"
}

fn foot(summary: &Summary, timeline: &Timeline) -> String {
    let mut notes = vec![format!("Figures of {}; all times are UTC.", clock::utc(summary.time))];
    if timeline.skipped_lines() > 0 {
        let lines = figures::counted(timeline.skipped_lines(), "line");
        notes.push(format!(
            "{lines} of timeline.jsonl could not be read, as a process that ends in the middle leaves them."
        ));
    }
    format!("<footer>{}</footer>\n", escaped(&notes.join(" ")))
}

#[cfg(test)]
mod tests;
