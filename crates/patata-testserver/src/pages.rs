//! A list in pages, and a site whose pages link to one another: what they have on them.

use std::ops::Range;

use serde_json::{Value, json};

/// How many items the list has.
const ITEMS: u64 = 50;
/// How many a page has, where nothing else is asked for.
const SIZE: u64 = 10;
/// The most that a page has.
const LARGEST: u64 = 100;

/// How many pages the site has.
const SITE: u64 = 100;

/// What the site forbids robots to ask for.
pub(crate) const ROBOTS: &str = "User-agent: *\nDisallow: /site/private\n";

/// A page of the list, by its number from 1 and by how many items it has; with the path of the next one, where there is one.
pub(crate) fn page(number: Option<u64>, size: Option<u64>) -> (Value, Option<String>) {
    let (number, size) = (number.unwrap_or(1).max(1), size.unwrap_or(SIZE).clamp(1, LARGEST));
    let Range { start, end } = (number - 1).saturating_mul(size)..number.saturating_mul(size).min(ITEMS);
    let items: Vec<_> = (start..end).map(|id| json!({ "id": id, "name": format!("potato {id}") })).collect();
    let next = (end < ITEMS && start < end).then(|| format!("/pages?page={}&size={size}", number + 1));
    (json!({ "items": items, "total": ITEMS, "next": next }), next)
}

/// A page of the site: a document of HTML that links to two others below it, to the one above it, and to what robots must not
/// ask for. `None` for one that there is not.
pub(crate) fn of_site(number: u64) -> Option<String> {
    if number >= SITE {
        return None;
    }
    let below = [2 * number + 1, 2 * number + 2].into_iter().filter(|below| *below < SITE);
    let links: String = below
        .chain([number.saturating_sub(1) / 2])
        .map(|page| format!("<a href=\"/site/{page}\">page {page}</a> "))
        .collect();
    Some(format!(
        "<!doctype html><title>page {number}</title>{links}<a href=\"/site/private/{number}\">private</a>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_of_the_list_have_each_item_once() {
        for size in [None, Some(1), Some(7), Some(50), Some(1_000)] {
            let (mut found, mut number, mut has_more) = (Vec::new(), 1, true);
            while has_more {
                let (page, next) = page(Some(number), size);
                found.extend(
                    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()),
                );
                assert_eq!(page["next"].as_str(), next.as_deref());
                (number, has_more) = (number + 1, next.is_some());
            }
            assert!(found.into_iter().eq(0..ITEMS), "{size:?}");
        }
    }

    #[test]
    fn a_page_behind_the_last_one_has_no_items_and_no_next() {
        for number in [6, u64::MAX] {
            let (page, next) = page(Some(number), None);
            assert_eq!((page["items"].as_array().unwrap().len(), next), (0, None));
        }
    }

    #[test]
    fn there_is_a_way_to_each_page_of_the_site_and_back() {
        let links = |number| {
            let text = of_site(number).unwrap();
            let targets =
                text.split("\"/site/").skip(1).filter_map(|rest| rest.split('"').next()?.parse().ok());
            targets.collect::<Vec<u64>>()
        };
        let (mut found, mut position) = (vec![0], 0);
        while let Some(page) = found.get(position).copied() {
            let new: Vec<_> = links(page).into_iter().filter(|link| !found.contains(link)).collect();
            found.extend(new);
            position += 1;
        }
        found.sort_unstable();
        assert!(found.into_iter().eq(0..SITE));
        assert!(links(99).contains(&49));
        assert_eq!(of_site(SITE), None);
    }
}
