//! Flags of what is not asked for again.

use std::path::PathBuf;

use clap::Args;
use patata_cache::CacheMode;

/// The place of a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CachePlace {
    /// Where the system keeps the user's caches.
    OfUser,
    Folder(PathBuf),
}

/// What is not asked for again.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cache")]
pub(crate) struct CacheFlags {
    // No doc comment, which rustdoc would take for links.
    #[arg(
        long,
        value_name = "FOLDER",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        value_parser = place,
        hide_short_help = true,
        help = "Keep responses as servers allow it, and use them again; --cache alone means the user's own folder"
    )]
    pub(crate) cache: Option<CachePlace>,

    /// How it is used: standard, offline (send nothing), refresh (ask about all), forever
    #[arg(long, value_name = "MODE", value_parser = mode, requires = "cache", hide_short_help = true)]
    pub(crate) cache_mode: Option<CacheMode>,

    /// How large it may become; what was stored first goes [default: 10G]
    #[arg(long, value_name = "SIZE", value_parser = super::values::size_above_zero, requires = "cache", hide_short_help = true)]
    pub(crate) cache_max_size: Option<usize>,
}

/// The same among the requests of a run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cache")]
pub(crate) struct DistinctFlags {
    /// Send equal requests once; each gets the response to the first of them
    #[arg(long, hide_short_help = true)]
    pub(crate) distinct: bool,

    /// Leave files of --save-to alone that have not changed on the server
    #[arg(long, requires = "save_to", hide_short_help = true)]
    pub(crate) if_changed: bool,
}

fn place(text: &str) -> Result<CachePlace, String> {
    Ok(match text {
        "" => CachePlace::OfUser,
        folder => CachePlace::Folder(folder.into()),
    })
}

fn mode(text: &str) -> Result<CacheMode, String> {
    CacheMode::from_name(text).ok_or_else(|| {
        let names = CacheMode::ALL.map(CacheMode::name);
        format!("write one of {}", names.join(", "))
    })
}
