//! What a run is given, and how it ends.

use super::{ActionId, Completed, Fault, Parallel};
use oss_checkpoint::Checkpoint;
use oss_proto::{PartNumber, UploadId};
use std::time::Duration;

/// What a caller may choose; the defaults are the documented ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Parts in flight at once.
    pub parallel: Parallel,
    /// Fail rather than go on without a checkpoint.
    pub require_checkpoint: bool,
    /// Accept parts of which the server gives neither CRC-64 nor an MD5 ETag.
    pub allow_unproven: bool,
    /// Read the file once more before Complete (memory-mapped writers, network file systems).
    pub verify_source: bool,
    /// Waiting without progress after which the run gives up; the same command continues.
    pub budget: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            parallel: Parallel::default(),
            require_checkpoint: false,
            allow_unproven: false,
            verify_source: false,
            budget: Duration::from_secs(300),
        }
    }
}

/// What the last run left.
#[derive(Debug, Clone, PartialEq)]
pub enum Earlier {
    /// Nothing, or nothing of ours.
    Nothing,
    /// This very upload. `changed`: the file's fingerprint is another one.
    Resume {
        /// As loaded.
        checkpoint: Box<Checkpoint>,
        /// Prove everything anew.
        changed: bool,
    },
    /// An upload of this job that cannot go on; its id is ours to abort.
    Superseded {
        /// As loaded.
        checkpoint: Box<Checkpoint>,
        /// In words.
        reason: String,
    },
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Published and proven.
    Completed(Completed),
    /// Not; [`Failure::why`] says what it needs.
    Failed(Failure),
}

/// Why a run ended without success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What has to change.
    pub why: Why,
    /// The action whose end decided, if one did.
    pub action: Option<ActionId>,
    /// The part it was about.
    pub part: Option<PartNumber>,
    /// The upload that stands on the server, when one does.
    pub upload_id: Option<UploadId>,
    /// The next run continues it.
    pub resumable: bool,
}

/// What has to change before the upload can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// The call is refused and would be again.
    Rejected,
    /// Another endpoint serves this bucket.
    WrongEndpoint,
    /// The network or the service failed for too long; the same command continues.
    BudgetSpent,
    /// The file changed while it was read; the same command uploads the new file.
    SourceChanged,
    /// The server acknowledged other bytes, again and again.
    Corrupted,
    /// The server gives nothing that proves the bytes.
    Unproven,
    /// `forbid_overwrite` and there is an object.
    AlreadyExists,
    /// The checkpoint cannot be written and the caller requires one.
    NoCheckpoint,
    /// An earlier upload may still be completed by a late request and could not be aborted.
    Unsettled,
    /// The caller cancelled; the same command continues.
    Cancelled,
    /// The caller aborted; nothing is left on the server.
    Aborted,
}

impl Why {
    /// The end a final fault means.
    pub(super) fn of(fault: &Fault) -> Self {
        match fault {
            Fault::WrongEndpoint { .. } => Self::WrongEndpoint,
            Fault::Corrupted => Self::Corrupted,
            Fault::Unproven => Self::Unproven,
            Fault::AlreadyExists => Self::AlreadyExists,
            Fault::SourceChanged => Self::SourceChanged,
            _ => Self::Rejected,
        }
    }
}
