//! What servers say with `Retry-After`: whatever it is, the wait is bounded.

use std::time::{Duration, SystemTime};

use http::StatusCode;

use crate::fuzzing::Drawn;
use crate::headers::Headers;
use crate::retry_after::{MOST, retry_after};

/// Reads `data` as a status, what there is in headers, and the texts of `Date` and `Retry-After`.
///
/// # Panics
/// Where the wait is zero or longer than the most, or another status than 429 and 503 asks for one.
pub fn retry_after_header(data: &[u8]) {
    let mut drawn = Drawn(data);
    let status =
        *drawn.choice(&[StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE, StatusCode::OK]);
    let has_date = drawn.byte() & 1 == 1;
    let length = usize::from(drawn.byte() % 40);
    let date = drawn.some(length);
    let lines = [("date", date), ("retry-after", drawn.0)];
    let lines = &lines[usize::from(!has_date)..];
    let headers = Headers::collect(lines.iter().copied(), &mut Vec::new());
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    match retry_after(status, &headers, || now) {
        Some(wait) => {
            assert!(!wait.is_zero() && wait <= MOST, "{wait:?}");
            assert_ne!(status, StatusCode::OK);
        }
        None => assert_eq!(None, retry_after(status, &headers, || now), "it depends on nothing else"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fragment() -> impl Strategy<Value = Vec<u8>> {
        let common: &[&str] = &[
            "Sun",
            "Sunday",
            ", ",
            "06",
            " Nov ",
            "-Nov-",
            "1994",
            "94",
            " 08:49:37",
            " GMT",
            "-",
            "+",
            ".",
            "1",
            "0",
            "120",
            "99999999999",
            "e9",
            "inf",
            "nan",
            " ",
            "\t",
            "9999-12-31",
            "23:59:60",
        ];
        prop_oneof![
            8 => prop::sample::select(common).prop_map(|text| text.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..5),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn whatever_a_server_says_the_wait_is_bounded(
            how: [u8; 3],
            fragments in prop::collection::vec(fragment(), 0..12),
        ) {
            retry_after_header(&[how.to_vec(), fragments.concat()].concat());
        }
    }
}
