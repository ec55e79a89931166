//! What crawls may ask for, as the file `robots.txt` of each host says: who reads these files, as the engine asks it.

use std::fmt;
use std::time::Duration;

use crate::error::Error;
use crate::response::Response;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What reads `robots.txt`, and says what is allowed by it. The engine fetches the files, each before anything else is sent
/// to its origin: see [`Builder::robots`](crate::Builder::robots).
///
/// It is asked on the thread of the call, which waits for it.
pub trait RobotsRules: fmt::Debug + Send + Sync {
    /// What the file of a URL's origin says of the URL.
    ///
    /// # Errors
    /// Where it cannot say: then the request is not sent.
    fn verdict(&self, url: &str) -> Result<RobotsVerdict, BoxError>;

    /// Takes what has come for a URL whose path is `/robots.txt`, behind redirects, or why nothing has. From now on it has a
    /// verdict on all URLs of that origin.
    fn learn(&self, url: &str, came: Result<&Response, &Error>);
}

/// What may become of a request by `robots.txt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RobotsVerdict {
    /// It is sent.
    Allowed {
        /// How long there should be between two requests to that origin (`Crawl-delay`).
        delay: Option<Duration>,
    },
    /// It is not sent, for this reason.
    Forbidden(String),
    /// The file is not known, or is too old: it is fetched first.
    Unknown,
}
