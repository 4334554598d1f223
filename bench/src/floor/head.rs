//! The request's head, signed or of the same length.

use http::{HeaderMap, HeaderValue, Method};
use oss_sign::{Credentials, Resource, Signer};
use std::time::{SystemTime, UNIX_EPOCH};

/// The key all floor programs write to.
const UPLOAD_ID: &str = "0004B9894A22E5B1888A1E29F8236E2D";
const AUTHORIZATION: &str = "OSS4-HMAC-SHA256 Credential=bench/20261125/cn-hangzhou/oss/aliyun_v4_request,\
Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Signs, or pretends to.
#[derive(Debug, Clone)]
pub(super) struct Heads {
    signer: Option<Signer>,
    credentials: Credentials,
    host: String,
}

impl Heads {
    pub(super) fn new(signed: bool, port: u16) -> Self {
        Self {
            signer: signed.then(|| Signer::v4("cn-hangzhou")),
            credentials: Credentials::new("bench", "bench-secret"),
            host: format!("127.0.0.1:{port}"),
        }
    }

    /// Path with query, and the headers of an UploadPart.
    pub(super) fn part(&self, number: usize, length: usize) -> (String, HeaderMap) {
        let query =
            [("partNumber".to_owned(), Some(number.to_string())), ("uploadId".to_owned(), Some(UPLOAD_ID.to_owned()))];
        let headers = self.headers("big", &query, length, None);
        (format!("/bench/big?partNumber={number}&uploadId={UPLOAD_ID}"), headers)
    }

    /// Path and headers of a PutObject.
    pub(super) fn object(&self, key: &str, length: usize, md5: &str) -> (String, HeaderMap) {
        (format!("/bench/{key}"), self.headers(key, &[], length, Some(md5)))
    }

    fn headers(&self, key: &str, query: &[(String, Option<String>)], length: usize, md5: Option<&str>) -> HeaderMap {
        let text = |text: &str| HeaderValue::from_str(text).expect("plain text is a header's value");
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert("host", text(&self.host));
        headers.insert("user-agent", HeaderValue::from_static("oss-http/0.1.0"));
        headers.insert("content-length", HeaderValue::from(length));
        if let Some(md5) = md5 {
            headers.insert("content-md5", text(md5));
        }
        let Some(signer) = &self.signer else {
            headers.insert("x-oss-date", HeaderValue::from_static("20261125T000000Z"));
            headers.insert("x-oss-content-sha256", HeaderValue::from_static("UNSIGNED-PAYLOAD"));
            headers.insert("authorization", HeaderValue::from_static(AUTHORIZATION));
            return headers;
        };
        let resource = Resource { method: &Method::PUT, bucket: Some("bench"), key: Some(key), query };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        signer.sign(resource, &mut headers, &self.credentials, now);
        headers
    }
}
