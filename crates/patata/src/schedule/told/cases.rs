//! What servers say, each family as its documentation has it, and what is read from it.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use proptest::prelude::*;

use crate::response::headers::Headers;
use crate::schedule::told::{MOST_LIMITS, Refill, Told, Unit, may_tell, told, wait};

/// One answer: where it is documented, its status and headers, what is read, and how long the host is left alone.
struct Case {
    from: &'static str,
    status: u16,
    headers: &'static [(&'static str, &'static str)],
    /// Name, limit, remaining, reset and window in seconds; a negative figure is none.
    limits: &'static [(&'static str, f64, f64, f64, f64)],
    wait: Option<f64>,
}

const NONE: f64 = -1.0;
/// When all answers are sent: 1767323045.
const DATE: (&str, &str) = ("date", "Fri, 02 Jan 2026 03:04:05 GMT");

#[rustfmt::skip]
const CASES: &[Case] = &[
    Case {
        from: "IETF draft -10, a policy and what is left of it",
        status: 200,
        headers: &[("ratelimit-policy", r#""burst";q=100;w=60"#), ("ratelimit", r#""burst";r=50;t=30"#)],
        limits: &[("burst", 100.0, 50.0, 30.0, 60.0)],
        wait: None,
    },
    Case {
        from: "IETF draft -10, lists, the strictest counts",
        status: 200,
        headers: &[
            ("ratelimit-policy", r#""permin";q=50;w=60, "perhr";q=1000;w=3600"#),
            ("ratelimit-policy", r#""bytes";q=65535;w=10;qu="content-bytes", "slots";q=9;qu="concurrent-requests""#),
            ("ratelimit", r#""permin";r=0;t=12, "perhr";r=800;t=900"#),
            ("ratelimit", r#""bytes";r=0;t=20, "slots";r=0"#),
        ],
        limits: &[
            ("permin", 50.0, 0.0, 12.0, 60.0),
            ("perhr", 1000.0, 800.0, 900.0, 3600.0),
            ("bytes", 65535.0, 0.0, 20.0, 10.0),
            ("slots", 9.0, 0.0, NONE, NONE),
        ],
        wait: Some(20.0),
    },
    Case {
        from: "IETF draft -10, a partition key, and a name with a comma",
        status: 200,
        headers: &[("ratelimit-policy", r#""a,b";q=10;w=1;pk=:c2Rm:"#), ("ratelimit", r#""a,b";r=4;t=1;pk=:c2Rm:"#)],
        limits: &[("a,b c2Rm", 10.0, 4.0, 1.0, 1.0)],
        wait: None,
    },
    Case {
        from: "IETF draft -07",
        status: 200,
        headers: &[("ratelimit", "limit=100, remaining=50, reset=30"), ("ratelimit-policy", "100;w=60")],
        limits: &[("requests", 100.0, 50.0, 30.0, 60.0)],
        wait: None,
    },
    Case {
        from: "IETF draft -06",
        status: 429,
        headers: &[("ratelimit-limit", "10, 10;w=1, 1000;w=3600"), ("ratelimit-remaining", "0"), ("ratelimit-reset", "5")],
        limits: &[("requests", 10.0, 0.0, 5.0, NONE)],
        wait: Some(5.0),
    },
    Case {
        from: "IETF draft -06, the policy in a field of its own",
        status: 200,
        headers: &[
            ("ratelimit-limit", "100"), ("ratelimit-policy", "100;w=10, 1000;w=600"),
            ("ratelimit-remaining", "9"), ("ratelimit-reset", "4"),
        ],
        limits: &[("requests", 100.0, 9.0, 4.0, 10.0)],
        wait: None,
    },
    Case {
        from: "OpenAI, rate limits in headers",
        status: 200,
        headers: &[
            ("x-ratelimit-limit-requests", "60"), ("x-ratelimit-limit-tokens", "150000"),
            ("x-ratelimit-remaining-requests", "59"), ("x-ratelimit-remaining-tokens", "149984"),
            ("x-ratelimit-reset-requests", "1s"), ("x-ratelimit-reset-tokens", "6m0s"),
        ],
        limits: &[("requests", 60.0, 59.0, 1.0, NONE), ("tokens", 150_000.0, 149_984.0, 360.0, NONE)],
        wait: None,
    },
    Case {
        from: "OpenAI, nothing left: it is refilled all the time",
        status: 429,
        headers: &[
            ("x-ratelimit-limit-requests", "60"), ("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "1m0s"),
            ("x-ratelimit-limit-tokens", "9000"), ("x-ratelimit-remaining-tokens", "12"), ("x-ratelimit-reset-tokens", "59.92s"),
        ],
        limits: &[("requests", 60.0, 0.0, 60.0, NONE), ("tokens", 9000.0, 12.0, 59.92, NONE)],
        wait: Some(1.0),
    },
    Case {
        from: "OpenAI, milliseconds and limits by another name",
        status: 200,
        headers: &[
            ("x-ratelimit-limit-tokens_usage_based", "160000"), ("x-ratelimit-remaining-tokens_usage_based", "159976"),
            ("x-ratelimit-reset-tokens_usage_based", "9ms"),
        ],
        limits: &[("tokens_usage_based", 160_000.0, 159_976.0, 0.009, NONE)],
        wait: None,
    },
    Case {
        from: "Azure OpenAI: whole seconds, -1 and 0 have been seen",
        status: 200,
        headers: &[
            ("x-ratelimit-limit-requests", "10"), ("x-ratelimit-remaining-requests", "-1"), ("x-ratelimit-reset-requests", "-1"),
            ("x-ratelimit-limit-tokens", "10000"), ("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "0"),
        ],
        limits: &[("tokens", 10_000.0, 0.0, 0.0, NONE)],
        wait: None,
    },
    Case {
        from: "Groq: requests a day, tokens a minute",
        status: 200,
        headers: &[
            ("x-ratelimit-limit-requests", "14400"), ("x-ratelimit-limit-tokens", "18000"),
            ("x-ratelimit-remaining-requests", "14370"), ("x-ratelimit-remaining-tokens", "17997"),
            ("x-ratelimit-reset-requests", "2m59.56s"), ("x-ratelimit-reset-tokens", "7.66s"),
        ],
        limits: &[("requests", 14_400.0, 14_370.0, 179.56, NONE), ("tokens", 18_000.0, 17_997.0, 7.66, NONE)],
        wait: None,
    },
    Case {
        from: "Anthropic, response headers",
        status: 200,
        headers: &[
            ("anthropic-ratelimit-requests-limit", "50"), ("anthropic-ratelimit-requests-remaining", "49"),
            ("anthropic-ratelimit-requests-reset", "2026-01-02T03:04:06Z"),
            ("anthropic-ratelimit-tokens-limit", "40000"), ("anthropic-ratelimit-tokens-remaining", "0"),
            ("anthropic-ratelimit-tokens-reset", "2026-01-02T03:05:05Z"),
            ("anthropic-ratelimit-input-tokens-limit", "40000"), ("anthropic-ratelimit-input-tokens-remaining", "1000"),
            ("anthropic-ratelimit-input-tokens-reset", "2026-01-02T03:05:04Z"),
        ],
        limits: &[
            ("requests", 50.0, 49.0, 1.0, NONE), ("tokens", 40_000.0, 0.0, 60.0, NONE),
            ("input-tokens", 40_000.0, 1000.0, 59.0, NONE),
        ],
        wait: Some(0.6),
    },
    Case {
        from: "Anthropic, tokens is the nearest of those that are told besides",
        status: 200,
        headers: &[
            ("anthropic-ratelimit-tokens-limit", "8000"), ("anthropic-ratelimit-tokens-remaining", "2000"),
            ("anthropic-ratelimit-tokens-reset", "2026-01-02T03:04:50Z"),
            ("anthropic-ratelimit-input-tokens-limit", "40000"), ("anthropic-ratelimit-input-tokens-remaining", "39000"),
            ("anthropic-ratelimit-input-tokens-reset", "2026-01-02T03:04:07Z"),
            ("anthropic-ratelimit-output-tokens-limit", "8000"), ("anthropic-ratelimit-output-tokens-remaining", "2000"),
            ("anthropic-ratelimit-output-tokens-reset", "2026-01-02T03:04:50Z"),
        ],
        limits: &[("input-tokens", 40_000.0, 39_000.0, 2.0, NONE), ("output-tokens", 8000.0, 2000.0, 45.0, NONE)],
        wait: None,
    },
    Case {
        from: "GitHub, the primary limit: 403 as well as 429",
        status: 403,
        headers: &[
            ("x-ratelimit-limit", "60"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-used", "60"),
            ("x-ratelimit-reset", "1767323165"), ("x-ratelimit-resource", "core"),
        ],
        limits: &[("core", 60.0, 0.0, 120.0, 3600.0)],
        wait: Some(120.0),
    },
    Case {
        from: "GitHub, a secondary limit is not shown",
        status: 429,
        headers: &[
            ("x-ratelimit-limit", "5000"), ("x-ratelimit-remaining", "4987"), ("x-ratelimit-used", "13"),
            ("x-ratelimit-reset", "1767323165"), ("x-ratelimit-resource", "core"),
        ],
        limits: &[("core", 5000.0, 4987.0, 120.0, 3600.0)],
        wait: Some(60.0),
    },
    Case {
        from: "GitHub, a limit of its own for searching, and used in place of remaining",
        status: 200,
        headers: &[
            ("x-ratelimit-limit", "30"), ("x-ratelimit-used", "12"), ("x-ratelimit-reset", "1767323065"),
            ("x-ratelimit-resource", "search"),
        ],
        limits: &[("search", 30.0, 18.0, 20.0, NONE)],
        wait: None,
    },
    Case {
        from: "X",
        status: 200,
        headers: &[("x-rate-limit-limit", "900"), ("x-rate-limit-remaining", "0"), ("x-rate-limit-reset", "1767323645")],
        limits: &[("requests", 900.0, 0.0, 600.0, NONE)],
        wait: Some(300.0),
    },
    Case {
        from: "Okta",
        status: 200,
        headers: &[("x-rate-limit-limit", "600"), ("x-rate-limit-remaining", "598"), ("x-rate-limit-reset", "1767323062")],
        limits: &[("requests", 600.0, 598.0, 17.0, NONE)],
        wait: None,
    },
    Case {
        from: "GitLab: the IETF's name, but a moment",
        status: 200,
        headers: &[
            ("ratelimit-limit", "60"), ("ratelimit-name", "throttle_authenticated_web"), ("ratelimit-observed", "67"),
            ("ratelimit-remaining", "0"), ("ratelimit-reset", "1767323085"),
            ("ratelimit-resettime", "Fri, 02 Jan 2026 03:04:45 GMT"),
        ],
        limits: &[("throttle_authenticated_web", 60.0, 0.0, 40.0, NONE)],
        wait: Some(40.0),
    },
    Case {
        from: "GitLab, the date alone",
        status: 200,
        headers: &[("ratelimit-limit", "60"), ("ratelimit-remaining", "3"), ("ratelimit-resettime", "Fri, 02 Jan 2026 03:04:45 GMT")],
        limits: &[("requests", 60.0, 3.0, 40.0, NONE)],
        wait: None,
    },
    Case {
        from: "Zendesk: for the account, and for one endpoint",
        status: 200,
        headers: &[
            ("x-rate-limit", "700"), ("ratelimit-limit", "700"), ("x-rate-limit-remaining", "699"),
            ("ratelimit-remaining", "699"), ("ratelimit-reset", "41"),
            ("zendesk-ratelimit-tickets-index", "total=100; remaining=99; resets=41"),
        ],
        limits: &[("requests", 700.0, 699.0, 41.0, NONE), ("tickets-index", 100.0, 99.0, 41.0, NONE)],
        wait: None,
    },
    Case {
        from: "Discord: a moment with a fraction, and the delay, which goes before it",
        status: 200,
        headers: &[
            ("x-ratelimit-limit", "5"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1767323047.123"),
            ("x-ratelimit-reset-after", "1.5"), ("x-ratelimit-bucket", "abcd1234"),
        ],
        limits: &[("abcd1234", 5.0, 0.0, 1.5, NONE)],
        wait: Some(1.5),
    },
    Case {
        from: "Discord: a limit that others share is reached, and that of the user is not",
        status: 429,
        headers: &[
            ("retry-after", "1337"), ("x-ratelimit-limit", "10"), ("x-ratelimit-remaining", "9"),
            ("x-ratelimit-reset", "1767324382.123"), ("x-ratelimit-reset-after", "1337.57"),
            ("x-ratelimit-bucket", "abcd1234"), ("x-ratelimit-scope", "shared"),
        ],
        limits: &[("abcd1234", 10.0, 9.0, 1337.57, NONE)],
        wait: None,
    },
    Case {
        from: "Shopify: a leaking bucket",
        status: 200,
        headers: &[("x-shopify-shop-api-call-limit", "32/40")],
        limits: &[("requests", 40.0, 8.0, 16.0, NONE)],
        wait: None,
    },
    Case {
        from: "Shopify, full",
        status: 429,
        headers: &[("x-shopify-shop-api-call-limit", "40/40")],
        limits: &[("requests", 40.0, 0.0, 20.0, NONE)],
        wait: Some(0.5),
    },
    Case {
        from: "Azure Resource Manager: what remains, and no more",
        status: 200,
        headers: &[
            ("x-ms-ratelimit-remaining-subscription-reads", "11999"),
            ("x-ms-ratelimit-remaining-resource", "Microsoft.Compute/HighCostGet3Min;159,Microsoft.Compute/HighCostGet30Min;0"),
        ],
        limits: &[
            ("subscription-reads", NONE, 11_999.0, NONE, NONE),
            ("Microsoft.Compute/HighCostGet3Min", NONE, 159.0, NONE, NONE),
            ("Microsoft.Compute/HighCostGet30Min", NONE, 0.0, NONE, NONE),
        ],
        wait: None,
    },
    Case {
        from: "Kong: a limit is called by its window",
        status: 200,
        headers: &[
            ("x-ratelimit-limit-minute", "10"), ("x-ratelimit-remaining-minute", "9"),
            ("ratelimit-limit", "10"), ("ratelimit-remaining", "9"), ("ratelimit-reset", "47"),
        ],
        limits: &[("minute", 10.0, 9.0, NONE, 60.0), ("requests", 10.0, 9.0, 47.0, NONE)],
        wait: None,
    },
    Case {
        from: "Lemlist: the date as JavaScript writes it",
        status: 200,
        headers: &[
            ("x-ratelimit-limit", "20"), ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "Fri Jan 02 2026 04:04:07 GMT+0100 (Central European Standard Time)"),
        ],
        limits: &[("requests", 20.0, 0.0, 2.0, NONE)],
        wait: Some(2.0),
    },
    Case {
        from: "oddities: milliseconds since the epoch",
        status: 200,
        headers: &[("x-ratelimit-limit", "20"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1767323048500")],
        limits: &[("requests", 20.0, 0.0, 3.5, NONE)],
        wait: Some(3.5),
    },
    Case {
        from: "oddities: ISO 8601",
        status: 200,
        headers: &[("x-ratelimit-limit", "20"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "2026-01-02T03:04:15.250Z")],
        limits: &[("requests", 20.0, 0.0, 10.25, NONE)],
        wait: Some(10.25),
    },
    Case {
        from: "oddities: gone by, and further off than a day",
        status: 200,
        headers: &[
            ("x-ratelimit-limit", "20"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1767323000"),
            ("ratelimit-limit", "9"), ("ratelimit-remaining", "0"), ("ratelimit-reset", "604800"), ("ratelimit-name", "week"),
        ],
        limits: &[("requests", 20.0, 0.0, NONE, NONE), ("week", 9.0, 0.0, NONE, NONE)],
        wait: None,
    },
    Case {
        from: "hostile: nothing of it is a figure",
        status: 200,
        headers: &[
            ("x-ratelimit-limit", "many"), ("x-ratelimit-remaining", "nan"), ("x-ratelimit-reset", "soon"),
            ("ratelimit", r#""burst;r=1"#), ("ratelimit-policy", ";;=;\"\\"), ("anthropic-ratelimit-", "5"),
            ("x-shopify-shop-api-call-limit", "1/0"), ("zendesk-ratelimit-x", "remaining=-4"), ("x-ratelimit-remaining-", "1e99"),
        ],
        limits: &[],
        wait: None,
    },
    Case {
        from: "nothing is told",
        status: 429,
        headers: &[("x-request-id", "7"), ("age", "12"), ("retry-after", "3"), ("x-ratings", "5"), ("accept-ranges", "none")],
        limits: &[],
        wait: None,
    },
];

fn headers(lines: &[(&str, &str)]) -> Headers {
    Headers::from_pairs(lines.iter().map(|(name, value)| (*name, value.as_bytes())))
}

fn never() -> SystemTime {
    SystemTime::UNIX_EPOCH
}

#[test]
fn each_family_is_read_as_it_is_documented() {
    for case in CASES {
        let lines = [&[DATE], case.headers].concat();
        let told = told(&headers(&lines), never);
        let status = StatusCode::from_u16(case.status).unwrap();
        let seconds = |time: Option<Duration>| time.map_or(NONE, |time| time.as_secs_f64());
        let read: Vec<_> = told
            .iter()
            .map(|told| {
                let figure = |figure: Option<f64>| figure.unwrap_or(NONE);
                let (limit, remaining) = (figure(told.limit), figure(told.remaining));
                (&*told.name, limit, remaining, seconds(told.reset), seconds(told.window))
            })
            .collect();
        let is_same = read.len() == case.limits.len()
            && read.iter().zip(case.limits).all(|(read, expected)| {
                let pairs =
                    [(read.1, expected.1), (read.2, expected.2), (read.3, expected.3), (read.4, expected.4)];
                read.0 == expected.0 && pairs.iter().all(|(one, other)| (one - other).abs() < 1e-6)
            });
        assert!(is_same, "{}: {read:?}", case.from);
        let waited = wait(&told, status).map(|wait| wait.as_secs_f64());
        let is_waited = match (waited, case.wait) {
            (Some(wait), Some(expected)) => (wait - expected).abs() < 1e-6,
            (wait, expected) => wait == expected,
        };
        assert!(is_waited, "{}: {waited:?}", case.from);
        assert!(told.is_empty() || may_tell(&headers(&lines)), "{}: overlooked", case.from);
    }
}

#[test]
fn without_a_date_of_the_servers_ours_counts() {
    let lines = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1767323065")];
    let ours = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045);
    let told = told(&headers(&lines), || ours);
    assert_eq!(told[0].reset, Some(Duration::from_secs(20)));
}

#[test]
fn what_the_usual_answer_says_is_not_even_looked_at() {
    assert!(!may_tell(&headers(&[
        DATE,
        ("content-type", "text/html"),
        ("content-length", "5"),
        ("server", "s")
    ])));
    assert!(may_tell(&headers(&[DATE, ("X-RateLimit-Limit", "5")])));
}

#[test]
fn however_many_limits_there_are_few_are_kept() {
    let names: Vec<_> = (0..500).map(|number| format!("x-ratelimit-remaining-kind{number}")).collect();
    let lines: Vec<_> = names.iter().map(|name| (name.as_str(), "5")).collect();
    assert_eq!(told(&headers(&lines), never).len(), MOST_LIMITS);
    let list = (0..500).map(|number| format!("\"p{number}\";r=1")).collect::<Vec<_>>().join(",");
    assert_eq!(told(&headers(&[("ratelimit", &list)]), never).len(), MOST_LIMITS);
}

proptest! {
    /// What is told is told in the same way whatever the case and order of the headers.
    #[test]
    fn the_order_of_headers_does_not_matter(
        limit in 1..100_000_u32,
        used in 0..100_000_u32,
        reset in 0..86_400_u32,
        is_turned: bool,
    ) {
        let used = used.min(limit);
        let (limit_text, left, reset_text) =
            (limit.to_string(), (limit - used).to_string(), reset.to_string());
        let mut lines = vec![
            ("X-RateLimit-Limit", limit_text.as_str()),
            ("x-ratelimit-remaining", left.as_str()),
            ("X-Ratelimit-Reset", reset_text.as_str()),
            DATE,
        ];
        if is_turned {
            lines.reverse();
        }
        let told = told(&headers(&lines), never);
        let expected = Told {
            name: "requests".into(),
            unit: Unit::Requests,
            limit: Some(limit.into()),
            remaining: Some((limit - used).into()),
            reset: Some(Duration::from_secs(reset.into())),
            window: None,
            refill: Refill::AtOnce,
            hides_others: false,
        };
        prop_assert_eq!(told.to_vec(), vec![expected]);
        let waits = wait(&told, StatusCode::OK).map(|wait| wait.as_secs());
        let expected = (used == limit && reset > 0).then(|| u64::from(reset.min(300)));
        prop_assert_eq!(waits, expected);
    }
}
