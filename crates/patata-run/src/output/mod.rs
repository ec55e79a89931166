//! What a run gives back: one row for each request, and the files that the rows go to.

pub(crate) mod changed;
pub(crate) mod csv;
pub(crate) mod items;
pub(crate) mod json;
pub(crate) mod line;
#[cfg(feature = "parquet")]
pub(crate) mod parquet;
pub(crate) mod reader;
pub(crate) mod restored;
pub(crate) mod row;
pub(crate) mod seal;
