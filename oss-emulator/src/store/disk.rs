//! The folder under a disk store, and the only code that writes to it.
//!
//! ```text
//! DIR/.lock                                   held while the store is open
//! DIR/tmp/                                    emptied at open
//! DIR/buckets/BUCKET/bucket.json
//! DIR/buckets/BUCKET/objects/HASH-OF-KEY.json the object: headers and the files that hold its bytes
//! DIR/buckets/BUCKET/objects/HASH-OF-KEY.VERSION.json  the same, of a version with an id; also delete markers
//! DIR/buckets/BUCKET/uploads/ID.json          the upload
//! DIR/buckets/BUCKET/data/ID/PART             bytes, one file a part; an object refers to them where they are
//! ```
//!
//! Every file appears by a rename after it was synced, and is never written again.

use super::blob::Sink;
use super::record::{BucketRecord, ObjectRecord, UploadRecord, hex};
use md5::{Digest as _, Md5};
use oss_proto::Crc64;
use serde::Serialize;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug)]
pub(crate) struct Disk {
    root: PathBuf,
    next_temp: AtomicU64,
    /// Holds the lock as long as the store lives.
    _lock: File,
}

/// Why a store on disk cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another emulator, in this or another process, has it open. End that one, or choose another folder.
    #[error("the store in {} is in use by another emulator: end it, or choose another folder", .dir.display())]
    Locked {
        /// The store's folder.
        dir: PathBuf,
    },
    /// The folder cannot be made, read or written.
    #[error("the store in {} cannot be used", .dir.display())]
    Io {
        /// The folder or file.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A record is not the emulator's: something else wrote into the folder. Remove the file, and what it described is gone.
    #[error("{} is not a record of the emulator", .path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl Disk {
    /// Makes or opens the folder, locks it and clears what a killed process was writing.
    pub(crate) fn open(root: &Path) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Io { dir: root.to_owned(), source };
        fs::create_dir_all(root).map_err(failed)?;
        let root = root.canonicalize().map_err(failed)?;
        let lock = File::options().write(true).create(true).truncate(false).open(root.join(".lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Locked { dir: root }),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let disk = Self { root, next_temp: AtomicU64::new(0), _lock: lock };
        disk.clear_temps().map_err(failed)?;
        fs::create_dir_all(disk.buckets()).map_err(failed)?;
        Ok(disk)
    }

    fn clear_temps(&self) -> io::Result<()> {
        let temps = self.root.join("tmp");
        fs::create_dir_all(&temps)?;
        for entry in fs::read_dir(&temps)? {
            fs::remove_file(entry?.path())?;
        }
        Ok(())
    }

    pub(crate) fn buckets(&self) -> PathBuf {
        self.root.join("buckets")
    }

    pub(crate) fn bucket(&self, bucket: &str) -> PathBuf {
        self.buckets().join(bucket)
    }

    pub(crate) fn data(&self, bucket: &str, id: &str) -> PathBuf {
        self.bucket(bucket).join("data").join(id)
    }

    /// A file a body streams into.
    pub(crate) fn sink(&self) -> io::Result<Sink> {
        Sink::temp(self.temp_path())
    }

    fn temp_path(&self) -> PathBuf {
        self.root.join("tmp").join(self.next_temp.fetch_add(1, Ordering::Relaxed).to_string())
    }

    pub(crate) fn create_bucket(&self, record: &BucketRecord) -> io::Result<()> {
        let dir = self.bucket(&record.name);
        for folder in ["objects", "uploads", "data"] {
            fs::create_dir_all(dir.join(folder))?;
        }
        self.write_bucket(record)?;
        sync_dir(&self.buckets())
    }

    pub(crate) fn write_bucket(&self, record: &BucketRecord) -> io::Result<()> {
        self.write(&self.bucket(&record.name).join("bucket.json"), record)
    }

    /// The record goes first: without it the rest is nothing.
    pub(crate) fn remove_bucket(&self, bucket: &str) -> io::Result<()> {
        remove(&self.bucket(bucket).join("bucket.json"))?;
        // A leftover folder without record is removed at the next open.
        let _ = fs::remove_dir_all(self.bucket(bucket));
        Ok(())
    }

    pub(crate) fn create_data(&self, bucket: &str, id: &str) -> io::Result<()> {
        let dir = self.data(bucket, id);
        fs::create_dir_all(&dir)?;
        dir.parent().map_or(Ok(()), sync_dir)
    }

    /// Publishes an object: its files' names are made durable first, then the one rename that matters.
    pub(crate) fn write_object(&self, bucket: &str, record: &ObjectRecord) -> io::Result<()> {
        sync_dir(&self.data(bucket, &record.data))?;
        self.write(&self.object_path(bucket, record), record)
    }

    pub(crate) fn remove_object(&self, bucket: &str, record: &ObjectRecord) -> io::Result<()> {
        remove(&self.object_path(bucket, record))
    }

    pub(crate) fn write_upload(&self, bucket: &str, record: &UploadRecord) -> io::Result<()> {
        self.create_data(bucket, &record.id)?;
        self.write(&self.upload_path(bucket, &record.id), record)
    }

    pub(crate) fn remove_upload(&self, bucket: &str, id: &str) -> io::Result<()> {
        remove(&self.upload_path(bucket, id))
    }

    /// Two digests, 192 bits: a key never becomes a path, and no two keys meet.
    pub(crate) fn object_path(&self, bucket: &str, record: &ObjectRecord) -> PathBuf {
        let key = record.key.as_bytes();
        let digest: [u8; 16] = Md5::digest(key).into();
        let version = record.version.as_ref().map_or(String::new(), |id| format!(".{id}"));
        let name = format!("{}{:016x}{version}.json", hex(&digest), Crc64::of(key).get());
        self.bucket(bucket).join("objects").join(name)
    }

    fn upload_path(&self, bucket: &str, id: &str) -> PathBuf {
        self.bucket(bucket).join("uploads").join(format!("{id}.json"))
    }

    fn write(&self, path: &Path, record: &impl Serialize) -> io::Result<()> {
        let temp = self.temp_path();
        let mut file = File::options().write(true).create_new(true).open(&temp)?;
        file.write_all(&serde_json::to_vec(record)?)?;
        file.sync_all()?;
        fs::rename(&temp, path)?;
        path.parent().map_or(Ok(()), sync_dir)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    path.parent().map_or(Ok(()), sync_dir)
}

/// Makes the names in a folder durable; where a folder cannot be opened (Windows) there is nothing to do.
#[cfg(unix)]
fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(not(unix))]
fn sync_dir(_: &Path) -> io::Result<()> {
    Ok(())
}
