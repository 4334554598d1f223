//! From a URL and its Host to the logical bucket, key and query.

use crate::refusal::Refusal;
use percent_encoding::percent_decode_str;
use std::net::IpAddr;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) bucket: Option<String>,
    /// Decoded once and otherwise literal; never empty.
    pub(crate) key: Option<String>,
    /// The bucket stands in the path of a host of the public service, which refuses that.
    pub(crate) forbidden_style: bool,
}

/// Reads bucket and key; `known` says whether a bucket of that name exists, `base_hosts` are addressed by path.
pub(crate) fn locate(
    authority: &str,
    path: &str,
    base_hosts: &[String],
    known: impl Fn(&str) -> bool,
) -> Result<Address, Refusal> {
    let host = without_port(authority);
    let path = path.strip_prefix('/').unwrap_or(path);
    match bucket_of_host(host, base_hosts, known) {
        Some(bucket) => {
            Ok(Address { bucket: Some(bucket.to_owned()), key: filled(decode_key(path)?), forbidden_style: false })
        }
        None => {
            let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
            let bucket = filled(decode_key(bucket)?);
            let forbidden_style = bucket.is_some() && host.ends_with(".aliyuncs.com");
            Ok(Address { bucket, key: filled(decode_key(key)?), forbidden_style })
        }
    }
}

/// The decoded pairs, in the order they came; `None` is a bare name.
pub(crate) fn decode_query(query: &str) -> Vec<(String, Option<String>)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) => (decode_parameter(name), Some(decode_parameter(value))),
            None => (decode_parameter(pair), None),
        })
        .collect()
}

/// A `+` is a space here: form encoders (Python's requests among them) write it so, and a literal one as `%2B`.
fn decode_parameter(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

fn decode_key(raw: &str) -> Result<String, Refusal> {
    match percent_decode_str(raw).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => {
            Err(Refusal::new(400, "InvalidObjectName", "The specified object is not valid: its name is not UTF-8."))
        }
    }
}

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn without_port(authority: &str) -> &str {
    if let Some(v6) = authority.strip_prefix('[') {
        return v6.split(']').next().unwrap_or(v6);
    }
    authority.split(':').next().unwrap_or(authority)
}

fn bucket_of_host<'h>(host: &'h str, base_hosts: &[String], known: impl Fn(&str) -> bool) -> Option<&'h str> {
    if host.parse::<IpAddr>().is_ok() || host == "localhost" || base_hosts.iter().any(|base| base == host) {
        return None;
    }
    for base in base_hosts {
        if let Some(label) = host.strip_suffix(base.as_str()).and_then(|rest| rest.strip_suffix('.')) {
            return Some(label);
        }
    }
    let (label, rest) = host.split_once('.')?;
    if known(label) {
        return Some(label);
    }
    let endpoint_itself = (label.starts_with("oss-") && rest == "aliyuncs.com") || rest == "oss.aliyuncs.com";
    (!endpoint_itself).then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(authority: &str, path: &str) -> (Option<String>, Option<String>) {
        let address = locate(authority, path, &["oss.test".to_owned()], |_| false).unwrap();
        (address.bucket, address.key)
    }

    fn both(bucket: &str, key: &str) -> (Option<String>, Option<String>) {
        (Some(bucket.to_owned()), Some(key.to_owned()))
    }

    #[test]
    fn the_bucket_comes_from_the_host_or_from_the_path() {
        assert_eq!(at("media.oss-cn-hangzhou.aliyuncs.com", "/a/b"), both("media", "a/b"));
        assert_eq!(at("media.localhost:8080", "/a"), both("media", "a"));
        assert_eq!(at("media.oss.test", "/a"), both("media", "a"));
        assert_eq!(at("127.0.0.1:8080", "/media/a/b"), both("media", "a/b"));
        assert_eq!(at("[::1]:8080", "/media/a"), both("media", "a"));
        assert_eq!(at("localhost:80", "/media/a"), both("media", "a"));
        assert_eq!(at("oss.test", "/media/a"), both("media", "a"));
    }

    #[test]
    fn bucket_and_service_level_have_no_key() {
        assert_eq!(at("127.0.0.1", "/media/"), (Some("media".to_owned()), None));
        assert_eq!(at("127.0.0.1", "/media"), (Some("media".to_owned()), None));
        assert_eq!(at("127.0.0.1", "/"), (None, None));
        assert_eq!(at("oss-cn-hangzhou.aliyuncs.com", "/"), (None, None));
        assert_eq!(at("media.oss-cn-hangzhou.aliyuncs.com", "/"), (Some("media".to_owned()), None));
    }

    #[test]
    fn keys_are_decoded_once_and_taken_literally() {
        assert_eq!(at("b-1.localhost", "/a%2F..//./%3F%2520+%5C").1.unwrap(), "a/..//./?%20+\\");
    }

    #[test]
    fn a_key_that_is_not_utf8_is_refused() {
        let refusal = locate("b-1.localhost", "/%FF", &[], |_| true).unwrap_err();
        assert_eq!(refusal.code.as_str(), "InvalidObjectName");
    }

    #[test]
    fn the_public_service_forbids_the_path_style() {
        assert!(locate("oss-cn-hangzhou.aliyuncs.com", "/media/a", &[], |_| false).unwrap().forbidden_style);
    }

    #[test]
    fn query_values_may_be_missing_empty_or_encoded() {
        let pair = |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
        assert_eq!(
            decode_query("uploads&a=&prefix=x%2Fy+z%2B"),
            [pair("uploads", None), pair("a", Some("")), pair("prefix", Some("x/y z+"))]
        );
    }
}
