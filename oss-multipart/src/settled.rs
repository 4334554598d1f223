//! A file that was written a moment ago is waited for: until the file system's clock has ticked, one more change would
//! leave its times as they are, and could not be seen.

#![expect(clippy::disallowed_methods, reason = "file times are compared with the time of day")]

use oss_checkpoint::{Fingerprint, Timestamp};
use std::fs::{File, Metadata};
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Kernels stamp files with a clock of their own that ticks every 10 ms at the slowest.
const TICK: Duration = Duration::from_millis(20);
/// Whole seconds on both times: so do FAT (every two of them) and some network file systems.
const COARSE_TICK: Duration = Duration::from_secs(2);
/// Whoever goes on writing is found out by the times that move then.
const MAX_WAITS: u32 = 3;

/// What the system says of an open file, such that every later change makes it say something else. Blocks for two seconds
/// at most, and not at all for a file that has been at rest.
///
/// # Errors
/// The operating system's.
pub(crate) fn metadata(file: &File) -> io::Result<Metadata> {
    for _ in 0..MAX_WAITS {
        match look(file)? {
            (_, Some(wait)) => std::thread::sleep(wait),
            (metadata, None) => return Ok(metadata),
        }
    }
    file.metadata()
}

/// As [`metadata`], without waiting: `None` when the file has not been at rest.
///
/// # Errors
/// The operating system's.
pub(crate) fn metadata_at_once(file: &File) -> io::Result<Option<Metadata>> {
    look(file).map(|(metadata, wait)| wait.is_none().then_some(metadata))
}

fn look(file: &File) -> io::Result<(Metadata, Option<Duration>)> {
    // The clock first: what changes between the two is younger than it.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let metadata = file.metadata()?;
    let wait = remaining(&Fingerprint::of(&metadata), now);
    Ok((metadata, wait))
}

/// How long until the next change is sure to be seen; `None` when it is already. Times in the future tell nothing.
fn remaining(fingerprint: &Fingerprint, now: Duration) -> Option<Duration> {
    let Fingerprint { mtime, ctime, .. } = fingerprint;
    let tick = if mtime.nanos == 0 && ctime.nanos == 0 { COARSE_TICK } else { TICK };
    let age = now.checked_sub(since_epoch(*mtime.max(ctime))?)?;
    tick.checked_sub(age).filter(|wait| !wait.is_zero())
}

fn since_epoch(time: Timestamp) -> Option<Duration> {
    Some(Duration::new(u64::try_from(time.secs).ok()?, time.nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(mtime: (i64, u32), ctime: (i64, u32)) -> Fingerprint {
        let at = |(secs, nanos)| Timestamp { secs, nanos };
        Fingerprint { size: 1, mtime: at(mtime), ctime: at(ctime), inode: 1, device: 1 }
    }

    #[test]
    fn only_what_changed_within_the_last_tick_is_waited_for() {
        let at = |millis| Duration::from_millis(millis);
        let fine = times((90, 5), (100, 1));
        assert_eq!(remaining(&fine, at(100_020)), Some(Duration::from_nanos(1)));
        assert_eq!(remaining(&fine, at(100_021)), None);
        assert_eq!(remaining(&fine, at(99_000)), None, "a clock that is ahead of ours tells nothing");
        let coarse = times((100, 0), (100, 0));
        assert_eq!(remaining(&coarse, at(100_500)), Some(at(1_500)));
        assert_eq!(remaining(&coarse, at(102_000)), None);
        assert_eq!(remaining(&times((-5, 0), (-5, 1)), at(0)), None);
    }

    #[test]
    fn a_file_just_written_has_rested_for_a_tick_when_it_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        for round in 0..5 {
            std::fs::write(&path, [round]).unwrap();
            let file = File::open(&path).unwrap();
            let found = Fingerprint::of(&metadata(&file).unwrap());
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            assert!(now - since_epoch(found.ctime).unwrap() >= TICK);
            std::fs::write(&path, [round + 100]).unwrap();
            assert_ne!(Fingerprint::of(&file.metadata().unwrap()), found);
        }
    }
}
