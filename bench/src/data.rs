//! The files that are uploaded: made once, kept for the next run.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Bytes that are random: the file repeats them.
const RANDOM: usize = 64 * 1024 * 1024;

/// A file of `size` bytes, in the page cache.
pub(crate) fn file(folder: &Path, size: u64) -> io::Result<PathBuf> {
    let path = folder.join(format!("data-{size}"));
    if !fs::metadata(&path).is_ok_and(|found| found.len() == size) {
        let random = random();
        let mut file = File::create(&path)?;
        let mut left = size;
        while left > 0 {
            let len = usize::try_from(left).map_or(RANDOM, |left| left.min(RANDOM));
            file.write_all(&random[..len])?;
            left -= len as u64;
        }
        // Else the disk would write it back during the first rounds.
        file.sync_all()?;
    }
    crate::floor::read::run(&path)?;
    Ok(path)
}

/// A new file of `size` zeros of which the disk holds none, and the page cache neither.
pub(crate) fn sparse(folder: &Path, name: &str, size: u64) -> io::Result<PathBuf> {
    let path = folder.join(name);
    let _ = fs::remove_file(&path);
    File::create(&path)?.set_len(size)?;
    Ok(path)
}

/// A folder of `count` files of `size` bytes.
pub(crate) fn many(folder: &Path, count: usize, size: usize) -> io::Result<PathBuf> {
    let path = folder.join(format!("files-{count}"));
    let whole = fs::read_dir(&path).is_ok_and(|entries| entries.count() == count);
    if !whole {
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path)?;
        let random = random();
        for index in 0..count {
            fs::write(path.join(format!("file-{index:05}")), &random[index * 7..index * 7 + size])?;
        }
        File::open(&path)?.sync_all()?;
    }
    Ok(path)
}

/// The same in every run (xorshift of 64 bits).
fn random() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..RANDOM / 8).flat_map(|_| next()).collect()
}
