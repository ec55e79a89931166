//! What servers tell of their limits: whatever it is, it is bounded, and so is the wait and the pace that come of it.

use std::time::{Duration, SystemTime};

use http::StatusCode;

use crate::clock;
use crate::fuzzing::Drawn;
use crate::response::headers::Headers;
use crate::schedule::adaptive::Gate;
use crate::schedule::pacer::{Heard, Pacer};
use crate::schedule::retry_after::MOST;
use crate::schedule::told::{may_tell, told, wait};

const DAY: Duration = Duration::from_secs(86_400);

/// The names that headers may have.
const NAMES: [&str; 29] = [
    "date",
    "ratelimit",
    "ratelimit-policy",
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "ratelimit-resettime",
    "ratelimit-name",
    "ratelimit-observed",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-used",
    "x-ratelimit-reset",
    "x-ratelimit-reset-after",
    "x-ratelimit-resource",
    "x-ratelimit-bucket",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
    "x-rate-limit",
    "x-rate-limit-remaining",
    "x-rate-limit-reset",
    "anthropic-ratelimit-tokens-limit",
    "anthropic-ratelimit-tokens-remaining",
    "anthropic-ratelimit-tokens-reset",
    "zendesk-ratelimit-index",
    "x-shopify-shop-api-call-limit",
    "x-ms-ratelimit-remaining-resource",
    "x-ratelimit-",
];

/// Reads `data` as answers of some headers each, which a pacer hears one after the other.
///
/// # Panics
/// Where a figure is none, a time is longer than a day, a wait longer than the most, or nothing may ever be sent again.
pub fn told_limits(data: &[u8]) {
    let mut drawn = Drawn(data);
    let date = || SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    let (mut pacer, mut now) = (Pacer::default(), clock::now());
    while !drawn.0.is_empty() {
        now += Duration::from_millis(u64::from(drawn.byte()) * 50);
        let is_refused = drawn.byte() & 1 == 1;
        let count = usize::from(drawn.byte() % 12);
        let lines: Vec<_> = (0..count)
            .map(|_| {
                let name = *drawn.choice(&NAMES);
                let length = usize::from(drawn.byte() % 40);
                (name, drawn.some(length))
            })
            .collect();
        let headers = Headers::collect(lines.iter().copied(), &mut Vec::new());
        let limits = told(&headers, date);
        assert_eq!(limits, told(&headers, date), "it depends on nothing else");
        assert!(limits.len() <= 16 && (limits.is_empty() || may_tell(&headers)), "{limits:?}");
        for limit in &limits {
            let figures = [limit.limit, limit.remaining].into_iter().flatten();
            assert!(figures.clone().all(|figure| figure.is_finite() && figure >= 0.0), "{limit:?}");
            let mut times = [limit.reset, limit.window].into_iter().flatten();
            assert!(times.all(|time| time <= DAY), "{limit:?}");
        }
        let status = if is_refused { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::OK };
        assert!(wait(&limits, status).is_none_or(|wait| wait <= MOST), "{limits:?}");
        let number = pacer.sent(now, None);
        pacer.hear(now, &Heard { number, sent: now, limits, is_refused });
        if let Gate::Until(due) = pacer.gate(now, 0) {
            assert!(due > now && due <= now + MOST + Duration::from_secs(1), "{pacer:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A header as [`told_limits`] reads it.
    fn header() -> impl Strategy<Value = Vec<u8>> {
        let common: &[&str] = &[
            "0",
            "1",
            "-1",
            "100",
            "100, 100;w=60",
            "1e15",
            "1e400",
            "nan",
            "0.0001",
            "60",
            "6m0s",
            "12ms",
            "784111800",
            "784111800123",
            "99999999999",
            "1994-11-06T08:49:50Z",
            "Sun, 06 Nov 1994 08:49:50 GMT",
            "Sun Nov 06 1994 08:49:50 GMT+0100 (X)",
            "40/40",
            "39/40",
            "1/0",
            "\"a\";r=0;t=5, \"b\";r=1",
            "\"a\";q=10;w=1;qu=\"x\"",
            "limit=9, remaining=0, reset=5",
            "total=1; remaining=0; resets=9",
            "a;1,b;0",
        ];
        let value = prop_oneof![
            8 => prop::sample::select(common).prop_map(|text| text.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..39),
        ];
        (any::<u8>(), value).prop_map(|(name, value)| [&[name, value.len() as u8][..], &value].concat())
    }

    fn answer() -> impl Strategy<Value = Vec<u8>> {
        (any::<[u8; 2]>(), prop::collection::vec(header(), 0..11))
            .prop_map(|(how, headers)| [&how[..], &[headers.len() as u8], &headers.concat()].concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn whatever_servers_tell_it_is_bounded(answers in prop::collection::vec(answer(), 0..12)) {
            told_limits(&answers.concat());
        }
    }
}
