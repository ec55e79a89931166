//! Columns read as the values that requests are made of, whatever layout they have.

pub(crate) mod json;
pub(crate) mod layouts;
pub(crate) mod pairs;
pub(crate) mod path;
pub(crate) mod scalars;
