//! Where a run folder is kept: files whose writes last, and the lock.

pub(crate) mod disk;
pub(crate) mod lock;
