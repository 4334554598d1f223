//! Where small files may be opened, locked and let go by the very task that sends them, instead of by a thread of their own.

#![expect(clippy::disallowed_methods, reason = "what takes long is measured")]

use crate::source::SourceFile;
use oss_checkpoint::{DirectoryLock, Places};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Directories remembered at once; more are forgotten, which costs a hop to another thread each.
const MOST: usize = 1_024;
/// A disk that takes longer than this for its part of a small file is busy with something else.
const LONG: Duration = Duration::from_millis(10);
/// So many files are then left to other threads.
const PATIENCE: u32 = 64;

/// What uploads have learnt about the directories their files are in: on which of them a small file is prepared without
/// a hop to another thread, which would cost more than the file. A clone knows the same; give it to every upload that
/// shall share it.
///
/// Only directories on a disk of this machine are among them, reached by a path without links: a network file system may
/// hang, and a task must not hang with it. It is knowledge about speed alone; every upload opens what its path names then.
#[derive(Debug, Clone, Default)]
pub struct Directories(Arc<Mutex<HashMap<PathBuf, Known>>>);

#[derive(Debug)]
struct Known {
    /// Of the files in it.
    device: u64,
    /// Files to be left to other threads, as the disk was slow.
    slow: u32,
    lock: DirectoryLock,
}

impl Directories {
    /// Does `work`, for a file at this path, if its directory is known to be fast; `None` when it is not, when `work` says
    /// so, and when the file it found is on another device than those before.
    pub(crate) fn at_once<T>(&self, path: &Path, work: impl FnOnce(&DirectoryLock) -> Option<(T, u64)>) -> Option<T> {
        let directory = path.parent()?;
        let (expected, lock) = {
            let mut known = self.known();
            let known = known.get_mut(directory)?;
            if known.slow > 0 {
                known.slow -= 1;
                return None;
            }
            (known.device, known.lock.clone())
        };
        let began = Instant::now();
        let done = work(&lock);
        if began.elapsed() >= LONG
            && let Some(known) = self.known().get_mut(directory)
        {
            known.slow = PATIENCE;
        }
        let (done, device) = done?;
        if device != expected {
            self.known().remove(directory);
            return None;
        }
        Some(done)
    }

    /// Remembers the directory of a file that was opened by this path. Blocks on its file system.
    pub(crate) fn learn(&self, path: &Path, file: &SourceFile) {
        let Some(directory) = path.parent().filter(|directory| !self.known().contains_key(*directory)) else { return };
        let without_links = std::path::absolute(path).is_ok_and(|path| path == file.path());
        if !without_links || !Places::are_local(file.path()) {
            return;
        }
        let mut known = self.known();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(
            directory.to_owned(),
            Known { device: file.fingerprint().device, slow: 0, lock: DirectoryLock::default() },
        );
    }

    fn known(&self) -> MutexGuard<'_, HashMap<PathBuf, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use crate::opening::open;
    use std::fs;

    fn learnt(directories: &Directories, path: &Path) -> u64 {
        let file = SourceFile::new(open(path).unwrap());
        directories.learn(path, &file);
        file.fingerprint().device
    }

    #[test]
    fn a_directory_is_fast_once_a_file_of_it_was_seen_on_a_disk() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().canonicalize().unwrap();
        let (one, other) = (root.join("one"), root.join("other"));
        fs::write(&one, "1").unwrap();
        let directories = Directories::default();
        assert_eq!(directories.at_once(&one, |_| Some((1, 0))), None);
        let device = learnt(&directories, &one);
        assert_eq!(directories.clone().at_once(&other, |_| Some((1, device))), Some(1), "a clone knows the same");
        assert_eq!(directories.at_once(&other, |_| None::<((), u64)>), None);
        assert_eq!(directories.at_once(&root, |_| Some((1, device))), None, "the directory above is another");
    }

    #[test]
    fn what_leads_through_a_link_is_not_learnt_and_what_moved_to_another_device_is_forgotten() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().canonicalize().unwrap();
        fs::create_dir(root.join("real")).unwrap();
        fs::write(root.join("real/file"), "1").unwrap();
        std::os::unix::fs::symlink("real", root.join("link")).unwrap();
        let directories = Directories::default();
        let device = learnt(&directories, &root.join("link/file"));
        assert_eq!(directories.at_once(&root.join("link/file"), |_| Some((1, device))), None);
        let file = root.join("real/file");
        learnt(&directories, &file);
        assert_eq!(directories.at_once(&file, |_| Some((1, device + 1))), None);
        assert_eq!(directories.at_once(&file, |_| Some((1, device))), None, "forgotten");
    }

    #[test]
    fn after_a_file_that_took_long_the_next_ones_are_left_to_other_threads() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().canonicalize().unwrap().join("file");
        fs::write(&file, "1").unwrap();
        let directories = Directories::default();
        let device = learnt(&directories, &file);
        let slowly = |_: &DirectoryLock| {
            std::thread::sleep(LONG);
            Some((1, device))
        };
        assert_eq!(directories.at_once(&file, slowly), Some(1), "what is done is done");
        for _ in 0..PATIENCE {
            assert_eq!(directories.at_once(&file, |_| Some((1, device))), None);
        }
        assert_eq!(directories.at_once(&file, |_| Some((1, device))), Some(1));
    }
}
