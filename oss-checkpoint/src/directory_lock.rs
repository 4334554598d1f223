//! The lock of many small uploads that share an open file, and how it is seen by those that have a lock file.
//!
//! Each makes itself seen before it looks: a small upload takes its range, and then looks whether there is a lock file; the
//! others make their lock file, and then look whether the range is taken. So never do both go on.

use crate::lock::{Holder, Lock, LockError};
use crate::place::{DIRECTORY_LOCK, short_hash};
use crate::ranges::{self, Range, Ranges};
use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

/// A small upload is over soon; the kernel would tell its end only to those who take the range themselves.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Whether, beside the lock file `name` that is held now, nobody has the range; with `wait`, returns when it is so.
pub(crate) fn look(dir: &Path, name: &str, holder: &Holder, wait: bool) -> Result<(), LockError> {
    let range = Range::of(short_hash(name), holder.pid);
    let path = || dir.join(DIRECTORY_LOCK);
    loop {
        match ranges::taken(dir, range).map_err(|source| LockError::Io { path: path(), source })? {
            None => return Ok(()),
            Some(_) if wait => thread::sleep(LOOK_AGAIN),
            // Ranges are taken on disks of this machine alone.
            Some(pid) => {
                let holder = pid.map(|pid| Holder { pid, host: holder.host.clone() });
                return Err(LockError::Busy { path: path(), holder });
            }
        }
    }
}

/// What the small uploads from one directory share: its file stays open as long as one of them is under way, so that a
/// lock costs two calls instead of a file made and removed. A clone is the same.
#[derive(Debug, Clone, Default)]
pub struct DirectoryLock(Arc<Mutex<Weak<Shared>>>);

#[derive(Debug)]
struct Shared {
    ranges: Ranges,
    /// Where those begin that are taken: one open file does not keep out itself.
    taken: Mutex<HashSet<i64>>,
}

/// One of many ranges.
struct One {
    shared: Arc<Shared>,
    range: Range,
}

impl DirectoryLock {
    /// Takes the range of `name`, without waiting for anybody; `None` when that needs a second look.
    pub(crate) fn take(&self, dir: &Path, name: &str) -> Option<Lock> {
        let shared = self.opened(dir)?;
        let range = Range::of(short_hash(name), std::process::id());
        shared.take(range).then(|| Lock::new(One { shared: Arc::clone(&shared), range }))
    }

    fn opened(&self, dir: &Path) -> Option<Arc<Shared>> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = open.upgrade().filter(|shared| shared.ranges.path().parent() == Some(dir)) {
            return Some(shared);
        }
        let ranges = Ranges::open(dir).ok()?;
        let shared = Arc::new(Shared { ranges, taken: Mutex::default() });
        *open = Arc::downgrade(&shared);
        Some(shared)
    }
}

impl Shared {
    fn take(&self, range: Range) -> bool {
        let mut taken = self.taken();
        if !taken.insert(range.start) {
            return false;
        }
        let done = self.ranges.take(range) && self.ranges.is_named();
        if !done {
            self.give_back(&mut taken, range);
        }
        done
    }

    fn give_back(&self, taken: &mut HashSet<i64>, range: Range) {
        self.ranges.give_back(range);
        taken.remove(&range.start);
    }

    fn taken(&self) -> MutexGuard<'_, HashSet<i64>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.shared.give_back(&mut self.shared.taken(), self.range);
    }
}
