//! Alibaba Cloud OSS request signing.

use http::{HeaderMap, Method};
use std::time::Duration;

/// What is signed: the logical request, before any addressing style or percent-encoding.
///
/// The signature never depends on the host: the resource is always `/BUCKET/KEY`.
#[derive(Debug, Clone, Copy)]
pub struct Resource<'a> {
    /// The HTTP method.
    pub method: &'a Method,
    /// The bucket, or `None` for a service-level call.
    pub bucket: Option<&'a str>,
    /// The key, raw (not percent-encoded), or `None` for a bucket-level call.
    pub key: Option<&'a str>,
    /// The query, decoded; `None` is a bare name.
    pub query: &'a [(String, Option<String>)],
}

/// Which signature is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// HMAC-SHA1, `Authorization: OSS id:signature`.
    V1,
    /// HMAC-SHA256, `Authorization: OSS4-HMAC-SHA256 …`.
    V4 {
        /// `cn-hangzhou`, without `oss-`.
        region: String,
        /// `oss`, or `oss-cloudbox`.
        product: String,
        /// Further header names to sign.
        additional_headers: Vec<String>,
    },
}

/// An access key, with the security token of STS where there is one.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials { id: String, secret: String, token: Option<String> }
impl std::fmt::Debug for Credentials { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("Credentials") } }
impl Credentials {
    /// A long-term key pair.
    pub fn new(_id: impl Into<String>, _secret: impl Into<String>) -> Self { todo!() }
    /// Adds the security token of temporary credentials.
    #[must_use]
    pub fn with_security_token(self, _token: impl Into<String>) -> Self { todo!() }
    /// The access key id (not a secret).
    pub fn access_key_id(&self) -> &str { todo!() }
    /// The access key secret.
    pub fn access_key_secret(&self) -> &str { todo!() }
    /// The security token.
    pub fn security_token(&self) -> Option<&str> { todo!() }
}

impl Signer {
    /// V4 for a region, product `oss`, no additional headers.
    pub fn v4(_region: impl Into<String>) -> Self { todo!() }
    /// Adds the signing headers (`Date`/`x-oss-date`, token, `Authorization`, …) to `headers`. `time`: Unix seconds.
    pub fn sign(&self, _resource: Resource<'_>, _headers: &mut HeaderMap, _credentials: &Credentials, _time: u64) { todo!() }
    /// The query pairs (all of `resource.query` and the signing ones) of a presigned URL, decoded. `time`: Unix seconds.
    pub fn presign(&self, _resource: Resource<'_>, _headers: &HeaderMap, _credentials: &Credentials, _time: u64, _expires: Duration)
        -> Result<Vec<(String, Option<String>)>, PresignError> { todo!() }
}

/// Why a URL was not presigned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PresignError {
    /// V4 allows 1 second to 7 days.
    #[error("a V4 presigned URL lives 1 s to 7 days, not {0:?}")]
    Expires(Duration),
}

/// The server's side: who claims to have signed, and is it true.
pub mod verify {
    use super::*;
    /// What a request says of its signature (from headers or query).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Claim { /* version, access key id, scope, time, expiry, additional headers, provided signature */ }
    impl Claim {
        /// Reads the claim; `Ok(None)` when the request is anonymous. `now`: Unix seconds.
        pub fn parse(_query: &[(String, Option<String>)], _headers: &HeaderMap) -> Result<Option<Self>, ClaimError> { todo!() }
        /// The access key id that claims to have signed.
        pub fn access_key_id(&self) -> &str { todo!() }
        /// The security token that came along.
        pub fn security_token(&self) -> Option<&str> { todo!() }
        /// When it was signed, Unix seconds (V1 presigned: `None`).
        pub fn time(&self) -> Option<u64> { todo!() }
        /// When it ends to be valid, Unix seconds; only presigned.
        pub fn expires_at(&self) -> Option<u64> { todo!() }
        /// V4: the region and product of its scope.
        pub fn region(&self) -> Option<&str> { todo!() }
        /// Signs again with `secret` and compares in constant time.
        pub fn check(&self, _resource: Resource<'_>, _headers: &HeaderMap, _secret: &str) -> Result<(), Mismatch> { todo!() }
    }
    /// The claim cannot be read.
    #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
    #[error("{reason}")]
    pub struct ClaimError { /// In words.
        pub reason: String }
    /// The signature is another one; what the server signed, for the error body.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Mismatch {
        /// The string to sign.
        pub string_to_sign: String,
        /// V4: the canonical request.
        pub canonical_request: Option<String>,
        /// The signature that came.
        pub signature_provided: String,
    }
}

/// Percent-encodes a URL path as OSS signs it: `A-Z a-z 0-9 - _ . ~ /` stay.
pub fn encode_path(_raw: &str) -> String { todo!() }
/// Percent-encodes a query as OSS signs it (`/` too), in the given order: `a=1&b`.
pub fn encode_query(_pairs: &[(String, Option<String>)]) -> String { todo!() }
