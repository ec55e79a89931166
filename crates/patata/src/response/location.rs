//! Which place a response names in its head, before that place is looked at as a URL.

use http::StatusCode;

use crate::response::headers::Headers;

/// A response names several places, of which none is the one that is meant.
#[derive(Debug, PartialEq)]
pub(crate) struct Ambiguous;

/// The place that a redirect leads to, as it stands in its `Location`. `None` where the response is no redirect,
/// or names no place: then it stands as it is.
pub(crate) fn location(status: StatusCode, headers: &Headers) -> Result<Option<&[u8]>, Ambiguous> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let mut places = headers.get_all("location").map(<[u8]>::trim_ascii);
    let first = places.next();
    if places.any(|other| Some(other) != first) {
        return Err(Ambiguous);
    }
    Ok(first.filter(|place| !place.is_empty()))
}

/// Whether a response that is received is no answer, but leads on, rightly or wrongly. Nobody reads its body.
pub(crate) fn leads_on(status: StatusCode, headers: &Headers) -> bool {
    location(status, headers) != Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn located(status: u16, headers: &Headers) -> Result<Option<&[u8]>, Ambiguous> {
        location(StatusCode::from_u16(status).unwrap(), headers)
    }

    #[test]
    fn a_place_is_named_once_or_several_times_alike() {
        let of =
            |places: &[&str]| Headers::from_pairs(places.iter().map(|place| ("location", place.as_bytes())));
        assert_eq!(located(302, &of(&["/a"])), Ok(Some(&b"/a"[..])));
        assert_eq!(located(308, &of(&["/a", " /a "])), Ok(Some(&b"/a"[..])));
        assert_eq!(located(302, &of(&["/a", "/b"])), Err(Ambiguous));
        assert_eq!(located(302, &of(&["", "/b"])), Err(Ambiguous));
        for places in [&[][..], &[""], &[" "], &["", ""]] {
            assert_eq!(located(302, &of(places)), Ok(None), "{places:?}");
        }
        for status in [200, 201, 300, 304, 404] {
            assert_eq!(located(status, &of(&["/a"])), Ok(None), "{status}");
        }
    }
}
