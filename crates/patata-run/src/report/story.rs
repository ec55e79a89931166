//! What happened, in at most five sentences, each with the command that mends it.

use std::fmt::Write as _;

use super::html::{self, escaped, quoted, shortened};
use super::limits;
use crate::accounts::{LimitedBy, Summary, figures};

/// The most sentences.
const MOST: usize = 5;
/// Characters of a budget's name.
const BUDGET: usize = 60;
/// A sort of failure that is a smaller share of what failed is not spoken of, unless there is room.
const WORTH: f64 = 0.02;

/// A sentence, and the command that mends what it tells of.
#[derive(Debug, Clone, PartialEq)]
struct Sentence {
    text: String,
    command: Option<String>,
}

fn sentence(text: impl Into<String>, command: impl Into<Option<String>>) -> Sentence {
    Sentence { text: text.into(), command: command.into() }
}

pub(crate) fn section(summary: &Summary) -> String {
    let mut section = html::open("What happened");
    section.push_str("<ul class=\"story\">\n");
    for Sentence { text, command } in sentences(summary) {
        let _ = write!(section, "<li>{}", escaped(&shortened(&text, 400).replace(" %", "\u{a0}%")));
        if let Some(command) = command {
            let _ = write!(section, " <code>{}</code>", escaped(&shortened(&command, 300)));
        }
        section.push_str("</li>\n");
    }
    section + "</ul>\n</section>\n"
}

fn sentences(summary: &Summary) -> Vec<Sentence> {
    let mut all = vec![beginning(summary)];
    all.extend(unknown(summary));
    let mut failures = failures(summary);
    let last = [limited(summary), retried(summary)];
    let room = MOST - all.len() - usize::from(last[0].is_some());
    failures.truncate(room);
    all.extend(failures);
    all.extend(last.into_iter().flatten());
    all.truncate(MOST);
    all
}

/// The folder as a word of a command, which takes it for no option.
pub(crate) fn folder(summary: &Summary) -> String {
    match summary.folder.as_str() {
        "" => quoted("run/"),
        folder if folder.starts_with('-') => quoted(&format!("./{folder}")),
        folder => quoted(folder),
    }
}

fn beginning(summary: &Summary) -> Sentence {
    let folder = folder(summary);
    let done = figures::counted(summary.done(), "request");
    let Some(_) = summary.ended else {
        let of = summary.total.map(|total| format!(" of {}", figures::count(total))).unwrap_or_default();
        let text = format!(
            "The run is under way: {}{of} done so far, {} failed.",
            figures::count(summary.done()),
            figures::count(summary.failed)
        );
        return sentence(text, format!("patata status {folder} --watch"));
    };
    let next = summary.next.clone();
    if let Some(reason) = &summary.stopped {
        let reason = reason.trim_end_matches('.');
        return sentence(
            format!("The run ended early after {done}: {reason}. Go on with"),
            next.or_else(|| Some(format!("patata resume {folder}"))),
        );
    }
    match (summary.ok, summary.failed) {
        (0, 0) => sentence("Nothing was sent.", next),
        (_, 0) => sentence(format!("All {done} were answered with a status of success."), next),
        (0, _) => sentence(
            format!("Not one of {done} was a success. Once the cause is mended:"),
            format!("patata retry {folder}"),
        ),
        (_, failed) => {
            let share = figures::share(failed, summary.done());
            let text = format!("{} of {done} failed ({share}). Send them again with", figures::count(failed));
            sentence(text, format!("patata retry {folder}"))
        }
    }
}

fn unknown(summary: &Summary) -> Option<Sentence> {
    // While a run is under way, what is in flight is not unknown.
    let count = Some(summary.unknown).filter(|count| *count > 0 && summary.ended.is_some())?;
    let (requests, they) = (requests_were(count), if count == 1 { "it asks" } else { "they ask" });
    let text = format!(
        "{requests} sent, and no answer is known: the server may have done what {they} for. If doing it twice does no harm:"
    );
    Some(sentence(text, format!("patata retry {} --unknown", folder(summary))))
}

/// What failed, by status or kind, the most frequent first.
fn failures(summary: &Summary) -> Vec<Sentence> {
    let mut all: Vec<(u64, Sentence)> = Vec::new();
    let failed_at = |status: u16| -> u64 {
        let of_status = summary.clusters.iter().filter(|cluster| cluster.status == Some(status));
        of_status.fold(0, |sum, cluster| sum.saturating_add(cluster.count))
    };
    for status in summary.statuses.keys() {
        let count = failed_at(*status);
        if count > 0 {
            all.push((count, of_status(summary, *status, count)));
        }
    }
    for (kind, count) in &summary.errors {
        all.push((*count, of_kind(summary, kind, *count)));
    }
    all.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let is_worth = |count: u64| count as f64 >= summary.failed as f64 * WORTH;
    let worth = all.into_iter().filter(|(count, _)| is_worth(*count)).map(|(_, sentence)| sentence);
    worth.map(|sentence| when_it_can_be(summary, sentence)).collect()
}

/// A folder that a process works at can be retried only once that has ended.
fn when_it_can_be(summary: &Summary, mut sentence: Sentence) -> Sentence {
    let is_retry = sentence.command.as_ref().is_some_and(|command| command.starts_with("patata retry"));
    if summary.ended.is_none() && is_retry {
        sentence.text = format!("{}, once the run has ended:", sentence.text.trim_end_matches(':'));
    }
    sentence
}

fn of_status(summary: &Summary, status: u16, count: u64) -> Sentence {
    let folder = folder(summary);
    let answers = format!("{} answered with {status}", requests_were(count));
    let retry = format!("patata retry {folder} --status {status}");
    match status {
        401 | 403 | 407 => sentence(
            format!("{answers}: the credentials are missing, wrong or not enough. With others (-u or -H):"),
            retry,
        ),
        404 | 410 => sentence(
            format!("{answers}: what they ask for is not there. The list is in"),
            Some("failed.jsonl".to_owned()),
        ),
        408 | 425 | 503 | 504 => sentence(
            format!("{answers}: the server was too busy or not ready. Later, or slower:"),
            slower(summary, &retry),
        ),
        429 => sentence(
            format!("{answers}: the server wants fewer requests a second. Slower:"),
            slower(summary, &retry),
        ),
        400..500 => sentence(
            format!("{answers}: the server holds the requests for wrong. Once they are mended:"),
            retry,
        ),
        500.. => sentence(format!("{answers}: the server failed. Once it is well:"), retry),
        _ => sentence(
            format!("{answers}, which is not among the statuses that count as success. See ok_statuses, or:"),
            format!("{retry} --ok 2xx,{status}"),
        ),
    }
}

/// The command that goes on more slowly: at once, where the run is under way.
fn slower(summary: &Summary, retry: &str) -> String {
    let rate = scaled(summary, "rate", 0.5)
        .unwrap_or_else(|| format!("{}/s", (summary.rate() / 2.0).round().clamp(1.0, 1e6)));
    match summary.ended {
        None => format!("patata set {} --rate {rate}", folder(summary)),
        Some(_) => format!("{retry} --rate {rate}"),
    }
}

/// The number of an option, and what follows it, times so much.
fn scaled(summary: &Summary, option: &str, times: f64) -> Option<String> {
    let value = written(summary, option)?;
    let end = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let number = value[..end].parse::<u32>().ok()?;
    // A text from elsewhere is not made a part of a command.
    let unit = Some(&value[end..])
        .filter(|unit| unit.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'/'))?;
    Some(format!("{}{unit}", (f64::from(number) * times).ceil().max(1.0)))
}

/// The value of an option as a person wrote it.
fn written(summary: &Summary, option: &str) -> Option<String> {
    match summary.options.get(option)? {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Array(values) if values.len() == 1 => values[0].as_str().map(str::to_owned),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn of_kind(summary: &Summary, kind: &str, count: u64) -> Sentence {
    let retry = format!("patata retry {} --kind {}", folder(summary), quoted(kind));
    let (were, ended) =
        (requests_were(count), format!("{} ended in the error {kind:?}", figures::counted(count, "request")));
    match kind {
        "timeout" => sentence(
            format!("{} took too long. With more time:", figures::counted(count, "request")),
            format!("{retry} -m 600"),
        ),
        "connect" | "host unavailable" => sentence(
            format!(
                "For {} no connection came about. Once the server can be reached:",
                figures::counted(count, "request")
            ),
            retry,
        ),
        "resolve" => sentence(
            format!(
                "For {} the host's name was not found. Once it is right and DNS answers:",
                figures::counted(count, "request")
            ),
            retry,
        ),
        "tls" => sentence(
            format!(
                "For {} the server's certificate was not trusted, or TLS failed. With its authority:",
                figures::counted(count, "request")
            ),
            format!("{retry} --cacert ca.pem"),
        ),
        "proxy" => sentence(
            format!("For {} the proxy could not be used. With another:", figures::counted(count, "request")),
            format!("{retry} -x http://proxy:3128"),
        ),
        "invalid request" => sentence(
            format!("{were} not sent, as they are no valid requests. The list is in"),
            Some("failed.jsonl".to_owned()),
        ),
        "too large" => {
            sentence(format!("{ended}. With room for more:"), format!("{retry} --max-response-size 1GB"))
        }
        _ => sentence(format!("{ended}. Again with"), retry),
    }
}

fn requests_were(count: u64) -> String {
    format!("{} {}", figures::counted(count, "request"), if count == 1 { "was" } else { "were" })
}

/// What kept it from being faster, where one thing did for most of the time.
fn limited(summary: &Summary) -> Option<Sentence> {
    let total: f64 = summary.limited_seconds.values().sum();
    let (limit, seconds) = summary.limited_seconds.iter().max_by(|a, b| a.1.total_cmp(b.1))?;
    // How fast failures came is of no interest where there is nothing else.
    if *seconds < total / 2.0 || total < 1.0 || summary.ok == 0 {
        return None;
    }
    let share = figures::share((seconds * 1000.0) as u64, (total * 1000.0) as u64);
    let budget = summary.limiting_budgets.iter().max_by(|a, b| a.1.total_cmp(b.1));
    let what = match budget.filter(|_| *limit == LimitedBy::Budget) {
        Some((budget, _)) => format!("a budget, mostly {}", shortened(budget, BUDGET)),
        None => limits::described(*limit).to_owned(),
    };
    let text = format!("For {share} of the time it was limited by {what}.");
    let option = match limit {
        LimitedBy::Rate => "rate",
        LimitedBy::Concurrency => "concurrency",
        _ => "",
    };
    let was = written(summary, option).map(|value| format!(" (it was {value})")).unwrap_or_default();
    let faster = |unit: &str| {
        let value = scaled(summary, option, 2.0).unwrap_or_else(|| format!("N{unit}"));
        match summary.ended {
            None => format!("patata set {} --{option} {value}", folder(summary)),
            Some(_) => format!("--{option} {value}"),
        }
    };
    let (advice, command) = match limit {
        // A server that has refused what came too fast bears no more.
        LimitedBy::Rate if summary.statuses.contains_key(&429) => (String::new(), None),
        LimitedBy::Rate => (format!("If the server bears more{was}:"), Some(faster("/s"))),
        LimitedBy::Concurrency => (format!("If the server bears more at once{was}:"), Some(faster(""))),
        LimitedBy::Budget => ("A larger budget would have made it faster.".to_owned(), None),
        LimitedBy::Server => ("More at once would not have made it faster.".to_owned(), None),
        LimitedBy::Input => ("A faster source of requests would have made it faster.".to_owned(), None),
        LimitedBy::Consumer => {
            ("A faster disk, or a faster reader of the output, would have made it faster.".to_owned(), None)
        }
        LimitedBy::Paused => {
            ("It goes on with".to_owned(), Some(format!("patata resume {}", folder(summary))))
        }
        LimitedBy::Other => return None,
    };
    Some(sentence(format!("{text} {advice}").trim_end(), command))
}

fn retried(summary: &Summary) -> Option<Sentence> {
    let more = summary.attempts.saturating_sub(summary.done());
    let is_much = summary.done() > 0 && more as f64 > summary.done() as f64 * 0.05;
    is_much.then(|| {
        let share = figures::share(more, summary.attempts);
        sentence(format!("{} were repeated ({share} of all).", figures::counted(more, "attempt")), None)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Cluster;

    fn told(summary: &Summary) -> Vec<String> {
        let text = |Sentence { text, command }| match command {
            Some(command) => format!("{text} `{command}`"),
            None => text,
        };
        sentences(summary).into_iter().map(text).collect()
    }

    fn ended() -> Summary {
        Summary { ended: Some(9.0), folder: "my run/".to_owned(), ..Summary::default() }
    }

    #[test]
    fn a_run_that_went_well_is_one_sentence() {
        let summary = Summary { ok: 1000, attempts: 1000, ..ended() };
        assert_eq!(told(&summary), ["All 1,000 requests were answered with a status of success."]);
        assert_eq!(told(&ended()), ["Nothing was sent."]);
    }

    #[test]
    fn each_failure_has_the_command_that_mends_it() {
        let cluster = |status, count| Cluster { status: Some(status), count, ..Cluster::default() };
        let summary = Summary {
            ok: 900,
            failed: 101,
            unknown: 1,
            attempts: 1300,
            statuses: [(200, 900), (429, 60), (404, 1)].into(),
            errors: [("timeout".to_owned(), 40)].into(),
            clusters: vec![cluster(429, 60), cluster(404, 1)],
            options: [("rate".to_owned(), "100/s".into())].into(),
            limited_seconds: [(LimitedBy::Rate, 90.0), (LimitedBy::Server, 10.0)].into(),
            ..ended()
        };
        assert_eq!(
            told(&summary),
            [
                "101 of 1,001 requests failed (10.1 %). Send them again with `patata retry 'my run/'`",
                "1 request was sent, and no answer is known: the server may have done what it asks for. \
                 If doing it twice does no harm: `patata retry 'my run/' --unknown`",
                "60 requests were answered with 429: the server wants fewer requests a second. Slower: \
                 `patata retry 'my run/' --status 429 --rate 50/s`",
                "40 requests took too long. With more time: `patata retry 'my run/' --kind timeout -m 600`",
                "For 90 % of the time it was limited by a rate.",
            ]
        );
    }

    #[test]
    fn what_limited_it_is_said_with_what_would_change_it() {
        let options = [("rate".to_owned(), "100/s".into()), ("concurrency".to_owned(), 8.into())];
        let summary = Summary { ok: 9, attempts: 9, options: options.into(), ..ended() };
        for (limit, expected) in [
            (LimitedBy::Rate, "a rate. If the server bears more (it was 100/s): `--rate 200/s`"),
            (
                LimitedBy::Concurrency,
                "concurrency. If the server bears more at once (it was 8): `--concurrency 16`",
            ),
            (LimitedBy::Server, "the servers. More at once would not have made it faster."),
            (LimitedBy::Paused, "a pause. It goes on with `patata resume 'my run/'`"),
        ] {
            let limited_seconds = [(limit, 10.0)].into();
            let told = told(&Summary { limited_seconds, ..summary.clone() });
            assert_eq!(told[1], format!("For 100 % of the time it was limited by {expected}"));
        }
    }

    #[test]
    fn there_are_never_more_than_five() {
        let errors = (0..20).map(|number| (format!("kind {number}"), 10)).collect();
        let mut summary = Summary { ok: 1, failed: 200, attempts: 900, unknown: 3, errors, ..ended() };
        for limit in LimitedBy::ALL {
            summary.limited_seconds = [(limit, 10.0)].into();
            assert!(told(&summary).len() <= 5);
        }
    }

    #[test]
    fn a_run_under_way_says_how_to_watch_it() {
        let summary = Summary {
            ok: 10,
            failed: 2,
            errors: [("timeout".to_owned(), 2)].into(),
            total: Some(100),
            attempts: 12,
            folder: "run/".to_owned(),
            ..Summary::default()
        };
        assert_eq!(
            told(&summary),
            [
                "The run is under way: 12 of 100 done so far, 2 failed. `patata status run/ --watch`",
                "2 requests took too long. With more time, once the run has ended: \
                 `patata retry run/ --kind timeout -m 600`",
            ]
        );
    }
}
