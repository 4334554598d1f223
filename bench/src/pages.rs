//! The pages of a file without data are made by the kernel when they are read: whoever reads them pays for memory that the
//! machine has not used yet, the more the larger the file. Dropped as they are made, they come from the same little
//! memory, and cost the same for every size and every reader.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{scope, sleep};
use std::time::Duration;

/// Less than a GiB is read meanwhile. More often would cost more than it saves: what was read ahead is dropped as well.
const EVERY: Duration = Duration::from_millis(100);

/// Gives the pages of `file`, if there is one, back to the system again and again while `work` is done. The time for it
/// is of this process, not of its children.
pub(crate) fn dropped_during<T>(file: Option<&Path>, work: impl FnOnce() -> T) -> io::Result<T> {
    let file = file.map(File::open).transpose()?;
    let ended = AtomicBool::new(false);
    Ok(scope(|scope| {
        if let Some(file) = &file {
            scope.spawn(|| keep_dropping(file, &ended));
        }
        let done = work();
        ended.store(true, Relaxed);
        done
    }))
}

/// Once more at the end: the next run finds the memory free.
fn keep_dropping(file: &File, ended: &AtomicBool) {
    loop {
        let last = ended.load(Relaxed);
        // Where it is refused the pages stay; both sides pay for it.
        let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
        if last {
            return;
        }
        sleep(EVERY);
    }
}
