//! One empty file in a directory, of which every upload without a lock file of its own locks a range of its own. Made by
//! whoever needs the first one, removed by whoever gives the last one back.
//!
//! The locks are Linux's open file description locks. A range begins at a hash of the checkpoint's name, and its length
//! tells the process that has it, so that the others can be told without anything being written.

use crate::lock::{Identity, identity, names};
use crate::os_dir::without_waiting;
use crate::place::DIRECTORY_LOCK as NAME;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Ranges begin at multiples of this: no process id of Linux is longer.
const DISTANCE: i64 = 1 << 23;
/// Others may read it, whatever the mask of this process: to see who has a range takes no more.
const MODE: u32 = 0o644;
/// The file comes and goes; whoever never meets it the same twice gives up.
const MAX_OPENS: u32 = 1_000;

/// A range of the file, as one process takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start: i64,
    len: i64,
}

impl Range {
    /// Everything: taken by whoever removes the file.
    const ALL: Self = Self { start: 0, len: 0 };

    /// `hash` is of the name that the range is for.
    pub(crate) fn of(hash: u64, pid: u32) -> Self {
        let number = i64::try_from(hash >> 24).expect("40 bits");
        Self { start: number * DISTANCE, len: i64::from(pid) + 1 }
    }
}

/// The file of a directory, open. Dropped, it gives all its ranges back, and removes the file if nobody else has one.
#[derive(Debug)]
pub(crate) struct Ranges {
    file: File,
    path: PathBuf,
    identity: Identity,
}

impl Ranges {
    /// Opens the file of this directory for taking ranges, or makes it.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        let path = dir.join(NAME);
        for _ in 0..MAX_OPENS {
            let opened = match options().write(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    options().write(true).create_new(true).open(&path)
                }
                opened => opened,
            };
            match opened {
                Ok(file) => return Self::new(file, path),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    fn new(file: File, path: PathBuf) -> io::Result<Self> {
        let metadata = file.metadata()?;
        if metadata.permissions().mode() & MODE != MODE {
            let _unseen_by_others = file.set_permissions(Permissions::from_mode(MODE));
        }
        Ok(Self { identity: identity(&metadata), file, path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes a range, at once or not at all. It counts only if the file [still has its name](Self::is_named) then. Ranges of
    /// this value do not keep out one another.
    pub(crate) fn take(&self, range: Range) -> bool {
        fcntl(&self.file, FcntlArg::F_OFD_SETLK(&as_flock(libc::F_WRLCK, range))).is_ok()
    }

    /// Gives a range back; nothing happens when it is not taken.
    pub(crate) fn give_back(&self, range: Range) {
        let _free = fcntl(&self.file, FcntlArg::F_OFD_SETLK(&as_flock(libc::F_UNLCK, range)));
    }

    /// Whether it is still the file of the directory.
    pub(crate) fn is_named(&self) -> bool {
        names(&self.path, self.identity).unwrap_or(false)
    }
}

/// Whether somebody has this range in the directory, and which process, as far as that can be told. Needs no more than to
/// read the file; where it cannot be read, or its kind knows no such locks, nobody is seen. A file in which nobody has any
/// range, left over by a process that was killed, is removed.
///
/// # Errors
/// Those of the medium, and of a process that may open no more files.
pub(crate) fn taken(dir: &Path, range: Range) -> io::Result<Option<Option<u32>>> {
    let path = dir.join(NAME);
    match options().write(true).open(&path) {
        Ok(file) => Ok(holder(&Ranges::new(file, path)?.file, range)),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => match options().open(&path) {
            Ok(file) => Ok(holder(&file, range)),
            Err(error) => nobody(error),
        },
        Err(error) => nobody(error),
    }
}

/// What nobody can open for writing (nothing, a link, a directory) has no ranges.
fn nobody<T>(error: io::Error) -> io::Result<Option<T>> {
    let of_the_moment = [Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM, Errno::EIO, Errno::EINTR];
    let is = |errno: &Errno| error.raw_os_error() == Some(*errno as i32);
    if of_the_moment.iter().any(is) { Err(error) } else { Ok(None) }
}

fn holder(file: &File, range: Range) -> Option<Option<u32>> {
    let mut found = as_flock(libc::F_WRLCK, range);
    if fcntl(file, FcntlArg::F_OFD_GETLK(&mut found)).is_err() || i32::from(found.l_type) == libc::F_UNLCK {
        return None;
    }
    let found = Range { start: found.l_start, len: found.l_len };
    // Who has all of them is alone, and about to remove the file.
    let pid = u32::try_from(found.len - 1).ok().filter(|pid| found.start == range.start && *pid > 0);
    (found != Range::ALL).then_some(pid)
}

fn as_flock(kind: i32, range: Range) -> libc::flock {
    let short = |value: i32| libc::c_short::try_from(value).expect("the system's constants fit their fields");
    // The system asks for a process id of 0.
    libc::flock {
        l_type: short(kind),
        l_whence: short(libc::SEEK_SET),
        l_start: range.start,
        l_len: range.len,
        l_pid: 0,
    }
}

/// Whoever has all ranges is alone, so nobody loses the file under a range. Who comes meanwhile finds out that its range is in
/// a file without a name.
impl Drop for Ranges {
    fn drop(&mut self) {
        if self.take(Range::ALL) && self.is_named() {
            let _left_over = fs::remove_file(&self.path);
        }
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    without_waiting(options.read(true).mode(MODE));
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_neither_overlap_nor_pass_the_end_of_a_file() {
        let last = Range::of(u64::MAX, 1 << 22);
        assert!(last.start.checked_add(DISTANCE - 1).is_some() && last.len < DISTANCE);
        assert_eq!(Range::of(1 << 24, 1).start - Range::of(0, 1).start, DISTANCE);
        assert_ne!(Range::of(0, 1), Range::ALL);
    }

    #[test]
    fn whoever_has_a_range_is_told_and_the_last_one_removes_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (Ranges::open(dir.path()).unwrap(), Ranges::open(dir.path()).unwrap());
        assert!(one.take(Range::of(7 << 24, 4711)));
        let wanted = Range::of(7 << 24, 5);
        assert!(!other.take(wanted));
        assert_eq!(taken(dir.path(), wanted).unwrap(), Some(Some(4711)));
        assert!(other.take(Range::of(8 << 24, 5)), "another one is free");
        drop(one);
        assert_eq!(taken(dir.path(), wanted).unwrap(), None);
        assert!(other.is_named(), "somebody was left");
        let late = Ranges::open(dir.path()).unwrap();
        drop(other);
        assert!(late.take(wanted) && !late.is_named(), "it must open the file anew");
        assert_eq!(taken(dir.path(), wanted).unwrap(), None);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn whoever_removes_the_file_has_no_range_and_lets_nobody_take_one() {
        let dir = tempfile::tempdir().unwrap();
        let (leaving, other) = (Ranges::open(dir.path()).unwrap(), Ranges::open(dir.path()).unwrap());
        assert!(leaving.take(Range::ALL));
        for hash in [0, 7 << 24, u64::MAX] {
            assert!(!other.take(Range::of(hash, 5)));
            assert_eq!(taken(dir.path(), Range::of(hash, 5)).unwrap(), None);
        }
    }

    #[test]
    fn others_may_read_the_file_whatever_the_mask_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NAME);
        options().write(true).create_new(true).mode(0o600).open(&path).unwrap();
        let ranges = Ranges::open(dir.path()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        drop(ranges);
    }

    #[test]
    fn links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("elsewhere", dir.path().join(NAME)).unwrap();
        Ranges::open(dir.path()).unwrap_err();
        assert_eq!(taken(dir.path(), Range::of(0, 5)).unwrap(), None);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
