//! For how long a response is fresh, and how old it is (RFC 9111, 4.2).

use http::StatusCode;
use patata::Headers;

use crate::policy::cache_control::{MOST_SECONDS, ResponseDirectives, members, seconds};
use crate::policy::dates::date;

/// Of the time since its last change, a response is taken to stay as it is for a tenth more (4.2.2), and for no longer than
/// a week.
const HEURISTIC_PART: u64 = 10;
const HEURISTIC_MOST: u64 = 7 * 24 * 60 * 60;

/// A response that seems to have come later than this from now was stored under a wrong clock.
const CLOCK_SKEW: u64 = 60;

/// Statuses of which a cache may know by itself how long they hold (RFC 9110, 15.1), without 206, which is never stored.
const HEURISTIC: [u16; 11] = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501];

/// On what terms a stored response may be used: all that its use depends on, besides what it is chosen by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    /// When it came, in seconds since 1970.
    pub(crate) received: u64,
    /// How old it was then.
    pub(crate) initial_age: u32,
    /// For how long it is fresh.
    pub(crate) lifetime: u32,
    /// For how long it may be used after that where the server fails.
    pub(crate) stale_if_error: u32,
    /// It must be validated each time.
    pub(crate) no_cache: bool,
    /// It must not be used once it is stale.
    pub(crate) must_revalidate: bool,
    /// The server can be asked whether it is still good.
    pub(crate) has_validator: bool,
}

impl Terms {
    /// The terms of a response that was asked for at one moment and came at another.
    pub(crate) fn of(status: StatusCode, headers: &Headers, asked: u64, received: u64) -> Self {
        let directives = ResponseDirectives::of(headers.get_all("cache-control"));
        // Where a server does not say when, it was now.
        let said = date(headers, "date").unwrap_or(received);
        let apparent = received.saturating_sub(said);
        let corrected = u64::from(age(headers)) + received.saturating_sub(asked);
        Self {
            received,
            initial_age: bounded(apparent.max(corrected)),
            lifetime: lifetime(status, headers, directives, said),
            stale_if_error: directives.stale_if_error.unwrap_or(0),
            no_cache: directives.no_cache,
            must_revalidate: directives.must_revalidate,
            has_validator: headers.get("etag").is_some() || date(headers, "last-modified").is_some(),
        }
    }

    /// How old it is.
    pub(crate) fn age(&self, now: u64) -> u32 {
        let resident = now.saturating_sub(self.received);
        bounded(u64::from(self.initial_age) + resident)
    }

    /// By how much it is older than it should be; `None` where it is fresh.
    pub(crate) fn staleness(&self, now: u64) -> Option<u32> {
        if now.saturating_add(CLOCK_SKEW) < self.received {
            return Some(MOST_SECONDS);
        }
        self.age(now).checked_sub(self.lifetime)
    }

    /// Whether it will ever be of use: it is fresh for a time, or can be validated, or stand in for a failure.
    pub(crate) fn is_useful(&self) -> bool {
        let is_fresh = !self.no_cache && self.lifetime > self.initial_age;
        is_fresh || self.has_validator || (self.stale_if_error > 0 && !self.must_revalidate)
    }
}

/// Whether a cache may know by itself how long such a response holds.
pub(crate) fn is_heuristic(status: StatusCode) -> bool {
    HEURISTIC.contains(&status.as_u16())
}

fn lifetime(status: StatusCode, headers: &Headers, directives: ResponseDirectives, said: u64) -> u32 {
    if let Some(max_age) = directives.max_age {
        return max_age;
    }
    if headers.get("expires").is_some() {
        let mut lines = headers.get_all("expires");
        let first = lines.next();
        // Above all "0": what is no date is in the past. So is what is said twice, and not the same.
        let expires = if lines.all(|line| Some(line) == first) { date(headers, "expires") } else { None };
        return bounded(expires.unwrap_or(0).saturating_sub(said));
    }
    if !is_heuristic(status) && !directives.public {
        return 0;
    }
    let unchanged = date(headers, "last-modified").map_or(0, |changed| said.saturating_sub(changed));
    bounded((unchanged / HEURISTIC_PART).min(HEURISTIC_MOST))
}

/// How old other caches say it is: the first number that they give (5.1).
fn age(headers: &Headers) -> u32 {
    headers
        .get("age")
        .and_then(|line| members(line).next())
        .and_then(|first| seconds(Some(first)))
        .unwrap_or(0)
}

fn bounded(seconds: u64) -> u32 {
    u32::try_from(seconds).map_or(MOST_SECONDS, |seconds| seconds.min(MOST_SECONDS))
}
