use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The lock file of the one upload under way from `folder`, not the one that all from there share; `None` when there is
/// none.
///
/// # Panics
/// When the folder cannot be read.
pub fn lock_file(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("readable").path());
    paths.into_iter().find(|path| {
        let name = path.file_name().expect("an entry has a name").to_string_lossy();
        name.ends_with(".ossck.lock") && name != ".ossck.lock"
    })
}

/// Waits until so many are blocked on the lock of this file; the kernel says so (Linux).
///
/// # Panics
/// When they do not come within a while.
pub async fn waiting_for_lock(lock: &Path, count: usize) {
    use std::os::unix::fs::MetadataExt as _;
    let inode = format!(":{} ", fs::metadata(lock).expect("somebody holds it").ino());
    for _ in 0..4000 {
        let locks = fs::read_to_string("/proc/locks").expect("Linux");
        if locks.lines().filter(|line| line.contains("->") && line.contains(&inode)).count() >= count {
            return;
        }
        // The kernel tells nobody when a lock is waited for.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("nobody waits for {inode}");
}
