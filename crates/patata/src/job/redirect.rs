//! Where a redirect leads and what goes along: a pure policy over a job and a response's head.

use std::borrow::Cow;

use http::{HeaderMap, Method, StatusCode, header};
use percent_encoding::{AsciiSet, percent_encode};

use crate::address::target::Target;
use crate::error::{Error, Kind, Phase};
use crate::job::planner::Planner;
use crate::job::{Job, Message};
use crate::request::body::Body;
use crate::request::{Head, PORTABLE};
use crate::response::headers::Headers;
use crate::response::location::{Ambiguous, location};

/// The next hop of `job`, or `None` where the response is the answer.
///
/// # Errors
/// Too many redirects, a `Location` that cannot be requested, or two that differ.
pub(crate) fn follow(
    job: &Job,
    status: StatusCode,
    headers: &Headers,
    limit: Option<u32>,
    planner: &mut Planner,
) -> Result<Option<(Target, Message)>, Error> {
    let Some(limit) = limit else { return Ok(None) };
    let location = match location(status, headers) {
        Ok(Some(location)) => location,
        Ok(None) => return Ok(None),
        Err(Ambiguous) => return Err(error(format!("{} redirects to two places at once", job.target))),
    };
    if job.attempt.hops >= limit {
        return Err(error(format!("More than {limit} redirects, the last one from {}", job.target)));
    }
    let (target, credentials) = resolve(&job.target, location, planner)?;
    let mut message = message_for(status, &job.message);
    if target.origin != job.target.origin {
        drop_secrets(&mut message);
        // What listens on this machine's sockets trusts whoever can open them. That is us, and no server, not
        // even one on a socket of its own.
        if target.origin.socket.is_some() && target.origin.socket != job.target.origin.socket {
            return Err(error(format!("{} redirects to a unix socket", job.target)));
        }
    }
    if let Some(credentials) = credentials {
        message.head.get_or_insert_default().headers.insert(header::AUTHORIZATION, credentials);
    }
    if !message.body.is_whole() {
        return Err(error(format!("{} redirects a body that can be sent only once", job.target)));
    }
    Ok(Some((target, message)))
}

fn resolve(
    from: &Target,
    location: &[u8],
    planner: &mut Planner,
) -> Result<(Target, Option<http::HeaderValue>), Error> {
    // In whatever charset they were meant, its other bytes are sent back as they came.
    let text = match std::str::from_utf8(location) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => percent_encode(location, &AsciiSet::EMPTY).into(),
    };
    // Whatever stands before an @ may be credentials, and a text that is no URL does not say where they end.
    let visible = text.rsplit_once('@').map_or(&*text, |(_, place)| place);
    let unusable = || error(format!("{from} redirects to {visible:?}, which cannot be requested"));
    let base = url::Url::parse(&from.to_string()).map_err(|cause| unusable().with_source(cause))?;
    let url = base.join(&text).map_err(|cause| unusable().with_source(cause))?;
    planner
        .target(url.as_str())
        .map_err(|cause| error(format!("{from} redirects wrongly")).with_source(cause))
}

/// 303 asks for a GET of another resource; 301 and 302 do by custom, where the method was POST.
fn message_for(status: StatusCode, message: &Message) -> Message {
    let becomes_get = match status.as_u16() {
        303 => message.method != Method::HEAD,
        301 | 302 => message.method == Method::POST,
        _ => false,
    };
    let mut next = message.clone();
    if becomes_get {
        next.method = Method::GET;
        next.body = Body::default();
        if let Some(head) = &mut next.head {
            for name in [
                header::CONTENT_TYPE,
                header::CONTENT_ENCODING,
                header::CONTENT_LANGUAGE,
                header::CONTENT_LOCATION,
            ] {
                head.headers.remove(name);
            }
        }
    }
    next
}

/// Another origin is another party: nothing the user added is meant for it, save what describes the body, and
/// what tells no secret.
fn drop_secrets(message: &mut Message) {
    message.defaults = false;
    let Some(head) = message.head.take() else {
        return;
    };
    let mut headers = HeaderMap::new();
    for name in [header::CONTENT_TYPE, header::CONTENT_ENCODING].iter().chain(&PORTABLE) {
        for value in head.headers.get_all(name) {
            headers.append(name, value.clone());
        }
    }
    let removed: Vec<_> = head.removed.into_iter().filter(|name| PORTABLE.contains(name)).collect();
    // Whoever answers, it is the user who judges.
    let retry_if = head.retry_if;
    let is_empty = headers.is_empty() && removed.is_empty() && retry_if.is_none();
    message.head = (!is_empty).then(|| Box::new(Head { headers, removed, retry_if, ..Head::default() }));
}

fn error(message: String) -> Error {
    Error::new(Kind::Redirect, Phase::Answer, message)
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;

    use std::sync::Arc;

    use super::*;
    use crate::request::Request;

    fn hop(
        request: Request<()>,
        status: u16,
        location: impl AsRef<[u8]>,
    ) -> Result<Option<(Target, Message)>, Error> {
        let mut planner = Planner::new(RandomState::new());
        let job = planner.plan(request, &Arc::default()).map_err(|(_, error)| error).unwrap().1;
        let headers = Headers::from_pairs([("location", location.as_ref())]);
        follow(&job, StatusCode::from_u16(status).unwrap(), &headers, Some(10), &mut planner)
    }

    fn post() -> Request<()> {
        Request::post((), "http://a.example/dir/page?q=1")
            .header("content-type", "application/json")
            .header("x-api-key", "secret")
            .body("{}")
    }

    #[test]
    fn a_location_is_resolved_against_the_url_that_sent_it() {
        for (location, expected) in [
            ("other", "http://a.example/dir/other"),
            ("/top", "http://a.example/top"),
            ("?q=2", "http://a.example/dir/page?q=2"),
            ("//b.example/x", "http://b.example/x"),
            ("https://b.example", "https://b.example/"),
            ("/a b", "http://a.example/a%20b"),
        ] {
            let (target, _) =
                hop(Request::get((), "http://a.example/dir/page?q=1"), 302, location).unwrap().unwrap();
            assert_eq!(target.to_string(), expected);
        }
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_encoded_one_by_one() {
        for (location, expected) in [
            (&b"/caf\xe9?\xe4 b"[..], "http://a.example/caf%E9?%E4%20b"),
            (b"/\xc3\xa9\xe9", "http://a.example/%C3%A9%E9"),
            ("/caf\u{e9}".as_bytes(), "http://a.example/caf%C3%A9"),
            (b"/%41\xff", "http://a.example/%41%FF"),
        ] {
            let (target, _) = hop(Request::get((), "http://a.example/"), 302, location).unwrap().unwrap();
            assert_eq!(target.to_string(), expected);
        }
        let error = hop(Request::get((), "http://a.example/"), 302, b"http://caf\xe9.example/").unwrap_err();
        assert_eq!(error.kind(), Kind::Redirect);
    }

    #[test]
    fn the_method_changes_as_browsers_change_it() {
        for (status, method, body) in
            [(301, "GET", ""), (302, "GET", ""), (303, "GET", ""), (307, "POST", "{}"), (308, "POST", "{}")]
        {
            let (_, message) = hop(post(), status, "/").unwrap().unwrap();
            let sent = message.body.as_bytes().map_or(&b""[..], |bytes| bytes);
            assert_eq!((message.method.as_str(), sent), (method, body.as_bytes()), "{status}");
        }
        let put = Request::new((), Method::PUT, "http://a.example/").body("{}");
        assert_eq!(hop(put, 302, "/").unwrap().unwrap().1.method, "PUT");
        let head = Request::new((), Method::HEAD, "http://a.example/");
        assert_eq!(hop(head, 303, "/").unwrap().unwrap().1.method, "HEAD");
    }

    #[test]
    fn what_the_user_added_stays_within_the_origin() {
        let (_, inside) = hop(post(), 307, "/elsewhere").unwrap().unwrap();
        assert_eq!(inside.head.unwrap().headers["x-api-key"], "secret");
        assert!(inside.defaults);
        for elsewhere in ["http://b.example/", "https://a.example/", "http://a.example:81/"] {
            let (_, outside) = hop(post(), 307, elsewhere).unwrap().unwrap();
            let headers = outside.head.unwrap().headers;
            assert_eq!(headers.len(), 1, "{elsewhere}");
            assert_eq!(headers["content-type"], "application/json");
            assert!(!outside.defaults);
        }
    }

    #[test]
    fn a_response_that_names_no_place_is_the_answer() {
        let mut planner = Planner::new(RandomState::new());
        let job = planner
            .plan(Request::get((), "http://a.example/"), &Arc::default())
            .map_err(|(_, error)| error)
            .unwrap()
            .1;
        assert!(
            follow(&job, StatusCode::FOUND, &Headers::default(), Some(10), &mut planner).unwrap().is_none()
        );
        assert!(hop(post(), 304, "/").unwrap().is_none());
        assert!(hop(post(), 201, "/").unwrap().is_none());
    }

    #[test]
    fn a_place_that_cannot_be_requested_is_a_redirect_error() {
        for location in ["ftp://a.example/", "http://a.example:99999/", "file:///etc/passwd", "http://"] {
            let error = hop(post(), 302, location).unwrap_err();
            assert_eq!(error.kind(), Kind::Redirect, "{location}");
        }
    }
}
