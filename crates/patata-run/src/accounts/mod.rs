//! What is told of a run: counts, times, what limited it, second by second and in sum.

mod clusters;
mod costs;
pub mod figures;
mod histogram;
mod host_of;
mod hosts;
mod limiting;
mod recent;
mod statistics;
mod summary;
mod tick;
mod timeline;
mod uses;

pub use clusters::Cluster;
pub use costs::{Cost, Costs};
pub use histogram::Histogram;
pub use host_of::host_of;
pub use hosts::Host;
pub use limiting::limited_by;
pub use recent::recent_ticks;
pub use statistics::{Noted, Statistics};
pub use summary::Summary;
pub use tick::{Classes, LimitedBy, LimitsNow, Tick};
pub use timeline::Timeline;
pub(crate) use timeline::{Bucket, Spell};
pub use uses::Use;
