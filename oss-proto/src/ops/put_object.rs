use crate::{Bucket, Crc64, ETag, Key, ObjectHeaders, Operation, Reply, ReplyError, Request};
use bytes::Bytes;
use http::{Method, StatusCode};

/// Writes a whole object in one request: `PUT /KEY`, at most 5 GiB, visible at once or not at all.
///
/// The object's bytes are the body given beside the operation. With `content_md5` the server refuses damaged bytes
/// (`InvalidDigest`) before anything is published.
#[derive(Debug, Clone)]
pub struct PutObject {
    /// Where to.
    pub bucket: Bucket,
    /// The object.
    pub key: Key,
    /// Headers that become part of the object.
    pub headers: ObjectHeaders,
    /// The MD5 of the bytes, checked by the server.
    pub content_md5: Option<[u8; 16]>,
}

/// What the server stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutObjectOutput {
    /// Upper-case hex MD5 of the bytes, but for objects encrypted by KMS.
    pub etag: Option<ETag>,
    /// CRC-64 of the bytes as the server computed it.
    pub crc64: Option<Crc64>,
    /// The version, in a bucket that keeps versions.
    pub version_id: Option<String>,
    /// What the callback server answered (JSON), when a callback was asked for.
    pub callback_body: Option<Bytes>,
}

impl Operation for PutObject {
    type Output = PutObjectOutput;
    const NAME: &'static str = "PutObject";
    const MOVES_DATA: bool = true;

    fn request(&self) -> Request {
        let mut request = Request::new(Method::PUT, &self.bucket, Some(&self.key));
        request.headers = self.headers.for_put();
        request.content_md5(self.content_md5)
    }

    fn parse(&self, reply: &Reply) -> Result<PutObjectOutput, ReplyError> {
        let callback_body = if self.headers.has_callback() {
            reply.accept_callback(Self::NAME)?;
            Some(reply.body.clone())
        } else {
            reply.accept_without_body(Self::NAME, StatusCode::OK)?;
            None
        };
        reply.read_headers(Self::NAME, |headers| {
            let (etag, crc64, version_id) = (headers.etag()?, headers.crc64()?, headers.version_id()?);
            Ok(PutObjectOutput { etag, crc64, version_id, callback_body })
        })
    }
}
