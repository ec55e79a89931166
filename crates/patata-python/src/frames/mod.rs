//! Tables for Python: batches of Arrow in, batches of Arrow out, and no object a row.

mod export;
mod fetching;
mod input;
mod options;
mod run;
mod stream;
mod table;
mod writer;

pub(crate) use export::exported;
pub(crate) use stream::{TableStream, plan_table};
pub(crate) use table::Table;
pub(crate) use writer::TableWriter;
