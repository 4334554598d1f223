use crate::dir::Dir;
use crate::directory_lock;
use crate::lock::{self, Holder, Lock, LockError};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// A directory of the operating system.
///
/// What durability rests on is told in `FORMAT.md`, under the assumptions about the medium. Where the platform cannot
/// sync a directory (Windows, some network file systems) a crash may bring back the former file, whole.
#[derive(Debug, Clone)]
pub struct OsDir {
    path: PathBuf,
}

impl OsDir {
    /// The directory at `path`; nothing is touched yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl Dir for OsDir {
    type File = File;

    fn path(&self) -> &Path {
        &self.path
    }

    fn create(&self, name: &str) -> io::Result<File> {
        unless_absent(self.remove(name))?;
        // `create_new` follows no link that somebody planted meanwhile in a directory of many users.
        private(OpenOptions::new().write(true).create_new(true)).open(self.path.join(name))
    }

    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    fn sync(&self, file: File) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let path = self.path.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(error),
            Err(_) if fs::symlink_metadata(&path).is_ok_and(|there| there.is_dir()) => fs::remove_dir(&path),
            done => done,
        }
    }

    #[cfg(unix)]
    fn sync_dir(&self) -> io::Result<()> {
        // Some network and user-space file systems answer EINVAL or "not supported": they have nothing to offer here.
        match File::open(&self.path)?.sync_all() {
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
            done => done,
        }
    }

    #[cfg(not(unix))]
    fn sync_dir(&self) -> io::Result<()> {
        fs::metadata(&self.path).map(drop)
    }

    fn read(&self, name: &str, limit: usize) -> io::Result<Vec<u8>> {
        let path = self.path.join(name);
        let not_a_file = || io::Error::new(io::ErrorKind::InvalidData, "it is not a regular file");
        if !fs::symlink_metadata(&path)?.is_file() {
            return Err(not_a_file());
        }
        let file = without_waiting(OpenOptions::new().read(true)).open(&path)?;
        if !file.metadata()?.is_file() {
            return Err(not_a_file());
        }
        let mut bytes = Vec::new();
        file.take(limit as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn is_absent(&self, name: &str) -> bool {
        matches!(fs::symlink_metadata(self.path.join(name)), Err(error) if error.kind() == io::ErrorKind::NotFound)
    }

    fn lock(&self, name: &str, holder: &Holder, wait: bool) -> Result<Lock, LockError> {
        let lock = lock::acquire(&self.path.join(name), holder, wait)?;
        // A small upload has no lock file.
        directory_lock::look(&self.path, name, holder, wait)?;
        Ok(lock)
    }
}

/// `NotFound` is what was wanted.
pub(crate) fn unless_absent(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Files are for their owner only: a checkpoint names endpoints, paths and headers.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Opening neither follows a link nor waits for the other end of a pipe.
pub(crate) fn without_waiting(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).expect("open flags fit a C int");
        std::os::unix::fs::OpenOptionsExt::custom_flags(options, flags);
    }
    options
}
