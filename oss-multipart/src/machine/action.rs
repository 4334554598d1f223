//! What the machine asks for, and what it is told.

use crate::plan::Range;
use bytes::Bytes;
use oss_checkpoint::Checkpoint;
use oss_proto::ops::{ListedPart, ListedUpload};
use oss_proto::{Crc64, ETag, PartNumber, UploadId};

/// Names one action, so that its reply finds it; never used twice in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionId(pub(crate) u64);

/// One thing to do, once. Report its end with `handle_reply` or `handle_fault`.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Drop every call in flight but a save: their ends are not wanted any more. Has no reply.
    Stop,
    /// Write the checkpoint durably. Answered by [`Reply::Saved`] or [`Reply::NotSaved`].
    Save(Box<Checkpoint>),
    /// Read the whole file (at most 8 MiB), fstat before and after, and send it by one PutObject with Content-MD5.
    PutObject,
    /// InitiateMultipartUpload.
    Initiate,
    /// ListMultipartUploads of exactly this key, all pages.
    ListUploads,
    /// One page of ListParts.
    ListParts {
        /// Of this upload.
        upload_id: UploadId,
        /// After this part number.
        marker: Option<u32>,
    },
    /// Read these ranges of the file, one after the other, and tell their digests in this order; fstat before and after
    /// each. Many small parts come as one action: each alone would cost more than its bytes.
    ProveParts(Vec<ToProve>),
    /// UploadPart from the file, CRC-64 as it is sent; fstat before and after.
    UploadPart {
        /// To this upload.
        upload_id: UploadId,
        /// As this part.
        number: PartNumber,
        /// These bytes.
        range: Range,
    },
    /// fstat the open file, stat its path; with `whole`, read all of it and tell its CRC-64.
    CheckSource {
        /// Read it.
        whole: bool,
    },
    /// CompleteMultipartUpload with exactly these parts.
    Complete {
        /// Of this upload.
        upload_id: UploadId,
        /// Ascending.
        parts: Vec<(PartNumber, ETag)>,
    },
    /// HeadObject of the key.
    HeadObject,
    /// AbortMultipartUpload.
    Abort {
        /// An id that we received ourselves.
        upload_id: UploadId,
    },
    /// Remove the checkpoint and what was set aside.
    Discard,
}

/// A part of which the server's word is to be proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToProve {
    /// The part.
    pub number: PartNumber,
    /// What to read.
    pub range: Range,
    /// The server gives no CRC: its ETag must do.
    pub md5: bool,
}

/// What the local bytes of a part are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digests {
    /// The part.
    pub number: PartNumber,
    /// Of its bytes.
    pub crc64: Crc64,
    /// When it was asked for.
    pub md5: Option<[u8; 16]>,
}

/// How an action ended well.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// The checkpoint is durable.
    Saved,
    /// It is not; the earlier one is intact. In words.
    NotSaved(String),
    /// PutObject.
    Put {
        /// What the server says of the object.
        object: Published,
        /// Of the bytes sent.
        crc64: Crc64,
        /// Of the bytes sent.
        md5: [u8; 16],
    },
    /// InitiateMultipartUpload.
    Initiated {
        /// Ours from now on.
        upload_id: UploadId,
        /// The reply's Date (the machine's own wall clock where there was none), Unix seconds.
        date: u64,
    },
    /// ListMultipartUploads.
    Uploads {
        /// All pages.
        uploads: Vec<ListedUpload>,
        /// The last reply's Date, Unix seconds: the server's clock.
        date: Option<u64>,
    },
    /// One page of ListParts.
    Parts {
        /// As listed.
        parts: Vec<ListedPart>,
        /// The marker of the next page.
        next: Option<u32>,
    },
    /// ProveParts: all that were asked for.
    Proved(Vec<Digests>),
    /// UploadPart.
    Part {
        /// As the server answered.
        etag: Option<ETag>,
        /// As the server answered.
        crc64: Option<Crc64>,
        /// Of the bytes sent.
        sent: Crc64,
    },
    /// CheckSource: unchanged, and its CRC-64 when it was read.
    Source(Option<Crc64>),
    /// CompleteMultipartUpload.
    Completed(Published),
    /// HeadObject; `None` when there is no object.
    Head(Option<Head>),
    /// AbortMultipartUpload: 204.
    Aborted,
    /// The checkpoint is gone.
    Discarded,
}

/// What a publishing call says of the object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Published {
    /// Its ETag.
    pub etag: Option<ETag>,
    /// Its CRC-64.
    pub crc64: Option<Crc64>,
    /// Its version, in a versioned bucket.
    pub version_id: Option<String>,
    /// Of the call.
    pub request_id: Option<String>,
    /// What the callback server answered, where a callback was asked for.
    pub callback_body: Option<Bytes>,
}

/// What HeadObject says, as far as it settles an upload.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// As in the other calls.
    pub object: Published,
    /// Bytes.
    pub size: u64,
    /// Unix seconds.
    pub last_modified: Option<u64>,
    /// The reply's Date, Unix seconds: the server's clock.
    pub date: Option<u64>,
    /// `x-oss-object-type`.
    pub object_type: Option<String>,
    /// It shows other headers than the job's (content type, metadata, …).
    pub other_headers: bool,
}
