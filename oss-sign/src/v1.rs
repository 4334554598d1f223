//! Signature version 1: HMAC-SHA1 over a few lines.

use crate::canonical::{self, header, own_value, sensitive_value};
use crate::timestamp::http_date;
use crate::{Credentials, Resource};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use http::header::{AUTHORIZATION, DATE};
use sha1::Sha1;

pub(crate) fn sign(resource: Resource<'_>, headers: &mut HeaderMap, credentials: &Credentials, time: u64) {
    let date = http_date(time);
    headers.remove(AUTHORIZATION);
    headers.insert(DATE, own_value(&date));
    // With both, SDKs disagree on which is signed: they are never different.
    if headers.contains_key("x-oss-date") {
        headers.insert("x-oss-date", own_value(&date));
    }
    match credentials.security_token() {
        Some(token) => headers.insert("x-oss-security-token", sensitive_value(token)),
        None => headers.remove("x-oss-security-token"),
    };
    let signature = signature(credentials.access_key_secret(), &string_to_sign(resource, headers, date.as_bytes()));
    let authorization = format!("OSS {}:{signature}", credentials.access_key_id());
    headers.insert(AUTHORIZATION, sensitive_value(&authorization));
}

/// The names a presigned URL adds.
const PRESIGNING: [&str; 4] = ["OSSAccessKeyId", "Expires", "Signature", "security-token"];

/// `expires_at`: Unix seconds.
pub(crate) fn presign(
    resource: Resource<'_>,
    headers: &HeaderMap,
    credentials: &Credentials,
    expires_at: u64,
) -> Vec<(String, Option<String>)> {
    let mut query: Vec<_> =
        resource.query.iter().filter(|(name, _)| !PRESIGNING.contains(&name.as_str())).cloned().collect();
    let expires = expires_at.to_string();
    query.push(("OSSAccessKeyId".to_owned(), Some(credentials.access_key_id().to_owned())));
    query.push(("Expires".to_owned(), Some(expires.clone())));
    if let Some(token) = credentials.security_token() {
        query.push(("security-token".to_owned(), Some(token.to_owned())));
    }
    let text = string_to_sign(Resource { query: &query, ..resource }, headers, expires.as_bytes());
    query.push(("Signature".to_owned(), Some(signature(credentials.access_key_secret(), &text))));
    query
}

/// `date`: the `Date` header's text or, in a presigned URL, that of `Expires`.
pub(crate) fn string_to_sign(resource: Resource<'_>, headers: &HeaderMap, date: &[u8]) -> Vec<u8> {
    let mut text = resource.method.as_str().as_bytes().to_vec();
    text.push(b'\n');
    for name in ["content-md5", "content-type"] {
        text.extend(header(headers, name).unwrap_or_default());
        text.push(b'\n');
    }
    text.extend_from_slice(date);
    text.push(b'\n');
    canonical::push_headers(&mut text, headers, |name| name.starts_with("x-oss-"));
    text.extend(canonical_resource(resource).bytes());
    text
}

/// The raw path and the sub-resources: decoded values, an empty one as a bare name.
fn canonical_resource(resource: Resource<'_>) -> String {
    let mut text = canonical::path(resource);
    let mut signed: Vec<_> = resource.query.iter().filter(|(name, _)| is_sub_resource(name)).collect();
    signed.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (index, (name, value)) in signed.into_iter().enumerate() {
        text.push(if index == 0 { '?' } else { '&' });
        text.push_str(name);
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            text.push('=');
            text.push_str(value);
        }
    }
    text
}

pub(crate) fn signature(secret: &str, string_to_sign: &[u8]) -> String {
    BASE64_STANDARD.encode(mac(secret, string_to_sign).finalize().into_bytes())
}

/// Compares in constant time.
pub(crate) fn is_signature(secret: &str, string_to_sign: &[u8], signature: &str) -> bool {
    BASE64_STANDARD.decode(signature).is_ok_and(|bytes| mac(secret, string_to_sign).verify_slice(&bytes).is_ok())
}

fn mac(secret: &str, string_to_sign: &[u8]) -> Hmac<Sha1> {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(string_to_sign);
    mac
}

/// Whether a query name is part of the signed resource; names are case-sensitive.
fn is_sub_resource(name: &str) -> bool {
    name.starts_with("x-oss-") || SUB_RESOURCES.binary_search(&name).is_ok()
}

/// The names that at least two official SDKs sign, sorted.
#[rustfmt::skip]
const SUB_RESOURCES: &[&str] = &[
    "accessPoint", "accessPointPolicy", "acl", "append", "asyncFetch", "bucketArchiveDirectRead", "bucketInfo",
    "callback", "callback-var", "cleanRestoredObject", "cloudboxes", "cname", "comp", "continuation-token",
    "cors", "delete", "encryption", "endTime", "httpsConfig", "img", "inventory", "inventoryId", "lifecycle",
    "live", "location", "logging", "metaQuery", "objectMeta", "partNumber", "policy", "position",
    "publicAccessBlock", "qos", "qosInfo", "redundancyTransition", "referer", "regionList", "replication",
    "replicationLocation", "replicationProgress", "requestPayment", "resourceGroup", "response-cache-control",
    "response-content-disposition", "response-content-encoding", "response-content-language",
    "response-content-type", "response-expires", "responseHeader", "restore", "rtc", "security-token",
    "sequential", "startTime", "stat", "status", "style", "styleName", "symlink", "tagging",
    "transferAcceleration", "udf", "udfApplication", "udfApplicationLog", "udfId", "udfImage", "udfImageDesc",
    "udfName", "uploadId", "uploads", "versionId", "versioning", "versions", "vod", "website",
    "withHashContext", "worm", "wormExtend", "wormId",
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_signed_names_are_those_that_two_official_sdks_sign() {
        let table: serde_json::Value =
            serde_json::from_str(include_str!("../tests/data/v1_subresources.json")).unwrap();
        let table: BTreeMap<String, Vec<String>> = serde_json::from_value(table["by_name"].clone()).unwrap();
        let expected: Vec<_> = table
            .iter()
            .filter(|(name, sdks)| sdks.len() >= 2 && !name.starts_with("x-oss-"))
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(SUB_RESOURCES, expected);
        assert!(table.keys().filter(|name| name.starts_with("x-oss-")).all(|name| is_sub_resource(name)));
    }

    #[test]
    fn paging_names_and_other_cases_of_a_name_are_not_signed() {
        for name in ["prefix", "marker", "delimiter", "max-keys", "list-type", "encoding-type", "ACL", "uploadid"] {
            assert!(!is_sub_resource(name), "{name}");
        }
    }
}
