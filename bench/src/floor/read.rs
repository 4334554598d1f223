//! Reading a file and its CRC-64, nothing else: the floor of proving.

use super::PIECE;
use oss_proto::Crc64Hasher;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Reads the file once.
pub(crate) fn run(path: &Path) -> io::Result<()> {
    let mut file = File::open(path)?;
    let (mut buffer, mut hasher) = (vec![0; PIECE], Crc64Hasher::new());
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    // Used, so that no compiler finds the work needless.
    std::hint::black_box(hasher.finish());
    Ok(())
}
