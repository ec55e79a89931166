//! Run folders as Python sees them: a call that is written down, and a folder that is read.

mod admittance;
mod error;
mod joining;
mod opened;
mod passed;
mod reader;
mod recording;
mod restored;
mod row;
mod table;

pub(crate) use admittance::Admittance;
pub(crate) use error::exception;
pub(crate) use joining::{Joining, LeftStep};
pub(crate) use opened::OpenedFolder;
pub(crate) use passed::Passed;
pub(crate) use reader::{FolderReader, FolderRows};
pub(crate) use recording::Recording;
pub(crate) use row::Pending;
pub(crate) use table::{FolderTable, earlier};
