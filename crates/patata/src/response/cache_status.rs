//! How far a response has come from a cache.

/// Whether a response was received for its request, or comes out of a [cache](crate::Builder::cache).
///
/// ```
/// use patata::CacheStatus;
///
/// assert_eq!((CacheStatus::Sent.name(), CacheStatus::Revalidated.name()), ("sent", "revalidated"));
/// assert!(!CacheStatus::Sent.is_cached() && CacheStatus::Hit.is_cached());
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CacheStatus {
    /// It was received for this request.
    #[default]
    Sent,
    /// It was stored, and nothing was sent.
    Hit,
    /// It was stored, and the server has said that it is still good.
    Revalidated,
    /// It was stored, and is too old: the server has failed, and it may stand in.
    Stale,
    /// It was received for an equal request.
    Shared,
    /// The file that it was to go to has it already, as the server has said.
    Unchanged,
}

impl CacheStatus {
    const ALL: [Self; 6] =
        [Self::Sent, Self::Hit, Self::Revalidated, Self::Stale, Self::Shared, Self::Unchanged];

    /// The one of this [`name`](Self::name).
    ///
    /// ```
    /// assert_eq!(patata::CacheStatus::from_name("hit"), Some(patata::CacheStatus::Hit));
    /// ```
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Its name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Hit => "hit",
            Self::Revalidated => "revalidated",
            Self::Stale => "stale",
            Self::Shared => "shared",
            Self::Unchanged => "unchanged",
        }
    }

    /// Whether it is anything but received for its request.
    pub fn is_cached(self) -> bool {
        self != Self::Sent
    }
}
