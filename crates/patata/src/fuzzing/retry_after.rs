//! What servers say with `Retry-After`: whatever it is, the wait is bounded.

use std::time::{Duration, SystemTime};

use crate::fuzzing::Drawn;
use crate::response::headers::Headers;
use crate::schedule::retry_after::{MOST, retry_after};

/// Reads `data` as what there is in headers, and the texts of `Date` and of `Retry-After` or `retry-after-ms`.
///
/// # Panics
/// Where the wait is longer than the most.
pub fn retry_after_header(data: &[u8]) {
    let mut drawn = Drawn(data);
    let name = *drawn.choice(&["retry-after", "retry-after-ms"]);
    let has_date = drawn.byte() & 1 == 1;
    let length = usize::from(drawn.byte() % 40);
    let date = drawn.some(length);
    let lines = [("date", date), (name, drawn.0)];
    let lines = &lines[usize::from(!has_date)..];
    let headers = Headers::collect(lines.iter().copied(), &mut Vec::new());
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    let wait = retry_after(&headers, || now);
    assert!(wait.is_none_or(|wait| wait <= MOST), "{wait:?}");
    assert_eq!(wait, retry_after(&headers, || now), "it depends on nothing else");
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
