//! Signature version 4: HMAC-SHA256 over a hash of the whole request but its body.

use crate::canonical::{self, own_value, sensitive_value};
use crate::percent::{canonical_query, encode_path};
use crate::timestamp::iso_basic;
use crate::{Credentials, Resource};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::time::Duration;
use zeroize::Zeroizing;

pub(crate) const ALGORITHM: &str = "OSS4-HMAC-SHA256";
pub(crate) const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
pub(crate) const REQUEST: &str = "aliyun_v4_request";
/// How long a presigned URL may live.
pub(crate) const LIFETIME: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(7 * 24 * 60 * 60);

/// When, where and for which product a signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    /// `20231217T034736Z`
    pub(crate) timestamp: String,
    pub(crate) region: String,
    pub(crate) product: String,
}

impl Scope {
    pub(crate) fn at(time: u64, region: &str, product: &str) -> Self {
        Self { timestamp: iso_basic(time), region: region.to_owned(), product: product.to_owned() }
    }

    pub(crate) fn date(&self) -> &str {
        self.timestamp.split('T').next().unwrap_or_default()
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}/{REQUEST}", self.date(), self.region, self.product)
    }
}

pub(crate) fn sign(
    resource: Resource<'_>,
    headers: &mut HeaderMap,
    credentials: &Credentials,
    scope: Scope,
    additional: &[String],
) {
    headers.remove(AUTHORIZATION);
    headers.insert(HeaderName::from_static("x-oss-date"), own_value(&scope.timestamp));
    headers.insert(HeaderName::from_static("x-oss-content-sha256"), HeaderValue::from_static(UNSIGNED_PAYLOAD));
    match credentials.security_token() {
        Some(token) => headers.insert(HeaderName::from_static("x-oss-security-token"), sensitive_value(token)),
        None => headers.remove("x-oss-security-token"),
    };
    let additional = additional_of(additional, headers);
    let request = canonical_request(resource, headers, &additional);
    let signature = signature(&signing_key(credentials.access_key_secret(), &scope), &string_to_sign(&scope, &request));
    let listed =
        if additional.is_empty() { String::new() } else { format!(",AdditionalHeaders={}", additional.join(";")) };
    let mut authorization = String::with_capacity(256);
    let id = credentials.access_key_id();
    write!(authorization, "{ALGORITHM} Credential={id}/{scope}{listed},Signature={signature}")
        .expect("a String takes everything");
    headers.insert(AUTHORIZATION, sensitive_value(&authorization));
}

/// The names a presigned URL adds.
const PRESIGNING: [&str; 7] = [
    "x-oss-signature-version",
    "x-oss-credential",
    "x-oss-date",
    "x-oss-expires",
    "x-oss-security-token",
    "x-oss-additional-headers",
    "x-oss-signature",
];

/// `expires`: seconds from the scope's timestamp.
pub(crate) fn presign(
    resource: Resource<'_>,
    headers: &HeaderMap,
    credentials: &Credentials,
    scope: Scope,
    additional: &[String],
    expires: u64,
) -> Vec<(String, Option<String>)> {
    let additional = additional_of(additional, headers);
    let mut query: Vec<_> =
        resource.query.iter().filter(|(name, _)| !PRESIGNING.contains(&name.as_str())).cloned().collect();
    let mut add = |name: &str, value: String| query.push((name.to_owned(), Some(value)));
    add("x-oss-signature-version", ALGORITHM.to_owned());
    add("x-oss-credential", format!("{}/{scope}", credentials.access_key_id()));
    add("x-oss-date", scope.timestamp.clone());
    add("x-oss-expires", expires.to_string());
    if let Some(token) = credentials.security_token() {
        add("x-oss-security-token", token.to_owned());
    }
    if !additional.is_empty() {
        add("x-oss-additional-headers", additional.join(";"));
    }
    let request = canonical_request(Resource { query: &query, ..resource }, headers, &additional);
    let signature = signature(&signing_key(credentials.access_key_secret(), &scope), &string_to_sign(&scope, &request));
    query.push(("x-oss-signature".to_owned(), Some(signature)));
    query
}

/// The names that are worth listing: lower-case, sorted, once, in the request, and not signed anyway. The service
/// refuses an empty list and a name that it cannot find.
fn additional_of(names: &[String], headers: &HeaderMap) -> Vec<String> {
    let mut names: Vec<_> = names
        .iter()
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| headers.contains_key(name.as_str()) && !is_always_signed(name) && AUTHORIZATION != name.as_str())
        .collect();
    names.sort();
    names.dedup();
    names
}

/// `additional`: the names as they are listed in the request. The query's `x-oss-signature` is not part of it.
pub(crate) fn canonical_request(resource: Resource<'_>, headers: &HeaderMap, additional: &[String]) -> Vec<u8> {
    let is_signed = |name: &str| is_always_signed(name) || additional.iter().any(|listed| listed == name);
    let query = canonical_query(resource.query.iter().filter(|(name, _)| name != "x-oss-signature"));
    let path = encode_path(&canonical::path(resource));
    let mut request = Vec::with_capacity(512);
    for line in [resource.method.as_str(), &path, &query] {
        request.extend_from_slice(line.as_bytes());
        request.push(b'\n');
    }
    canonical::push_headers(&mut request, headers, is_signed);
    for line in ["", &additional.join(";"), UNSIGNED_PAYLOAD] {
        request.extend_from_slice(line.as_bytes());
        request.push(b'\n');
    }
    // The last line has no end.
    request.pop();
    request
}

fn is_always_signed(name: &str) -> bool {
    name == "content-type" || name == "content-md5" || name.starts_with("x-oss-")
}

pub(crate) fn string_to_sign(scope: &Scope, canonical_request: &[u8]) -> String {
    let digest = hex(&Sha256::digest(canonical_request));
    let mut text = String::with_capacity(192);
    write!(text, "{ALGORITHM}\n{}\n{scope}\n{digest}", scope.timestamp).expect("a String takes everything");
    text
}

/// Four HMACs of a few bytes each: not worth a cache beside a request over the network.
pub(crate) fn signing_key(secret: &str, scope: &Scope) -> Zeroizing<[u8; 32]> {
    let secret = Zeroizing::new(format!("aliyun_v4{secret}"));
    let mut key = derive(secret.as_bytes(), scope.date());
    for part in [&scope.region, &scope.product, REQUEST] {
        key = derive(&*key, part);
    }
    key
}

fn derive(key: &[u8], part: &str) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(mac(key, part).finalize().into_bytes().into())
}

fn signature(key: &[u8; 32], string_to_sign: &str) -> String {
    hex(&mac(key, string_to_sign).finalize().into_bytes())
}

/// Compares in constant time; the digits must be lower-case.
pub(crate) fn is_signature(key: &[u8; 32], string_to_sign: &str, signature: &str) -> bool {
    unhex(signature).is_some_and(|bytes| mac(key, string_to_sign).verify_slice(&bytes).is_ok())
}

fn mac(key: &[u8], text: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    mac
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    let mut text = String::with_capacity(bytes.len() * 2);
    text.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    text
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signing_key_is_that_of_the_official_sdks() {
        let scope = Scope::at(1_702_784_856, "cn-hangzhou", "oss");
        assert_eq!(
            hex(&*signing_key("sk", &scope)),
            "0e11d77e422d3484e84ee6b628fdf2a85f3788e1a597f23116b477efb407e94e"
        );
    }

    /// The documentation prints the key and the signature of its example, but no secret.
    #[test]
    fn the_documented_key_gives_the_documented_signature() {
        let key = unhex("3543b7686e65eda71e5e5ca19d548d78423c37e8ddba4dc9d83f90228b457c76").unwrap();
        let text = "OSS4-HMAC-SHA256\n20250411T064124Z\n20250411/cn-hangzhou/oss/aliyun_v4_request\n\
                    c46d96390bdbc2d739ac9363293ae9d710b14e48081fcb22cd8ad54b63136eca";
        let expected = "053edbf550ebd239b32a9cdfd93b0b2b3f2d223083aa61f75e9ac16856d61f23";
        assert_eq!(signature(&key.try_into().unwrap(), text), expected);
    }
}
