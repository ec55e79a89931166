//! What is no longer good once something was changed (RFC 9111, 4.4).

use http::{Method, StatusCode};
use patata::Headers;
use url::Url;

/// The URLs whose stored responses must not be used any more, once a request was answered.
pub(crate) fn invalidated(method: &Method, url: &str, status: StatusCode, headers: &Headers) -> Vec<String> {
    let is_done = status.is_success() || status.is_redirection();
    if method.is_safe() || !is_done {
        return Vec::new();
    }
    let mut urls = vec![url.to_owned()];
    if let Ok(base) = Url::parse(url) {
        for name in ["location", "content-location"] {
            urls.extend(headers.get(name).and_then(|value| beside(&base, value)));
        }
    }
    urls
}

/// Another URL of the same origin: nobody may have other people's responses thrown away.
fn beside(base: &Url, value: &[u8]) -> Option<String> {
    let mut named = base.join(std::str::from_utf8(value).ok()?).ok()?;
    named.set_fragment(None);
    (named.origin() == base.origin()).then(|| named.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_changed_is_forgotten_with_what_it_names_at_its_origin() {
        let headers: Headers =
            [("location", "/new#part"), ("content-location", "http://other.example/x")].into_iter().collect();
        let of = |method, status| {
            let status = StatusCode::from_u16(status).unwrap();
            invalidated(&method, "http://a.example/old", status, &headers)
        };
        let all = ["http://a.example/old", "http://a.example/new"];
        assert_eq!(of(Method::POST, 201), all);
        assert_eq!(of(Method::from_bytes(b"MUNGE").unwrap(), 303), all);
        for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE] {
            assert!(of(method, 200).is_empty());
        }
        assert!(of(Method::DELETE, 404).is_empty());
    }
}
