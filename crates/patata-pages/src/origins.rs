//! Where a link of a page may lead: to the origin that was asked, or to one that is named.

use std::str::FromStr;

use url::{Host, Url};

use crate::error::SpecError;

/// The origins that links may lead to, beside that of the request, which would get what the request has: headers and
/// credentials. Default: none.
///
/// ```
/// use patata_pages::Origins;
///
/// let origins: Origins = "https://other.example".parse()?;
/// assert!(origins != Origins::default());
/// assert!("other.example".parse::<Origins>().unwrap_err().to_string().contains("https://example.com"));
/// # Ok::<(), patata_pages::SpecError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origins {
    allowed: Vec<Origin>,
    is_any: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    is_tls: bool,
    host: Host,
    port: u16,
}

/// Why a link is not followed.
#[derive(Debug)]
pub(crate) enum Refused {
    NoUrl(String),
    OtherOrigin(String),
}

impl FromStr for Origins {
    type Err = SpecError;

    /// One origin, or `any` for all of them.
    fn from_str(text: &str) -> Result<Self, SpecError> {
        if text == "any" {
            return Ok(Self { is_any: true, ..Self::default() });
        }
        let origin = Url::parse(text).ok().and_then(|url| Origin::of(&url));
        let origin = origin.ok_or_else(|| {
            SpecError(format!(
                "{text:?} is no origin such as https://example.com; any stands for all of them"
            ))
        })?;
        Ok(Self { allowed: vec![origin], is_any: false })
    }
}

impl Extend<Self> for Origins {
    fn extend<I: IntoIterator<Item = Self>>(&mut self, others: I) {
        for other in others {
            self.is_any |= other.is_any;
            self.allowed.extend(other.allowed);
        }
    }
}

impl Origins {
    /// The URL that a link of the page at `base` leads to, where that is allowed; `asked` is the request's own, whose
    /// credentials the next one carries.
    pub(crate) fn resolved(&self, link: &str, base: &str, asked: &str) -> Result<String, Refused> {
        let none = || Refused::NoUrl(format!("{link:?} is no http:// or https:// URL"));
        let base = Url::parse(base).ok();
        let mut url = Url::options().base_url(base.as_ref()).parse(link.trim()).map_err(|_| none())?;
        let target = Origin::of(&url).ok_or_else(none)?;
        let asked = Url::parse(asked).ok();
        let own = asked.as_ref().and_then(Origin::of);
        let is_own = own.is_some_and(|own| own == target || own.by_tls().as_ref() == Some(&target));
        if let Some(asked) = asked.filter(|_| is_own && url.username().is_empty()) {
            // What is asked of one page is asked of all. A URL that has a host takes them.
            let _ = url.set_username(asked.username());
            let _ = url.set_password(asked.password());
        }
        match is_own || self.is_any || self.allowed.contains(&target) {
            true => Ok(url.into()),
            false => Err(Refused::OtherOrigin(format!(
                "it leads to {0}, another origin than that of the request, which would get the credentials; \
                 --pages-allow-origin {0} allows it",
                target.shown()
            ))),
        }
    }
}

impl Origin {
    fn of(url: &Url) -> Option<Self> {
        let is_tls = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let host = match url.host()?.to_owned() {
            Host::Domain(name) => Host::Domain(name.trim_end_matches('.').to_owned()),
            address => address,
        };
        Some(Self { is_tls, host, port: url.port_or_known_default()? })
    }

    /// The same host by TLS, where both ports are the usual ones: that shows credentials to nobody else.
    fn by_tls(&self) -> Option<Self> {
        let is_plain = !self.is_tls && self.port == 80;
        is_plain.then(|| Self { is_tls: true, port: 443, host: self.host.clone() })
    }

    fn shown(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        match (self.is_tls, self.port) {
            (true, 443) | (false, 80) => format!("{scheme}://{}", self.host),
            _ => format!("{scheme}://{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_the_origin_that_was_asked_or_to_one_that_is_named() {
        let named: Origins = "https://other.example:8443".parse().unwrap();
        for (link, expected) in [
            ("?page=2", "http://host/a/b?page=2"),
            ("c", "http://host/a/c"),
            ("/c", "http://host/c"),
            ("//HOST./c", "http://host./c"),
            ("https://host/c", "https://host/c"),
            ("https://other.example:8443/c", "https://other.example:8443/c"),
        ] {
            assert_eq!(named.resolved(link, "http://host/a/b?x", "http://host/").unwrap(), expected);
        }
        for link in [
            "http://other.example:8443/c",
            "https://other.example/c",
            "http://host:81/",
            "//host.evil/",
            "http://host@evil/",
            "/\\evil/",
        ] {
            let refused = named.resolved(link, "http://host/", "http://host/");
            assert!(matches!(refused, Err(Refused::OtherOrigin(_))), "{link}");
        }
        for link in ["ftp://host/", "mailto:me@host", "http://", "http://[x/"] {
            let refused = named.resolved(link, "http://host/", "http://host/");
            assert!(matches!(refused, Err(Refused::NoUrl(_))), "{link}");
        }
    }

    #[test]
    fn a_name_and_password_go_along_where_the_link_has_none_of_its_own() {
        let resolved = |link| Origins::default().resolved(link, "http://h/", "http://me:pw@h/?a").unwrap();
        assert_eq!(resolved("?p=2"), "http://me:pw@h/?p=2");
        assert_eq!(resolved("http://you@h/"), "http://you@h/");
        let any: Origins = "any".parse().unwrap();
        assert_eq!(any.resolved("http://other/", "http://h/", "http://me:pw@h/").unwrap(), "http://other/");
    }

    #[test]
    fn from_tls_nothing_leads_to_plain_text() {
        let refused = Origins::default().resolved("http://host/", "https://host/", "https://host/");
        let Err(Refused::OtherOrigin(why)) = refused else { panic!() };
        assert!(why.contains("--pages-allow-origin http://host allows it"), "{why}");
        let any: Origins = "any".parse().unwrap();
        assert!(any.resolved("http://[::1]:8/", "https://host/", "https://host/").is_ok());
    }
}
