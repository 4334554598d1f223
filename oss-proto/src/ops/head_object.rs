use crate::ErrorCode;
use crate::fields::HeaderFields;
use crate::{Bucket, Crc64, ETag, Key, Operation, Reply, ReplyError, Request};
use http::HeaderMap;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use std::collections::BTreeMap;

/// Asks for an object's headers: `HEAD /KEY`.
#[derive(Debug, Clone)]
pub struct HeadObject {
    /// Where.
    pub bucket: Bucket,
    /// The object.
    pub key: Key,
    /// A version other than the current one.
    pub version_id: Option<String>,
}

/// What the headers of an object say, from HeadObject or GetObject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectHead {
    /// Bytes of the whole object, also when a range was asked for.
    pub size: u64,
    /// The ETag.
    pub etag: Option<ETag>,
    /// CRC-64 of the whole object, also when a range was asked for. Old objects have none.
    pub crc64: Option<Crc64>,
    /// Last-Modified in Unix seconds.
    pub last_modified: Option<u64>,
    /// `Normal`, `Multipart`, `Appendable` or `Symlink`.
    pub object_type: Option<String>,
    /// The version, in a bucket that keeps versions.
    pub version_id: Option<String>,
    /// Content-Type.
    pub content_type: Option<String>,
    /// `Standard`, `IA`, …
    pub storage_class: Option<String>,
    /// User metadata, by the name after `x-oss-meta-`.
    pub meta: BTreeMap<String, String>,
    /// All headers of the reply.
    pub headers: HeaderMap,
}

impl Operation for HeadObject {
    type Output = ObjectHead;
    const NAME: &'static str = "HeadObject";

    fn request(&self) -> Request {
        Request::new(Method::HEAD, &self.bucket, Some(&self.key)).optional("versionId", self.version_id.as_deref())
    }

    fn parse(&self, reply: &Reply) -> Result<ObjectHead, ReplyError> {
        reply.accept(Self::NAME, StatusCode::OK).map_err(|error| missing_object(reply, error))?;
        reply.read_headers(Self::NAME, |headers| {
            let size = headers.number("content-length")?.ok_or("the header content-length is missing")?;
            ObjectHead::read(headers, size)
        })
    }
}

impl ObjectHead {
    pub(super) fn read(headers: &HeaderFields<'_>, size: u64) -> Result<Self, String> {
        Ok(Self {
            size,
            etag: headers.etag()?,
            crc64: headers.crc64()?,
            last_modified: headers.date("last-modified")?,
            object_type: headers.owned("x-oss-object-type")?,
            version_id: headers.version_id()?,
            content_type: headers.owned("content-type")?,
            storage_class: headers.owned("x-oss-storage-class")?,
            meta: headers.0.iter().filter_map(|(name, value)| metadata(name, value)).collect(),
            headers: headers.0.clone(),
        })
    }
}

/// User metadata may hold any UTF-8.
fn metadata(name: &HeaderName, value: &HeaderValue) -> Option<(String, String)> {
    let name = name.as_str().strip_prefix("x-oss-meta-")?;
    Some((name.to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
}

/// HEAD has no body to carry the code. When it is OSS that says 404 (its replies have a request id, a proxy's have
/// none) and says no more, there is no such object.
fn missing_object(reply: &Reply, error: ReplyError) -> ReplyError {
    match error {
        ReplyError::Service(mut service)
            if service.code == ErrorCode::BAD_ERROR_RESPONSE
                && reply.status == StatusCode::NOT_FOUND
                && reply.body.is_empty()
                && service.request_id.is_some() =>
        {
            service.code = ErrorCode::NO_SUCH_KEY;
            "The object does not exist.".clone_into(&mut service.message);
            ReplyError::Service(service)
        }
        other => other,
    }
}
