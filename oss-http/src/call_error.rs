use crate::fault::classify;
use crate::{CredentialsError, EndpointError, Fault, SourceChanged, TransportError};
use oss_proto::{ReplyError, ServiceError};
use oss_sign::PresignError;
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

/// A call that failed: which, to whom, and why. [`fault`](Self::fault) says what to do next.
///
/// `Display` is this layer only; the cause is in [`source`](Error::source).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CallError {
    /// The operation's name in the API reference, `UploadPart`.
    pub operation: &'static str,
    /// The host (and port) that was, or would have been, asked.
    pub host: String,
    /// Why.
    pub cause: CallCause,
    /// The attempt was signed with a security token: it decides what `InvalidAccessKeyId` means.
    pub(crate) temporary: bool,
}

/// Why a call failed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum CallCause {
    /// OSS said no.
    Service(Box<ServiceError>),
    /// No (whole) reply came.
    Transport(TransportError),
    /// A success status, but not OSS's reply.
    Malformed {
        /// What is wrong with it.
        reason: String,
        /// `x-oss-request-id`, when there was one.
        request_id: Option<String>,
    },
    /// No credentials could be had; nothing was sent.
    Credentials(CredentialsError),
    /// The call has no URL; nothing was sent.
    Endpoint(EndpointError),
    /// The URL cannot be presigned; nothing was sent.
    Presign(PresignError),
    /// The payload stream failed; the request was broken off.
    Source(Arc<io::Error>),
    /// The payload stream found its file changed; the request was broken off.
    SourceChanged,
}

impl CallError {
    /// A failure of `operation` at `host`.
    pub fn new(operation: &'static str, host: impl Into<String>, cause: CallCause) -> Self {
        Self { operation, host: host.into(), cause, temporary: false }
    }

    /// What the failure means for what comes next; the table is at [`Fault`].
    pub fn fault(&self) -> Fault {
        classify(&self.cause, self.temporary)
    }

    /// OSS's own words, when it is OSS that refused.
    pub fn service(&self) -> Option<&ServiceError> {
        match &self.cause {
            CallCause::Service(error) => Some(error),
            _ => None,
        }
    }

    /// The request id to tell OSS's support, when a reply came.
    pub fn request_id(&self) -> Option<&str> {
        match &self.cause {
            CallCause::Service(error) => error.request_id.as_deref(),
            CallCause::Malformed { request_id, .. } => request_id.as_deref(),
            _ => None,
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.operation, self.host)?;
        match &self.cause {
            CallCause::Service(_) => f.write_str(" was refused"),
            CallCause::Malformed { reason, .. } => write!(f, ": the reply cannot be read: {reason}"),
            CallCause::Transport(_) => f.write_str(" got no whole reply"),
            CallCause::Credentials(_) | CallCause::Endpoint(_) | CallCause::Presign(_) => {
                f.write_str(" could not be asked")
            }
            CallCause::Source(_) | CallCause::SourceChanged => f.write_str(" was broken off"),
        }
    }
}

impl Error for CallError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            CallCause::Service(error) => Some(error),
            CallCause::Transport(error) => Some(error),
            CallCause::Malformed { .. } => None,
            CallCause::Credentials(error) => Some(error),
            CallCause::Endpoint(error) => Some(error),
            CallCause::Presign(error) => Some(error),
            CallCause::Source(error) => Some(error),
            CallCause::SourceChanged => Some(&SourceChanged),
        }
    }
}

impl From<TransportError> for CallCause {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Payload(error) if SourceChanged::is_in(&error) => Self::SourceChanged,
            TransportError::Payload(error) => Self::Source(error),
            error => Self::Transport(error),
        }
    }
}

impl From<ReplyError> for CallCause {
    fn from(error: ReplyError) -> Self {
        match error {
            ReplyError::Service(error) => Self::Service(error),
            ReplyError::Malformed { reason, request_id, .. } => Self::Malformed { reason, request_id },
            other => Self::Malformed { reason: other.to_string(), request_id: None },
        }
    }
}
