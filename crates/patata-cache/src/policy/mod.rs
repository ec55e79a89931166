//! What RFC 9111 lets a private cache do, as pure functions over headers and a moment: they know no disk and no clock.

pub(crate) mod cache_control;
pub(crate) mod dates;
pub(crate) mod freshness;
pub(crate) mod invalidation;
pub(crate) mod mode;
pub(crate) mod reuse;
pub(crate) mod storing;
pub(crate) mod validation;
pub(crate) mod vary;
