//! What happened, for people and programs that watch.

use super::{Callback, Fault, Published, Upload};
use oss_proto::{Crc64, PartNumber, UploadId};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// One thing that happened, in order.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A new transfer begins.
    Started {
        /// `None` when one PutObject does.
        upload_id: Option<UploadId>,
        /// Bytes of every part but the last.
        part_size: u64,
        /// Parts of the file.
        parts: u32,
    },
    /// An earlier one goes on; what it has is being proved.
    Resumed {
        /// The upload.
        upload_id: UploadId,
        /// Bytes of every part but the last, as the upload began.
        part_size: u64,
        /// Parts of the file.
        parts: u32,
        /// Parts the server lists that fit.
        parts_listed: u32,
        /// Bytes of those.
        bytes_listed: u64,
    },
    /// A part is on the server and proven.
    Part {
        /// Which.
        number: PartNumber,
        /// Its bytes.
        size: u64,
        /// It was there from an earlier run.
        reused: bool,
    },
    /// A call failed and is tried again.
    Retry {
        /// The call.
        operation: &'static str,
        /// Of this part.
        part: Option<PartNumber>,
        /// 1 for the first repetition.
        attempt: u32,
        /// When.
        delay: Duration,
        /// Why.
        fault: Fault,
    },
    /// Something a person should know.
    Notice(Notice),
    /// Published and proven.
    Completed(Completed),
}

impl Upload {
    pub(super) fn notice(&mut self, notice: Notice) {
        self.events.push_back(Event::Notice(notice));
    }

    pub(super) fn announce_start(&mut self, upload_id: Option<UploadId>) {
        let (part_size, parts) = (self.plan.part_size(), self.plan.count());
        self.events.push_back(Event::Started { upload_id, part_size, parts });
    }

    pub(super) fn announce_resume(&mut self, parts_listed: u32, bytes_listed: u64) {
        if let Some(upload_id) = self.upload_id().cloned() {
            let (part_size, parts) = (self.plan.part_size(), self.plan.count());
            self.events.push_back(Event::Resumed { upload_id, part_size, parts, parts_listed, bytes_listed });
        }
    }
}

/// Something a person should know; `Display` is a sentence.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// The upload starts afresh.
    Afresh(String),
    /// Where the checkpoint is kept, when not beside the file, and why.
    Place(String),
    /// The lock cannot be taken here: two runs at once would not notice each other.
    NoLock(String),
    /// The file needs larger parts than asked for to stay within 10,000.
    PartSizeGrown {
        /// Bytes.
        from: u64,
        /// Bytes.
        to: u64,
    },
    /// The file is not as the earlier run saw it; every part is proved against it.
    FileChanged,
    /// The checkpoint could not be written: a killed run would have to start over.
    NotSaved(String),
    /// The object is published, but its checkpoint could not be removed; the next run finds it settled.
    CheckpointLeft(String),
    /// An earlier upload of ours is gone: aborted now, or found gone already.
    Freed {
        /// Which.
        upload_id: UploadId,
        /// Its parts' bytes, as far as they could be listed.
        bytes: u64,
    },
    /// An earlier upload of ours could not be aborted.
    StillThere(UploadId),
    /// An upload of this key that may be ours: its reply never came.
    Orphan(UploadId),
    /// The looking for such uploads failed.
    OrphansUnknown,
    /// An upload of somebody else's checkpoint: it is left alone.
    Foreign {
        /// Which, when the checkpoint names one.
        upload_id: Option<UploadId>,
        /// Why it is not ours.
        reason: String,
    },
    /// An upload of this file was begun under another name; under this one it starts afresh.
    Renamed {
        /// The former path.
        path: PathBuf,
        /// Left alone: the former name's own command continues or supersedes it.
        upload_id: Option<UploadId>,
    },
    /// The reply to Complete was lost; HeadObject proved that it had worked.
    SettledByHead,
    /// The object stands, but the server gives no CRC-64 of it: the parts' proofs stand for it.
    ObjectHasNoCrc,
    /// The object stands, its callback failed; the observer is given OSS's words about it.
    CallbackFailed,
    /// The object stands, the reply that told of its callback was lost.
    CallbackUnknown,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Afresh(why) => write!(f, "starting afresh: {why}"),
            Self::Place(words) => f.write_str(words),
            Self::NoLock(why) => write!(f, "no lock against a second run of this upload: {why}"),
            Self::PartSizeGrown { from, to } => {
                write!(f, "part size grown from {from} to {to} bytes, to stay within 10,000 parts")
            }
            Self::FileChanged => f.write_str("the file was touched since the last run: every part is compared with it"),
            Self::NotSaved(why) => write!(f, "not resumable for now, the checkpoint could not be written: {why}"),
            Self::CheckpointLeft(why) => write!(f, "the checkpoint could not be removed: {why}"),
            Self::Freed { upload_id, bytes } => write!(f, "the earlier upload {upload_id} is gone from the server, {bytes} bytes freed"),
            Self::StillThere(id) => write!(f, "the earlier upload {id} could not be aborted and is still billed"),
            Self::Orphan(id) => {
                write!(f, "upload {id} of this key may be left from a lost reply of ours; it is billed until aborted")
            }
            Self::OrphansUnknown => f.write_str(
                "an earlier run may have left an upload of this key, and the uploads could not be listed (needs oss:ListMultipartUploads)",
            ),
            Self::Foreign { upload_id: Some(id), reason } => {
                write!(f, "a checkpoint was set aside: {reason}; its upload {id} is left alone")
            }
            Self::Foreign { upload_id: None, reason } => write!(f, "a checkpoint was set aside: {reason}"),
            Self::Renamed { path, upload_id } => {
                write!(f, "starting afresh under this name; an upload of this file was begun as {}", path.display())?;
                upload_id.as_ref().map_or(Ok(()), |id| write!(f, ", its upload {id} is left alone"))
            }
            Self::SettledByHead => f.write_str("the reply to Complete was lost; HeadObject shows that it had worked"),
            Self::ObjectHasNoCrc => f.write_str("the server gives no CRC-64 of the object; every part was proven by itself"),
            Self::CallbackFailed => f.write_str(
                "CALLBACK FAILED: the object is stored and verified, do not upload it again; tell the callback's server in another way",
            ),
            Self::CallbackUnknown => f.write_str(
                "CALLBACK UNKNOWN: the object is stored and verified, but the reply that told of its callback was lost; ask the callback's server",
            ),
        }
    }
}

/// A finished upload.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Completed {
    /// Bytes of the object.
    pub size: u64,
    /// Of the file, and proven of the object.
    pub crc64: Crc64,
    /// What the server says of the object.
    pub object: Published,
    /// Bytes of parts sent and acknowledged by this run.
    pub bytes_sent: u64,
    /// Bytes the server had from earlier runs.
    pub bytes_reused: u64,
    /// Parts sent by this run (1 for a PutObject).
    pub parts_sent: u32,
    /// Parts reused.
    pub parts_reused: u32,
    /// Calls tried again.
    pub retries: u32,
    /// Ids that may still be billed; abort them by hand.
    pub still_there: Vec<UploadId>,
    /// What became of the callback; the object stands all the same.
    pub callback: Callback,
}
