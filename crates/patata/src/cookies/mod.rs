//! The cookies of a run: what servers set, sent back to whom it belongs (RFC 6265, 5.3 and 5.4), within the
//! limits that browsers have.

pub(crate) mod date;
pub(crate) mod set_cookie;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use http::HeaderValue;

use crate::address::target::Target;
use crate::clock;
use crate::cookies::set_cookie::SetCookie;
use crate::response::headers::Headers;

/// The most cookies of a site (a registrable domain, as `example.co.uk`), and how many are kept once there are
/// more.
const OF_A_SITE: (usize, usize) = (180, 150);
/// The same of all sites together.
const IN_ALL: (usize, usize) = (3_300, 3_000);
/// The most bytes of a `Cookie` header: servers refuse larger ones.
const SENT: usize = 8_190;

/// The cookies that servers have set in this run.
#[derive(Default)]
pub(crate) struct Jar(Mutex<Store>);

/// Cookies by site: only those of its own are looked through for a request.
#[derive(Default)]
struct Store {
    sites: HashMap<Box<str>, Vec<Cookie>>,
    count: usize,
    /// Counts what happens, so that it is known what came before what.
    events: u64,
}

struct Cookie {
    name: Box<[u8]>,
    value: Box<[u8]>,
    domain: Box<str>,
    /// Whether it is for the host itself, and for none below it.
    is_of_host: bool,
    path: Box<[u8]>,
    is_secure: bool,
    expires: Option<SystemTime>,
    /// When it was set first, set last, and set or sent last.
    created: u64,
    set: u64,
    used: u64,
}

impl fmt::Debug for Jar {
    /// Without the cookies, which are secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Jar").field("count", &self.lock().count).finish_non_exhaustive()
    }
}

impl Jar {
    /// The `Cookie` header for a request to `target`; what the user says himself goes first. It has room for
    /// 8 KB: what was set the longest ago is left out where that is not enough.
    pub(crate) fn cookies_for(&self, target: &Target, own: Option<&HeaderValue>) -> Option<HeaderValue> {
        let text = self.lock().sent(target, own.map_or(b"", HeaderValue::as_bytes), clock::date());
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
        let now = clock::date();
        let mut store = self.lock();
        for cookie in values.filter_map(SetCookie::parse) {
            store.set(target, &cookie, now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    fn set(&mut self, target: &Target, given: &SetCookie<'_>, now: SystemTime) {
        let host = host_of(target);
        let Some((domain, is_of_host)) = domain_of(given, &host) else { return };
        self.events += 1;
        let mut cookie = Cookie {
            name: given.name.into(),
            value: given.value.into(),
            domain,
            is_of_host,
            path: given.path.unwrap_or_else(|| default_path(target)).into(),
            is_secure: given.is_secure,
            expires: given.expires(now),
            created: self.events,
            set: self.events,
            used: self.events,
        };
        let cookies = self.sites.entry(site_of(&host).into()).or_default();
        if let Some(at) = cookies.iter().position(|other| other.is_replaced_by(&cookie)) {
            cookie.created = cookies.remove(at).created;
            self.count -= 1;
        }
        if !cookie.has_expired(now) {
            cookies.push(cookie);
            self.count += 1;
            if cookies.len() > OF_A_SITE.0 {
                self.count -= cookies.len();
                forget(cookies, OF_A_SITE.1, now);
                self.count += cookies.len();
            }
        }
        if self.count > IN_ALL.0 {
            self.forget_most(now);
        }
    }

    /// Keeps of all cookies those that were used last.
    fn forget_most(&mut self, now: SystemTime) {
        let all = self
            .sites
            .drain()
            .flat_map(|(site, cookies)| cookies.into_iter().map(move |cookie| (site.clone(), cookie)));
        let mut all: Vec<_> = all.filter(|(_, cookie)| !cookie.has_expired(now)).collect();
        all.sort_by_key(|(_, cookie)| Reverse((cookie.used, cookie.set)));
        all.truncate(IN_ALL.1);
        self.count = all.len();
        for (site, cookie) in all {
            self.sites.entry(site).or_default().push(cookie);
        }
    }

    /// What is sent to `target`, behind what the user says himself: longer paths first, then what was set first.
    fn sent(&mut self, target: &Target, own: &[u8], now: SystemTime) -> Vec<u8> {
        let mut text = own.to_vec();
        let host = host_of(target);
        let Some(cookies) = self.sites.get_mut(site_of(&host)) else { return text };
        self.events += 1;
        let mut chosen: Vec<_> = cookies
            .iter_mut()
            .filter(|cookie| cookie.is_for(target, &host) && !cookie.has_expired(now))
            .collect();
        chosen.sort_by_key(|cookie| Reverse(cookie.set));
        let mut room = SENT.saturating_sub(own.len());
        chosen.retain(|cookie| {
            let size = cookie.name.len() + cookie.value.len() + "; =".len();
            let fits = size <= room;
            room -= if fits { size } else { 0 };
            fits
        });
        chosen.sort_by_key(|cookie| (Reverse(cookie.path.len()), cookie.created));
        for cookie in chosen {
            cookie.used = self.events;
            if !text.is_empty() {
                text.extend_from_slice(b"; ");
            }
            text.extend_from_slice(&cookie.name);
            text.push(b'=');
            text.extend_from_slice(&cookie.value);
        }
        text
    }
}

impl Cookie {
    fn is_replaced_by(&self, other: &Self) -> bool {
        (&self.name, &self.domain, &self.path) == (&other.name, &other.domain, &other.path)
    }

    fn has_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|date| date <= now)
    }

    fn is_for(&self, target: &Target, host: &str) -> bool {
        let is_domain = if self.is_of_host { *self.domain == *host } else { is_within(host, &self.domain) };
        is_domain
            && (target.origin.tls || !self.is_secure)
            && is_below(target.path.path().as_bytes(), &self.path)
    }
}

/// Keeps of a site's cookies so many that were used last.
fn forget(cookies: &mut Vec<Cookie>, most: usize, now: SystemTime) {
    cookies.retain(|cookie| !cookie.has_expired(now));
    cookies.sort_by_key(|cookie| Reverse((cookie.used, cookie.set)));
    cookies.truncate(most);
}

/// By what a server's cookies are told from those of others. A unix socket's are its own.
fn host_of(target: &Target) -> Cow<'_, str> {
    match (&target.origin.socket, &target.origin.host) {
        (Some(path), _) => path.to_string_lossy(),
        (None, url::Host::Domain(name)) => Cow::Borrowed(name),
        (None, address) => Cow::Owned(address.to_string()),
    }
}

/// The registrable domain that a host is in; the host itself where it is in none.
fn site_of(host: &str) -> &str {
    let domain = if is_name(host) { psl2::lookup(host) } else { None };
    domain.and_then(|domain| domain.registrable_domain()).unwrap_or(host)
}

/// Whether it is the name of a host, and no address and no path.
fn is_name(host: &str) -> bool {
    !host.starts_with(['[', '/']) && host.parse::<std::net::Ipv4Addr>().is_err()
}

/// The domain that a cookie is for, and whether that is its host alone. `None` where the host may not set it.
fn domain_of(given: &SetCookie<'_>, host: &str) -> Option<(Box<str>, bool)> {
    let Some(named) = given.domain else { return Some((host.into(), true)) };
    let domain = canonical(std::str::from_utf8(named).ok()?)?;
    // A cookie for a public suffix ("co.uk") would go to strangers. The suffix's own host may set it, for
    // itself alone.
    if is_name(host) && psl2::lookup(&domain).is_some_and(|domain| domain.is_public_suffix()) {
        return (domain == host).then(|| (host.into(), true));
    }
    is_within(host, &domain).then(|| (domain.into(), false))
}

/// A domain in lower case, as DNS knows it.
fn canonical(domain: &str) -> Option<String> {
    if domain.is_ascii() {
        return Some(domain.to_ascii_lowercase());
    }
    match url::Host::parse(domain).ok()? {
        url::Host::Domain(name) => Some(name),
        _ => None,
    }
}

/// Whether a host is this domain, or below it.
fn is_within(host: &str, domain: &str) -> bool {
    let below = host.strip_suffix(domain);
    below.is_some_and(|below| below.is_empty() || (below.ends_with('.') && is_name(host)))
}

/// Whether a path is the one that a cookie is for, or below it.
fn is_below(path: &[u8], of_cookie: &[u8]) -> bool {
    let below = path.strip_prefix(of_cookie);
    below.is_some_and(|below| below.is_empty() || below.starts_with(b"/") || of_cookie.ends_with(b"/"))
}

/// The folder of what was asked for.
fn default_path(target: &Target) -> &[u8] {
    let path = target.path.path();
    match path.rfind('/') {
        Some(end @ 1..) => &path.as_bytes()[..end],
        _ => b"/",
    }
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;

    use super::*;
    use crate::job::planner::Planner;

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

    /// A day on which what is to have expired has, and nothing else.
    fn today() -> SystemTime {
        crate::cookies::date::parse(b"1 Jun 2020 12:00:00").unwrap()
    }

    /// What is sent to a place, a path or a URL, by who got these cookies one after another.
    fn sent_to(place: &str, cookies: &[&str]) -> String {
        const HOME: &str = "http://home.example.org:8888";
        let (from, mut store) = (target(&format!("{HOME}/set?q")), Store::default());
        for cookie in cookies {
            if let Some(cookie) = SetCookie::parse(cookie.as_bytes()) {
                store.set(&from, &cookie, today());
            }
        }
        let to = if place.starts_with('/') { format!("{HOME}{place}") } else { place.to_owned() };
        String::from_utf8(store.sent(&target(&to), b"", today())).unwrap()
    }

    /// Each kind of case that the cookie tests of the http-state working group have, with what is sent.
    #[test]
    fn names_and_values_are_what_is_left_and_right_of_the_first_equals_sign() {
        for (cookies, expected) in [
            (&["n=v"][..], "n=v"),
            (&["n"], ""),
            (&["n", ""], ""),
            (&["n", "="], ""),
            (&["n", "; m"], ""),
            (&["n", "   "], ""),
            (&["n", "m"], ""),
            (&["", "   ", ";"], ""),
            (&["=v"], ""),
            (&[" =v"], ""),
            (&["=n=v"], ""),
            (&["===n=v"], ""),
            (&["a=1", "=", "=x", "b=2"], "a=1; b=2"),
            (&["a=1", "b=", "c=3"], "a=1; b=; c=3"),
            (&["n=1", "n=2"], "n=2"),
            (&["z=1", "a=2"], "z=1; a=2"),
            (&["a=1", "z=2", "a=3"], "a=3; z=2"),
            (&["a=1", "z=2", "a=; max-age=0", "a=3"], "z=2; a=3"),
            (&["n=v, m=w"], "n=v, m=w"),
            (&["n=v; m=w, o=x"], "n=v"),
            (&["n=v;max-age=3600, m=w;path=/"], "n=v"),
            (&["  n   =   v   ;  x  "], "n=v"),
            (&["  n=== v  ;x;;;   y"], "n=== v"),
            (&["n=  v"], "n=v"),
            (&["\tn\t=\tv\t"], "n=v"),
            (&["n m=v"], "n m=v"),
            (&["n =v"], "n=v"),
            (&["n;m=v"], ""),
            (&["\"n;m\"=v"], ""),
            (&["n=\"v\""], "n=\"v\""),
            (&["n=\"  v \"  ;"], "n=\"  v \""),
            (&["n=\"v \"   \"w\" ;"], "n=\"v \"   \"w\""),
            (&["n=\"v;w\" ; ;"], "n=\"v"),
            (&["n=\"v=w\""], "n=\"v=w\""),
            (&["n=\"v"], "n=\"v"),
            (&["n=v\"w ;"], "n=v\"w"),
            (&["\"n=v"], "\"n=v"),
            (&["\"n=m\"=v"], "\"n=m\"=v"),
            (&["\"n=m\"=v", "\"n=w"], "\"n=w"),
            (&["\"n\\\"m", "\"n\\\"m;o\"=v"], ""),
            (&["n=\"v! = w;x\\\";\" y; max-age=6", "m; max-age=2.63,"], "n=\"v! = w"),
            (&["$Version=1; n=v"], "$Version=1"),
            (
                &["1=v", "$=v", "!a=v", "@a=v", "#a=v", "%a=v", "^a=v", "&a=v"],
                "1=v; $=v; !a=v; @a=v; #a=v; %a=v; ^a=v; &a=v",
            ),
            (
                &["*a=v", "(a=v", ")a=v", "-a=v", "_a=v", "+=v", "$a=v"],
                "*a=v; (a=v; )a=v; -a=v; _a=v; +=v; $a=v",
            ),
            (&["n=春节回家路·春运"], "n=春节回家路·春运"),
            (&["春节=家路; 完全"], "春节=家路"),
            (&["n=\"春\""], "n=\"春\""),
        ] {
            assert_eq!(sent_to("/show", cookies), expected, "{cookies:?}");
        }
        assert_eq!(sent_to("/show", &["x".repeat(5000).as_str()]), "");
    }

    #[test]
    fn attributes_hold_whatever_their_case_and_what_is_none_is_ignored() {
        for (cookies, expected) in [
            (&["n=v; version=1;"][..], "n=v"),
            (&["n=v; other=\"1 or more\";"], "n=v"),
            (&["n=v; o,ther=w"], "n=v"),
            (&["n=v; secure"], ""),
            (&["n=v; SeCuRe"], ""),
            (&["n=v; secure="], ""),
            (&["n=v; secure =no"], ""),
            (&["n=v; secure= no"], ""),
            (&["n=v;     secure   ;x"], ""),
            (&["n=v; x; secure"], ""),
            (&["n=v; x=\"a;b\"; secure"], ""),
            (&["n=v; \"secure\""], "n=v"),
            (&["n=v; secure x"], "n=v"),
            (&["n=v; httponly; samesite=strict; partitioned"], "n=v"),
            (&["n=v; max-age=60"], "n=v"),
            (&["n=v; max-age=60;"], "n=v"),
            (&["n=v; max-age=50,399"], "n=v"),
            (&["n=v; max-age=0;"], ""),
            (&["n=v; max-age=-20"], ""),
            (&["n=v; max-age=60", "m=w; max-age=60", "n=x; max-age=0"], "m=w"),
            (&["n=v; max-age=60", "m=w", "o=x; max-age=0"], "n=v; m=w"),
            (
                &["n=v; expires=Fri, 07 Aug 2007 08:04:19 GMT", "m=w; expires=Fri, 07 Aug 2027 08:04:19 GMT"],
                "m=w",
            ),
            (&["n=v; expires=Thu, 10 Apr 1980 16:33:12 GMT"], ""),
            (&["n=v; expires=Fri, 07 Aug 2027 08:04:19 GMT, m=w"], "n=v"),
            (&["n=v; expires=Sun, 18-Apr-2027 21:06:29 GMT ; path=/  ;  "], "n=v"),
            (&["n=v; domain=.other.test; ;; ;=; ,,, ===,a,=; b! max-age=20;=;;"], ""),
        ] {
            assert_eq!(sent_to("/show", cookies), expected, "{cookies:?}");
        }
    }

    #[test]
    fn a_cookie_is_for_its_domain_and_what_is_below_it() {
        let (home, below, sibling) =
            ("http://home.example.org/", "http://sub.home.example.org/", "http://sibling.example.org/");
        for (cookies, place, expected) in [
            (&["n=v"][..], home, "n=v"),
            (&["n=v"], below, ""),
            (&["n=v; domain=home.example.org"], home, "n=v"),
            (&["n=v; domain=home.example.org"], "http://hOmE.ExAmPlE.oRg/", "n=v"),
            (&["n=v; domain=hOmE.ExAmPlE.oRg"], home, "n=v"),
            (&["n=v; domain=home.example.org"], below, "n=v"),
            (&["n=v; domain=home.example.org"], sibling, ""),
            (&["n=v; domain=.home.example.org"], home, "n=v"),
            (&["n=v; domain=.home.example.org"], below, "n=v"),
            (&["n=v; domain=.home.example.org"], sibling, ""),
            (&["n=v; domain=example.org"], home, "n=v"),
            (&["n=v; domain=.example.org"], sibling, "n=v"),
            (&["n=v; domain=sibling.example.org"], sibling, ""),
            (&["n=v; domain=.sibling.example.org"], sibling, ""),
            (&["n=v; domain=sub.home.example.org"], below, ""),
            (&["n=v; domain=.sub.home.example.org"], below, ""),
            (&["n=v; domain=me.example.org"], "http://me.example.org/", ""),
            (&["n=v; domain=..home.example.org"], home, ""),
            (&["n=v; domain=home..example.org"], home, ""),
            (&["n=v; domain=  .home.example.org"], home, "n=v"),
            (&["n=v; domain=  .  home.example.org"], home, ""),
            (&["n=v; domain=home.example.org."], home, ""),
            (&["n=v; domain=home.example.org.."], home, ""),
            (&["n=v; domain=home.example.org ."], home, ""),
            (&["n=v; domain=.org"], home, ""),
            (&["n=v; domain=.org."], home, ""),
            (&["n=v; domain=\"home.example.org\""], home, ""),
            (&["n=v; domain=home.example.org:8888"], home, ""),
            (&["n=v; domain=home.example.org", "m=w; domain=.example.org"], home, "n=v; m=w"),
            (&["m=w; domain=.example.org", "n=v; domain=.home.example.org"], home, "m=w; n=v"),
            (&["n=v; domain=.example.org; domain=home.example.org"], sibling, ""),
            (&["n=v; domain=home.example.org; domain=.example.org"], sibling, "n=v"),
            (&["n=v; domain=home.example.org; domain=home.example.com"], home, ""),
            (&["n=v; domain=home.example.com; domain=home.example.org"], home, "n=v"),
            (&["n=v; domain=example.org; domain=home.example.org"], home, "n=v"),
            (&["n=v; domain="], home, "n=v"),
            (&["n=v; domain="], below, ""),
            (&["n=v; domain=example.org; domain="], home, "n=v"),
            (&["n=v; domain=sub.example.org; domain="], home, ""),
            (&["n=v; domain=sub.example.org; domain="], below, ""),
        ] {
            assert_eq!(sent_to(place, cookies), expected, "{cookies:?} {place}");
        }
    }

    #[test]
    fn a_cookie_is_for_its_path_and_what_is_below_it() {
        for (cookies, place, expected) in [
            (&["n=v; path"][..], "/show", "n=v"),
            (&["n=v; path="], "/show", "n=v"),
            (&["n=v; path=/"], "/show", "n=v"),
            (&["n=v; path= /"], "/show", "n=v"),
            (&["n=v; path=/show"], "/show?q", "n=v"),
            (&["n=v; path   =   /show   "], "/show", "n=v"),
            (&["n=v; path=/SHOW"], "/show", ""),
            (&["n=v; path=/other"], "/show", ""),
            (&["n=v; path    =/other"], "/show", ""),
            (&["n=v; path=/other   ; x"], "/show", ""),
            (&["n=v; path=/other; path=/"], "/show", "n=v"),
            (&["n=v; path=/; path=/other"], "/show", ""),
            (&["n=v; path=/other; path=/show"], "/show", "n=v"),
            (&["n=v; path=/show; path=/other"], "/show", ""),
            (&["n=v; path=/other; path="], "/show", "n=v"),
            (&["n=v; path=; path=/other"], "/show", ""),
            (&["n=v; path=/show/a"], "/show", ""),
            (&["n=v", "n=w; path=/show/a"], "/show", "n=v"),
            (&["n=v; path=/show/a"], "/show/a?q", "n=v"),
            (&["n=v; path=/show/a"], "/show/b", ""),
            (&["n=v; path=/show/a/b"], "/show/a", ""),
            (&["n=v; path=/show/a/b"], "/show/a/b", "n=v"),
            (&["n=v; path=/show/a/b"], "/show/c/b", ""),
            (&["n=v; path=/show/a/b/"], "/show/a/b", ""),
            (&["n=v; path=/show/a/b/"], "/show/a/b/", "n=v"),
            (&["n=v; path=/show/a/"], "/show/a/b", "n=v"),
            (&["n=v; path=/show/a/"], "/show/a//b", "n=v"),
            (&["n=v; path=/show/a/"], "/show/ab", ""),
            (&["n=v; path=/show/a"], "/show/ab", ""),
            (&["n=v; path=/show/a?"], "/show/a?q", ""),
            (&["n=v; path=/show/a#"], "/show/a", ""),
            (&["n=v; path=/show/a;"], "/show/a", "n=v"),
            (&["n=v; path=\"/show/a;\""], "/show/a", "n=v"),
            (&["n=v; path=/show/%61"], "/show/a", ""),
            (&["n=v; path=/show/%61"], "/show/%61", "n=v"),
        ] {
            assert_eq!(sent_to(place, cookies), expected, "{cookies:?} {place}");
        }
    }

    #[test]
    fn longer_paths_go_first_then_what_was_set_first() {
        for (cookies, place, expected) in [
            (&["a=1; path=/", "b=2; path=/show"][..], "/show", "b=2; a=1"),
            (&["b=2; path=/show", "a=1; path=/"], "/show", "b=2; a=1"),
            (&["n=1; path=/show", "n=2; path=/show/"], "/show/a", "n=2; n=1"),
            (
                &[
                    "n=0",
                    "n=1; path=/show",
                    "n=2; path=/",
                    "n=3; path=/other",
                    "n=4; domain=.example.org",
                    "n=5; domain=.example.org; path=/show/a",
                ],
                "/show/a/b",
                "n=5; n=1; n=2; n=4",
            ),
        ] {
            assert_eq!(sent_to(place, cookies), expected, "{cookies:?}");
        }
    }

    #[test]
    fn a_cookie_that_is_set_without_a_path_is_for_the_folder_of_what_set_it() {
        for (from, to, expected) in [
            ("/a/b/c", "/a/b", "n=v"),
            ("/a/b/c", "/a/b/d/e", "n=v"),
            ("/a/b/c", "/a", ""),
            ("/a/b/", "/a/b", "n=v"),
            ("/a", "/", "n=v"),
            ("", "/a", "n=v"),
        ] {
            let jar = Jar::default();
            set(&jar, &format!("http://example.com{from}"), &["n=v"]);
            assert_eq!(sent(&jar, &format!("http://example.com{to}")), expected, "{from} {to}");
        }
    }

    #[test]
    fn an_address_and_a_socket_have_cookies_of_their_own() {
        for (from, cookie, to, expected) in [
            ("http://127.0.0.1:1/", "n=v", "https://127.0.0.1:2/", "n=v"),
            ("http://127.0.0.1/", "n=v; domain=127.0.0.1", "http://127.0.0.1/", "n=v"),
            ("http://127.0.0.1/", "n=v; domain=0.0.1", "http://127.0.0.1/", ""),
            ("http://127.0.0.1/", "n=v; domain=1", "http://127.0.0.2/", ""),
            ("http://[::1]/", "n=v", "http://[::1]/", "n=v"),
            ("http://localhost/", "n=v; domain=localhost", "http://localhost/", "n=v"),
            ("http+unix://%2Frun%2Fa/", "n=v", "http+unix://%2Frun%2Fa/", "n=v"),
            ("http+unix://%2Frun%2Fa/", "n=v", "http+unix://%2Frun%2Fb/", ""),
            ("http+unix://%2Frun%2Fa/", "n=v", "http://localhost/", ""),
        ] {
            let jar = Jar::default();
            set(&jar, from, &[cookie]);
            assert_eq!(sent(&jar, to), expected, "{from} {to}");
        }
        let jar = Jar::default();
        set(&jar, "http://a.bücher.example/", &["n=v; domain=bücher.example"]);
        assert_eq!(sent(&jar, "http://xn--bcher-kva.example/"), "n=v");
    }

    fn count(jar: &Jar) -> usize {
        let store = jar.lock();
        assert_eq!(store.count, store.sites.values().map(Vec::len).sum::<usize>());
        store.count
    }

    #[test]
    fn a_site_has_no_more_cookies_than_browsers_allow_and_loses_those_not_used_the_longest() {
        let jar = Jar::default();
        set(&jar, "http://a.example.com/login", &["session=1; path=/login"]);
        for number in 0..1_000 {
            set(
                &jar,
                &format!("http://{number}.example.com/"),
                &[&format!("n{number}=v; domain=example.com; path=/b")],
            );
            sent(&jar, "http://a.example.com/login");
            assert!(count(&jar) <= OF_A_SITE.0);
        }
        assert_eq!(sent(&jar, "http://a.example.com/login"), "session=1");
        assert!(sent(&jar, "http://b.example.com/b").ends_with("; n999=v"));
        set(&jar, "http://other.example/", &["n=v"]);
        assert_eq!(sent(&jar, "http://other.example/"), "n=v");
    }

    #[test]
    fn all_sites_together_have_no_more_than_browsers_allow() {
        let jar = Jar::default();
        for number in 0..10_000 {
            set(&jar, &format!("http://{number}.example/"), &["n=v"]);
            assert!(count(&jar) <= IN_ALL.0);
        }
        assert!(count(&jar) >= IN_ALL.1);
        assert_eq!(
            (sent(&jar, "http://0.example/").as_str(), sent(&jar, "http://9999.example/").as_str()),
            ("", "n=v")
        );
    }

    #[test]
    fn what_is_sent_fits_8_kb_and_what_was_set_last_is_in_it() {
        let jar = Jar::default();
        for number in 0..100 {
            let cookie = format!("n{number}={}", "v".repeat(1_000));
            set(&jar, "http://example.com/", &[&cookie]);
        }
        let header = sent(&jar, "http://example.com/");
        assert!((7_000..=SENT).contains(&header.len()) && header.contains("n99="), "{header}");
        let own = HeaderValue::from_str(&format!("own={}", "o".repeat(7_500))).unwrap();
        set(&jar, "http://example.com/", &["small=1"]);
        let header = jar.cookies_for(&target("http://example.com/"), Some(&own)).unwrap();
        assert_eq!(header.len(), own.len() + "; small=1".len());
    }

    #[test]
    fn a_jar_shows_no_cookie() {
        let jar = Jar::default();
        set(&jar, "http://example.com/", &["session=hunter2"]);
        assert_eq!(format!("{jar:?}"), "Jar { count: 1, .. }");
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
        // All of ck are such suffixes but one; and so is what ends one rule (`*.firenet.ch`) and begins another.
        set(&jar, "http://a.co.ck/", &["e=5; Domain=co.ck"]);
        set(&jar, "http://www.ck/", &["f=6; Domain=www.ck"]);
        set(&jar, "http://a.svc.firenet.ch/", &["g=7; Domain=svc.firenet.ch"]);
        let urls = ["http://a.co.ck/", "http://a.www.ck/", "http://a.svc.firenet.ch/"];
        assert_eq!(urls.map(|url| sent(&jar, url)), ["", "f=6", ""]);
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
