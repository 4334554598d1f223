use crate::{Bucket, Key, ReplyError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode};

/// One call of the OSS API: what it asks, and what its reply means.
pub trait Operation: Send + Sync {
    /// What a successful reply says.
    type Output: Send;
    /// The operation's name in the API reference, `UploadPart`.
    const NAME: &'static str;
    /// The call carries an object's or a part's bytes, up or down: `x-oss-traffic-limit` is for such calls.
    const MOVES_DATA: bool = false;
    /// The logical request, unsigned and without a host.
    fn request(&self) -> Request;
    /// Reads the reply. For GetObject the body is not in `reply`: it is streamed after the head is accepted.
    ///
    /// # Errors
    /// [`ReplyError::Service`] when OSS says no, [`ReplyError::Malformed`] when the reply is not OSS's.
    fn parse(&self, reply: &Reply) -> Result<Self::Output, ReplyError>;
}

/// A request before addressing and signing.
#[derive(Debug, Clone)]
pub struct Request {
    /// The HTTP method.
    pub method: Method,
    /// `None` for service-level calls.
    pub bucket: Option<Bucket>,
    /// `None` for bucket-level calls.
    pub key: Option<Key>,
    /// Decoded pairs; `None` is a bare name (`uploads`).
    pub query: Vec<(String, Option<String>)>,
    /// Headers of the operation (Content-Type, x-oss-…), never Host, Content-Length or the signature's.
    pub headers: HeaderMap,
    /// The operation's own body (XML). Object data is not here: it is given to the call beside the operation.
    pub body: Bytes,
}

impl Request {
    pub(crate) fn new(method: Method, bucket: &Bucket, key: Option<&Key>) -> Self {
        Self {
            method,
            bucket: Some(bucket.clone()),
            key: key.cloned(),
            query: Vec::new(),
            // Those of the operation and of the signature, so that the map need not grow.
            headers: HeaderMap::with_capacity(12),
            body: Bytes::new(),
        }
    }

    /// A bare name in the query.
    pub(crate) fn flag(mut self, name: &str) -> Self {
        self.query.push((name.to_owned(), None));
        self
    }

    pub(crate) fn pair(mut self, name: &str, value: impl ToString) -> Self {
        self.query.push((name.to_owned(), Some(value.to_string())));
        self
    }

    pub(crate) fn optional(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.pair(name, value),
            None => self,
        }
    }

    /// A header whose value is made of digits, base64 or the program's own words.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("the value is visible ASCII");
        self.headers.insert(name, value);
        self
    }

    pub(crate) fn content_md5(self, digest: Option<[u8; 16]>) -> Self {
        match digest {
            Some(digest) => self.header("content-md5", &STANDARD.encode(digest)),
            None => self,
        }
    }
}

/// A reply whose body was read whole (bounded).
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; empty for HEAD and for a streamed GetObject that succeeded.
    pub body: Bytes,
}
