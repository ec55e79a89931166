//! Whether a response may be stored, and what of it (RFC 9111, 3).

use http::{HeaderMap, Method, StatusCode, header};
use patata::Headers;

use crate::policy::cache_control::{RequestDirectives, ResponseDirectives, members};
use crate::policy::freshness::is_heuristic;
use crate::policy::mode::CacheMode;
use crate::policy::reuse::is_of_part;

/// Headers that speak of one connection, or to one proxy (3.1).
const OF_CONNECTION: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Statuses that RFC 9110 says all of that a cache must know: for `must-understand`.
const UNDERSTOOD: [u16; 33] = [
    200, 201, 202, 203, 204, 205, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 406, 408, 409, 410,
    411, 413, 414, 415, 417, 421, 422, 426, 500, 501, 502, 503,
];

/// Whether the response to a request may be stored. It has been received whole: of what has not, no cache is told.
pub(crate) fn may_store(
    mode: CacheMode,
    method: &Method,
    request: &HeaderMap,
    status: StatusCode,
    headers: &Headers,
) -> bool {
    let is_cacheable = matches!(*method, Method::GET | Method::HEAD) && !is_of_part(request);
    // A 304 speaks of another response, and parts are not put together here.
    let is_whole = status.as_u16() >= 200 && !matches!(status.as_u16(), 206 | 304);
    if !is_cacheable || !is_whole {
        return false;
    }
    if mode == CacheMode::Forever {
        return is_heuristic(status) && !varies_by_all(headers);
    }
    let asked = request_directives(request);
    let said = ResponseDirectives::of(headers.get_all("cache-control"));
    let is_understood = UNDERSTOOD.contains(&status.as_u16());
    // Whoever sends both means `no-store` for caches that do not know the status (5.2.2.3).
    let is_forbidden = said.no_store && !(said.must_understand && is_understood);
    let is_allowed = said.public
        || said.private
        || said.max_age.is_some()
        || headers.get("expires").is_some()
        || is_heuristic(status);
    is_allowed
        && !is_forbidden
        && !asked.no_store
        && (!said.must_understand || is_understood)
        && !varies_by_all(headers)
}

/// Whether nothing tells for which requests the response is the right one.
fn varies_by_all(headers: &Headers) -> bool {
    headers.get_all("vary").flat_map(members).any(|name| name == b"*")
}

/// What a request says of the responses that it takes.
pub(crate) fn request_directives(headers: &HeaderMap) -> RequestDirectives {
    if !headers.keys().any(|name| matches!(*name, header::CACHE_CONTROL | header::PRAGMA)) {
        return RequestDirectives::default();
    }
    let lines = |name| headers.get_all(name).into_iter().map(http::HeaderValue::as_bytes);
    RequestDirectives::of(lines("cache-control"), lines("pragma"))
}

/// The headers of a response that are stored.
pub(crate) fn stored_headers(headers: &Headers) -> Headers {
    let named: Vec<_> = headers.get_all("connection").flat_map(members).collect();
    let is_kept = |name: &str| {
        !OF_CONNECTION.contains(&name)
            && !named.iter().any(|other| other.eq_ignore_ascii_case(name.as_bytes()))
    };
    headers.iter().filter(|(name, _)| is_kept(name)).collect()
}
