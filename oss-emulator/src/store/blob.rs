//! Bytes at rest: a part's or an object's, in memory or in a file of their own.

use bytes::Bytes;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Immutable once it exists. A doomed blob's file goes when its last reader does, so that a reply under way ends well.
#[derive(Debug)]
pub(crate) struct Blob {
    place: Place,
    len: u64,
    doomed: AtomicBool,
}

#[derive(Debug)]
enum Place {
    Memory(Bytes),
    File(PathBuf),
}

impl Blob {
    pub(crate) fn memory(bytes: Bytes) -> Self {
        let len = bytes.len() as u64;
        Self { place: Place::Memory(bytes), len, doomed: AtomicBool::new(false) }
    }

    pub(crate) fn file(path: PathBuf, len: u64) -> Self {
        Self { place: Place::File(path), len, doomed: AtomicBool::new(false) }
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Nothing refers to it any more: its file is removed with the last reader.
    pub(crate) fn doom(&self) {
        self.doomed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn open(&self) -> io::Result<OpenBlob> {
        Ok(match &self.place {
            Place::Memory(bytes) => OpenBlob::Memory(bytes.clone()),
            Place::File(path) => OpenBlob::File(File::open(path)?),
        })
    }
}

impl Drop for Blob {
    fn drop(&mut self) {
        if let (Place::File(path), true) = (&self.place, self.doomed.load(Ordering::SeqCst)) {
            // What cannot be removed now is unreferenced and goes at the next open.
            let _ = fs::remove_file(path);
            if let Some(dir) = path.parent() {
                // Succeeds only for the last file of its folder.
                let _ = fs::remove_dir(dir);
            }
        }
    }
}

#[derive(Debug)]
pub(crate) enum OpenBlob {
    Memory(Bytes),
    File(File),
}

impl OpenBlob {
    /// Exactly `len` bytes from `offset`, which must lie inside.
    pub(crate) fn read_at(&mut self, offset: u64, len: usize) -> io::Result<Bytes> {
        match self {
            OpenBlob::Memory(bytes) => {
                let from = usize::try_from(offset).map_err(io::Error::other)?;
                Ok(bytes.slice(from..from + len))
            }
            OpenBlob::File(file) => {
                let mut buffer = vec![0; len];
                file.seek(SeekFrom::Start(offset))?;
                file.read_exact(&mut buffer)?;
                Ok(Bytes::from(buffer))
            }
        }
    }
}

/// Where a body lands while it comes in; dropped before it is placed, nothing stays.
#[derive(Debug)]
pub(crate) enum Sink {
    Memory(Vec<u8>),
    File { file: File, temp: Temp },
}

impl Sink {
    pub(crate) fn temp(path: PathBuf) -> io::Result<Self> {
        let file = File::options().write(true).create_new(true).open(&path)?;
        Ok(Sink::File { file, temp: Temp { path: Some(path) } })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Sink::Memory(buffer) => buffer.extend_from_slice(bytes),
            Sink::File { file, .. } => file.write_all(bytes)?,
        }
        Ok(())
    }

    /// Puts the bytes on the medium, so that an acknowledgement may be given once they are placed.
    pub(crate) fn sync(&self) -> io::Result<()> {
        match self {
            Sink::Memory(_) => Ok(()),
            Sink::File { file, .. } => file.sync_all(),
        }
    }

    /// Makes the bytes a blob, at `path` when they are in a file: whole or not at all, by one rename.
    pub(crate) fn place(self, path: &Path, len: u64) -> io::Result<Blob> {
        match self {
            Sink::Memory(buffer) => Ok(Blob::memory(Bytes::from(buffer))),
            Sink::File { temp, .. } => {
                temp.rename_to(path)?;
                Ok(Blob::file(path.to_owned(), len))
            }
        }
    }

    /// The bytes of a body that was collected in memory.
    pub(crate) fn into_bytes(self) -> Bytes {
        match self {
            Sink::Memory(buffer) => Bytes::from(buffer),
            Sink::File { .. } => Bytes::new(),
        }
    }
}

/// A temporary file that is removed unless it was renamed.
#[derive(Debug)]
pub(crate) struct Temp {
    path: Option<PathBuf>,
}

impl Temp {
    fn rename_to(mut self, target: &Path) -> io::Result<()> {
        if let Some(path) = &self.path {
            fs::rename(path, target)?;
        }
        self.path = None;
        Ok(())
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // A leftover is removed at the next open.
            let _ = fs::remove_file(path);
        }
    }
}
