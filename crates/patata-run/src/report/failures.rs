//! What failed, in sorts, with requests of each to look at.

use std::fmt::Write as _;

use super::clock;
use super::html::{self, escaped, quoted, shortened};
use super::story::folder;
use crate::accounts::{Cluster, Summary, figures};

/// Sorts that are shown.
const SHOWN: usize = 20;
/// Bytes that they may take.
const BYTES: usize = 16_500;
/// Characters of an id.
const ID: usize = 60;

pub(crate) fn section(summary: &Summary) -> String {
    if summary.clusters.is_empty() {
        return String::new();
    }
    let mut section = html::open("Failures");
    section.push_str("<ol class=\"failures\">\n");
    let items = summary.clusters.iter().take(SHOWN).map(|cluster| item(summary, cluster));
    let shown = html::fill(&mut section, BYTES, items);
    section.push_str("</ol>\n");
    html::note_of_more(&mut section, summary.clusters.len() - shown, "sort");
    html::note_of_more(
        &mut section,
        usize::try_from(summary.other_failures).unwrap_or(usize::MAX),
        "failure",
    );
    section + "</section>\n"
}

fn item(summary: &Summary, cluster: &Cluster) -> String {
    let mut item = String::new();
    let (what, class) = match (cluster.status, &cluster.kind) {
        (Some(status @ 400..500), _) => (status.to_string(), "s4"),
        (Some(status @ 500..), _) => (status.to_string(), "s5"),
        (Some(status), _) => (status.to_string(), "sx"),
        (None, Some(kind)) => (shortened(kind, 40), "se"),
        (None, None) => ("error".to_owned(), "se"),
    };
    let host = if cluster.host.is_empty() { "several hosts" } else { &cluster.host };
    let _ = writeln!(
        item,
        "<li><p class=\"what\"><b>{}</b> <span class=\"tag {class}\">{}</span> <span>{}</span> <small>{} of failures · {}</small></p>",
        figures::count(cluster.count),
        escaped(&what),
        escaped(&shortened(host, 100)),
        figures::share(cluster.count, summary.failed),
        clock::span(cluster.first, cluster.last)
    );
    if !cluster.message.is_empty() {
        let _ = writeln!(item, "<p class=\"message\">{}</p>", escaped(&shortened(&cluster.message, 300)));
    }
    if let Some(first) = cluster.samples.first() {
        let ids: Vec<_> = cluster.samples.iter().map(|id| shortened(&id.to_string(), ID)).collect();
        let folder = folder(summary);
        // An id that was shortened would find nothing.
        let id = first.to_string();
        let _ = write!(item, "<p class=\"samples\">for example {}", escaped(&ids.join(", ")));
        if id.chars().count() <= ID {
            let command = format!("patata show {} {}", shortened(&folder, 100), quoted(&id));
            let _ = write!(item, ": <code>{}</code>", escaped(&command));
        }
        item.push_str("</p>\n");
    }
    item.push_str("</li>\n");
    item
}
