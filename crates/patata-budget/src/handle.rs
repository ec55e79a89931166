//! A handle: where a budget is, the secret that opens it, and how much of it is one's own; in one line of text.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use url::Url;

use crate::error::BudgetError;
use crate::units::terms::Terms;

/// What means something else in a handle than in a path.
const OF_HANDLES: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'?').add(b'#').add(b'"').add(b'<').add(b'>');

/// Where a budget is and how it is opened, as text: `budget://host:port/?secret=…`, `unix:///run/budget.sock` or
/// `redis://host/0?name=crm`.
///
/// What is shown of it has no secret in it; [`Handle::reveal`] gives all of it, for the process that it is meant for.
///
/// ```
/// use patata_budget::Handle;
///
/// let handle: Handle = "budget://127.0.0.1:7077/?secret=s3cret&weight=2".parse()?;
/// assert_eq!(format!("{handle:?}"), "Handle(budget://127.0.0.1:7077/?secret=***&weight=2)");
/// assert_eq!(handle.reveal(), "budget://127.0.0.1:7077/?secret=s3cret&weight=2");
/// assert!("budget://127.0.0.1/".parse::<Handle>().unwrap_err().to_string().contains("port"));
/// # Ok::<(), patata_budget::BudgetError>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Handle {
    pub(crate) place: Place,
    pub(crate) secret: String,
    pub(crate) weight: f64,
}

/// Where a budget is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Place {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
    Redis(RedisPlace),
}

/// A budget in Redis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RedisPlace {
    /// As the Redis client takes it, password and all.
    pub(crate) url: String,
    pub(crate) name: String,
    /// What it allows, where that is said here.
    pub(crate) terms: Terms,
}

impl Handle {
    pub(crate) fn tcp(host: String, port: u16, secret: String) -> Self {
        Self { place: Place::Tcp { host, port }, secret, weight: 1.0 }
    }

    pub(crate) fn unix(path: PathBuf, secret: String) -> Self {
        Self { place: Place::Unix(path), secret, weight: 1.0 }
    }

    /// The whole of it as text, the secret too: for the environment or the pickle of a process that is to share the budget,
    /// and for no log.
    #[must_use]
    pub fn reveal(&self) -> String {
        self.text(false)
    }

    /// The same, for one who has a larger or smaller share than others: `2.0` is twice as much as `1.0`, which is the default.
    ///
    /// # Errors
    /// A weight that is not above zero.
    pub fn with_weight(mut self, weight: f64) -> Result<Self, BudgetError> {
        if !(weight.is_finite() && weight > 0.0) {
            return Err(bad(&self.to_string(), format!("its weight must be a number above 0, got {weight}")));
        }
        self.weight = weight;
        Ok(self)
    }

    /// Where it is, without secret: `127.0.0.1:7077`, a path, or `redis://host/0 (crm)`.
    #[must_use]
    pub fn address(&self) -> String {
        match &self.place {
            Place::Tcp { host, port } => format!("{host}:{port}"),
            Place::Unix(path) => path.display().to_string(),
            Place::Redis(redis) => without_password(&redis.url),
        }
    }

    fn text(&self, is_hidden: bool) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let begin = match &self.place {
            Place::Tcp { host, port } => format!("budget://{host}:{port}/"),
            Place::Unix(path) => {
                format!("unix://{}", utf8_percent_encode(&path.to_string_lossy(), OF_HANDLES))
            }
            Place::Redis(redis) => {
                query.append_pair("name", &redis.name);
                for unit in redis.terms.units() {
                    for rate in &unit.rates {
                        query.append_pair(&unit.name, &rate.to_string());
                    }
                }
                if let Some(most) = redis.terms.most_in_flight() {
                    query.append_pair("concurrency", &most.to_string());
                }
                if is_hidden { without_password(&redis.url) } else { redis.url.clone() }
            }
        };
        if !self.secret.is_empty() && !is_hidden {
            query.append_pair("secret", &self.secret);
        }
        if (self.weight - 1.0).abs() > f64::EPSILON {
            query.append_pair("weight", &self.weight.to_string());
        }
        let mut query = query.finish();
        if !self.secret.is_empty() && is_hidden {
            let rest = if query.is_empty() { String::new() } else { format!("&{query}") };
            query = format!("secret=***{rest}");
        }
        if query.is_empty() { begin } else { format!("{begin}?{query}") }
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text(true))
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Handle({self})")
    }
}

impl FromStr for Handle {
    type Err = BudgetError;

    fn from_str(text: &str) -> Result<Self, BudgetError> {
        // What cannot be read may have a secret anywhere: only its beginning is shown.
        let shown = text.split([':', '?', '@', '/']).next().unwrap_or_default().to_owned();
        let url = Url::parse(text).map_err(|cause| {
            bad(
                &shown,
                format!("{cause}; write budget://host:port/?secret=…, unix:///path or redis://host/0?name=…"),
            )
        })?;
        let shown = without_password(&url[..url::Position::AfterPath]);
        let mut said = Said::default();
        for (name, value) in url.query_pairs() {
            said.take(&name, &value, url.scheme()).map_err(|why| bad(&shown, why))?;
        }
        let place = place(&url, &mut said).map_err(|why| bad(&shown, why))?;
        let handle = Self { place, secret: said.secret, weight: 1.0 };
        handle.with_weight(said.weight.unwrap_or(1.0))
    }
}

fn bad(handle: &str, why: String) -> BudgetError {
    BudgetError::Handle { handle: handle.to_owned(), why }
}

/// What the query of a handle says.
#[derive(Default)]
struct Said {
    secret: String,
    weight: Option<f64>,
    name: Option<String>,
    terms: Terms,
}

impl Said {
    fn take(&mut self, name: &str, value: &str, scheme: &str) -> Result<(), String> {
        let is_redis = matches!(scheme, "redis" | "rediss");
        match name {
            "secret" if !is_redis => self.secret = value.to_owned(),
            "weight" => {
                let weight =
                    value.parse().map_err(|_| format!("weight must be a number above 0, got {value:?}"))?;
                self.weight = Some(weight);
            }
            "name" if is_redis => self.name = Some(value.to_owned()),
            "concurrency" if is_redis => {
                let most = value.parse::<u32>().ok().filter(|most| *most > 0);
                let most =
                    most.ok_or_else(|| format!("concurrency must be a number from 1 on, got {value:?}"))?;
                self.terms = std::mem::take(&mut self.terms).concurrency(most);
            }
            "secret" | "password" if is_redis => {
                return Err(format!(
                    "it says {name:?}, and Redis has a password only; write redis://:PASSWORD@host/0?name=…"
                ));
            }
            // Any other name is that of a unit.
            _ if is_redis => {
                let terms = std::mem::take(&mut self.terms).rate(name, value);
                self.terms = terms.map_err(|error| error.to_string())?;
            }
            _ => return Err(format!("it says {name:?}, and may say secret and weight only")),
        }
        Ok(())
    }
}

fn place(url: &Url, said: &mut Said) -> Result<Place, String> {
    match url.scheme() {
        "budget" => {
            let host = url.host_str().filter(|host| !host.is_empty());
            let host = host.ok_or("it names no host; write budget://host:port/?secret=…")?.to_owned();
            let port = url.port().filter(|port| *port != 0);
            let port = port.ok_or("it names no port; write budget://host:port/?secret=…")?;
            if said.secret.is_empty() {
                return Err("it has no secret; take the whole line that the holder printed, as …/?secret=…"
                    .to_owned());
            }
            Ok(Place::Tcp { host, port })
        }
        "unix" if url.host_str().is_none_or(str::is_empty) && url.path().len() > 1 => {
            let path = percent_decode_str(url.path()).decode_utf8();
            let path = path.map_err(|_| "its path is no UTF-8; name a path that is")?;
            Ok(Place::Unix(PathBuf::from(path.as_ref())))
        }
        "unix" => Err("it names no path from the root; write unix:///run/budget.sock".to_owned()),
        "redis" | "rediss" => {
            let name = said.name.take().filter(|name| !name.is_empty());
            let name = name.ok_or("it names no budget; write redis://host/0?name=…")?;
            let database = url.path().trim_start_matches('/');
            if !database.is_empty() && database.parse::<u32>().is_err() {
                return Err(format!(
                    "its database must be a number, got {database:?}; write redis://host/0?name=…"
                ));
            }
            let mut bare = url.clone();
            bare.set_query(None);
            Ok(Place::Redis(RedisPlace { url: bare.into(), name, terms: std::mem::take(&mut said.terms) }))
        }
        other => Err(format!(
            "there is no {other}://; write budget://host:port/?secret=…, unix:///path or redis://host/0?name=…"
        )),
    }
}

/// A URL in which no password is.
fn without_password(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut url) if url.password().is_some() => {
            // Cannot fail where there is one already.
            let _ = url.set_password(Some("***"));
            url.into()
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_handle_is_read_as_it_is_written() {
        for text in [
            "budget://127.0.0.1:7077/?secret=a%26b",
            "budget://[::1]:7077/?secret=ab&weight=0.5",
            "unix:///run/budget.sock",
            "unix:///run/budget.sock?secret=x",
            "redis://host/0?name=crm",
            "rediss://me:pass@host:6390/2?name=crm&requests=100%2Fs&tokens=90000%2Fmin&concurrency=5&weight=3",
        ] {
            let handle: Handle = text.parse().unwrap();
            assert_eq!(handle.reveal(), text);
            for shown in [format!("{handle}"), format!("{handle:?}"), handle.address()] {
                assert!(!shown.contains("pass@") && !shown.contains("a%26b"), "{shown}");
            }
        }
    }

    #[test]
    fn the_path_of_a_socket_is_read_as_it_is_written_whatever_it_has_in_it() {
        for path in ["/run/a b/budget.sock", "/50%/#1?.sock", "/ä/\"<x>\"\n.sock"] {
            let handle = Handle::unix(PathBuf::from(path), String::new());
            assert_eq!(handle.reveal().parse::<Handle>().unwrap(), handle);
            assert_eq!(handle.address(), path);
        }
        // As a person would write it.
        let written = "unix:///run/a b.sock".parse::<Handle>().unwrap();
        assert_eq!(written.address(), "/run/a b.sock");
    }

    #[test]
    fn what_is_no_handle_is_refused_with_the_fix_and_without_its_secret() {
        for (text, part) in [
            ("", "write budget://"),
            ("127.0.0.1:7077", "write budget://"),
            ("http://host/?secret=hush", "no http://"),
            ("budget://host/?secret=hush", "no port"),
            ("budget://host:0/?secret=hush", "no port"),
            ("redis://:hush@host/crm?name=a", "must be a number, got \"crm\""),
            ("redis://:hush@host/0?name=a&request=1/s", "write requests"),
            ("budget://host:1/", "has no secret"),
            ("budget://host:1/?secret=hush&rate=1", "\"rate\""),
            ("budget://host:1/?secret=hush&weight=0", "above 0"),
            ("unix://budget.sock?secret=hush", "unix:///run/budget.sock"),
            ("redis://:hush@host/0", "names no budget"),
            ("redis://:hush@host/0?name=a&requests=fast", "100/s"),
            ("redis://:hush@host/0?name=a&concurrency=0", "from 1 on"),
            ("redis://host/0?name=a&secret=hush", "redis://:PASSWORD@host"),
            ("budget://:hush@ho st/?secret=hush", "write budget://"),
        ] {
            let told = text.parse::<Handle>().unwrap_err().to_string();
            assert!(told.contains(part) && !told.contains("hush"), "{text}: {told}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(text in ".{0,60}", rest in "[a-z0-9=&%/:@?.]{0,40}") {
            let _ = text.parse::<Handle>();
            for scheme in ["budget://", "unix://", "redis://"] {
                if let Ok(handle) = format!("{scheme}{rest}").parse::<Handle>() {
                    prop_assert_eq!(&handle.reveal().parse::<Handle>().unwrap(), &handle);
                }
            }
        }
    }
}
