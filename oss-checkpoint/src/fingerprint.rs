use std::fs::Metadata;
#[cfg(not(unix))]
use std::time::{SystemTime, UNIX_EPOCH};

/// What tells a changed file from an unchanged one without reading it.
///
/// Equal fingerprints mean an unchanged file only where every change moves mtime or ctime: writes through a mapping made
/// earlier and some network file systems do not. Where the platform has no inode numbers, `inode` and `device` are 0
/// and `ctime` is the time of creation.
#[derive(Debug, Clone, PartialEq)]
pub struct Fingerprint {
    /// Bytes.
    pub size: u64,
    /// Last change of the content.
    pub mtime: Timestamp,
    /// Last change of content or attributes.
    pub ctime: Timestamp,
    /// Inode number.
    pub inode: u64,
    /// Device number; may differ after a reboot.
    pub device: u64,
}

/// A point in time, relative to 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    /// Whole seconds, rounded towards the past.
    pub secs: i64,
    /// Nanoseconds since then: 0 to 999,999,999.
    pub nanos: u32,
}

impl Fingerprint {
    /// The fingerprint of an open file, from its `File::metadata`.
    #[cfg(unix)]
    pub fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self {
            size: metadata.len(),
            mtime: Timestamp::clamped(metadata.mtime(), metadata.mtime_nsec()),
            ctime: Timestamp::clamped(metadata.ctime(), metadata.ctime_nsec()),
            inode: metadata.ino(),
            device: metadata.dev(),
        }
    }

    /// The fingerprint of an open file, from its `File::metadata`.
    #[cfg(not(unix))]
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len(),
            mtime: metadata.modified().map_or(Timestamp::UNKNOWN, Timestamp::from),
            ctime: metadata.created().map_or(Timestamp::UNKNOWN, Timestamp::from),
            inode: 0,
            device: 0,
        }
    }

    /// The same file under whatever name: same inode of the same device, where the platform has them.
    pub(crate) fn same_inode(&self, other: &Self) -> bool {
        self.inode != 0 && self.inode == other.inode && self.device == other.device
    }
}

impl Timestamp {
    #[cfg(not(unix))]
    const UNKNOWN: Self = Self { secs: 0, nanos: 0 };

    /// Broken file systems report nanoseconds out of range; the format does not allow them.
    #[cfg(unix)]
    fn clamped(secs: i64, nanos: i64) -> Self {
        let nanos = u32::try_from(nanos.clamp(0, 999_999_999)).expect("clamped to the range");
        Self { secs, nanos }
    }
}

#[cfg(not(unix))]
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let seconds = |duration: std::time::Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self { secs: seconds(after), nanos: after.subsec_nanos() },
            Err(before) => match before.duration() {
                whole if whole.subsec_nanos() == 0 => Self { secs: -seconds(whole), nanos: 0 },
                part => Self { secs: -seconds(part) - 1, nanos: 1_000_000_000 - part.subsec_nanos() },
            },
        }
    }
}
