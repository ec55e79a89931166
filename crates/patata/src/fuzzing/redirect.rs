//! Where redirects lead: to nothing but HTTP, with nothing of the user's to another origin, and to no socket.

use std::hash::RandomState;
use std::sync::Arc;

use http::{Method, StatusCode, header};

use crate::address::target::Target;
use crate::fuzzing::Drawn;
use crate::job::Message;
use crate::job::planner::Planner;
use crate::job::redirect::follow;
use crate::request::Request;
use crate::response::headers::Headers;

/// Stands for credentials, wherever they may be.
const SECRET: &str = "hunter2";
/// What is asked for first. One has credentials of its own.
const FROM: [&str; 4] = [
    "http://a.example/dir/page?q=1",
    "https://a.example:8443/",
    "http://me:hunter2@127.0.0.1/x",
    "http+unix://%2Ftmp%2Fsocket/",
];

/// Reads `data` as a status and a method, and the rest as a `Location`.
///
/// # Panics
/// Where a redirect leads to what it must not, takes along what is secret, or shows it.
pub fn redirect(data: &[u8]) {
    let mut drawn = Drawn(data);
    let status = *drawn.choice(&[301, 302, 303, 307, 308, 300, 304, 200]);
    let method = drawn.choice(&[Method::GET, Method::POST, Method::PUT, Method::HEAD]).clone();
    let from = *drawn.choice(&FROM);
    let has_credentials = drawn.byte() & 1 == 1;
    let location = if has_credentials {
        let scheme = *drawn.choice(&["http", "https", "ftp", "x", "http+unix", ""]);
        [scheme.as_bytes(), b"://me:", SECRET.as_bytes(), b"@", drawn.0].concat()
    } else {
        drawn.0.to_vec()
    };
    let mut planner = Planner::new(RandomState::new());
    let request = Request::new((), method.clone(), from)
        .header("x-api-key", SECRET)
        .header("cookie", SECRET)
        .header("content-type", "text/plain")
        .header("user-agent", "fuzzer")
        .body(SECRET);
    let Ok((_, job)) = planner.plan(request, &Arc::default()) else { panic!("{from} cannot be requested") };
    let headers = Headers::collect([("location", &location[..])], &mut Vec::new());
    let Ok(status) = StatusCode::from_u16(status) else { panic!("{status} is no status") };
    match follow(&job, status, &headers, Some(10), &mut planner) {
        Ok(Some((target, message))) => {
            check_target(&mut planner, &job.target, &target);
            check_message(&location, &job.message, &message, job.target.origin == target.origin);
        }
        Ok(None) => {
            let is_redirect = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
            assert!(!is_redirect || location.trim_ascii().is_empty());
        }
        Err(error) if has_credentials => {
            let told = format!("{error} {error:?}");
            let is_elsewhere = String::from_utf8_lossy(drawn.0).contains(SECRET);
            assert!(
                is_elsewhere || !told.contains(SECRET),
                "{:?}: {told}",
                String::from_utf8_lossy(&location)
            );
        }
        Err(_) => {}
    }
}

fn check_target(planner: &mut Planner, from: &Target, target: &Target) {
    let socket = &target.origin.socket;
    assert!(socket.is_none() || *socket == from.origin.socket, "{from} leads to {target}");
    // It says itself as a URL that leads to the same place, the long way and the short way.
    let shown = target.to_string();
    for _ in 0..2 {
        match planner.target(&shown) {
            Ok((again, None)) => {
                assert_eq!(again.origin, target.origin, "{shown}");
                assert_eq!(again.to_string(), shown);
            }
            Ok((_, Some(_))) => panic!("{shown} shows credentials"),
            Err(error) => panic!("{shown} cannot be requested: {error}"),
        }
    }
    let path = target.path.as_str();
    let is_plain = path.bytes().all(|byte| byte > b' ' && byte != 0x7f);
    assert!(path.starts_with('/') && is_plain, "{path:?} would break the request's first line");
}

fn check_message(location: &[u8], before: &Message, after: &Message, is_same_origin: bool) {
    let is_kept = after.method == before.method;
    assert!(is_kept || after.method == Method::GET, "{} became {}", before.method, after.method);
    assert!(is_kept || after.body.is_none(), "a GET with the body of a {}", before.method);
    let head = after.head.as_deref();
    let says = |name| head.is_some_and(|head| head.headers.contains_key(name));
    assert!(says("user-agent"), "what is no secret got lost");
    if is_same_origin {
        assert!(after.defaults && says("x-api-key") && says("cookie"));
    } else {
        assert!(!after.defaults && !says("x-api-key") && !says("cookie"), "headers left the origin");
        // Unless the server named some itself.
        assert!(
            !says(header::AUTHORIZATION.as_str()) || location.contains(&b'@'),
            "credentials left the origin"
        );
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fragment() -> impl Strategy<Value = Vec<u8>> {
        let common: &[&str] = &[
            "http:",
            "https:",
            "ftp:",
            "file:",
            "http+unix:",
            "//",
            "/",
            "\\",
            "..",
            "%2e",
            "?",
            "#",
            "@",
            ":",
            "a.example",
            "b.example",
            "127.0.0.1",
            "[::1]",
            "%2Ftmp%2Fsocket",
            "%2Ftmp%2Fother",
            "8443",
            "80",
            " ",
            "\t",
            "%00",
            "ü",
            "xn--",
            "\r\n",
            "hunter2",
        ];
        prop_oneof![
            8 => prop::sample::select(common).prop_map(|text| text.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..5),
            1 => "\\PC{0,10}".prop_map(String::into_bytes),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn no_location_leads_astray(how: [u8; 5], fragments in prop::collection::vec(fragment(), 0..10)) {
            redirect(&[how.to_vec(), fragments.concat()].concat());
        }
    }
}
