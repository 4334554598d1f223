use http::StatusCode;
use std::borrow::Cow;
use std::fmt;

/// A name or number that OSS would refuse. Mend the value; nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The bucket's name breaks a rule.
    #[error("bucket {name:?}: {reason}")]
    Bucket {
        /// The name.
        name: String,
        /// The rule.
        reason: &'static str,
    },
    /// The key breaks a rule.
    #[error("key {key:?}: {reason}")]
    Key {
        /// The key.
        key: String,
        /// The rule.
        reason: &'static str,
    },
    /// Not an upload id.
    #[error("an upload id has 1 to 1,024 visible ASCII characters")]
    UploadId,
    /// Not a part number.
    #[error("part number {0} is outside 1 to 10,000")]
    PartNumber(u32),
    /// Not an ETag.
    #[error("an ETag has 1 to 256 printable ASCII characters")]
    ETag,
    /// Not a header that can be sent with an object.
    #[error("object header {name:?}: {reason}")]
    Header {
        /// The header's name.
        name: String,
        /// The rule.
        reason: &'static str,
    },
}

/// OSS's error code; the set is open, the constants are the ones this workspace decides by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ErrorCode(Cow<'static, str>);

macro_rules! codes {
    ($($constant:ident = $text:literal;)*) => {
        #[allow(missing_docs, reason = "each is named after the code, documented by OSS")]
        impl ErrorCode { $(pub const $constant: ErrorCode = ErrorCode(Cow::Borrowed($text));)* }
    };
}
codes! {
    ACCESS_DENIED = "AccessDenied";
    BAD_REQUEST = "BadRequest";
    CALLBACK_FAILED = "CallbackFailed";
    ENTITY_TOO_LARGE = "EntityTooLarge";
    ENTITY_TOO_SMALL = "EntityTooSmall";
    FILE_ALREADY_EXISTS = "FileAlreadyExists";
    FILE_PART_NOT_EXIST = "FilePartNotExist";
    FILE_PART_STALE = "FilePartStale";
    INTERNAL_ERROR = "InternalError";
    INVALID_ACCESS_KEY_ID = "InvalidAccessKeyId";
    INVALID_ARGUMENT = "InvalidArgument";
    INVALID_DIGEST = "InvalidDigest";
    INVALID_PART = "InvalidPart";
    INVALID_PART_ORDER = "InvalidPartOrder";
    INVALID_SECURITY_TOKEN = "InvalidSecurityToken";
    MALFORMED_XML = "MalformedXML";
    MISSING_CONTENT_LENGTH = "MissingContentLength";
    METHOD_NOT_ALLOWED = "MethodNotAllowed";
    NOT_IMPLEMENTED = "NotImplemented";
    NO_SUCH_BUCKET = "NoSuchBucket";
    NO_SUCH_KEY = "NoSuchKey";
    NO_SUCH_UPLOAD = "NoSuchUpload";
    QPS_LIMIT_EXCEEDED = "QpsLimitExceeded";
    REQUEST_TIMEOUT = "RequestTimeout";
    REQUEST_TIME_TOO_SKEWED = "RequestTimeTooSkewed";
    SECURITY_TOKEN_EXPIRED = "SecurityTokenExpired";
    SIGNATURE_DOES_NOT_MATCH = "SignatureDoesNotMatch";
    STALE_FILE = "StaleFile";
    // No code came (an empty body, a proxy page): our own word, as the official SDKs use it.
    BAD_ERROR_RESPONSE = "BadErrorResponse";
}

impl ErrorCode {
    /// A code as the server sent it.
    pub fn new(code: impl Into<String>) -> Self {
        Self(Cow::Owned(code.into()))
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// OSS said no, in a body, in `x-oss-err`, or by the status alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceError {
    /// The HTTP status (203 for a failed callback, 200 for an error inside a success).
    pub status: StatusCode,
    /// The code, [`ErrorCode::BAD_ERROR_RESPONSE`] when none came.
    pub code: ErrorCode,
    /// The message; of an HTML or empty body, what it looked like.
    pub message: String,
    /// `x-oss-request-id`, or the body's.
    pub request_id: Option<String>,
    /// The host that answered.
    pub host_id: Option<String>,
    /// The fine-grained code; for people and support, never to decide by.
    pub ec: Option<String>,
    /// Where OSS explains the error.
    pub recommend_doc: Option<String>,
    /// The endpoint the bucket must be addressed by (wrong region).
    pub endpoint: Option<String>,
    /// InvalidPart: the part the server named.
    pub part_number: Option<u32>,
    /// The server's clock, Unix seconds: `<ServerTime>`, else the `Date` header.
    pub server_time: Option<u64>,
    /// Seconds to wait: `Retry-After` (whole seconds) or `x-oss-qos-delay-time` (milliseconds, rounded up).
    pub retry_after: Option<std::time::Duration>,
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OSS answered {} {}: {}", self.status.as_u16(), self.code, self.message)?;
        if let Some(id) = &self.request_id {
            write!(f, " (request id {id}")?;
            if let Some(ec) = &self.ec {
                write!(f, ", EC {ec}")?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl std::error::Error for ServiceError {}

/// Why a reply is not the operation's output.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// OSS refused. Decide by the code and status.
    #[error(transparent)]
    Service(Box<ServiceError>),
    /// A success status, but not OSS's reply (empty, cut, HTML, a missing field): the outcome is unknown. Ask again.
    #[error("the reply to {operation} cannot be read: {reason}")]
    Malformed {
        /// The operation.
        operation: &'static str,
        /// What is wrong with it.
        reason: String,
        /// `x-oss-request-id`, when there was one.
        request_id: Option<String>,
    },
}
