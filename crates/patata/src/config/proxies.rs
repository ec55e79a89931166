//! Proxies: which one leads to an origin, by an option or by the environment's variables.

use std::fmt;
use std::sync::Arc;

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use crate::address::target::Origin;
use crate::error::ConfigError;

/// What a proxy's URL must be.
const ALLOWED: &str = "the URL of a proxy: http, https, socks5 or socks5h, a host, and no path; with a user \
                       and a password percent-encoded";

/// The variables that name proxies, of which the first that says anything is read.
const VARIABLES: [[&str; 2]; 3] =
    [["http_proxy", "HTTP_PROXY"], ["https_proxy", "HTTPS_PROXY"], ["all_proxy", "ALL_PROXY"]];

/// One proxy.
pub(crate) struct Proxy {
    pub(crate) scheme: Scheme,
    pub(crate) host: url::Host,
    pub(crate) port: u16,
    /// What an HTTP proxy is told of who is asking.
    pub(crate) authorization: Option<HeaderValue>,
    /// What a SOCKS proxy is told of it.
    pub(crate) user: Option<(String, String)>,
}

/// How a proxy is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    /// HTTP within TLS.
    Https,
    /// Hosts' names are looked up here.
    Socks5,
    /// They are looked up by the proxy.
    Socks5h,
}

impl Proxy {
    fn of(intercept: &Intercept) -> Option<Self> {
        let uri = intercept.uri();
        let (scheme, default_port) = match uri.scheme_str()? {
            "http" => (Scheme::Http, 80),
            "https" => (Scheme::Https, 443),
            "socks5" => (Scheme::Socks5, 1080),
            "socks5h" => (Scheme::Socks5h, 1080),
            _ => return None,
        };
        let authority = uri.authority()?;
        // Nothing but the host, and a port that is a number: what is left of credentials had an @ in them.
        let has_port = authority.as_str().len() > authority.host().len();
        let is_plain = !authority.as_str().contains('@') && has_port == authority.port_u16().is_some();
        let user = intercept.raw_auth().map(|(user, password)| (user.to_owned(), password.to_owned()));
        // The lengths that SOCKS has room for.
        let fits = user.as_ref().is_none_or(|(user, password)| user.len() < 256 && password.len() < 256);
        (is_plain && fits).then_some(())?;
        Some(Self {
            scheme,
            host: url::Host::parse(uri.host()?).ok()?,
            port: uri.port_u16().unwrap_or(default_port),
            authorization: intercept.basic_auth().cloned(),
            user,
        })
    }

    pub(crate) fn is_socks(&self) -> bool {
        matches!(self.scheme, Scheme::Socks5 | Scheme::Socks5h)
    }
}

impl fmt::Display for Proxy {
    /// Without credentials.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Proxy").field(&format_args!("{self}")).finish()
    }
}

/// Which proxy, if any, leads to an origin.
#[derive(Debug, Clone)]
pub(crate) enum Proxies {
    /// Those that the environment names; `None` where it names none, or has not been asked yet.
    Environment(Option<Arc<Matcher>>),
    /// The same one to all origins.
    Always(Arc<Proxy>),
    Never,
}

impl Default for Proxies {
    fn default() -> Self {
        Self::Environment(None)
    }
}

impl Proxies {
    /// This proxy, for all origins.
    pub(crate) fn always(url: &str) -> Result<Self, ConfigError> {
        parse("proxy", url).map(|proxy| Self::Always(Arc::new(proxy)))
    }

    /// Asks the environment, where it is to be asked.
    pub(crate) fn resolved(self) -> Result<Self, ConfigError> {
        match self {
            Self::Environment(_) => environment(|name| std::env::var(name).ok()),
            chosen => Ok(chosen),
        }
    }

    /// Whether there is none for any origin.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Never | Self::Environment(None))
    }

    /// The proxy that leads to `origin`.
    pub(crate) fn proxy_for(&self, origin: &Origin) -> Option<Arc<Proxy>> {
        match self {
            Self::Never | Self::Environment(None) => None,
            Self::Always(proxy) => Some(proxy.clone()),
            Self::Environment(Some(matcher)) => {
                let scheme = if origin.tls { "https" } else { "http" };
                let uri = format!("{scheme}://{origin}/").parse::<Uri>().ok()?;
                Proxy::of(&matcher.intercept(&uri)?).map(Arc::new)
            }
        }
    }
}

/// What the variables say, each of which must be of use.
fn environment(variable: impl Fn(&str) -> Option<String>) -> Result<Proxies, ConfigError> {
    let value = |names: [&'static str; 2]| {
        // As curl has it: set to nothing is not set.
        let says = |name| variable(name).filter(|value| !value.is_empty()).map(|value| (name, value));
        names.into_iter().find_map(says)
    };
    let found = VARIABLES.map(value);
    for (name, url) in found.iter().flatten() {
        parse(name, url)?;
    }
    // A CGI program has its callers' `Proxy` header as HTTP_PROXY.
    if found.iter().all(Option::is_none) || variable("REQUEST_METHOD").is_some() {
        return Ok(Proxies::Environment(None));
    }
    let [http, https, all] = found.map(|found| found.map(|(_, url)| url).unwrap_or_default());
    let except = value(["no_proxy", "NO_PROXY"]).map(|(_, hosts)| hosts).unwrap_or_default();
    // The library takes it for all names, and for no address.
    if except.split(',').any(|host| host.trim() == "*") {
        return Ok(Proxies::Environment(None));
    }
    let matcher = Matcher::builder().http(http).https(https).all(all).no(except).build();
    Ok(Proxies::Environment(Some(Arc::new(matcher))))
}

/// One proxy's URL, which an option or a variable of this name gives.
fn parse(option: &'static str, url: &str) -> Result<Proxy, ConfigError> {
    let anywhere = Uri::from_static("http://host/");
    let has_path =
        url.parse::<Uri>().is_ok_and(|uri| !matches!(uri.path(), "" | "/") || uri.query().is_some());
    let intercept = Matcher::builder().all(url).build().intercept(&anywhere).filter(|_| !has_path);
    intercept.as_ref().and_then(Proxy::of).ok_or_else(|| ConfigError {
        option,
        allowed: ALLOWED,
        value: format!("{:?}", without_credentials(url)),
    })
}

/// A text that may be no URL, so whatever stands before an @ may be a password.
fn without_credentials(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((before, place)) => {
            let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
            format!("{scheme}://…@{place}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;

    use super::*;

    fn origin(url: &str) -> Origin {
        Origin::of(&url::Url::parse(url).unwrap(), &RandomState::new()).unwrap()
    }

    /// Which proxies lead to these URLs, in an environment.
    fn chosen<const N: usize>(variables: &[(&str, &str)], urls: [&str; N]) -> [String; N] {
        let variable = |name: &str| {
            variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
        };
        let proxies = environment(variable).unwrap();
        urls.map(|url| {
            proxies
                .proxy_for(&origin(url))
                .map_or("direct".to_owned(), |proxy| format!("{:?} {proxy}", proxy.scheme))
        })
    }

    #[test]
    fn the_environments_variables_are_understood_as_curl_does() {
        let urls = ["http://a.example/", "https://a.example/"];
        assert_eq!(chosen(&[], urls), ["direct", "direct"]);
        assert_eq!(chosen(&[("HTTP_PROXY", "p:1")], urls), ["Http p:1", "direct"]);
        assert_eq!(chosen(&[("https_proxy", "https://p")], urls), ["direct", "Https p:443"]);
        assert_eq!(chosen(&[("ALL_PROXY", "socks5h://p")], urls), ["Socks5h p:1080", "Socks5h p:1080"]);
        let both = [("ALL_PROXY", "socks5://p"), ("HTTP_PROXY", "http://[::1]")];
        assert_eq!(chosen(&both, urls), ["Http [::1]:80", "Socks5 p:1080"]);
        let cgi = [("HTTP_PROXY", "p:1"), ("REQUEST_METHOD", "GET")];
        assert_eq!(chosen(&cgi, urls), ["direct", "direct"]);
        assert_eq!(
            chosen(&[("HTTP_PROXY", "upper"), ("http_proxy", "lower")], urls),
            ["Http lower:80", "direct"]
        );
        for empty in [[("HTTP_PROXY", ""), ("http_proxy", "p")], [("HTTP_PROXY", "p"), ("http_proxy", "")]] {
            assert_eq!(chosen(&empty, urls), ["Http p:80", "direct"], "{empty:?}");
        }
        let both = [("ALL_PROXY", "p"), ("NO_PROXY", "b.example"), ("no_proxy", "a.example")];
        assert_eq!(chosen(&both, ["http://a.example/", "http://b.example/"]), ["direct", "Http p:80"]);
    }

    #[test]
    fn hosts_suffixes_and_networks_are_excepted() {
        let environment =
            [("ALL_PROXY", "http://p:1"), ("NO_PROXY", "a.example, .b.example,10.0.0.0/8,::1,192.168.0.1")];
        let direct = [
            "http://a.example/",
            "https://x.a.example:8443/",
            "http://x.b.example/",
            "http://10.1.2.3:81/",
            "http://[::1]:80/",
            "http://192.168.0.1/",
        ];
        assert_eq!(chosen(&environment, direct), ["direct"; 6]);
        let proxied = ["http://nota.example/", "http://11.1.2.3/", "http://[::2]/", "http://192.168.0.2/"];
        assert_eq!(chosen(&environment, proxied), ["Http p:1"; 4]);
        for all in ["*", "a.example, * "] {
            let environment = [("ALL_PROXY", "p"), ("NO_PROXY", all)];
            let urls = ["http://a/", "https://192.0.2.1/", "http://[::1]:81/"];
            assert_eq!(chosen(&environment, urls), ["direct"; 3], "{all}");
        }
    }

    #[test]
    fn a_url_that_names_no_proxy_is_refused_and_its_credentials_are_not_shown() {
        for url in [
            "",
            "http://",
            "ftp://p",
            "socks4://p",
            "http://p:port",
            "http://p:",
            "http://p/path",
            "http://p?q",
            "http://u:secret@p:x",
            "http://u:secret@more@p",
            "u:sec ret@p",
        ] {
            let error = parse("proxy", url).unwrap_err().to_string();
            assert!(error.starts_with("proxy must be the URL of a proxy"), "{url}: {error}");
            assert!(!error.contains("sec"), "{url}: {error}");
        }
        let error = environment(|name| (name == "https_proxy").then(|| "ftp://p".to_owned())).unwrap_err();
        assert_eq!(error.option, "https_proxy");
    }

    #[test]
    fn credentials_are_decoded_and_never_shown() {
        let proxy = parse("proxy", "http://us%40er:p%3Aw@p:8080").unwrap();
        assert_eq!(proxy.authorization.as_ref().unwrap(), "Basic dXNAZXI6cDp3");
        assert_eq!(format!("{proxy} {proxy:?}"), "p:8080 Proxy(p:8080)");
        let proxy = parse("proxy", "socks5://us%40er:secret@p").unwrap();
        assert_eq!(proxy.user, Some(("us@er".to_owned(), "secret".to_owned())));
        let shown = format!("{:?}", Proxies::always("socks5://user:secret@p").unwrap());
        assert!(!shown.contains("secret"), "{shown}");
    }
}
