//! The lock of many small uploads that share an open file, and how it is seen by those that have a lock file.
//!
//! Each makes itself seen before it looks: a small upload takes its seat, and then looks whether there is a lock file; the
//! others make their lock file, and then look whether the seat is taken. So never do both go on.

use crate::lock::{Holder, Lock, LockError};
use crate::place::{DIRECTORY_LOCK, short_hash};
use crate::seats::{self, Seat, Seats};
use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

/// A small upload is over soon; the kernel would tell its end only to those who take the seat themselves.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Whether, beside the lock file `name` that is held now, nobody has the seat; with `wait`, returns when it is so.
pub(crate) fn look(dir: &Path, name: &str, holder: &Holder, wait: bool) -> Result<(), LockError> {
    let seat = Seat::of(short_hash(name), holder.pid);
    let path = || dir.join(DIRECTORY_LOCK);
    loop {
        match seats::taken(dir, seat).map_err(|source| LockError::Io { path: path(), source })? {
            None => return Ok(()),
            Some(_) if wait => thread::sleep(LOOK_AGAIN),
            // Seats are taken on disks of this machine alone.
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
    seats: Seats,
    /// Where those begin that are taken: one open file does not keep out itself.
    taken: Mutex<HashSet<i64>>,
}

/// One of many seats.
struct One {
    shared: Arc<Shared>,
    seat: Seat,
}

impl DirectoryLock {
    /// Takes the seat of `name`, without waiting for anybody; `None` when that needs a second look.
    pub(crate) fn take(&self, dir: &Path, name: &str) -> Option<Lock> {
        let shared = self.opened(dir)?;
        let seat = Seat::of(short_hash(name), std::process::id());
        shared.take(seat).then(|| Lock::new(One { shared: Arc::clone(&shared), seat }))
    }

    fn opened(&self, dir: &Path) -> Option<Arc<Shared>> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = open.upgrade().filter(|shared| shared.seats.path().parent() == Some(dir)) {
            return Some(shared);
        }
        let seats = Seats::open(dir).ok()?;
        let shared = Arc::new(Shared { seats, taken: Mutex::default() });
        *open = Arc::downgrade(&shared);
        Some(shared)
    }
}

impl Shared {
    fn take(&self, seat: Seat) -> bool {
        let mut taken = self.taken();
        if !taken.insert(seat.start) {
            return false;
        }
        let done = self.seats.take(seat) && self.seats.is_named();
        if !done {
            self.give_back(&mut taken, seat);
        }
        done
    }

    fn give_back(&self, taken: &mut HashSet<i64>, seat: Seat) {
        self.seats.give_back(seat);
        taken.remove(&seat.start);
    }

    fn taken(&self) -> MutexGuard<'_, HashSet<i64>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.shared.give_back(&mut self.shared.taken(), self.seat);
    }
}
