//! Which cookies are kept of those that servers set.

use std::sync::Arc;

use crate::cookies::Jar;

/// Which cookies that servers set are sent back, and for how long.
#[derive(Debug, Clone, Default)]
pub(crate) enum CookiePolicy {
    /// Those that a redirect sets, to where it leads.
    #[default]
    OfRedirects,
    /// None.
    Never,
    /// All, for as long as the call takes.
    OfCall,
    /// All, for as long as the client lives.
    OfClient(Arc<Jar>),
}

impl CookiePolicy {
    /// Where a call keeps them.
    pub(crate) fn jar(&self) -> Option<Arc<Jar>> {
        match self {
            Self::OfRedirects | Self::Never => None,
            Self::OfCall => Some(Arc::default()),
            Self::OfClient(jar) => Some(jar.clone()),
        }
    }
}
