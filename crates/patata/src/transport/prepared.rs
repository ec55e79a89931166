//! A request in the form that connections send: most have the very headers of all others, and borrow them.

use std::borrow::Cow;

use http::{HeaderMap, Method, Uri};

use crate::telemetry::header::TraceHeaders;
use crate::transport::outgoing::Outgoing;

/// What a connection is given to send.
#[derive(Debug)]
pub(crate) struct Prepared<'t> {
    pub(crate) method: Method,
    /// Scheme and authority, which stand before the path for a proxy that sends the request on.
    pub(crate) forwarded_to: Option<&'t [u8]>,
    /// A path, or a whole URL for HTTP/2.
    pub(crate) target: Uri,
    /// Without what says how the body is framed.
    pub(crate) headers: Cow<'t, HeaderMap>,
    /// Of the span that it is sent for, where it does not say so itself.
    pub(crate) trace: Option<&'t TraceHeaders>,
    pub(crate) body: Outgoing,
}
