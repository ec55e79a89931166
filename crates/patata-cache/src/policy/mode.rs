//! How a call uses a cache.

/// How a call uses its cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CacheMode {
    /// As RFC 9111 says.
    #[default]
    Standard,
    /// Nothing is sent: what is stored is used, however old it is, and what is not stored is an error.
    Offline,
    /// What is stored is used once the server has said that it is still good.
    Refresh,
    /// What is stored is used, however old it is, and all that a cache may know by itself how long to keep is stored, whatever
    /// servers say of that.
    Forever,
}

impl CacheMode {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Standard, Self::Offline, Self::Refresh, Self::Forever];

    /// Its name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Offline => "offline",
            Self::Refresh => "refresh",
            Self::Forever => "forever",
        }
    }

    /// The one of this [`name`](Self::name).
    ///
    /// ```
    /// use patata_cache::CacheMode;
    ///
    /// assert_eq!(CacheMode::from_name("offline"), Some(CacheMode::Offline));
    /// assert_eq!(CacheMode::from_name("online"), None);
    /// ```
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}
