//! What V1 and V4 take from the request in the same way.

use crate::Resource;
use http::{HeaderMap, HeaderName, HeaderValue};

/// `/BUCKET/KEY` raw, whatever the host style: `/BUCKET/` for a bucket, `/` for the service.
pub(crate) fn path(resource: Resource<'_>) -> String {
    let key = resource.key.unwrap_or_default();
    match resource.bucket {
        Some(bucket) => format!("/{bucket}/{key}"),
        None => format!("/{key}"),
    }
}

/// Adds `name:value\n` of every header that `is_signed`, sorted by name. Values are bytes: metadata may be any UTF-8.
pub(crate) fn push_headers(lines: &mut Vec<u8>, headers: &HeaderMap, is_signed: impl Fn(&str) -> bool) {
    let mut signed: Vec<&HeaderName> = headers.keys().filter(|name| is_signed(name.as_str())).collect();
    signed.sort_unstable_by_key(|name| name.as_str());
    for name in signed {
        lines.extend_from_slice(name.as_str().as_bytes());
        for (index, value) in headers.get_all(name).iter().enumerate() {
            lines.push(if index == 0 { b':' } else { b',' });
            lines.extend_from_slice(value.as_bytes().trim_ascii());
        }
        lines.push(b'\n');
    }
}

/// The trimmed value of a header; a repeated one is joined with `,`.
pub(crate) fn header(headers: &HeaderMap, name: &str) -> Option<Vec<u8>> {
    let mut values = headers.get_all(name).iter().map(|value| value.as_bytes().trim_ascii());
    let mut joined = values.next()?.to_vec();
    for value in values {
        joined.push(b',');
        joined.extend_from_slice(value);
    }
    Some(joined)
}

/// A header's value from text of the caller, marked as sensitive.
///
/// Credentials with a byte that no header can carry (a line break, see [`Credentials::broken`](crate::Credentials::broken))
/// get `?` in its place: the service then refuses them by name, which says more than a panic here.
pub(crate) fn sensitive_value(text: &str) -> HeaderValue {
    let allowed = |byte: u8| {
        if byte.is_ascii_control() && byte != b'\t' { b'?' } else { byte }
    };
    let bytes: Vec<u8> = text.bytes().map(allowed).collect();
    let mut value = HeaderValue::try_from(bytes).expect("control characters are replaced");
    value.set_sensitive(true);
    value
}

/// A header's value from text that this crate wrote.
pub(crate) fn own_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("dates and constants are visible ASCII")
}
