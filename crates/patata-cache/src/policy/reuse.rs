//! Whether a stored response may be used for a request without asking the server (RFC 9111, 4.2.4 and 5.2.1).

use http::{HeaderMap, HeaderName, header};

use crate::policy::cache_control::RequestDirectives;
use crate::policy::freshness::Terms;
use crate::policy::mode::CacheMode;

/// Headers by which a user asks for a part, or under a condition: such requests go to the server as they are.
const OWN_CONDITIONS: [HeaderName; 6] = [
    header::RANGE,
    header::IF_RANGE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
];

/// What a stored response is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fitness {
    /// It answers the request.
    Usable,
    /// The server is to say whether it is still good.
    Stale,
}

/// Whether a request sets conditions of its own, so that no cache may answer it or add to them.
pub(crate) fn has_own_conditions(request: &HeaderMap) -> bool {
    // Requests have few headers: to look at each is quicker than to look for six.
    request.keys().any(|name| OWN_CONDITIONS.contains(name))
}

/// Whether a request asks for a part, so that its response is nothing to keep.
pub(crate) fn is_of_part(request: &HeaderMap) -> bool {
    request.contains_key(header::RANGE)
}

/// Judges a stored response that is one for this request.
pub(crate) fn fitness(mode: CacheMode, asked: &RequestDirectives, terms: &Terms, now: u64) -> Fitness {
    match mode {
        CacheMode::Offline | CacheMode::Forever => return Fitness::Usable,
        CacheMode::Refresh => return Fitness::Stale,
        CacheMode::Standard => {}
    }
    let age = terms.age(now);
    let is_too_old = asked.max_age.is_some_and(|most| age > most);
    let left = terms.lifetime.saturating_sub(age);
    let is_too_short = asked.min_fresh.is_some_and(|least| left < least);
    let allowed = asked.max_stale.filter(|_| !terms.must_revalidate);
    let is_too_stale = terms.staleness(now).is_some_and(|stale| allowed.is_none_or(|most| stale > most));
    match asked.no_cache || terms.no_cache || is_too_old || is_too_short || is_too_stale {
        true => Fitness::Stale,
        false => Fitness::Usable,
    }
}

/// Whether a stored response may stand in where the server has failed (RFC 5861, 4).
pub(crate) fn may_stand_in(asked: &RequestDirectives, terms: &Terms, now: u64) -> bool {
    let allowed = terms.stale_if_error.max(asked.stale_if_error.unwrap_or(0));
    let is_recent = terms.staleness(now).is_none_or(|stale| stale <= allowed);
    allowed > 0 && is_recent && !terms.must_revalidate && !terms.no_cache
}
