//! `x-oss-tagging`: `key=value&key=value`, percent-encoded.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// OSS: "Object tagging", limits.
const MAX_TAGS: usize = 10;
const MAX_KEY: usize = 128;
const MAX_VALUE: usize = 256;

const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// One pair as it stands in the header.
pub(super) fn pair(key: &str, value: &str) -> String {
    format!("{}={}", utf8_percent_encode(key, ENCODED), utf8_percent_encode(value, ENCODED))
}

/// A whole value.
pub(super) fn check(header: &str) -> Result<(), &'static str> {
    let mut keys = Vec::new();
    for pair in header.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if value.contains('=') {
            return Err("tags are written key=value&key=value, percent-encoded");
        }
        let (key, value) = (decoded(key)?, decoded(value)?);
        check_text(&key)?;
        check_text(&value)?;
        if key.is_empty() || key.chars().count() > MAX_KEY {
            return Err("a tag's key has 1 to 128 characters");
        }
        if value.chars().count() > MAX_VALUE {
            return Err("a tag's value has at most 256 characters");
        }
        if keys.contains(&key) {
            return Err("a tag's key is there twice");
        }
        keys.push(key);
    }
    if keys.len() > MAX_TAGS { Err("an object has at most 10 tags") } else { Ok(()) }
}

/// A `+` is a space, as in a form.
fn decoded(text: &str) -> Result<String, &'static str> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| "a tag is not UTF-8")?;
    Ok(decoded.into_owned())
}

fn check_text(text: &str) -> Result<(), &'static str> {
    let allowed = |c: char| c.is_alphanumeric() || " +-=._:/".contains(c);
    if text.chars().all(allowed) {
        Ok(())
    } else {
        Err("a tag may hold letters, digits, spaces and + - = . _ : / only")
    }
}
