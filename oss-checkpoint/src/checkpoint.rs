use crate::Fingerprint;
use oss_proto::{Bucket, Crc64, ETag, Key, ObjectHeaders, PartNumber, UploadId};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// All that a later run needs to go on with an upload; never a secret.
///
/// [`encode`](crate::encode) and [`Store::save`](crate::Store::save) take it as it is, and `save` refuses what
/// [`decode`](crate::decode) would refuse, so that nothing is written that cannot be read again.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Grows with every save of one upload: a late save never replaces a newer one.
    pub generation: u64,
    /// What is uploaded to where.
    pub job: Job,
    /// The local file, as it was when the upload began.
    pub source: Source,
    /// Bytes of every part but the last: 100 KiB to 5 GiB, at most 10,000 parts for the file.
    pub part_size: u64,
    /// How far the upload is.
    pub state: State,
    /// Parts that the server has acknowledged. The server's own list is the truth, this is a hint.
    pub parts: BTreeMap<PartNumber, Part>,
    /// Upload ids of superseded uploads whose abort is not confirmed yet; at most 1,024.
    pub abandoned: Vec<Abandoned>,
}

/// The target, and what becomes part of the object.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The endpoint as the client addresses it; compared as text.
    pub endpoint: String,
    /// The region requests are signed for.
    pub region: String,
    /// The bucket.
    pub bucket: Bucket,
    /// The object's key.
    pub key: Key,
    /// Headers that become part of the object.
    pub headers: ObjectHeaders,
}

/// The local file.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Its canonical path.
    pub path: PathBuf,
    /// The host the path is of, see [`host_name`](crate::host_name).
    pub host: String,
    /// What tells a changed file from an unchanged one.
    pub fingerprint: Fingerprint,
}

/// How far an upload is. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// The upload is about to be initiated: there is no upload id that we know of.
    Intent {
        /// When, by the local clock.
        at: u64,
    },
    /// The upload id is known, parts are being sent.
    Uploading {
        /// The id, received in a reply to us.
        upload_id: UploadId,
        /// The server's `Date` of that reply.
        initiated: u64,
    },
    /// Complete may have been sent: the object may exist already.
    Completing {
        /// The id, received in a reply to us.
        upload_id: UploadId,
        /// The server's `Date` of that reply.
        initiated: u64,
        /// CRC-64 of the whole file, combined from its parts.
        crc64: Crc64,
    },
}

impl State {
    /// The upload id, when there is one.
    pub fn upload_id(&self) -> Option<&UploadId> {
        match self {
            Self::Intent { .. } => None,
            Self::Uploading { upload_id, .. } | Self::Completing { upload_id, .. } => Some(upload_id),
        }
    }
}

/// A part that the server has acknowledged.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Its bytes: the part size, or what is left of the file for the last part.
    pub size: u64,
    /// The ETag of the reply.
    pub etag: ETag,
    /// CRC-64 of the bytes that were sent.
    pub crc64: Crc64,
}

/// A superseded upload that may still stand on the server.
#[derive(Debug, Clone, PartialEq)]
pub struct Abandoned {
    /// Its id, received in a reply to us.
    pub upload_id: UploadId,
    /// A Complete of it was sent and may still arrive: settle it before anything newer is published.
    pub completing: bool,
}
