use oss_http::proto::{NameError, ServiceError, UploadId};
use oss_http::{CallCause, CallError, EndpointError, Fault, ProxyError, TlsError, TransportError};
use oss_multipart::{ErrorKind, UploadError};

/// Why a client could not be made, or a call failed.
///
/// Decide by [`kind`](Error::kind). `Display` is one layer's words; the causes are behind
/// [`source`](std::error::Error::source).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither an endpoint nor a region was given: give one.
    #[error("no endpoint and no region: one of them is needed")]
    NoEndpoint,
    /// Both an endpoint and a network were given, and the network says which endpoint: give one of them.
    #[error("an endpoint and a network were given, and each names the server: one of them is needed")]
    TwoEndpoints,
    /// V4 signatures name a region, and the endpoint's name does not tell it: give it, or sign with V1.
    #[error("region: V4 signatures need the bucket's region (such as cn-hangzhou), and {endpoint} does not tell it")]
    NoRegion {
        /// The endpoint, in its canonical spelling.
        endpoint: String,
    },
    /// The endpoint or the region is none: mend it.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The user agent holds a character that no header may.
    #[error("the user agent may hold visible ASCII only")]
    UserAgent,
    /// The CA file cannot be used: mend it.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The proxy, given or in the environment, is none: mend it.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// A bucket, a key, or another name breaks a rule: mend it.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A plain call failed, after its retries.
    #[error(transparent)]
    Call(#[from] CallError),
    /// An object's data broke off: read the rest with a range.
    #[error(transparent)]
    Body(#[from] TransportError),
    /// The resumable upload did not end in a proven object.
    #[error(transparent)]
    Upload(#[from] UploadError),
}

impl Error {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Upload(error) => error.kind(),
            Self::Call(error) => kind_of_call(error),
            Self::Body(_) => ErrorKind::Resumable,
            _ => ErrorKind::InvalidInput,
        }
    }

    /// The same call, without any change, may succeed (a resumable upload: goes on where it was).
    pub fn is_resumable(&self) -> bool {
        matches!(self.kind(), ErrorKind::Resumable | ErrorKind::Locked)
    }

    /// What OSS said, when it is OSS that refused.
    pub fn service(&self) -> Option<&ServiceError> {
        match self {
            Self::Upload(error) => error.service(),
            Self::Call(error) => error.service(),
            _ => None,
        }
    }

    /// What OSS's support asks for, when a reply came.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Upload(error) => error.request_id(),
            Self::Call(error) => error.request_id(),
            _ => None,
        }
    }

    /// The multipart upload that stands on the server, when one does.
    pub fn upload_id(&self) -> Option<&UploadId> {
        match self {
            Self::Upload(error) => error.upload_id(),
            _ => None,
        }
    }
}

fn kind_of_call(error: &CallError) -> ErrorKind {
    use oss_http::CredentialsError::Unavailable;
    match (&error.cause, error.fault()) {
        (CallCause::Credentials(Unavailable(_)), _) => ErrorKind::Resumable,
        (CallCause::Credentials(_) | CallCause::Endpoint(_) | CallCause::Presign(_), _) => ErrorKind::InvalidInput,
        (_, Fault::Transient | Fault::OutcomeUnknown | Fault::Throttled { .. } | Fault::SourceChanged) => {
            ErrorKind::Resumable
        }
        (_, Fault::Corrupted | Fault::Unproven) => ErrorKind::Unproven,
        _ => ErrorKind::Rejected,
    }
}
