//! The headers and bodies of Anthropic's messages.

use std::time::Duration;

use serde_json::{Value, json};

use super::Prompt;
use super::account::{Account, Bucket};

/// From this limit on, what remains of tokens is told in thousands.
const IN_THOUSANDS: f64 = 10_000.0;

pub(super) fn headers(account: &Account, since_epoch: Duration) -> Vec<(String, String)> {
    let of_a_kind = [("input-tokens", account.input.as_ref()), ("output-tokens", account.output.as_ref())];
    let of_a_kind = of_a_kind.into_iter().filter_map(|(unit, bucket)| Some((unit, bucket?)));
    // Of tokens as such, the limit is told that is the nearest.
    let all = of_a_kind.clone().map(|(_, bucket)| bucket).chain([&account.tokens]);
    let nearest = all.min_by(|one, other| one.part().total_cmp(&other.part()));
    let units = [("requests", &account.requests), ("tokens", nearest.unwrap_or(&account.tokens))];
    let lines = units.into_iter().chain(of_a_kind).flat_map(|(unit, bucket)| {
        let full = since_epoch.as_secs_f64() + bucket.until_full();
        [
            (format!("anthropic-ratelimit-{unit}-limit"), bucket.limit.to_string()),
            (format!("anthropic-ratelimit-{unit}-remaining"), remaining(unit, bucket).to_string()),
            (format!("anthropic-ratelimit-{unit}-reset"), date(full.ceil() as i64)),
        ]
    });
    lines.collect()
}

fn remaining(unit: &str, bucket: &Bucket) -> f64 {
    let remaining = bucket.remaining();
    let is_rounded = unit != "requests" && bucket.limit >= IN_THOUSANDS;
    if is_rounded { (remaining / 1000.0).round() * 1000.0 } else { remaining }
}

/// By RFC 3339, from seconds since the epoch.
fn date(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // The calendar that begins its years in March, so that leap days come last.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day = days.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, turned) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + era * 400 + turned;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

pub(super) fn body(prompt: &Prompt, number: u64) -> Value {
    json!({
        "id": format!("msg_{number}"),
        "type": "message",
        "role": "assistant",
        "model": "echo",
        "content": [{ "type": "text", "text": prompt.answer }],
        "stop_reason": "end_turn",
        "usage": { "input_tokens": prompt.tokens, "output_tokens": prompt.answer_tokens },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_767_323_045, "2026-01-02T03:04:05Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
        ] {
            assert_eq!(date(seconds), text);
        }
    }
}
