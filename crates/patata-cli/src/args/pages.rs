//! Flags of APIs that answer in pages.

use clap::Args;
use patata_pages::{Items, Origins, Pages};

const PAGES: &str = "Follow the pages of an API: each response is a page, and says how to ask for the next one

A kind, and behind colons its arguments, in this order or as name=value; what is left out has its default:

  json-link:next_url_path:has_more_path
  header-link:links_next_key
  cursor:cursor_path:cursor_param:cursor_body_path:has_more_path
  header-cursor:cursor_key:cursor_param:cursor_body_path
  offset:limit:offset:offset_param:limit_param:total_path:maximum_offset
  page-number:base_page:page:page_param:total_path:maximum_page
  hal, json-api, odata, auto

By name besides: has_more_path, empty_cursor, stop_after_empty_page, parallel, allow_short_pages, limit and limit_param (of \
page-number), offset_body_path, limit_body_path, page_body_path; of all maximum_pages and allow_repeats.

A path is data.results, data[-1].id, @odata.nextLink. A chain of pages that cannot go on ends with an error that says at \
which page. Where the total is known, offset and page-number ask for all pages at once.";

/// Whether pages are followed, and what is taken out of them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pages")]
pub(crate) struct PageFlags {
    // No doc comment, which rustdoc would take for links and HTML.
    #[arg(
        long,
        value_name = "KIND:...",
        help = "Follow pages, as cursor:meta.next:after, header-link or auto",
        long_help = PAGES
    )]
    pub(crate) pages: Option<Pages>,

    /// Give each item of a page by itself, as those at data.results
    ///
    /// A row is as that of the page, with the item as its body and "item" for its place on the page. "auto" looks where APIs
    /// usually have them. It is also where --pages looks whether a page has items.
    #[arg(long, value_name = "PATH")]
    pub(crate) items: Option<Items>,

    // No doc comment, which rustdoc would take for a link.
    #[arg(
        help = "Let pages lead to this origin too, which gets the credentials: https://other.example, or any",
        long,
        value_name = "ORIGIN",
        requires = "pages",
        hide_short_help = true
    )]
    pub(crate) pages_allow_origin: Vec<Origins>,
}
