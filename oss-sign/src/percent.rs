use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::borrow::Cow;

const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const PATH: &AsciiSet = &QUERY.remove(b'/');

/// Percent-encodes a URL path as OSS signs it: `A-Z a-z 0-9 - _ . ~ /` stay, every other byte of the UTF-8 becomes
/// `%XX` with upper-case digits. Nothing is normalised: keys may hold `..` and `//`.
///
/// ```
/// assert_eq!(oss_sign::encode_path("/a+b/ä ~"), "/a%2Bb/%C3%A4%20~");
/// ```
pub fn encode_path(raw: &str) -> String {
    let mut encoded = String::with_capacity(raw.len());
    encoded.extend(utf8_percent_encode(raw, PATH));
    encoded
}

/// Percent-encodes a query as OSS signs it, in the given order: `a=1&b`.
///
/// Encodes as [`encode_path`] does, but `/` too. A pair without a value and one with an empty value are both a bare
/// name: OSS does not tell them apart, and signs them alike.
///
/// ```
/// let query = [("prefix".into(), Some("a/b".into())), ("acl".into(), None), ("x".into(), Some("".into()))];
/// assert_eq!(oss_sign::encode_query(&query), "prefix=a%2Fb&acl&x");
/// ```
pub fn encode_query(pairs: &[(String, Option<String>)]) -> String {
    join(pairs.iter().map(|(name, value)| (encode_name(name), value.as_deref())))
}

/// The query of a V4 canonical request: encoded, then sorted by *encoded* name, as `%7C` sorts before `a` but `|` after.
pub(crate) fn canonical_query<'a>(pairs: impl Iterator<Item = &'a (String, Option<String>)>) -> String {
    let mut pairs: Vec<_> = pairs.map(|(name, value)| (encode_name(name), value.as_deref())).collect();
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    join(pairs.into_iter())
}

/// Borrowed where nothing has to be encoded.
pub(crate) fn encode_name(raw: &str) -> Cow<'_, str> {
    utf8_percent_encode(raw, QUERY).into()
}

fn join<'a>(pairs: impl Iterator<Item = (Cow<'a, str>, Option<&'a str>)>) -> String {
    let mut joined = String::with_capacity(64);
    for (index, (name, value)) in pairs.enumerate() {
        if index > 0 {
            joined.push('&');
        }
        joined.push_str(&name);
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            joined.push('=');
            joined.extend(utf8_percent_encode(value, QUERY));
        }
    }
    joined
}
