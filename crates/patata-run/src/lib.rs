//! Runs that outlive their process: what a run was asked, what it sent and what came, in a folder that anyone can
//! read, and that another process can go on with.

mod accounts;
mod cluster;
mod control;
mod error;
mod folder;
mod found;
mod gate;
mod id;
mod identity;
mod journal;
mod key;
mod ledger;
mod manifest;
mod output;
mod recorder;
mod report;
mod run;
#[cfg(any(test, feature = "samples"))]
#[doc(hidden)]
pub mod samples;
#[cfg(test)]
mod simulation;
mod storage;
mod ticket;

pub use accounts::{
    Classes, Cluster, Cost, Costs, Histogram, Host, LimitedBy, LimitsNow, Noted, Statistics, Summary, Tick,
    Timeline, Use, figures, host_of, limited_by, recent_ticks,
};
pub use cluster::part::Part;
pub use control::{Answer, Order};
#[cfg(unix)]
pub use control::{ControlServer, tell};
pub use error::RunError;
pub use folder::earlier::Earlier;
pub use folder::retry::Selection;
pub use folder::{Recording, RunFolder};
pub use found::{Found, FoundRequests, Left, NotedRequest};
pub use gate::{Admission, Gate, Identity, Passed, RecordOptions, Unknown, Why};
pub use id::Id;
pub use identity::{BLOCK_LENGTH, InputBlock};
pub use ledger::state::FIRST_FOLLOW_UP;
pub use manifest::{Compression, Format, Manifest, OutputOptions, Writers};
pub use output::changed::{Changed, ChangedBody};
pub use output::items::write_items;
pub use output::reader::Rows;
pub use output::restored::{RestoredError, RestoredRow};
pub use output::row::{Asked, write_changed, write_row};
pub use recorder::{Ending, Recorder};
pub use report::report;
pub use run::{Recorded, RecordedRun, RecordedStep};
pub use ticket::Ticket;
