//! A request in the form that lanes send: most have the very headers of all others, and borrow them.

use std::borrow::Cow;

use http::{HeaderMap, Method, Uri};

use crate::outgoing::Outgoing;

/// What a lane is given to send.
#[derive(Debug)]
pub(crate) struct Prepared<'t> {
    pub(crate) method: Method,
    /// A path, or a whole URL for HTTP/2 and for proxies that send it on.
    pub(crate) target: Uri,
    /// Without what says how the body is framed.
    pub(crate) headers: Cow<'t, HeaderMap>,
    pub(crate) body: Outgoing,
}
