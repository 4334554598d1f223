//! One budget for the buffers of all uploads that share it. Who finds it used up waits; nothing fails for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread::{self, ThreadId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes read, checksummed and handed to the connection at once: fits the second-level cache.
pub(crate) const PIECE: usize = 256 * 1024;

/// Bytes of the next piece, of so many that are left.
pub(crate) fn piece_len(left: u64) -> usize {
    usize::try_from(left).map_or(PIECE, |left| left.min(PIECE))
}

/// What a connection that sends needs at most: one piece on its way out, one being read.
const OF_A_CONNECTION: u64 = 2 * PIECE as u64;
/// Connections that the default budget is made for; every further one widens it.
const USUAL_CONNECTIONS: u64 = 8;
/// The default for the usual connections: their pieces, two for proving, and a small file read whole.
const USUAL: u64 = 14 * 1024 * 1024;
/// The default does not grow past this.
const WIDEST: u64 = 256 * 1024 * 1024;

/// How much memory the buffers of uploads may take, together: the pieces of files on their way to the network, and small
/// files read whole. A clone is the same budget; give it to every upload that shall share it.
///
/// By default 14 MiB, enough for 8 connections, and 0.5 MiB for every further one that was asked for at the same time, up
/// to 256 MiB. What a program needs beside its buffers (code, TLS, threads) is not counted: about 5 MiB.
#[derive(Debug, Clone)]
pub struct Memory(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// One permit a byte. It is fair: a large buffer is not starved by many small ones.
    free: Arc<Semaphore>,
    shelf: Mutex<Shelf>,
}

#[derive(Debug)]
struct Shelf {
    limit: u64,
    /// The limit was given: it does not grow.
    fixed: bool,
    connections: u64,
    /// Pieces that are used again: a fresh one costs page faults for every byte. With each, the thread that had it last:
    /// its core has the piece in its cache.
    spare: Vec<(ThreadId, Box<[u8]>)>,
    allocated: u64,
    peak: u64,
}

impl Memory {
    /// The least that a budget can be: the largest file that is read whole.
    pub const LEAST: u64 = 8 * 1024 * 1024;

    /// A budget of `bytes`; less than [`Self::LEAST`] is taken as that.
    pub fn new(bytes: u64) -> Self {
        Self::with(bytes.max(Self::LEAST), true)
    }

    /// Bytes that the buffers may take.
    pub fn limit(&self) -> u64 {
        self.shelf().limit
    }

    /// The most bytes that the buffers have taken so far.
    pub fn peak(&self) -> u64 {
        self.shelf().peak
    }

    fn with(limit: u64, fixed: bool) -> Self {
        let limit = limit.min(u64::from(u32::MAX));
        let free = Arc::new(Semaphore::new(usize::try_from(limit).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS)));
        let shelf = Shelf { limit, fixed, connections: 0, spare: Vec::new(), allocated: 0, peak: 0 };
        Self(Arc::new(Shared { free, shelf: Mutex::new(shelf) }))
    }

    /// Connections that can send at the same time, where the budget was given.
    pub(crate) fn room_for(&self) -> Option<usize> {
        let shelf = self.shelf();
        shelf.fixed.then(|| usize::try_from(shelf.limit / OF_A_CONNECTION).unwrap_or(usize::MAX))
    }

    /// An upload with so many connections begins; while the share is held, the default budget has room for it.
    pub(crate) fn join(&self, connections: usize) -> Share {
        let connections = connections as u64;
        let mut shelf = self.shelf();
        shelf.connections += connections;
        let wanted = USUAL + OF_A_CONNECTION * shelf.connections.saturating_sub(USUAL_CONNECTIONS);
        let wider = wanted.min(WIDEST).saturating_sub(shelf.limit);
        if !shelf.fixed && wider > 0 {
            shelf.limit += wider;
            self.0.free.add_permits(usize::try_from(wider).expect("at most 256 MiB"));
        }
        Share { memory: self.clone(), connections }
    }

    /// A piece, now or when there is room.
    pub(crate) fn piece(&self) -> Taking {
        self.whole(PIECE)
    }

    /// A buffer of `len` bytes, 8 MiB at most, now or when there is room.
    pub(crate) fn whole(&self, len: usize) -> Taking {
        debug_assert!(len as u64 <= Self::LEAST, "what is read whole fits every budget");
        let permits = u32::try_from(len).expect("a buffer is at most 8 MiB");
        if let Ok(permit) = self.0.free.clone().try_acquire_many_owned(permits) {
            return Taking::Ready(Some(self.buffer(len, permit)));
        }
        let memory = self.clone();
        Taking::Waiting(Box::pin(async move {
            let permit = memory.0.free.clone().acquire_many_owned(permits).await;
            memory.buffer(len, permit.expect("the budget is never closed"))
        }))
    }

    fn buffer(&self, len: usize, permit: OwnedSemaphorePermit) -> Buffer {
        let mut shelf = self.shelf();
        let spare = if len == PIECE { shelf.take_spare() } else { None };
        let bytes = spare.unwrap_or_else(|| {
            shelf.make_room(len as u64);
            vec![0; len].into()
        });
        drop(shelf);
        Buffer { bytes, len, memory: self.clone(), _permit: permit }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::with(USUAL, false)
    }
}

impl Shelf {
    /// The piece that this thread had last, else the one that any had last.
    fn take_spare(&mut self) -> Option<Box<[u8]>> {
        let me = thread::current().id();
        let mine = self.spare.iter().rposition(|(thread, _)| *thread == me);
        match mine {
            Some(index) => Some(self.spare.remove(index).1),
            None => self.spare.pop().map(|(_, piece)| piece),
        }
    }

    /// Counts a new buffer; spare pieces make way for it.
    fn make_room(&mut self, len: u64) {
        while self.allocated + len > self.limit && self.spare.pop().is_some() {
            self.allocated -= PIECE as u64;
        }
        self.allocated += len;
        self.peak = self.peak.max(self.allocated);
    }
}

/// An upload's claim on the default budget; dropped at its end.
#[derive(Debug)]
pub(crate) struct Share {
    memory: Memory,
    connections: u64,
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut shelf = self.memory.shelf();
        shelf.connections -= self.connections;
        let kept = usize::try_from(2 * shelf.connections.max(USUAL_CONNECTIONS)).unwrap_or(usize::MAX);
        while shelf.spare.len() > kept {
            shelf.spare.pop();
            shelf.allocated -= PIECE as u64;
        }
    }
}

/// A buffer that is there at once, or as soon as others gave theirs back.
///
/// # Cancel safety
/// Dropped, it takes nothing.
pub(crate) enum Taking {
    Ready(Option<Buffer>),
    Waiting(Pin<Box<dyn Future<Output = Buffer> + Send>>),
}

impl Future for Taking {
    type Output = Buffer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Buffer> {
        match &mut *self {
            Self::Ready(buffer) => Poll::Ready(buffer.take().expect("it is not polled after its end")),
            Self::Waiting(waiting) => waiting.as_mut().poll(cx),
        }
    }
}

impl std::fmt::Debug for Taking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Taking").field(&matches!(self, Self::Ready(_))).finish()
    }
}

/// Bytes of the budget; given back when dropped.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Box<[u8]>,
    len: usize,
    memory: Memory,
    _permit: OwnedSemaphorePermit,
}

impl Buffer {
    /// The first `len` bytes, to be filled; they are what the buffer then shows.
    pub(crate) fn filling(&mut self, len: usize) -> &mut [u8] {
        self.len = len;
        &mut self.bytes[..len]
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        let mut shelf = self.memory.shelf();
        if bytes.len() == PIECE {
            // Spare, it still counts as allocated; its permit goes free after this, when the fields are dropped.
            shelf.spare.push((thread::current().id(), bytes));
        } else {
            shelf.allocated -= bytes.len() as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn who_finds_the_budget_used_up_waits_and_is_served_in_turn() {
        let memory = Memory::new(0);
        assert_eq!(memory.limit(), Memory::LEAST);
        let mut pieces = Vec::new();
        for _ in 0..Memory::LEAST / PIECE as u64 {
            pieces.push(memory.piece().await);
        }
        let taking = memory.whole(2 * PIECE);
        let behind = memory.piece();
        assert!(matches!((&taking, &behind), (Taking::Waiting(_), Taking::Waiting(_))));
        let mut taking = tokio::spawn(taking);
        let behind = tokio::spawn(behind);
        pieces.pop();
        tokio::time::timeout(Duration::from_millis(20), &mut taking).await.unwrap_err();
        pieces.pop();
        let whole = taking.await.unwrap();
        assert!(!behind.is_finished(), "the large one was first");
        drop(whole);
        behind.await.unwrap();
        assert_eq!(memory.peak(), Memory::LEAST);
    }

    #[tokio::test]
    async fn pieces_are_used_again_and_make_way_for_a_large_buffer() {
        let memory = Memory::new(Memory::LEAST);
        let many: Vec<_> = (0..32).map(|_| memory.piece()).collect();
        for piece in many {
            piece.await.filling(3).copy_from_slice(b"abc");
        }
        assert_eq!(memory.shelf().spare.len(), 32);
        let mut again = memory.piece().await;
        again.filling(1);
        assert_eq!(again.as_ref(), b"a", "not made anew");
        drop(again);
        let whole = memory.whole(usize::try_from(Memory::LEAST).unwrap()).await;
        let spare_and_allocated = |shelf: &Shelf| (shelf.spare.len(), shelf.allocated);
        assert_eq!(spare_and_allocated(&memory.shelf()), (0, Memory::LEAST));
        drop(whole);
        assert_eq!(spare_and_allocated(&memory.shelf()), (0, 0));
        assert_eq!(memory.peak(), Memory::LEAST);
    }

    #[test]
    fn a_thread_is_given_the_piece_it_had_last() {
        let memory = Memory::default();
        let mut elsewhere = Vec::new();
        for mark in [1, 2] {
            let Taking::Ready(Some(mut piece)) = memory.piece() else { panic!("there is room") };
            piece.filling(1)[0] = mark;
            elsewhere.push(piece);
        }
        let theirs = elsewhere.pop();
        drop(elsewhere);
        std::thread::spawn(move || drop(theirs)).join().unwrap();
        let marks = [memory.piece(), memory.piece()].map(|taking| match taking {
            Taking::Ready(Some(mut piece)) => piece.filling(1)[0],
            _ => panic!("there is room"),
        });
        assert_eq!(marks, [1, 2], "its own, and then whatever there is");
    }

    #[test]
    fn the_default_grows_with_the_connections_asked_for_and_a_given_one_does_not() {
        let memory = Memory::default();
        let small = memory.join(8);
        assert_eq!(memory.limit(), USUAL);
        let large = memory.join(10);
        assert_eq!(memory.limit(), USUAL + 10 * OF_A_CONNECTION);
        drop((small, large));
        let _huge = memory.join(100_000);
        assert_eq!(memory.limit(), WIDEST);
        let given = Memory::new(10 << 20);
        let _share = given.join(1_000);
        assert_eq!((given.limit(), given.room_for()), (10 << 20, Some(20)));
    }

    #[tokio::test]
    async fn a_waiting_one_that_is_dropped_takes_nothing() {
        let memory = Memory::new(Memory::LEAST);
        let all = memory.whole(usize::try_from(Memory::LEAST).unwrap()).await;
        let gone = memory.piece();
        drop(gone);
        let next = memory.piece();
        drop(all);
        drop(next.await);
    }
}
