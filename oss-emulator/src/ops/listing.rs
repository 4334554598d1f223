//! One page of a sorted listing, with common prefixes, and how its names are written.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::borrow::Cow;

#[derive(Debug)]
pub(super) struct Page<'a, T> {
    pub(super) found: Vec<Found<'a, T>>,
    pub(super) truncated: bool,
    /// The last name on the page, where the next one goes on.
    pub(super) last: &'a str,
}

#[derive(Debug)]
pub(super) enum Found<'a, T> {
    Item(&'a str, T),
    Prefix(&'a str),
}

/// At most `max` of the `items` (sorted by name) after `marker` that start with `prefix`; names that hold `delimiter` (when
/// it is not empty) after the prefix are grouped.
pub(super) fn page<'a, T>(
    items: impl Iterator<Item = (&'a str, T)>,
    prefix: &str,
    delimiter: &str,
    marker: &str,
    max: u32,
) -> Page<'a, T> {
    let mut page = Page { found: Vec::new(), truncated: false, last: "" };
    let mut group = None;
    for (name, item) in items.filter(|(name, _)| name.starts_with(prefix) && *name > marker) {
        let next = match group_of(name, prefix, delimiter) {
            // A group is on the page once, and not at all when the marker is the group itself.
            Some(common) if group == Some(common) || common <= marker => continue,
            Some(common) => Found::Prefix(common),
            None => Found::Item(name, item),
        };
        if page.found.len() as u64 == u64::from(max) {
            page.truncated = true;
            break;
        }
        match next {
            Found::Prefix(common) => {
                group = Some(common);
                page.last = common;
            }
            Found::Item(name, _) => page.last = name,
        }
        page.found.push(next);
    }
    page
}

fn group_of<'a>(name: &'a str, prefix: &str, delimiter: &str) -> Option<&'a str> {
    if delimiter.is_empty() {
        return None;
    }
    let at = name.get(prefix.len()..)?.find(delimiter)?;
    name.get(..prefix.len() + at + delimiter.len())
}

/// `/` is encoded too, as in a query.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A name as the reply has it: percent-encoded when `encoding-type=url` was asked for.
pub(super) fn written(name: &str, encode: bool) -> Cow<'_, str> {
    if encode { utf8_percent_encode(name, ENCODED).into() } else { Cow::Borrowed(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(prefix: &str, delimiter: &str, marker: &str, max: u32) -> (Vec<String>, bool) {
        let all = ["a/1", "a/2", "b", "c/1", "c/d/1", "e"];
        let page = page(all.into_iter().map(|name| (name, ())), prefix, delimiter, marker, max);
        let found = page.found.iter().map(|found| match found {
            Found::Item(name, ()) => (*name).to_owned(),
            Found::Prefix(name) => format!("({name})"),
        });
        (found.collect(), page.truncated)
    }

    #[test]
    fn names_with_the_delimiter_are_grouped() {
        assert_eq!(names("", "/", "", 10), (vec!["(a/)".into(), "b".into(), "(c/)".into(), "e".into()], false));
        assert_eq!(names("c/", "/", "", 10), (vec!["c/1".into(), "(c/d/)".into()], false));
    }

    #[test]
    fn a_page_goes_on_after_a_group() {
        assert_eq!(names("", "/", "", 1), (vec!["(a/)".into()], true));
        assert_eq!(names("", "/", "a/", 2), (vec!["b".into(), "(c/)".into()], true));
        assert_eq!(names("", "/", "c/", 2), (vec!["e".into()], false));
    }

    #[test]
    fn a_full_page_with_nothing_after_it_is_the_last() {
        assert_eq!(names("a/", "", "", 2), (vec!["a/1".into(), "a/2".into()], false));
    }
}
