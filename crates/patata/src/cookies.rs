//! The cookies of a run: what servers set, sent back to whom it belongs.

use std::sync::{Mutex, MutexGuard, PoisonError};

use cookie_store::{CookieStore, RawCookie};
use http::HeaderValue;

use crate::headers::Headers;
use crate::target::Target;

/// The cookies that servers have set in this run.
#[derive(Debug, Default)]
pub(crate) struct Jar(Mutex<CookieStore>);

impl Jar {
    /// The `Cookie` header for a request to `target`; what the user says himself goes first.
    pub(crate) fn cookies_for(&self, target: &Target, own: Option<&HeaderValue>) -> Option<HeaderValue> {
        let url = url::Url::parse(&target.to_string()).ok()?;
        let mut text = own.map(|own| own.as_bytes().to_vec()).unwrap_or_default();
        for (name, value) in self.lock().get_request_values(&url) {
            if !text.is_empty() {
                text.extend_from_slice(b"; ");
            }
            text.extend_from_slice(format!("{name}={value}").as_bytes());
        }
        let mut value = (!text.is_empty()).then(|| HeaderValue::from_bytes(&text).ok())??;
        value.set_sensitive(true);
        Some(value)
    }

    /// Keeps what a response sets, as far as its host may set it.
    pub(crate) fn store(&self, target: &Target, headers: &Headers) {
        let mut values = headers.get_all("set-cookie").peekable();
        if values.peek().is_none() {
            return;
        }
        let Ok(url) = url::Url::parse(&target.to_string()) else { return };
        let texts = values.filter_map(|value| std::str::from_utf8(value).ok());
        let cookies = texts.filter_map(|text| RawCookie::parse(text.to_owned()).ok());
        let host = url.host_str().unwrap_or_default();
        let allowed = cookies.filter_map(|cookie| within_its_site(cookie, host));
        self.lock().store_response_cookies(allowed, &url);
    }

    fn lock(&self) -> MutexGuard<'_, CookieStore> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A cookie for a public suffix ("co.uk") would go to strangers. The suffix's own host may set it, for itself
/// alone (RFC 6265, 5.3).
fn within_its_site<'c>(mut cookie: RawCookie<'c>, host: &str) -> Option<RawCookie<'c>> {
    let Some(domain) = cookie.domain().map(|domain| domain.trim_start_matches('.').to_ascii_lowercase())
    else {
        return Some(cookie);
    };
    let is_public =
        psl::suffix(domain.as_bytes()).is_some_and(|suffix| suffix.as_bytes() == domain.as_bytes());
    if is_public {
        if domain != host {
            return None;
        }
        cookie.unset_domain();
    }
    Some(cookie)
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;

    use super::*;
    use crate::plan::Planner;

    fn target(url: &str) -> Target {
        Planner::new(RandomState::new()).target(url).unwrap().0
    }

    fn sent(jar: &Jar, url: &str) -> String {
        let header = jar.cookies_for(&target(url), None);
        header.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    fn set(jar: &Jar, url: &str, cookies: &[&str]) {
        let headers = Headers::from_pairs(cookies.iter().map(|cookie| ("set-cookie", cookie.as_bytes())));
        jar.store(&target(url), &headers);
    }

    #[test]
    fn a_cookie_goes_back_to_where_it_belongs() {
        let jar = Jar::default();
        set(
            &jar,
            "https://a.example.com/dir/x",
            &["host=1", "site=2; Domain=example.com; Path=/", "safe=3; Secure; Path=/"],
        );
        assert_eq!(sent(&jar, "https://b.example.com/"), "site=2");
        assert_eq!(sent(&jar, "http://a.example.com/"), "site=2");
        assert!(sent(&jar, "https://a.example.com/dir/y").contains("host=1"));
        assert!(sent(&jar, "https://a.example.com/other").contains("safe=3"));
        assert_eq!(sent(&jar, "https://example.org/"), "");
    }

    #[test]
    fn nobody_sets_a_cookie_for_a_public_suffix_or_another_site() {
        let jar = Jar::default();
        set(&jar, "http://shop.co.uk/", &["a=1; Domain=co.uk", "b=2; Domain=other.co.uk", "c=3; Domain=uk"]);
        for url in ["http://shop.co.uk/", "http://other.co.uk/", "http://co.uk/"] {
            assert_eq!(sent(&jar, url), "", "{url}");
        }
        set(&jar, "http://github.io/", &["d=4; Domain=github.io"]);
        assert_eq!(
            (sent(&jar, "http://github.io/").as_str(), sent(&jar, "http://x.github.io/").as_str()),
            ("d=4", "")
        );
    }

    #[test]
    fn a_cookie_that_has_expired_is_sent_no_more() {
        let jar = Jar::default();
        set(&jar, "http://example.com/", &["a=1"]);
        set(&jar, "http://example.com/", &["a=; Max-Age=0"]);
        assert_eq!(sent(&jar, "http://example.com/"), "");
    }

    #[test]
    fn the_users_own_cookies_go_first() {
        let jar = Jar::default();
        set(&jar, "http://example.com/", &["a=1"]);
        let own = HeaderValue::from_static("mine=0");
        assert_eq!(jar.cookies_for(&target("http://example.com/"), Some(&own)).unwrap(), "mine=0; a=1");
    }
}
