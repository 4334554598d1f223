//! The file as it was opened: pieces by offset, a CRC-64 on the way, and the question whether it is still the same.

#![expect(clippy::disallowed_methods, reason = "this module reads the file; the machine asks it to")]

use md5::{Digest, Md5};
use oss_checkpoint::Fingerprint;
use oss_http::SourceChanged;
use oss_proto::{Crc64, Crc64Hasher};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::memory::{Buffer, piece_len};
use crate::opening::Opened;
use crate::plan::Range;

/// A regular file, opened once for the whole transfer.
#[derive(Debug)]
pub(crate) struct SourceFile {
    file: File,
    path: PathBuf,
    fingerprint: Fingerprint,
}

impl SourceFile {
    /// The file that was opened for a transfer.
    pub(crate) fn new(opened: Opened) -> Self {
        let Opened { file, path, fingerprint } = opened;
        Self { file, path, fingerprint }
    }

    /// The canonical path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// As it was when opened.
    pub(crate) fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The open file is as it was when opened.
    ///
    /// # Errors
    /// [`SourceChanged`] inside the error when it is not.
    pub(crate) fn check(&self) -> io::Result<()> {
        self.same(&self.file.metadata()?)
    }

    /// The open file is as it was, and its path still names it.
    ///
    /// # Errors
    /// [`SourceChanged`] inside the error when not.
    pub(crate) fn check_path(&self) -> io::Result<()> {
        self.check()?;
        match std::fs::metadata(&self.path) {
            Ok(metadata) => self.same(&metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(io::Error::other(SourceChanged)),
            Err(error) => Err(error),
        }
    }

    fn same(&self, metadata: &std::fs::Metadata) -> io::Result<()> {
        if Fingerprint::of(metadata) == self.fingerprint { Ok(()) } else { Err(io::Error::other(SourceChanged)) }
    }

    /// Reads a small file whole into `buffer`, which is of its size. What is as it was when opened after it has been read
    /// was so all the time.
    ///
    /// # Errors
    /// [`SourceChanged`] inside the error when it changed meanwhile.
    pub(crate) fn read_whole(&self, buffer: &mut Buffer) -> io::Result<()> {
        let size = usize::try_from(self.fingerprint.size).map_err(io::Error::other)?;
        read_exact_at(&self.file, buffer.filling(size), 0)?;
        self.check()
    }

    /// As [`Self::read_whole`], but only what is in the page cache, without ever waiting for the disk; `false` when not
    /// all of it is.
    ///
    /// # Errors
    /// [`SourceChanged`] inside the error when it changed meanwhile.
    pub(crate) fn read_whole_cached(&self, buffer: &mut Buffer) -> io::Result<bool> {
        let size = usize::try_from(self.fingerprint.size).map_err(io::Error::other)?;
        let whole = read_cached(&self.file, buffer.filling(size), 0);
        self.check()?;
        Ok(whole)
    }

    /// Reads what is in the page cache, without ever waiting for the disk; `false` when not all of it is.
    pub(crate) fn read_cached(&self, buffer: &mut [u8], offset: u64) -> bool {
        read_cached(&self.file, buffer, offset)
    }

    /// Reads, and waits for the disk.
    ///
    /// # Errors
    /// [`SourceChanged`] inside the error when the file ends before.
    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        read_exact_at(&self.file, buffer, offset)
    }

    /// CRC-64 of a range, and MD5 when asked, read through `piece`; gives up when `stop` is set.
    ///
    /// # Errors
    /// [`SourceChanged`] inside the error when the file changed meanwhile; `Interrupted` when stopped.
    pub(crate) fn digest(
        &self,
        range: Range,
        md5: bool,
        piece: &mut Buffer,
        stop: &AtomicBool,
    ) -> io::Result<(Crc64, Option<[u8; 16]>)> {
        self.check()?;
        let (mut crc64, mut hasher) = (Crc64Hasher::new(), md5.then(Md5::new));
        let mut done = 0;
        while done < range.len {
            if stop.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let buffer = piece.filling(piece_len(range.len - done));
            read_exact_at(&self.file, buffer, range.offset + done)?;
            crc64.update(buffer);
            if let Some(hasher) = &mut hasher {
                hasher.update(&buffer);
            }
            done += buffer.len() as u64;
        }
        self.check()?;
        Ok((crc64.finish(), hasher.map(|hasher| hasher.finalize().into())))
    }
}

#[cfg(target_os = "linux")]
fn read_cached(file: &File, buffer: &mut [u8], offset: u64) -> bool {
    let len = buffer.len();
    let slices = &mut [io::IoSliceMut::new(buffer)];
    matches!(rustix::io::preadv2(file, slices, offset, rustix::io::ReadWriteFlags::NOWAIT), Ok(read) if read == len)
}

#[cfg(not(target_os = "linux"))]
fn read_cached(_: &File, _: &mut [u8], _: u64) -> bool {
    false
}

#[cfg(unix)]
fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    use std::os::unix::fs::FileExt;
    file.read_exact_at(buffer, offset).map_err(shrunk)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !buffer.is_empty() {
        match file.seek_read(buffer, offset)? {
            0 => return Err(io::Error::other(SourceChanged)),
            read => {
                buffer = &mut buffer[read..];
                offset += read as u64;
            }
        }
    }
    Ok(())
}

/// The file ends before the planned range does.
#[cfg(unix)]
fn shrunk(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof { io::Error::other(SourceChanged) } else { error }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::memory::{Memory, PIECE};
    use crate::opening;
    use std::io::Write;
    use std::sync::Arc;

    pub(crate) fn a_file(len: usize) -> (tempfile::NamedTempFile, Vec<u8>, Arc<SourceFile>) {
        let bytes: Vec<u8> = (0..len).map(|i| u8::try_from(i * 31 % 251).unwrap()).collect();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        let source = Arc::new(SourceFile::new(opening::open(file.path()).unwrap()));
        (file, bytes, source)
    }

    #[tokio::test]
    async fn a_file_that_shrank_is_a_changed_one() {
        let (file, bytes, source) = a_file(2 * PIECE);
        file.as_file().set_len(10).unwrap();
        let mut buffer = vec![0; bytes.len()];
        assert!(SourceChanged::is_in(&read_exact_at(&source.file, &mut buffer, 0).unwrap_err()));
        let mut whole = Memory::default().whole(2 * PIECE).await;
        assert!(SourceChanged::is_in(&source.read_whole(&mut whole).unwrap_err()));
    }

    #[test]
    fn a_path_that_names_another_file_is_a_changed_one() {
        let (file, bytes, source) = a_file(100);
        let other = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(other.path(), &bytes).unwrap();
        other.persist(file.path()).unwrap();
        source.check().unwrap_err();
        assert!(SourceChanged::is_in(&source.check_path().unwrap_err()));
    }

    #[tokio::test]
    async fn digests_are_of_the_range_and_stop_when_told() {
        let (_file, bytes, source) = a_file(2 * PIECE + 5);
        let range = Range { offset: 3, len: PIECE as u64 + 9 };
        let part = &bytes[3..3 + PIECE + 9];
        let (memory, go) = (Memory::default(), AtomicBool::new(false));
        let md5: [u8; 16] = Md5::digest(part).into();
        assert_eq!(source.digest(range, true, &mut memory.piece().await, &go).unwrap(), (Crc64::of(part), Some(md5)));
        assert_eq!(source.digest(range, false, &mut memory.piece().await, &go).unwrap(), (Crc64::of(part), None));
        let stopped = source.digest(range, false, &mut memory.piece().await, &AtomicBool::new(true)).unwrap_err();
        assert_eq!(stopped.kind(), io::ErrorKind::Interrupted);
    }
}
