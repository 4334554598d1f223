use crate::ServiceError;
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
    /// Not a traffic limit.
    #[error("a traffic limit is 819,200 to 838,860,800 bits a second, not {0}")]
    TrafficLimit(u64),
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

impl ReplyError {
    /// `x-oss-request-id`, when the reply had one: what the support asks for.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Service(error) => error.request_id.as_deref(),
            Self::Malformed { request_id, .. } => request_id.as_deref(),
        }
    }
}

impl From<ServiceError> for ReplyError {
    fn from(error: ServiceError) -> Self {
        Self::Service(Box::new(error))
    }
}
