//! The pages of a file without data are made by the kernel when they are read: whoever reads them pays for memory that the
//! machine has not used yet, the more the larger the file. Dropped as they are made, they come from the same little
//! memory, and cost the same for every size and every reader.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

/// How often it is looked whether pages are to be dropped.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// More often would cost more than it saves: what was read ahead is dropped as well.
const EVERY: Duration = Duration::from_millis(100);
const EVERY_BYTES: u64 = 1 << 30;

/// When pages are dropped.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// Ten times a second.
    Time,
    /// As often for a slow reader as for a quick one: whenever the process with this id has read another GiB.
    Reading(u32),
}

/// Gives the pages of `file`, if there is one, back to the system again and again while `work` is done, and at its end.
/// The time for it is of this process, not of its children.
pub(crate) fn dropped_during<T>(file: Option<&Path>, pace: Pace, work: impl FnOnce() -> T) -> io::Result<T> {
    let file = file.map(File::open).transpose()?;
    let ended = AtomicBool::new(false);
    Ok(scope(|scope| {
        if let Some(file) = &file {
            scope.spawn(|| keep_dropping(file, pace, &ended));
        }
        let done = work();
        ended.store(true, Relaxed);
        done
    }))
}

fn keep_dropping(file: &File, pace: Pace, ended: &AtomicBool) {
    let (mut dropped_at, mut dropped_after) = (Instant::now(), 0);
    while !ended.load(Relaxed) {
        sleep(LOOK_EVERY);
        let read = match pace {
            Pace::Time => None,
            Pace::Reading(process) => bytes_read(process),
        };
        if read.map_or(dropped_at.elapsed() >= EVERY, |read: u64| read.saturating_sub(dropped_after) >= EVERY_BYTES) {
            drop_pages(file);
            (dropped_at, dropped_after) = (Instant::now(), read.unwrap_or(0));
        }
    }
    drop_pages(file);
}

/// Where it is refused, or unknown, the pages stay: both sides pay for it.
fn drop_pages(file: &File) {
    #[cfg(target_os = "linux")]
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}

/// What a process has read so far, from files and sockets.
fn bytes_read(process: u32) -> Option<u64> {
    let account = fs::read_to_string(format!("/proc/{process}/io")).ok()?;
    account.lines().find_map(|line| line.strip_prefix("rchar: ")?.parse().ok())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_reads_is_seen() {
        let read = || bytes_read(std::process::id()).expect("a process may look at itself");
        let before = read();
        fs::read("/proc/self/stat").expect("there is one");
        assert!(read() > before);
    }
}
