//! The headers and bodies of OpenAI's chat completions.

use serde_json::{Value, json};

use super::Prompt;
use super::account::Account;

pub(super) fn headers(account: &Account) -> Vec<(String, String)> {
    let units = [("requests", &account.requests), ("tokens", &account.tokens)];
    let lines = units.into_iter().flat_map(|(unit, bucket)| {
        [
            (format!("x-ratelimit-limit-{unit}"), bucket.limit.to_string()),
            (format!("x-ratelimit-remaining-{unit}"), bucket.remaining().to_string()),
            (format!("x-ratelimit-reset-{unit}"), duration(bucket.until_full())),
        ]
    });
    lines.collect()
}

/// As Go writes it: `6m0s`, `1.5s`, `12ms`.
fn duration(seconds: f64) -> String {
    let milliseconds = (seconds * 1000.0).round();
    if milliseconds < 1000.0 {
        return format!("{milliseconds}ms");
    }
    let minutes = (milliseconds / 60_000.0).floor();
    let rest = (milliseconds - minutes * 60_000.0) / 1000.0;
    if minutes > 0.0 { format!("{minutes}m{rest}s") } else { format!("{rest}s") }
}

pub(super) fn body(prompt: &Prompt, number: u64) -> Value {
    json!({
        "id": format!("chatcmpl-{number}"),
        "object": "chat.completion",
        "model": "echo",
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": prompt.answer },
            "finish_reason": "stop",
        }],
        "usage": {
            "prompt_tokens": prompt.tokens,
            "completion_tokens": prompt.answer_tokens,
            "total_tokens": prompt.tokens + prompt.answer_tokens,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_go_does() {
        for (seconds, text) in [(0.0, "0ms"), (0.012, "12ms"), (1.0, "1s"), (7.66, "7.66s"), (360.0, "6m0s")]
        {
            assert_eq!(duration(seconds), text);
        }
    }
}
