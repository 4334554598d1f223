use crate::machine::{Failure, Why};
use crate::plan::PlanError;
use oss_checkpoint::{LockError, PlaceError};
use oss_http::CallError;
use oss_proto::{NameError, ServiceError, UploadId};
use std::io;
use std::path::PathBuf;

/// Why an upload did not end in a proven object.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UploadError {
    /// Mend the bucket or the key; nothing was sent.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Mend the part size, or split the file; nothing was sent.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Choose 1 to 1,024; nothing was sent.
    #[error("parallel {0} is outside 1 to 1024")]
    Parallel(usize),
    /// The file cannot be read, or is none; nothing was sent.
    #[error("cannot read the file {}", path.display())]
    File {
        /// As given.
        path: PathBuf,
        /// The operating system's word.
        #[source]
        source: io::Error,
    },
    /// The checkpoint directory that was asked for cannot be used; nothing was sent.
    #[error(transparent)]
    CheckpointDir(#[from] PlaceError),
    /// Another process uploads this file to this object, or the lock cannot be taken. Try again when it is done.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The checkpoint cannot be read or set aside, so that going on could forget an upload.
    #[error("the checkpoint {} is in the way", path.display())]
    Checkpoint {
        /// The checkpoint.
        path: PathBuf,
        /// The operating system's word.
        #[source]
        source: io::Error,
    },
    /// The transfer began and did not end in a proven object.
    #[error("{}", words(failure))]
    Failed {
        /// How.
        failure: Failure,
        /// The last error of the call that decided, if one did.
        #[source]
        source: Option<Box<Cause>>,
    },
}

/// What went wrong in one action.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// A call.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Reading the file, or saving the checkpoint.
    #[error("{0}")]
    Local(String),
}

impl Cause {
    /// The call that failed, if it was one.
    pub fn call(&self) -> Option<&CallError> {
        match self {
            Self::Call(error) => Some(error),
            Self::Local(_) => None,
        }
    }
}

/// What the caller can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Change what was asked for.
    InvalidInput,
    /// Another process is at it: later.
    Locked,
    /// The same call continues (network, interruption, the file changed).
    Resumable,
    /// OSS refuses: permissions, names, an object that must not be overwritten.
    Rejected,
    /// The bytes could not be proven.
    Unproven,
    /// It was aborted, as asked.
    Aborted,
}

impl UploadError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Name(_) | Self::Plan(_) | Self::Parallel(_) | Self::File { .. } | Self::CheckpointDir(_) => {
                ErrorKind::InvalidInput
            }
            Self::Lock(LockError::Busy { .. }) => ErrorKind::Locked,
            Self::Lock(_) | Self::Checkpoint { .. } => ErrorKind::Rejected,
            Self::Failed { failure, .. } => match failure.why {
                Why::BudgetSpent | Why::SourceChanged | Why::Cancelled => ErrorKind::Resumable,
                Why::Corrupted | Why::Unproven => ErrorKind::Unproven,
                Why::Aborted => ErrorKind::Aborted,
                _ => ErrorKind::Rejected,
            },
        }
    }

    /// Cancelled before anything began.
    pub(crate) fn cancelled() -> Self {
        let failure = Failure { why: Why::Cancelled, action: None, part: None, upload_id: None, resumable: true };
        Self::Failed { failure, source: None }
    }

    /// The same call, without any change, can finish the upload.
    pub fn is_resumable(&self) -> bool {
        matches!(self.kind(), ErrorKind::Resumable | ErrorKind::Locked)
    }

    /// What OSS said, when it said something.
    pub fn service(&self) -> Option<&ServiceError> {
        match self {
            Self::Failed { source: Some(cause), .. } => cause.call().and_then(CallError::service),
            _ => None,
        }
    }

    /// Of the call that decided.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Failed { source: Some(cause), .. } => cause.call().and_then(CallError::request_id),
            _ => None,
        }
    }

    /// The upload that stands on the server, when one does.
    pub fn upload_id(&self) -> Option<&UploadId> {
        match self {
            Self::Failed { failure, .. } => failure.upload_id.as_ref(),
            _ => None,
        }
    }
}

fn words(failure: &Failure) -> String {
    let at = failure.part.map_or(String::new(), |number| format!(" (part {number})"));
    match failure.why {
        Why::Rejected => format!("the upload cannot go on{at}"),
        Why::WrongEndpoint => "the bucket is served by another endpoint".into(),
        Why::BudgetSpent => format!("no progress for too long{at}"),
        Why::SourceChanged => "the file changed while it was uploaded; nothing was published".into(),
        Why::Corrupted => format!("the server acknowledged other bytes than the file's, again and again{at}"),
        Why::Unproven => format!("the server gives neither CRC-64 nor an MD5 ETag, so nothing proves the bytes{at}"),
        Why::AlreadyExists => "the object exists and must not be overwritten".into(),
        Why::NoCheckpoint => "the checkpoint cannot be written, and one is required".into(),
        Why::Unsettled => {
            "an earlier upload of this object may still be completed by a late request and could not be aborted".into()
        }
        Why::Cancelled => "interrupted".into(),
        Why::Aborted => "aborted, nothing is left on the server".into(),
    }
}
