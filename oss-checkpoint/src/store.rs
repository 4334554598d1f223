use crate::checkpoint::Checkpoint;
use crate::compare::Unverified;
use crate::dir::Dir;
use crate::directory_lock::DirectoryLock;
use crate::format::{DecodeError, MAX_FILE_LEN, decode, encode};
use crate::lock::{Holder, Lock, LockError};
use crate::os_dir::{OsDir, unless_absent};
use crate::valid;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// One checkpoint file: loads it, replaces it durably, removes it. A clone is the same store.
///
/// All calls block on the disk; none must be made without the lock but [`Store::load`]. Beside the file `NAME` it uses
/// `NAME.lock`, `NAME.tmp` and `NAME.bad`.
pub struct Store<D = OsDir> {
    inner: Arc<Inner<D>>,
}

struct Inner<D> {
    dir: D,
    name: String,
    /// Highest generation that may be in the file. Held through every change: there is one temporary file.
    newest: Mutex<u64>,
}

/// What was found in a checkpoint's place.
#[derive(Debug, Clone, PartialEq)]
pub enum Loaded {
    /// Nothing.
    Nothing,
    /// A whole checkpoint, perhaps of another upload: [`Unverified::compare`] it.
    Found(Unverified),
    /// Something else: say so, [`Store::set_aside`], start.
    Damaged(DecodeError),
}

/// Why a checkpoint was not saved. The previous one is still there, whole, unless the step was
/// [`SaveStep::SyncDirectory`]: then it is the previous one or this one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// It could not be read again: a bug of the caller, nothing was written.
    #[error("the checkpoint is not valid")]
    Invalid(#[source] DecodeError),
    /// A newer one is saved, or was discarded: nothing was written and nothing needs to be.
    #[error("generation {generation} of the checkpoint comes after generation {newest}")]
    Stale {
        /// Of this checkpoint.
        generation: u64,
        /// Of the one that came first.
        newest: u64,
    },
    /// The disk refused. The next save begins from the start, with a new file.
    #[error("cannot {step} {path:?}")]
    Disk {
        /// What it refused.
        step: SaveStep,
        /// The file or directory of that step.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The steps of a save, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SaveStep {
    /// Creating the temporary file.
    Create,
    /// Writing it.
    Write,
    /// Making its bytes durable.
    SyncFile,
    /// Giving it the checkpoint's name.
    Rename,
    /// Making the name durable.
    SyncDirectory,
}

impl fmt::Display for SaveStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Write => "write",
            Self::SyncFile => "sync",
            Self::Rename => "rename",
            Self::SyncDirectory => "sync the directory",
        })
    }
}

impl<D: Dir> Store<D> {
    /// The checkpoint `name` in `dir`; nothing is touched yet. Names come from [`Places`](crate::Places).
    pub fn new(dir: D, name: impl Into<String>) -> Self {
        Self { inner: Arc::new(Inner { dir, name: name.into(), newest: Mutex::new(0) }) }
    }

    /// Where the checkpoint is.
    pub fn path(&self) -> PathBuf {
        self.path_of(&self.inner.name)
    }

    /// Takes the lock, at once or not at all.
    ///
    /// # Errors
    /// [`LockError::Busy`] names who holds it; after [`LockError::Unsupported`] go on without, in words.
    pub fn lock(&self) -> Result<Lock, LockError> {
        self.inner.dir.lock(&self.beside("lock"), &Holder::current(), false)
    }

    /// Takes the lock when it is free; blocks until then, for any time.
    ///
    /// # Errors
    /// As [`Store::lock`], without `Busy`.
    pub fn lock_waiting(&self) -> Result<Lock, LockError> {
        self.inner.dir.lock(&self.beside("lock"), &Holder::current(), true)
    }

    /// Reads what is there, at most 16 MiB of it.
    ///
    /// # Errors
    /// Only when the disk fails, so that nothing is known about the content: a file that cannot be used, whatever it is,
    /// is [`Loaded::Damaged`].
    pub fn load(&self) -> io::Result<Loaded> {
        match self.inner.dir.read(&self.inner.name, MAX_FILE_LEN + 1) {
            Ok(image) => Ok(decode(&image).map_or_else(Loaded::Damaged, Loaded::Found)),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound => Ok(Loaded::Nothing),
                io::ErrorKind::InvalidData | io::ErrorKind::PermissionDenied => {
                    Ok(Loaded::Damaged(DecodeError::Unreadable(error.to_string())))
                }
                _ => Err(error),
            },
        }
    }

    /// Whether surely nothing is there, without reading what is: [`Store::load`] would be [`Loaded::Nothing`].
    pub fn is_absent(&self) -> bool {
        self.inner.dir.is_absent(&self.inner.name)
    }

    /// Replaces the checkpoint. On `Ok` it is durable; after any crash the file is the former one or this one, whole.
    ///
    /// # Errors
    /// [`SaveError`] names the step. Saving again is safe after all of them.
    pub fn save(&self, checkpoint: &Checkpoint) -> Result<(), SaveError> {
        valid::check(checkpoint).map_err(SaveError::Invalid)?;
        let image = encode(checkpoint);
        if image.len() > MAX_FILE_LEN {
            return Err(SaveError::Invalid(DecodeError::TooLarge));
        }
        let generation = checkpoint.generation;
        let mut newest = self.newest();
        if generation < *newest {
            return Err(SaveError::Stale { generation, newest: *newest });
        }
        self.replace(&image, || *newest = generation)
    }

    /// Renames what is there to `NAME.bad`, in place of an older `.bad`, and says where it is now. Durable on return.
    ///
    /// # Errors
    /// `NotFound` when nothing is there; those of the medium: then go on without a checkpoint, in words.
    pub fn set_aside(&self) -> io::Result<PathBuf> {
        let mut newest = self.newest();
        let bad = self.beside("bad");
        // A directory cannot be renamed over a file, nor a file over a directory. What cannot be removed stops the rename.
        let _absent = self.inner.dir.remove(&bad);
        self.inner.dir.rename(&self.inner.name, &bad)?;
        *newest = 0;
        self.inner.dir.sync_dir()?;
        Ok(self.path_of(&bad))
    }

    /// Removes the checkpoint, the one set aside and a left-over temporary file. Durable on return; fine when there is
    /// nothing. Later saves of the same or an older generation are refused, so that none brings it back.
    ///
    /// # Errors
    /// When the checkpoint cannot be removed, or its removal not be made durable.
    pub fn discard(&self) -> io::Result<()> {
        let mut newest = self.newest();
        *newest = newest.saturating_add(1);
        let removed = self.inner.dir.remove(&self.inner.name);
        let changed = self.remove_left_overs() | removed.is_ok();
        unless_absent(removed)?;
        // Nothing was there: there is nothing to make durable either.
        if changed { unless_absent(self.inner.dir.sync_dir()) } else { Ok(()) }
    }

    /// As [`Store::discard`] of a store that, under this lock, was loaded as [`Loaded::Nothing`] and not saved to: the
    /// checkpoint, which is not there, is not looked for again.
    ///
    /// # Errors
    /// When the removal of something left over cannot be made durable.
    pub fn discard_left_overs(&self) -> io::Result<()> {
        let mut newest = self.newest();
        *newest = newest.saturating_add(1);
        if self.remove_left_overs() { unless_absent(self.inner.dir.sync_dir()) } else { Ok(()) }
    }

    /// Whether there were any.
    fn remove_left_overs(&self) -> bool {
        ["tmp", "bad"].into_iter().fold(false, |any, end| self.inner.dir.remove(&self.beside(end)).is_ok() | any)
    }

    /// The one place that writes: temporary file in the same directory, write, sync, rename, sync the directory.
    fn replace(&self, image: &[u8], renamed: impl FnOnce()) -> Result<(), SaveError> {
        let dir = &self.inner.dir;
        let temp = self.beside("tmp");
        let fail = |step, name: &str| {
            let path = self.path_of(name);
            move |source| SaveError::Disk { step, path, source }
        };
        let mut file = dir.create(&temp).map_err(fail(SaveStep::Create, &temp))?;
        dir.write(&mut file, image)
            .map_err(fail(SaveStep::Write, &temp))
            .and_then(|()| dir.sync(file).map_err(fail(SaveStep::SyncFile, &temp)))
            .and_then(|()| dir.rename(&temp, &self.inner.name).map_err(fail(SaveStep::Rename, &temp)))
            .inspect_err(|_| {
                // Gives a full disk its room back; the next save would remove it, too.
                let _left_over = dir.remove(&temp);
            })?;
        renamed();
        dir.sync_dir().map_err(fail(SaveStep::SyncDirectory, ""))
    }

    fn newest(&self) -> std::sync::MutexGuard<'_, u64> {
        self.inner.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn beside(&self, extension: &str) -> String {
        format!("{}.{extension}", self.inner.name)
    }

    fn path_of(&self, name: &str) -> PathBuf {
        Path::join(self.inner.dir.path(), name)
    }
}

impl Store<OsDir> {
    /// Takes the lock of an upload that saves nothing, without ever waiting for anybody; `None` when that needs a second
    /// look, or is not possible here: then [`Store::lock`] is to be called. Of such an upload no lock file is made; it and
    /// all that call [`Store::lock`] keep out one another.
    ///
    /// `directory` is for uploads from the same directory, which must be on a disk of this machine
    /// ([`Places::are_local`](crate::Places::are_local)).
    pub fn lock_among(&self, directory: &DirectoryLock) -> Option<Lock> {
        let name = self.beside("lock");
        let lock = directory.take(self.inner.dir.path(), &name)?;
        // Held, or left over by a run that died.
        self.inner.dir.is_absent(&name).then_some(lock)
    }
}

impl<D> Clone for Store<D> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<D: Dir> fmt::Debug for Store<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.path()).finish()
    }
}
