//! Flags of what each request says.

use clap::Args;

use super::values::{Header, Pair};

/// Method, headers, credentials and body. In `run`, all of it may hold {fields} of the row.
#[derive(Debug, Args)]
#[command(next_help_heading = "Request")]
pub(crate) struct RequestFlags {
    /// The method [default: GET, or POST with a body]
    #[arg(short = 'X', long = "request", alias = "method", value_name = "METHOD")]
    pub(crate) method: Option<String>,

    /// A header, as "Accept: text/csv"
    ///
    /// "Name:" leaves one out that is sent otherwise, and "Name;" sends one that is empty.
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    pub(crate) headers: Vec<Header>,

    /// The body: JSON if it looks so, else a form; @FILE for a file
    ///
    /// JSON is an object or an array. Given several times, the parts are joined by &. A Content-Type among the headers decides what it is.
    ///
    /// env:NAME in it stands for that environment variable, encoded for where it stands.
    #[arg(short = 'd', long = "data", value_name = "DATA", allow_hyphen_values = true)]
    pub(crate) data: Vec<String>,

    /// The body as JSON; @FILE for a file
    #[arg(long, value_name = "JSON", conflicts_with_all = ["data", "form"], allow_hyphen_values = true)]
    pub(crate) json: Option<String>,

    /// A field of a form, which is the body (urlencoded)
    #[arg(long, value_name = "NAME=VALUE", conflicts_with = "data", hide_short_help = true)]
    pub(crate) form: Vec<Pair>,

    /// A query parameter
    #[arg(long = "param", value_name = "NAME=VALUE", hide_short_help = true)]
    pub(crate) params: Vec<Pair>,

    /// Name and password, as me:env:PASSWORD
    #[arg(short, long, value_name = "NAME:PASSWORD")]
    pub(crate) user: Option<String>,

    /// A token, as env:VARIABLE, for "Authorization: Bearer"
    #[arg(long, value_name = "TOKEN", hide_short_help = true, conflicts_with = "user")]
    pub(crate) bearer: Option<String>,

    /// Cookies, as "name=value; name=value"
    #[arg(short = 'b', long = "cookie", value_name = "COOKIES", hide_short_help = true)]
    pub(crate) cookies: Vec<String>,

    /// Keep the cookies that servers set, and send them back
    #[arg(long, hide_short_help = true)]
    pub(crate) cookie_jar: bool,

    /// Who is asking [default: patata/VERSION]
    #[arg(short = 'A', long, value_name = "NAME", hide_short_help = true)]
    pub(crate) user_agent: Option<String>,

    /// Follow redirects, which is what is done anyway
    #[arg(short = 'L', long = "location", overrides_with = "no_follow_redirects", hide_short_help = true)]
    pub(crate) location: bool,

    /// Take redirects for the responses that they are
    #[arg(long, overrides_with = "location", hide_short_help = true)]
    pub(crate) no_follow_redirects: bool,

    /// Follow so many redirects at most [default: 10]
    #[arg(long, alias = "max-redirs", value_name = "N", hide_short_help = true)]
    pub(crate) max_redirects: Option<u32>,

    /// Refuse longer bodies, as 100M [default: 64M]
    #[arg(long, value_name = "SIZE", value_parser = super::values::size, hide_short_help = true)]
    pub(crate) max_response_size: Option<usize>,

    /// Refuse bodies that unpack to so many times their size [default: 200]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub(crate) max_decompression_ratio: Option<usize>,
}
