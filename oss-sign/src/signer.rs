use crate::{Credentials, v1, v4};
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
    /// The query, decoded; `None` is a bare name, which signs as an empty value does.
    pub query: &'a [(String, Option<String>)],
}

/// Which signature is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// HMAC-SHA1, `Authorization: OSS id:signature`. Of the query it signs the sub-resources only (`uploadId`,
    /// `partNumber`, every `x-oss-*` …), not `prefix` or `max-keys`.
    V1,
    /// HMAC-SHA256, `Authorization: OSS4-HMAC-SHA256 …`. Signs the whole query. Prefer it.
    V4 {
        /// `cn-hangzhou`, without `oss-`; the bucket's region, also behind an acceleration endpoint.
        region: String,
        /// `oss`, or `oss-cloudbox` (the region is then the cloud box's id).
        product: String,
        /// Further header names to sign, in any case and order. Those signed anyway, and those that a request does not
        /// have, are left out for that request; list `host` only if you put `Host` into the headers yourself.
        additional_headers: Vec<String>,
    },
}

impl Signer {
    /// V4 for a region, product `oss`, no additional headers.
    pub fn v4(region: impl Into<String>) -> Self {
        Self::V4 { region: region.into(), product: "oss".to_owned(), additional_headers: Vec::new() }
    }

    /// Adds the signing headers to `headers`. `time`: Unix seconds; the service accepts 15 minutes around its own.
    ///
    /// V1 sets `Date` (and `x-oss-date` to the same, if it is there), V4 sets `x-oss-date` and `x-oss-content-sha256`;
    /// both set `x-oss-security-token` (or remove it, when the credentials have no token) and `Authorization`. What
    /// stands there is replaced, so a request may be signed again for a retry. Sign last: a header of the signed ones
    /// changed later makes the service answer `SignatureDoesNotMatch`.
    pub fn sign(&self, resource: Resource<'_>, headers: &mut HeaderMap, credentials: &Credentials, time: u64) {
        match self {
            Self::V1 => v1::sign(resource, headers, credentials, time),
            Self::V4 { region, product, additional_headers } => {
                let scope = v4::Scope::at(time, region, product);
                v4::sign(resource, headers, credentials, scope, additional_headers);
            }
        }
    }

    /// The query pairs (all of `resource.query` and the signing ones) of a presigned URL, decoded.
    ///
    /// `time`: Unix seconds. `expires`: how long the URL lives; fractions of a second are dropped. `headers`:
    /// `Content-Type`, `Content-MD5` and `x-oss-*` among them are signed, and whoever uses the URL must send them
    /// identically. Signing pairs of an earlier presigning in `resource.query` are replaced.
    ///
    /// # Errors
    /// [`PresignError::Expires`]: V4 allows 1 second to 7 days; V1 has no limit. Ask for less, or presign later.
    ///
    /// ```
    /// # use oss_sign::{Credentials, Resource, Signer, encode_path, encode_query};
    /// # use std::time::Duration;
    /// let resource = Resource { method: &http::Method::GET, bucket: Some("b"), key: Some("k"), query: &[] };
    /// let credentials = Credentials::new("ak", "sk");
    /// let expires = Duration::from_secs(3600);
    /// let query = Signer::v4("cn-hangzhou").presign(resource, &Default::default(), &credentials, 1_702_781_677, expires)?;
    /// let url = format!("https://b.oss-cn-hangzhou.aliyuncs.com{}?{}", encode_path("/k"), encode_query(&query));
    /// # assert!(url.contains("&x-oss-expires=3600&x-oss-signature="), "{url}");
    /// # Ok::<(), oss_sign::PresignError>(())
    /// ```
    pub fn presign(
        &self,
        resource: Resource<'_>,
        headers: &HeaderMap,
        credentials: &Credentials,
        time: u64,
        expires: Duration,
    ) -> Result<Vec<(String, Option<String>)>, PresignError> {
        match self {
            Self::V1 => Ok(v1::presign(resource, headers, credentials, time.saturating_add(expires.as_secs()))),
            Self::V4 { region, product, additional_headers } => {
                if !v4::LIFETIME.contains(&expires) {
                    return Err(PresignError::Expires(expires));
                }
                let scope = v4::Scope::at(time, region, product);
                Ok(v4::presign(resource, headers, credentials, scope, additional_headers, expires.as_secs()))
            }
        }
    }
}

/// Why a URL was not presigned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PresignError {
    /// V4 allows 1 second to 7 days: ask for a time in between.
    #[error("a V4 presigned URL lives 1 s to 7 days, not {0:?}")]
    Expires(Duration),
}
