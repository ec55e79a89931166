//! Flags of how connections are opened.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::values::Resolve;

/// Proxies, certificates, addresses, versions.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connections")]
pub(crate) struct ConnectionFlags {
    /// The proxy, as http://HOST:PORT or socks5h://HOST:PORT [default: what HTTP_PROXY and the like say]
    #[arg(short = 'x', long, value_name = "URL", overrides_with = "no_proxy", hide_short_help = true)]
    pub(crate) proxy: Option<String>,

    /// No proxy, whatever the environment says
    #[arg(long, overrides_with = "proxy", hide_short_help = true)]
    pub(crate) no_proxy: bool,

    /// Accept any certificate of any server
    #[arg(short = 'k', long, hide_short_help = true)]
    pub(crate) insecure: bool,

    /// Trust the authorities in this PEM file instead of the machine's
    #[arg(long, value_name = "FILE", hide_short_help = true, value_hint = ValueHint::FilePath)]
    pub(crate) cacert: Option<PathBuf>,

    /// Show this certificate (PEM) to servers that ask for one
    #[arg(short = 'E', long, value_name = "FILE", hide_short_help = true, value_hint = ValueHint::FilePath)]
    pub(crate) cert: Option<PathBuf>,

    /// Its key, if that is in a file of its own
    #[arg(long, value_name = "FILE", requires = "cert", hide_short_help = true, value_hint = ValueHint::FilePath)]
    pub(crate) key: Option<PathBuf>,

    /// The addresses of a host, whatever its port, instead of looking its name up
    #[arg(long, value_name = "HOST:PORT:ADDRESS", hide_short_help = true)]
    pub(crate) resolve: Vec<Resolve>,

    /// Connect to this unix socket, whatever the URL says
    #[arg(long, value_name = "PATH", hide_short_help = true, value_hint = ValueHint::FilePath)]
    pub(crate) unix_socket: Option<PathBuf>,

    /// The version of HTTP [default: 2 where TLS settles on it, else 1.1]
    #[arg(long, alias = "http-version", value_name = "VERSION", hide_short_help = true, value_enum)]
    pub(crate) http: Option<Http>,

    /// The oldest version of TLS [default: 1.2]
    #[arg(long, alias = "min-tls-version", value_name = "VERSION", hide_short_help = true, value_enum)]
    pub(crate) tls_min: Option<Tls>,
}

/// Versions of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Http {
    #[value(name = "1.1")]
    One,
    #[value(name = "2")]
    Two,
}

/// Versions of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Tls {
    #[value(name = "1.2")]
    OneTwo,
    #[value(name = "1.3")]
    OneThree,
}
