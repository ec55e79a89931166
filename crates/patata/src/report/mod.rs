pub(crate) mod failures;
pub(crate) mod latency;
pub(crate) mod parts;
pub(crate) mod progress;
pub(crate) mod receipt;
pub(crate) mod stall;
pub(crate) mod stop;
pub(crate) mod unfinished;
