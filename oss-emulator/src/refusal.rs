//! How the emulator says no: an OSS error, as XML or, for HEAD, in `x-oss-err`.

use crate::reply::{Reply, document};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use oss_proto::ErrorCode;

#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: ErrorCode,
    message: String,
    /// Further elements of the body, in order.
    elements: Vec<(&'static str, String)>,
    headers: Vec<(&'static str, String)>,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            code: ErrorCode::new(code),
            message: message.into(),
            elements: Vec::new(),
            headers: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, element: &'static str, value: impl Into<String>) -> Self {
        self.elements.push((element, value.into()));
        self
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn argument(name: &'static str, value: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(400, "InvalidArgument", message).with("ArgumentName", name).with("ArgumentValue", value)
    }

    pub(crate) fn no_such_bucket(bucket: &str) -> Self {
        Self::new(404, "NoSuchBucket", "The specified bucket does not exist.").with("BucketName", bucket)
    }

    pub(crate) fn no_such_key(key: &str) -> Self {
        Self::new(404, "NoSuchKey", "The specified key does not exist.").with("Key", key)
    }

    pub(crate) fn no_such_version(key: &str, id: &str) -> Self {
        let refusal = Self::new(404, "NoSuchVersion", "The specified version does not exist.");
        refusal.with("Key", key).with("VersionId", id)
    }

    pub(crate) fn marker_is_no_object() -> Self {
        let message = "The specified method is not allowed against this resource.";
        Self::new(405, "MethodNotAllowed", message).with_header("allow", "DELETE")
    }

    /// What was asked for is a delete marker.
    pub(crate) fn of_marker(self, version_id: &str) -> Self {
        self.with_header("x-oss-delete-marker", "true").with_header("x-oss-version-id", version_id)
    }

    fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn no_such_upload(id: &str) -> Self {
        let message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.";
        Self::new(404, "NoSuchUpload", message).with("UploadId", id)
    }

    pub(crate) fn exists() -> Self {
        Self::new(409, "FileAlreadyExists", "The object you specified already exists and can not be overwritten.")
    }

    pub(crate) fn not_implemented(header: Option<&str>) -> Self {
        let refusal = Self::new(
            501,
            "NotImplemented",
            "A header or query you provided implies functionality that is not implemented.",
        );
        match header {
            Some(header) => Self { status: StatusCode::BAD_REQUEST, ..refusal }.with("Header", header),
            None => refusal,
        }
    }

    pub(crate) fn malformed_xml(reason: &str) -> Self {
        let message = "The XML you provided was not well-formed or did not validate against our published schema";
        Self::new(400, "MalformedXML", format!("{message}: {reason}."))
    }

    pub(crate) fn invalid_digest(message: &str) -> Self {
        Self::new(400, "InvalidDigest", message)
    }

    /// The error as a reply; `head` leaves the body out and puts it into `x-oss-err`.
    pub(crate) fn reply(&self, request_id: &str, host: &str, head: bool) -> Reply {
        let body = self.xml(request_id, host);
        let headers = self.headers.iter();
        let mut reply = headers.fold(Reply::new(self.status), |reply, (name, value)| reply.with(name, value));
        if self.status == StatusCode::NOT_MODIFIED {
            return reply;
        }
        if head {
            let encoded = STANDARD.encode(&body);
            let value = HeaderValue::from_str(&encoded).expect("base64 is a header value");
            reply.headers.insert("x-oss-err", value);
            reply
        } else {
            reply.with_xml(body)
        }
    }

    /// The error's body.
    pub(crate) fn xml(&self, request_id: &str, host: &str) -> Bytes {
        document("Error", |xml| {
            xml.text("Code", self.code.as_str());
            xml.text("Message", &self.message);
            xml.text("RequestId", request_id);
            xml.text("HostId", host);
            for (name, value) in &self.elements {
                xml.text(name, value);
            }
        })
    }
}

/// The disk under the emulator failed: the service's own fault, which a client may retry.
impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        Self::new(500, "InternalError", format!("We encountered an internal error. Please try again. ({error})"))
    }
}
