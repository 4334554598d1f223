use crate::host_name;
use crate::os_dir::without_waiting;
use std::fmt;
use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// Bytes of a lock file that are read for the holder's name.
const MAX_HOLDER_LEN: u64 = 512;
/// A holder signs a moment after it has locked. Until then the file is empty, or has the name of one that died.
const SIGNING: Duration = Duration::from_millis(10);
/// The name is taken when two looks in a row find the same.
const MAX_LOOKS: u32 = 8;

/// A lock that is held. Dropping it releases it; so does the end of the process, however it comes.
///
/// It must outlive the last save: give it to whoever saves.
#[must_use = "the lock is released when this is dropped"]
pub struct Lock {
    _held: Box<dyn Send + Sync>,
}

impl Lock {
    /// Wraps what releases the lock when dropped; for implementers of [`Dir`](crate::Dir).
    pub fn new(held: impl Send + Sync + 'static) -> Self {
        Self { _held: Box::new(held) }
    }

    /// Releases it now: the lock file is removed while the lock is still held, then the lock is let go.
    pub fn release(self) {}
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lock")
    }
}

/// Who holds a lock: a hint for people, the lock itself is the operating system's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The process id on that host.
    pub pid: u32,
    /// The host's name.
    pub host: String,
}

impl Holder {
    /// This process.
    pub fn current() -> Self {
        Self { pid: std::process::id(), host: host_name() }
    }

    fn parse(text: &str) -> Option<Self> {
        let (pid, host) = text.split_once('\n')?;
        let host = host.strip_suffix('\n')?;
        let plain = !host.chars().any(char::is_control);
        plain.then_some(Self { pid: pid.parse().ok()?, host: host.to_owned() })
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.pid)?;
        if self.host.is_empty() { Ok(()) } else { write!(f, " on {}", self.host) }
    }
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Another transfer of the same file to the same target is running. Wait for it, or end it.
    #[error("this upload is already being run by {}, which holds {path:?}", Words(holder.as_ref()))]
    Busy {
        /// The lock file.
        path: PathBuf,
        /// Who holds it, when that could be read.
        holder: Option<Holder>,
    },
    /// The file system cannot lock. Say so, and go on without: nothing else keeps two runs apart then.
    #[error("the file system cannot lock {path:?}")]
    Unsupported {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The lock file cannot be opened or locked.
    #[error("cannot lock {path:?}")]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

struct Words<'a>(Option<&'a Holder>);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(holder) => holder.fmt(f),
            None => f.write_str("another process"),
        }
    }
}

/// Locks the file at `path`, creating it. The lock is on the file, not on its name, and the former holder removes the
/// name: after locking, both are compared, and when they differ it was the former holder's file that was locked.
pub(crate) fn acquire(path: &Path, holder: &Holder, wait: bool) -> Result<Lock, LockError> {
    let failed = |source| LockError::Io { path: path.to_owned(), source };
    loop {
        let mut file = open(path).map_err(failed)?;
        let locked = if wait { file.lock().map_err(TryLockError::Error) } else { file.try_lock() };
        match locked {
            Ok(()) => {
                if let Some(lock) = held(file, path, holder).map_err(failed)? {
                    return Ok(lock);
                }
            }
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Busy { path: path.to_owned(), holder: read_holder(&mut file) });
            }
            Err(TryLockError::Error(source)) if source.kind() == io::ErrorKind::Interrupted => {}
            Err(TryLockError::Error(source)) if cannot_lock(&source) => {
                return Err(LockError::Unsupported { path: path.to_owned(), source });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
    }
}

/// The lock on a file that is locked, if it still has its name.
fn held(file: File, path: &Path, holder: &Holder) -> io::Result<Option<Lock>> {
    let metadata = file.metadata()?;
    let held = OsLock { identity: identity(&metadata), file, path: path.to_owned() };
    if !held.is_named()? {
        return Ok(None);
    }
    sign(&held.file, holder, metadata.len() == 0);
    Ok(Some(Lock::new(held)))
}

/// Another user's lock file can be opened for reading only. That is enough to lock it, and to see who holds it.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o644);
    match without_waiting(&mut options).open(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            without_waiting(OpenOptions::new().read(true)).open(path).map_err(|_| error)
        }
        opened => opened,
    }
}

#[cfg(unix)]
pub(crate) type Identity = (u64, u64);
/// Elsewhere the name is never removed, see [`OsLock`].
#[cfg(not(unix))]
type Identity = ();

#[cfg(unix)]
pub(crate) fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// Whether the path names this file.
#[cfg(unix)]
pub(crate) fn names(path: &Path, file: Identity) -> io::Result<bool> {
    match std::fs::symlink_metadata(path) {
        Ok(named) => Ok(identity(&named) == file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {}

#[cfg(unix)]
fn cannot_lock(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let known = [Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP, Errno::NOLCK, Errno::INVAL];
    error.kind() == io::ErrorKind::Unsupported
        || known.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

#[cfg(not(unix))]
fn cannot_lock(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
}

/// A full disk, or a file that a dead run of another user left, must not keep the lock from being taken: whoever finds no
/// name says "another process". An empty file has nothing to be cut off.
fn sign(mut file: &File, holder: &Holder, empty: bool) {
    let text = format!("{}\n{}\n", holder.pid, holder.host);
    let cut = if empty { Ok(()) } else { file.set_len(0).and_then(|()| file.rewind()) };
    let _unsigned = cut.and_then(|()| file.write_all(text.as_bytes()));
}

fn read_holder(file: &mut File) -> Option<Holder> {
    let mut before = None;
    for _ in 0..MAX_LOOKS {
        let now = look(file);
        if now.is_some() && now == before {
            break;
        }
        before = now;
        thread::sleep(SIGNING);
    }
    before
}

fn look(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(MAX_HOLDER_LEN).read_to_string(&mut text).ok()?;
    Holder::parse(&text)
}

#[cfg_attr(not(unix), expect(dead_code, reason = "the lock file stays there"))]
struct OsLock {
    file: File,
    path: PathBuf,
    identity: Identity,
}

impl OsLock {
    /// The path still names the locked file.
    #[cfg(unix)]
    fn is_named(&self) -> io::Result<bool> {
        names(&self.path, self.identity)
    }

    #[cfg(not(unix))]
    fn is_named(&self) -> io::Result<bool> {
        Ok(true)
    }
}

/// The name goes first, the lock with the file. Without inode numbers the next holder could not see that its file has
/// lost its name, so the name stays there. A name that somebody gave to another file meanwhile is left to its owner.
#[cfg(unix)]
impl Drop for OsLock {
    fn drop(&mut self) {
        if self.is_named().unwrap_or(false) {
            let _left_over = std::fs::remove_file(&self.path);
        }
    }
}
