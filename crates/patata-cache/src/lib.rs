//! A private HTTP cache on disk, after RFC 9111: what is fresh is not asked for again, what is stale is validated, and any
//! number of processes use one folder.

mod cache;
mod distinct;
mod error;
mod if_changed;
mod policy;
mod reading;
mod store;
mod trouble;
mod used;

pub use cache::Cache;
pub use distinct::Distinct;
pub use error::CacheError;
pub use if_changed::IfChanged;
pub use policy::mode::CacheMode;
pub use store::StoreOptions;
pub use used::UsedCache;
