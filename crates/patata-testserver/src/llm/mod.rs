//! Language models that repeat what they are told, under the limits and with the headers of OpenAI's API and of
//! Anthropic's: what is answered at which time, worked out without any input or output.

mod account;
mod anthropic;
mod openai;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use account::{Account, Admission, Takes};

/// What an account of a language model's API may use.
///
/// ```
/// let limits = patata_testserver::LlmLimits { input_tokens_per_minute: Some(30_000), ..Default::default() };
/// assert_eq!((limits.requests_per_minute, limits.tokens_per_minute), (500, 90_000));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LlmLimits {
    /// Requests in a minute, which come back bit by bit: so many at once at the most.
    pub requests_per_minute: u32,
    /// Tokens in a minute, of prompts and answers, likewise.
    pub tokens_per_minute: u64,
    /// Tokens of prompts in a minute, where they have a limit besides, as with Anthropic. OpenAI's API knows of none.
    pub input_tokens_per_minute: Option<u64>,
    /// Tokens of answers in a minute, likewise.
    pub output_tokens_per_minute: Option<u64>,
}

impl Default for LlmLimits {
    fn default() -> Self {
        Self {
            requests_per_minute: 500,
            tokens_per_minute: 90_000,
            input_tokens_per_minute: None,
            output_tokens_per_minute: None,
        }
    }
}

/// What an API has been asked for so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LlmCounts {
    /// Requests, refused ones among them.
    pub requests: u64,
    /// Those that were refused with a 429.
    pub refused: u64,
    /// Tokens of those that were not.
    pub tokens: u64,
    /// Those of them that were of answers.
    pub output_tokens: u64,
}

/// What an API answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LlmAnswer {
    /// 200, 400 or 429.
    pub status: u16,
    /// Those of the limits, `retry-after` among them.
    pub headers: Vec<(String, String)>,
    /// JSON.
    pub body: String,
}

/// An account of a language model's API: `POST /v1/chat/completions` is answered as OpenAI does, and
/// `POST /v1/messages` as Anthropic.
///
/// The model repeats the last message, cut off after `max_tokens` words, or after 16 where a request says nothing of
/// it; a word is a token. It knows no clock, so that tests may say what time it is.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use patata_testserver::{Llm, LlmLimits};
///
/// let api = Llm::new(LlmLimits { requests_per_minute: 1, tokens_per_minute: 1000, ..LlmLimits::default() });
/// let body = br#"{"messages": [{"role": "user", "content": "say it again"}], "max_tokens": 2}"#;
/// let ask = |second| api.answer("/v1/chat/completions", body, Duration::from_secs(second), SystemTime::now()).unwrap();
/// assert!(ask(0).body.contains(r#""content":"say it""#));
/// assert_eq!((ask(1).status, ask(60).status), (429, 200));
/// assert_eq!((api.counts().requests, api.counts().refused, api.counts().tokens), (3, 1, 10));
/// ```
#[derive(Debug)]
pub struct Llm {
    account: Mutex<(Account, LlmCounts)>,
}

/// Whose API it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    OpenAi,
    Anthropic,
}

/// What is asked for.
struct Prompt {
    /// Words of all messages.
    tokens: u64,
    /// What is answered, and of how many words.
    answer: String,
    answer_tokens: u64,
}

impl Llm {
    /// One whose limits are used up by nothing yet.
    pub fn new(limits: LlmLimits) -> Self {
        Self { account: Mutex::new((Account::new(limits), LlmCounts::default())) }
    }

    /// What is answered to a request for this path, so long after the beginning, which is at this date. `None` where the
    /// path is not one of these.
    pub fn answer(&self, path: &str, body: &[u8], passed: Duration, date: SystemTime) -> Option<LlmAnswer> {
        let dialect = match path {
            "/v1/chat/completions" => Dialect::OpenAi,
            "/v1/messages" => Dialect::Anthropic,
            _ => return None,
        };
        let (account, counts) = &mut *self.account.lock().unwrap_or_else(PoisonError::into_inner);
        counts.requests += 1;
        let Some(prompt) = Prompt::read(body) else {
            account.refill(passed);
            let headers = dialect.headers(account, date);
            return Some(dialect.error(
                400,
                "messages: a list of messages with a content is needed",
                headers,
            ));
        };
        let admission = account.ask(passed, dialect.takes(&prompt));
        let mut headers = dialect.headers(account, date);
        Some(match admission {
            Admission::Granted => {
                counts.tokens += prompt.tokens + prompt.answer_tokens;
                counts.output_tokens += prompt.answer_tokens;
                LlmAnswer { status: 200, headers, body: dialect.body(&prompt, counts.requests).to_string() }
            }
            Admission::Refused { what, wait } => {
                counts.refused += 1;
                headers.push(("retry-after".to_owned(), wait.as_secs_f64().ceil().to_string()));
                if dialect == Dialect::OpenAi {
                    headers.push(("retry-after-ms".to_owned(), (wait.as_millis() + 1).to_string()));
                }
                dialect.error(429, &format!("the limit of {what} per minute is reached"), headers)
            }
        })
    }

    /// What it has been asked for so far.
    pub fn counts(&self) -> LlmCounts {
        self.account.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}

impl Dialect {
    /// What a prompt takes of the limits of which it tells.
    fn takes(self, prompt: &Prompt) -> Takes {
        let tokens = prompt.tokens + prompt.answer_tokens;
        match self {
            Self::OpenAi => Takes { tokens, ..Takes::default() },
            Self::Anthropic => Takes { tokens, input: prompt.tokens, output: prompt.answer_tokens },
        }
    }

    fn headers(self, account: &Account, date: SystemTime) -> Vec<(String, String)> {
        match self {
            Self::OpenAi => openai::headers(account),
            Self::Anthropic => anthropic::headers(account, since_epoch(date)),
        }
    }

    fn body(self, prompt: &Prompt, number: u64) -> Value {
        match self {
            Self::OpenAi => openai::body(prompt, number),
            Self::Anthropic => anthropic::body(prompt, number),
        }
    }

    fn error(self, status: u16, message: &str, headers: Vec<(String, String)>) -> LlmAnswer {
        let kind = if status == 429 { "rate_limit" } else { "invalid_request" };
        let error = json!({ "type": format!("{kind}_error"), "message": message });
        let body = match self {
            Self::OpenAi => json!({ "error": error }),
            Self::Anthropic => json!({ "type": "error", "error": error }),
        };
        LlmAnswer { status, headers, body: body.to_string() }
    }
}

impl Prompt {
    fn read(body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let texts = body["messages"].as_array()?.iter().map(|message| message["content"].as_str());
        let texts = texts.collect::<Option<Vec<&str>>>()?;
        let words = |text: &str| text.split_whitespace().count() as u64;
        let most = body["max_tokens"].as_u64().unwrap_or(16);
        let said: Vec<&str> =
            texts.last()?.split_whitespace().take(usize::try_from(most).unwrap_or(usize::MAX)).collect();
        let tokens = texts.iter().map(|text| words(text)).sum();
        Some(Self { tokens, answer: said.join(" "), answer_tokens: said.len() as u64 })
    }
}

fn since_epoch(date: SystemTime) -> Duration {
    date.duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"messages": [{"role": "system", "content": "be brief"},
                                          {"role": "user", "content": "one two three"}], "max_tokens": 2}"#;

    fn header<'a>(answer: &'a LlmAnswer, name: &str) -> Option<&'a str> {
        answer.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn ask(api: &Llm, path: &str, milliseconds: u64) -> LlmAnswer {
        let date = UNIX_EPOCH + Duration::from_secs(1_767_323_045) + Duration::from_millis(milliseconds);
        api.answer(path, BODY, Duration::from_millis(milliseconds), date).unwrap()
    }

    #[test]
    fn openais_api_tells_durations_and_repeats_what_was_said() {
        let api =
            Llm::new(LlmLimits { requests_per_minute: 60, tokens_per_minute: 70, ..LlmLimits::default() });
        let answer = ask(&api, "/v1/chat/completions", 0);
        assert_eq!(answer.status, 200);
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body["choices"][0]["message"]["content"], "one two");
        assert_eq!(body["usage"], json!({"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}));
        assert_eq!(header(&answer, "x-ratelimit-remaining-requests"), Some("59"));
        assert_eq!(header(&answer, "x-ratelimit-reset-requests"), Some("1s"));
        assert_eq!(header(&answer, "x-ratelimit-limit-tokens"), Some("70"));
        assert_eq!(header(&answer, "x-ratelimit-reset-tokens"), Some("6s"));
        let statuses: Vec<_> =
            (0..11).map(|_| ask(&api, "/v1/chat/completions", 0)).map(|one| one.status).collect();
        assert_eq!(statuses, [vec![200; 9], vec![429; 2]].concat());
        let refused = ask(&api, "/v1/chat/completions", 1000);
        assert_eq!(header(&refused, "retry-after"), Some("5"));
        assert_eq!(header(&refused, "retry-after-ms"), Some("5001"));
        assert_eq!(header(&refused, "x-ratelimit-reset-tokens"), Some("59s"));
        assert!(refused.body.contains("rate_limit_error"), "{}", refused.body);
        assert_eq!(ask(&api, "/v1/chat/completions", 6001).status, 200);
        assert_eq!(api.counts(), LlmCounts { requests: 14, refused: 3, tokens: 77, output_tokens: 22 });
    }

    #[test]
    fn anthropics_api_tells_dates() {
        let api =
            Llm::new(LlmLimits { requests_per_minute: 2, tokens_per_minute: 40_000, ..LlmLimits::default() });
        let answer = ask(&api, "/v1/messages", 0);
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body["content"][0]["text"], "one two");
        assert_eq!(body["usage"], json!({"input_tokens": 5, "output_tokens": 2}));
        assert_eq!(header(&answer, "anthropic-ratelimit-requests-remaining"), Some("1"));
        assert_eq!(header(&answer, "anthropic-ratelimit-requests-reset"), Some("2026-01-02T03:04:35Z"));
        assert_eq!(header(&answer, "anthropic-ratelimit-tokens-remaining"), Some("40000"), "in thousands");
        ask(&api, "/v1/messages", 0);
        let refused = ask(&api, "/v1/messages", 0);
        assert_eq!((refused.status, header(&refused, "retry-after")), (429, Some("30")));
        assert_eq!(header(&refused, "anthropic-ratelimit-input-tokens-limit"), None);
        assert!(refused.body.contains(r#""type":"error""#), "{}", refused.body);
    }

    #[test]
    fn anthropics_api_limits_prompts_and_answers_by_themselves() {
        let api = Llm::new(LlmLimits {
            input_tokens_per_minute: Some(1000),
            output_tokens_per_minute: Some(4),
            ..LlmLimits::default()
        });
        let told = |answer: &LlmAnswer, unit: &str| {
            header(answer, &format!("anthropic-ratelimit-{unit}-remaining")).map(str::to_owned)
        };
        let answer = ask(&api, "/v1/messages", 0);
        assert_eq!(told(&answer, "input-tokens").as_deref(), Some("995"));
        assert_eq!(told(&answer, "output-tokens").as_deref(), Some("2"));
        assert_eq!(told(&answer, "tokens").as_deref(), Some("2"), "the limit that is the nearest");
        ask(&api, "/v1/messages", 0);
        let refused = ask(&api, "/v1/messages", 0);
        assert_eq!((refused.status, header(&refused, "retry-after")), (429, Some("30")));
        assert!(refused.body.contains("the limit of output-tokens"), "{}", refused.body);
    }

    #[test]
    fn what_is_no_prompt_is_refused_and_what_is_no_path_is_none() {
        let api = Llm::new(LlmLimits::default());
        for body in [&b""[..], b"{}", b"[]", br#"{"messages": []}"#, br#"{"messages": [{"content": 5}]}"#] {
            let answer = api.answer("/v1/messages", body, Duration::ZERO, UNIX_EPOCH).unwrap();
            assert_eq!(answer.status, 400, "{body:?}");
        }
        assert_eq!(api.answer("/v1/models", BODY, Duration::ZERO, UNIX_EPOCH), None);
        let large = format!(r#"{{"messages": [{{"content": "{}"}}]}}"#, "word ".repeat(100_000));
        let answer = api.answer("/v1/messages", large.as_bytes(), Duration::ZERO, UNIX_EPOCH).unwrap();
        assert_eq!((answer.status, api.counts().tokens), (429, 0));
    }
}
