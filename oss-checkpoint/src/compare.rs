//! From *read but not trusted* to usable: whose upload a checkpoint records, and whether it can go on.

use crate::checkpoint::{Checkpoint, Job, Source};
use std::fmt;
use std::path::{Path, PathBuf};

/// A checkpoint that was read whole, but may be of another upload. [`Unverified::compare`] says.
#[derive(Debug, Clone, PartialEq)]
pub struct Unverified(pub(crate) Box<Checkpoint>);

/// What a checkpoint is to the present job. The checkpoint is handed out as it was recorded.
#[derive(Debug, Clone, PartialEq)]
pub enum Comparison {
    /// The same upload: go on with it, with the checkpoint's part size. Its `source` is as recorded: where the file has
    /// moved, its path is the former one.
    Resume {
        /// The upload to go on with.
        checkpoint: Checkpoint,
        /// The fingerprint differs (same size): nothing recorded about the content holds until it is proved again.
        changed: bool,
    },
    /// Our own upload of this very path, but not of what is asked for now: abort its id and start again.
    Superseded {
        /// The upload that was.
        checkpoint: Checkpoint,
        /// What differs.
        reason: Reason,
    },
    /// Another upload: its upload id may be neither adopted nor aborted. Set the file aside, report it, start.
    Foreign {
        /// The other upload.
        checkpoint: Checkpoint,
        /// What differs.
        reason: Reason,
    },
}

/// What keeps a checkpoint from being resumed; `Display` is a clause for people.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// It uploads by another endpoint.
    Endpoint {
        /// The checkpoint's.
        recorded: String,
    },
    /// It uploads to another bucket.
    Bucket {
        /// The checkpoint's.
        recorded: String,
    },
    /// It uploads to another key.
    Key {
        /// The checkpoint's.
        recorded: String,
    },
    /// It was written on another host.
    Host {
        /// The checkpoint's.
        recorded: String,
    },
    /// It uploads another file.
    Path {
        /// The checkpoint's.
        recorded: PathBuf,
    },
    /// The file was moved here, and something else differs, too.
    Moved {
        /// Where it was.
        recorded: PathBuf,
        /// What else differs.
        change: Box<Reason>,
    },
    /// The file had another size.
    Size {
        /// The checkpoint's, in bytes.
        recorded: u64,
        /// The file's, in bytes.
        now: u64,
    },
    /// Another part size is asked for.
    PartSize {
        /// The checkpoint's, in bytes.
        recorded: u64,
        /// The one asked for, in bytes.
        asked: u64,
    },
    /// Another region is asked for.
    Region {
        /// The checkpoint's.
        recorded: String,
    },
    /// Other object headers are asked for.
    Headers {
        /// The names of those that differ.
        names: Vec<String>,
    },
}

impl Unverified {
    /// Compares with what is asked for now; `part_size` only when the caller insists on one. `stands` tells whether there
    /// is still a file at the recorded path: `true` also where that cannot be told. Headers differ when they make another
    /// object: `x-oss-forbid-overwrite` does not.
    ///
    /// | recorded | outcome |
    /// |---|---|
    /// | other endpoint, bucket, key or host | foreign |
    /// | other path, unless moved | foreign |
    /// | moved: same file name, and the same inode and device or nothing any more at the recorded path | as below |
    /// | moved, and size, part size, region or headers differ | foreign: an id is aborted only for its own path |
    /// | same path, and size, part size, region or headers differ | superseded |
    /// | else | resume |
    pub fn compare(
        self,
        job: &Job,
        source: &Source,
        part_size: Option<u64>,
        stands: impl FnOnce(&Path) -> bool,
    ) -> Comparison {
        let checkpoint = *self.0;
        if let Some(reason) = other_upload(&checkpoint, job, source, stands) {
            return Comparison::Foreign { checkpoint, reason };
        }
        let moved = checkpoint.source.path != source.path;
        match change(&checkpoint, job, source, part_size) {
            None => Comparison::Resume { changed: checkpoint.source.fingerprint != source.fingerprint, checkpoint },
            Some(change) if moved => {
                let reason = Reason::Moved { recorded: checkpoint.source.path.clone(), change: Box::new(change) };
                Comparison::Foreign { checkpoint, reason }
            }
            Some(reason) => Comparison::Superseded { checkpoint, reason },
        }
    }
}

fn other_upload(
    checkpoint: &Checkpoint,
    job: &Job,
    source: &Source,
    stands: impl FnOnce(&Path) -> bool,
) -> Option<Reason> {
    let recorded = &checkpoint.job;
    if recorded.endpoint != job.endpoint {
        Some(Reason::Endpoint { recorded: recorded.endpoint.clone() })
    } else if recorded.bucket != job.bucket {
        Some(Reason::Bucket { recorded: recorded.bucket.to_string() })
    } else if recorded.key != job.key {
        Some(Reason::Key { recorded: recorded.key.to_string() })
    } else if checkpoint.source.host != source.host {
        Some(Reason::Host { recorded: checkpoint.source.host.clone() })
    } else if checkpoint.source.path != source.path && !moved(&checkpoint.source, source, stands) {
        Some(Reason::Path { recorded: checkpoint.source.path.clone() })
    } else {
        None
    }
}

/// The same file by another path: a renamed directory, another mount. Numbers alone do not tell: a snapshot or a cloned
/// volume has the same inode numbers, a disk that is mounted again may have another device number, and a file moved to
/// another disk has neither. Where nothing is left at the former path, nobody else can be at this upload: it goes on, and
/// because the fingerprint differs, every part is proved. Where something is, it was copied, and both may be uploading.
fn moved(recorded: &Source, now: &Source, stands: impl FnOnce(&Path) -> bool) -> bool {
    recorded.path.file_name() == now.path.file_name()
        && (recorded.fingerprint.same_inode(&now.fingerprint) || !stands(&recorded.path))
}

fn change(checkpoint: &Checkpoint, job: &Job, source: &Source, part_size: Option<u64>) -> Option<Reason> {
    let (recorded, now) = (checkpoint.source.fingerprint.size, source.fingerprint.size);
    if recorded != now {
        return Some(Reason::Size { recorded, now });
    }
    if let Some(asked) = part_size.filter(|&asked| asked != checkpoint.part_size) {
        return Some(Reason::PartSize { recorded: checkpoint.part_size, asked });
    }
    if checkpoint.job.region != job.region {
        return Some(Reason::Region { recorded: checkpoint.job.region.clone() });
    }
    let names = checkpoint.job.headers.differing(&job.headers);
    (!names.is_empty()).then_some(Reason::Headers { names })
}

/// Recorded texts are printed escaped: a checkpoint is not trusted to be kind to a terminal.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endpoint { recorded } => write!(f, "it uploads by the endpoint {recorded:?}"),
            Self::Bucket { recorded } => write!(f, "it uploads to the bucket {recorded:?}"),
            Self::Key { recorded } => write!(f, "it uploads to the key {recorded:?}"),
            Self::Host { recorded } => write!(f, "it was written on the host {recorded:?}"),
            Self::Path { recorded } => write!(f, "it uploads the file {recorded:?}"),
            Self::Moved { recorded, change } => write!(f, "the file was moved from {recorded:?}, and {change}"),
            Self::Size { recorded, now } => write!(f, "the file had {recorded} bytes and has {now} now"),
            Self::PartSize { recorded, asked } => {
                write!(f, "its parts have {recorded} bytes and parts of {asked} are asked for")
            }
            Self::Region { recorded } => write!(f, "it was begun in the region {recorded:?}"),
            Self::Headers { names } => write!(f, "other object headers are asked for: {}", names.join(", ")),
        }
    }
}
