//! One part as a request body.

#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "a test begins now"))]

use crate::memory::{Buffer, Memory, PIECE, Taking, piece_len};
use crate::plan::Range;
use crate::source::SourceFile;
use crate::span::Gauge;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use oss_proto::{Crc64, Crc64Hasher};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::task::JoinHandle;

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
                    if self.source.read_cached(piece.filling(len), offset) {
                        return Poll::Ready(Ok(piece));
                    }
                    let source = self.source.clone();
                    let reading = tokio::task::spawn_blocking(move || {
                        source.read_at(piece.filling(len), offset)?;
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
            // So that little is sent of a file that has changed. Where the first piece is the last one, the check below says
            // the same, before any byte is sent.
            if left > PIECE as u64 {
                self.source.check()?;
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::tests::a_file;
    use oss_http::SourceChanged;
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
    async fn no_byte_leaves_of_a_part_of_a_file_that_has_changed() {
        for len in [10, PIECE, PIECE + 1, 3 * PIECE] {
            let (mut file, _, source) = a_file(3 * PIECE);
            file.write_all(b"more").unwrap();
            let range = Range { offset: 0, len: len as u64 };
            let (body, crc64) = PartBody::new(source, Memory::default(), range, Arc::default(), gauge());
            let mut body = Box::pin(body);
            let error = poll_fn(|cx| body.as_mut().poll_frame(cx)).await.unwrap().unwrap_err();
            assert!(SourceChanged::is_in(&error), "{len}");
            assert_eq!(*crc64.lock().unwrap(), None);
        }
    }
}
