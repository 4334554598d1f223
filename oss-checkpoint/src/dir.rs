use crate::lock::{Holder, Lock, LockError};
use std::io;
use std::path::Path;

/// The directory a checkpoint lives in: the few operations that a durable replacement is made of.
///
/// It is the seam for tests: [`OsDir`](crate::OsDir) is the operating system, the other implementer is a simulated disk
/// that loses what was not synced. Names are plain file names. An operation is durable only where its text says so.
pub trait Dir: Send + Sync + 'static {
    /// A new file that is being written.
    type File;

    /// Where it is, for words.
    fn path(&self) -> &Path;

    /// Creates an empty file that only its owner may read, in place of one left over by a crash. Never follows a link.
    ///
    /// # Errors
    /// Those of the medium.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    /// Appends all bytes.
    ///
    /// # Errors
    /// Those of the medium; any number of the bytes may be in the file then.
    fn write(&self, file: &mut Self::File, bytes: &[u8]) -> io::Result<()>;

    /// Makes the file's bytes durable (not its name), and closes it.
    ///
    /// It takes the file because a failed sync must never be tried again: the system may have dropped the bytes and
    /// would then report success.
    ///
    /// # Errors
    /// Those of the medium; nothing is known about the bytes then.
    fn sync(&self, file: Self::File) -> io::Result<()>;

    /// Gives a file another name, in place of the file that had it; to everybody who looks it is one or the other.
    ///
    /// # Errors
    /// Those of the medium.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file (or an empty directory in its place).
    ///
    /// # Errors
    /// `NotFound` when nothing is there; those of the medium.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes names durable: of files created, renamed and removed so far.
    ///
    /// # Errors
    /// `NotFound` when the directory itself is gone; those of the medium.
    fn sync_dir(&self) -> io::Result<()>;

    /// Reads a file, at most its first `limit` bytes, allocating no more than it has.
    ///
    /// # Errors
    /// `NotFound`; `InvalidData` for what is no regular file (directory, pipe, link), without waiting for a writer;
    /// `PermissionDenied`; those of the medium.
    fn read(&self, name: &str, limit: usize) -> io::Result<Vec<u8>>;

    /// Whether nothing has that name; `false` also when that cannot be seen.
    fn is_absent(&self, name: &str) -> bool {
        matches!(self.read(name, 0), Err(error) if error.kind() == io::ErrorKind::NotFound)
    }

    /// Takes the lock of that name, with `wait` when it is free. Released when the [`Lock`] is dropped or the process
    /// ends, however it ends.
    ///
    /// # Errors
    /// [`LockError::Busy`] only without `wait`.
    fn lock(&self, name: &str, holder: &Holder, wait: bool) -> Result<Lock, LockError>;
}
