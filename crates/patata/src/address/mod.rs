//! Where requests go: their URLs, taken apart.

pub(crate) mod redacted;
pub(crate) mod target;
