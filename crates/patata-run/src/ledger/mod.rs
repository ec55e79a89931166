//! What is known of each request of a run, as rows of CSV that are only ever appended.

pub(crate) mod entry;
pub(crate) mod group;
pub(crate) mod scan;
pub(crate) mod state;
