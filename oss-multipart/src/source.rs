//! The file as it was opened: pieces by offset, a CRC-64 on the way, and the question whether it is still the same.

#![expect(clippy::disallowed_methods, reason = "this module reads the file; the machine asks it to")]

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use md5::{Digest, Md5};
use oss_checkpoint::Fingerprint;
use oss_http::SourceChanged;
use oss_proto::{Crc64, Crc64Hasher};
use std::fs::File;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::task::JoinHandle;

use crate::memory::{Buffer, Memory, PIECE, Taking};
use crate::opening::Opened;
use crate::plan::Range;
use crate::span::Gauge;

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

/// One part as a request body: read, CRC and socket in one pass. Counts what it gave until it is dropped.
#[derive(Debug)]
pub(crate) struct PartBody {
    source: Arc<SourceFile>,
    memory: Memory,
    range: Range,
    given: u64,
    crc64: Crc64Hasher,
    result: Arc<Mutex<Option<Crc64>>>,
    in_flight: Arc<AtomicU64>,
    gauge: Arc<Gauge>,
    next: Next,
}

/// Where the next piece is.
#[derive(Debug)]
enum Next {
    Unasked,
    /// Waits for memory.
    Taking(Taking),
    /// Is not in the page cache: the disk is waited for since then.
    Reading(u64, JoinHandle<io::Result<Buffer>>),
}

impl PartBody {
    /// A body of `range`; its CRC-64 is in the second value once the last byte was given.
    pub(crate) fn new(
        source: Arc<SourceFile>,
        memory: Memory,
        range: Range,
        in_flight: Arc<AtomicU64>,
        gauge: Arc<Gauge>,
    ) -> (Self, Arc<Mutex<Option<Crc64>>>) {
        let result = Arc::new(Mutex::new((range.len == 0).then_some(Crc64::EMPTY)));
        let body = Self {
            source,
            memory,
            range,
            given: 0,
            crc64: Crc64Hasher::new(),
            result: result.clone(),
            in_flight,
            gauge,
            next: Next::Unasked,
        };
        (body, result)
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>, len: usize) -> Poll<io::Result<Buffer>> {
        let offset = self.range.offset + self.given;
        loop {
            match &mut self.next {
                Next::Unasked => self.next = Next::Taking(self.memory.piece()),
                Next::Taking(taking) => {
                    let mut piece = ready!(Pin::new(taking).poll(cx));
                    self.next = Next::Unasked;
                    if read_cached(&self.source.file, piece.filling(len), offset) {
                        return Poll::Ready(Ok(piece));
                    }
                    let source = self.source.clone();
                    let reading = tokio::task::spawn_blocking(move || {
                        read_exact_at(&source.file, piece.filling(len), offset)?;
                        Ok(piece)
                    });
                    self.next = Next::Reading(self.gauge.now(), reading);
                }
                Next::Reading(since, reading) => {
                    let piece = ready!(Pin::new(reading).poll(cx)).map_err(io::Error::other);
                    self.gauge.waited(*since);
                    self.next = Next::Unasked;
                    return Poll::Ready(piece.flatten());
                }
            }
        }
    }
}

impl Body for PartBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let left = self.range.len - self.given;
        if left == 0 {
            return Poll::Ready(None);
        }
        if self.given == 0 && matches!(self.next, Next::Unasked) {
            self.gauge.ask();
            self.source.check()?;
        }
        let piece = ready!(self.poll_piece(cx, piece_len(left)))?;
        self.crc64.update(piece.as_ref());
        let len = piece.as_ref().len() as u64;
        self.given += len;
        self.in_flight.fetch_add(len, Ordering::Relaxed);
        self.gauge.give(len);
        if self.given == self.range.len {
            // The verdict on the file comes before its last bytes do: a server never holds a part of a changed file whole.
            self.source.check()?;
            *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.crc64.finish());
            self.gauge.finish();
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_owner(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.given == self.range.len
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.range.len - self.given)
    }
}

impl Drop for PartBody {
    fn drop(&mut self) {
        self.in_flight.fetch_sub(self.given, Ordering::Relaxed);
    }
}

fn piece_len(left: u64) -> usize {
    usize::try_from(left).map_or(PIECE, |left| left.min(PIECE))
}

/// Reads what is in the page cache, without ever waiting for the disk; `false` when not all of it is.
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
mod tests {
    use super::*;
    use crate::opening;
    use std::future::poll_fn;
    use std::io::Write;

    fn gauge() -> Arc<Gauge> {
        Arc::new(Gauge::new(tokio::time::Instant::now()))
    }

    async fn collect(body: PartBody) -> io::Result<Vec<u8>> {
        let mut body = Box::pin(body);
        let mut bytes = Vec::new();
        while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
            bytes.extend_from_slice(&frame?.into_data().expect("a part has no trailers"));
        }
        Ok(bytes)
    }

    fn a_file(len: usize) -> (tempfile::NamedTempFile, Vec<u8>, Arc<SourceFile>) {
        let bytes: Vec<u8> = (0..len).map(|i| u8::try_from(i * 31 % 251).unwrap()).collect();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        let source = Arc::new(SourceFile::new(opening::open(file.path()).unwrap()));
        (file, bytes, source)
    }

    #[tokio::test]
    async fn a_part_is_its_range_with_its_crc_and_counts_until_it_is_dropped() {
        let (_file, bytes, source) = a_file(3 * PIECE + 17);
        for (offset, len) in [(0, bytes.len()), (1, PIECE), (PIECE - 1, PIECE + 2), (3 * PIECE, 17), (5, 0)] {
            let in_flight = Arc::new(AtomicU64::new(0));
            let range = Range { offset: offset as u64, len: len as u64 };
            let (body, crc64) = PartBody::new(source.clone(), Memory::default(), range, in_flight.clone(), gauge());
            assert_eq!(body.size_hint().exact(), Some(len as u64));
            assert_eq!(collect(body).await.unwrap(), bytes[offset..offset + len]);
            assert_eq!(*crc64.lock().unwrap(), Some(Crc64::of(&bytes[offset..offset + len])));
            assert_eq!(in_flight.load(Ordering::Relaxed), 0);
        }
    }

    #[tokio::test]
    async fn a_file_that_changes_under_a_part_fails_before_its_last_bytes() {
        let (mut file, bytes, source) = a_file(3 * PIECE);
        let range = Range { offset: 0, len: bytes.len() as u64 };
        let (body, crc64) = PartBody::new(source.clone(), Memory::default(), range, Arc::default(), gauge());
        let mut body = Box::pin(body);
        poll_fn(|cx| body.as_mut().poll_frame(cx)).await.unwrap().unwrap();
        file.write_all(b"more").unwrap();
        poll_fn(|cx| body.as_mut().poll_frame(cx)).await.unwrap().unwrap();
        let error = poll_fn(|cx| body.as_mut().poll_frame(cx)).await.unwrap().unwrap_err();
        assert!(SourceChanged::is_in(&error));
        assert_eq!(*crc64.lock().unwrap(), None);
        assert!(SourceChanged::is_in(&source.check_path().unwrap_err()));
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
