//! The server's side: who claims to have signed, and is it true.
//!
//! [`Claim::parse`] reads the claim, [`Claim::check`] proves it. In between stands the caller: it looks up the secret
//! of [`Claim::access_key_id`], and compares [`Claim::time`] and [`Claim::expires_at`] with its clock.

use crate::canonical::header;
use crate::credentials::Secret;
use crate::timestamp::{iso_basic, parse_http_date, parse_iso_basic};
use crate::v4::{self, ALGORITHM, LIFETIME, REQUEST, Scope, UNSIGNED_PAYLOAD};
use crate::{Resource, v1};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use std::fmt;
use std::time::Duration;

type Query = [(String, Option<String>)];

/// What a request says of its signature, in its headers or its query. Nothing of it is proved until [`Claim::check`].
///
/// The security token and the signature are `[redacted]` in `Debug`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    access_key_id: String,
    security_token: Option<Secret>,
    time: Option<u64>,
    expires_at: Option<u64>,
    /// As long as it is valid it stands for the credentials, hence secret.
    signature: Secret,
    version: Version,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Version {
    /// The text of the date line.
    V1 { date: String },
    /// The additional names are those of the request, as listed there: they are signed in that form.
    V4 { scope: Scope, additional: Vec<String> },
}

impl Claim {
    /// Reads the claim; `Ok(None)` when the request is anonymous. `query`: decoded, in the order of the URL.
    ///
    /// # Errors
    /// [`ClaimError`] when there is a signature, but not in a form that could be checked: answer 400 or 403 with its
    /// words.
    pub fn parse(query: &Query, headers: &HeaderMap) -> Result<Option<Self>, ClaimError> {
        let names = |names: &[&str]| query.iter().any(|(name, _)| names.contains(&name.as_str()));
        let v1 = names(&["OSSAccessKeyId", "Signature"]);
        let v4 = names(&["x-oss-signature-version", "x-oss-credential", "x-oss-signature"]);
        let in_header = headers.contains_key(AUTHORIZATION);
        match (in_header, v1, v4) {
            (false, false, false) => Ok(None),
            (true, false, false) => Self::from_authorization(headers).map(Some),
            (false, true, false) => Self::from_v1_query(query).map(Some),
            (false, false, true) => Self::from_v4_query(query).map(Some),
            _ => Err(ClaimError::new("the request is signed twice: keep either Authorization or one presigned query")),
        }
    }

    /// The access key id that claims to have signed.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The security token that came along.
    pub fn security_token(&self) -> Option<&str> {
        self.security_token.as_ref().map(Secret::expose)
    }

    /// When it was signed, Unix seconds (V1 presigned: `None`).
    pub fn time(&self) -> Option<u64> {
        self.time
    }

    /// When it ends to be valid, Unix seconds; only presigned.
    pub fn expires_at(&self) -> Option<u64> {
        self.expires_at
    }

    /// V4: the region of its scope.
    pub fn region(&self) -> Option<&str> {
        self.scope().map(|scope| scope.region.as_str())
    }

    /// V4: the product of its scope, `oss` or `oss-cloudbox`.
    pub fn product(&self) -> Option<&str> {
        self.scope().map(|scope| scope.product.as_str())
    }

    /// Signs again with `secret` and compares in constant time.
    ///
    /// `resource` and `headers` are those of the request as it came, `resource.query` with the signing pairs of a
    /// presigned URL still in it. The clock is the caller's: a signature that is too old or expired passes here.
    ///
    /// # Errors
    /// [`Mismatch`]: answer `SignatureDoesNotMatch` with its fields.
    pub fn check(&self, resource: Resource<'_>, headers: &HeaderMap, secret: &str) -> Result<(), Mismatch> {
        let signature = self.signature.expose();
        let (is_true, string_to_sign, canonical_request) = match &self.version {
            Version::V1 { date } => {
                let text = v1::string_to_sign(resource, headers, date.as_bytes());
                (v1::is_signature(secret, &text, signature), lossy(&text), None)
            }
            Version::V4 { scope, additional } => {
                let request = v4::canonical_request(resource, headers, additional);
                let text = v4::string_to_sign(scope, &request);
                let is_true = v4::is_signature(&v4::signing_key(secret, scope), &text, signature);
                (is_true, text, Some(lossy(&request)))
            }
        };
        if is_true {
            return Ok(());
        }
        Err(Mismatch { string_to_sign, canonical_request, signature_provided: signature.to_owned() })
    }

    fn scope(&self) -> Option<&Scope> {
        match &self.version {
            Version::V1 { .. } => None,
            Version::V4 { scope, .. } => Some(scope),
        }
    }

    fn from_authorization(headers: &HeaderMap) -> Result<Self, ClaimError> {
        let text = one_header(headers, "authorization")?.unwrap_or_default();
        match text.split_once(' ') {
            Some(("OSS", rest)) => Self::from_v1_header(rest.trim(), headers),
            Some((ALGORITHM, rest)) => Self::from_v4_header(rest.trim(), headers),
            _ => Err(ClaimError::new(
                "Authorization must be `OSS id:signature` or `OSS4-HMAC-SHA256 Credential=…,Signature=…`",
            )),
        }
    }

    fn from_v1_header(text: &str, headers: &HeaderMap) -> Result<Self, ClaimError> {
        let malformed = || ClaimError::new("Authorization must be `OSS id:signature`, with both after one blank");
        let (id, signature) = text.rsplit_once(':').ok_or_else(malformed)?;
        if id.is_empty() || signature.is_empty() {
            return Err(malformed());
        }
        // The date line holds x-oss-date where a client, say a browser, may not set Date itself.
        let date = match one_header(headers, "x-oss-date")? {
            Some(date) => date,
            None => one_header(headers, "date")?
                .ok_or_else(|| ClaimError::new("a signed request needs a Date or x-oss-date header"))?,
        };
        let time = parse_http_date(&date)
            .ok_or_else(|| ClaimError::new("the date must be as in `Wed, 28 Dec 2022 10:27:41 GMT`"))?;
        // Two official SDKs send the token under the second name, unsigned.
        let token = match one_header(headers, "x-oss-security-token")? {
            Some(token) => Some(token),
            None => one_header(headers, "security-token")?,
        };
        Ok(Self {
            access_key_id: id.to_owned(),
            security_token: token.map(Secret::new),
            time: Some(time),
            expires_at: None,
            signature: Secret::new(signature),
            version: Version::V1 { date },
        })
    }

    fn from_v4_header(text: &str, headers: &HeaderMap) -> Result<Self, ClaimError> {
        let fields = Fields::parse(text)?;
        let (date, time) = v4_time(headers)?;
        let (id, scope) = scope(fields.credential, &date)?;
        if header(headers, "x-oss-content-sha256").as_deref() != Some(UNSIGNED_PAYLOAD.as_bytes()) {
            return Err(ClaimError::new("x-oss-content-sha256 must be there and be UNSIGNED-PAYLOAD"));
        }
        Ok(Self {
            access_key_id: id,
            security_token: one_header(headers, "x-oss-security-token")?.map(Secret::new),
            time: Some(time),
            expires_at: None,
            signature: Secret::new(fields.signature),
            version: Version::V4 { scope, additional: additional(fields.additional, "AdditionalHeaders")? },
        })
    }

    fn from_v1_query(query: &Query) -> Result<Self, ClaimError> {
        let expires = needed(query, "Expires")?;
        Ok(Self {
            access_key_id: needed(query, "OSSAccessKeyId")?.to_owned(),
            security_token: one(query, "security-token")?.map(Secret::new),
            time: None,
            expires_at: Some(seconds(expires, "Expires")?),
            signature: Secret::new(needed(query, "Signature")?),
            version: Version::V1 { date: expires.to_owned() },
        })
    }

    fn from_v4_query(query: &Query) -> Result<Self, ClaimError> {
        if needed(query, "x-oss-signature-version")? != ALGORITHM {
            return Err(ClaimError::new("x-oss-signature-version must be OSS4-HMAC-SHA256"));
        }
        let date = needed(query, "x-oss-date")?;
        let time =
            parse_iso_basic(date).ok_or_else(|| ClaimError::new("x-oss-date must be as in `20231217T034736Z`"))?;
        let (id, scope) = scope(needed(query, "x-oss-credential")?, date)?;
        let expires = seconds(needed(query, "x-oss-expires")?, "x-oss-expires")?;
        if !LIFETIME.contains(&Duration::from_secs(expires)) {
            return Err(ClaimError::new("x-oss-expires must be 1 to 604800 seconds"));
        }
        let listed = one(query, "x-oss-additional-headers")?;
        Ok(Self {
            access_key_id: id,
            security_token: one(query, "x-oss-security-token")?.map(Secret::new),
            time: Some(time),
            expires_at: Some(time + expires),
            signature: Secret::new(needed(query, "x-oss-signature")?),
            version: Version::V4 { scope, additional: additional(listed, "x-oss-additional-headers")? },
        })
    }
}

/// What follows the algorithm in a V4 Authorization, in any order.
struct Fields<'a> {
    credential: &'a str,
    additional: Option<&'a str>,
    signature: &'a str,
}

impl<'a> Fields<'a> {
    fn parse(text: &'a str) -> Result<Self, ClaimError> {
        let (mut credential, mut additional, mut signature) = (None, None, None);
        for field in text.split(',') {
            let (name, value) = field
                .trim()
                .split_once('=')
                .ok_or_else(|| ClaimError::new("Authorization must hold fields `Name=value`, with a comma between"))?;
            let place = match name {
                "Credential" => &mut credential,
                "AdditionalHeaders" => &mut additional,
                "Signature" => &mut signature,
                _ => {
                    return Err(ClaimError::new(
                        "Authorization knows Credential, AdditionalHeaders and Signature only",
                    ));
                }
            };
            if place.replace(value).is_some() {
                return Err(ClaimError::new(format!("Authorization holds {name} twice")));
            }
        }
        let there = |value: Option<&'a str>, name| {
            value
                .filter(|value| !value.is_empty())
                .ok_or_else(|| ClaimError::new(format!("Authorization lacks {name}")))
        };
        Ok(Self { credential: there(credential, "Credential")?, additional, signature: there(signature, "Signature")? })
    }
}

/// The time as V4 writes it, and in Unix seconds. One official SDK sends no x-oss-date, but Date in its format.
fn v4_time(headers: &HeaderMap) -> Result<(String, u64), ClaimError> {
    let time = match one_header(headers, "x-oss-date")? {
        Some(date) => parse_iso_basic(&date),
        None => one_header(headers, "date")?.and_then(|date| parse_iso_basic(&date).or_else(|| parse_http_date(&date))),
    };
    let time = time.ok_or_else(|| ClaimError::new("a signed request needs x-oss-date, as in `20231217T034736Z`"))?;
    Ok((iso_basic(time), time))
}

/// The access key id and the scope of `id/date/region/product/aliyun_v4_request`.
fn scope(credential: &str, timestamp: &str) -> Result<(String, Scope), ClaimError> {
    let malformed = || ClaimError::new("the credential must be `id/YYYYMMDD/region/product/aliyun_v4_request`");
    let mut parts = credential.rsplitn(5, '/');
    let mut next = || parts.next().filter(|part| !part.is_empty()).ok_or_else(malformed);
    let (request, product, region, date, id) = (next()?, next()?, next()?, next()?, next()?);
    if request != REQUEST {
        return Err(malformed());
    }
    let scope = Scope { timestamp: timestamp.to_owned(), region: region.to_owned(), product: product.to_owned() };
    if scope.date() != date {
        return Err(ClaimError::new("the date of the credential is not that of x-oss-date"));
    }
    Ok((id.to_owned(), scope))
}

fn additional(listed: Option<&str>, field: &str) -> Result<Vec<String>, ClaimError> {
    let Some(listed) = listed else {
        return Ok(Vec::new());
    };
    let is_name = |name: &str| HeaderName::from_lowercase(name.as_bytes()).is_ok();
    if !listed.split(';').all(is_name) {
        return Err(ClaimError::new(format!(
            "{field} must be lower-case header names with a semicolon between; leave it out when there are none"
        )));
    }
    Ok(listed.split(';').map(str::to_owned).collect())
}

fn seconds(text: &str, name: &str) -> Result<u64, ClaimError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| ClaimError::new(format!("{name} must be a number of seconds")))
}

fn needed<'a>(query: &'a Query, name: &str) -> Result<&'a str, ClaimError> {
    one(query, name)?
        .filter(|value| !value.is_empty())
        .ok_or_else(|| ClaimError::new(format!("the presigned query lacks {name}")))
}

fn one<'a>(query: &'a Query, name: &str) -> Result<Option<&'a str>, ClaimError> {
    let mut values = query.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_deref());
    let first = values.next();
    if values.next().is_some() {
        return Err(ClaimError::new(format!("the presigned query holds {name} twice")));
    }
    Ok(first.map(Option::unwrap_or_default))
}

fn one_header(headers: &HeaderMap, name: &str) -> Result<Option<String>, ClaimError> {
    if headers.get_all(name).iter().nth(1).is_some() {
        return Err(ClaimError::new(format!("the request holds the header {name} twice")));
    }
    let Some(value) = header(headers, name) else {
        return Ok(None);
    };
    String::from_utf8(value).map(Some).map_err(|_| ClaimError::new(format!("the header {name} is not UTF-8")))
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// The claim cannot be read: answer the request with the words, and let no anonymous access follow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
#[non_exhaustive]
pub struct ClaimError {
    /// In words; never holds what the request said, so no secret.
    pub reason: String,
}

impl ClaimError {
    fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// The signature is another one; what the server signed, for the error body.
///
/// The texts hold the request's security token, if it has one: they are for the requester, not for a log, and `Debug`
/// tells their lengths only.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not that of this request: compare the string to sign, then the access key secret")]
pub struct Mismatch {
    /// The string to sign (bytes that are not UTF-8 are replaced).
    pub string_to_sign: String,
    /// V4: the canonical request.
    pub canonical_request: Option<String>,
    /// The signature that came.
    pub signature_provided: String,
}

impl fmt::Debug for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mismatch")
            .field("string_to_sign", &format_args!("[{} bytes]", self.string_to_sign.len()))
            .field("canonical_request", &self.canonical_request.as_ref().map(|text| text.len()))
            .field("signature_provided", &self.signature_provided)
            .finish()
    }
}
