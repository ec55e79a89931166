//! Moments as whole seconds since 1970, which is how precise HTTP is, and the dates that headers hold.

use std::time::{SystemTime, UNIX_EPOCH};

use patata::Headers;

/// A moment, in seconds since 1970; what was before is 0.
pub(crate) fn seconds_of(moment: SystemTime) -> u64 {
    moment.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The date in a header, in any of the three forms that HTTP knows; `None` where there is none, or it is no date.
pub(crate) fn date(headers: &Headers, name: &str) -> Option<u64> {
    let text = std::str::from_utf8(headers.get(name)?).ok()?;
    httpdate::parse_http_date(text.trim()).ok().map(seconds_of)
}
