//! What the emulator was asked, in the order it came.

use crate::Operation;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::watch;

/// Requests remembered; the oldest are forgotten first.
const LIMIT: usize = 100_000;

/// One request the emulator saw.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LedgerEntry {
    /// 1 for the first request.
    pub sequence: u64,
    /// What was asked.
    pub operation: Operation,
    /// The bucket, unless it was a call of the service.
    pub bucket: Option<String>,
    /// The key, decoded.
    pub key: Option<String>,
    /// `partNumber`, where it is a number.
    pub part_number: Option<u32>,
    /// `uploadId`; of InitiateMultipartUpload the id that was made.
    pub upload_id: Option<String>,
    /// Whose signature it says to have; a false one has its error in `code`.
    pub access_key_id: Option<String>,
    /// Bytes of the body that came, also where it broke off; counted while it comes.
    pub bytes_received: u64,
    /// The reply's status; `None` while it is not given and when the connection was dropped instead.
    pub status: Option<u16>,
    /// The error's code, when it was refused.
    pub code: Option<String>,
    /// The request did its work in the store, whatever was answered.
    pub applied: bool,
    /// The scripted fault it met, by name.
    pub fault: Option<&'static str>,
    /// The emulator is done with it: answered, dropped, or its client is gone, and nothing of it is at work in the store.
    pub finished: bool,
}

#[derive(Debug)]
pub(crate) struct Ledger(Arc<watch::Sender<Pages>>);

#[derive(Debug, Default)]
pub(crate) struct Pages {
    entries: VecDeque<LedgerEntry>,
    written: u64,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Pages::default())))
    }

    pub(crate) fn entries(&self) -> Vec<LedgerEntry> {
        self.0.borrow().entries.iter().cloned().collect()
    }

    pub(crate) async fn wait_for(&self, mut condition: impl FnMut(&[LedgerEntry]) -> bool) {
        let mut changes = self.0.subscribe();
        loop {
            // The borrow is a read lock that must not live across the wait.
            let entries: Vec<LedgerEntry> = changes.borrow_and_update().entries.iter().cloned().collect();
            if condition(&entries) {
                return;
            }
            // Fails only without a sender, and this is one.
            let _ = changes.changed().await;
        }
    }

    pub(crate) fn write(&self, mut entry: LedgerEntry) -> Line {
        let mut sequence = 0;
        self.0.send_modify(|pages| {
            pages.written += 1;
            sequence = pages.written;
            entry.sequence = sequence;
            if pages.entries.len() == LIMIT {
                pages.entries.pop_front();
            }
            pages.entries.push_back(entry);
        });
        Line { pages: Arc::clone(&self.0), sequence }
    }
}

/// One entry while its request is handled; dropped, the entry is finished.
///
/// It outlives the call that wrote it where work in the store goes on without a client: whoever works holds a share.
#[derive(Debug)]
pub(crate) struct Line {
    pages: Arc<watch::Sender<Pages>>,
    sequence: u64,
}

impl Line {
    pub(crate) fn note(&self, change: impl FnOnce(&mut LedgerEntry)) {
        self.pages.send_modify(|pages| {
            let oldest = pages.entries.front().map_or(0, |entry| entry.sequence);
            let index = self.sequence.checked_sub(oldest).and_then(|index| usize::try_from(index).ok());
            if let Some(entry) = index.and_then(|index| pages.entries.get_mut(index)) {
                change(entry);
            }
        });
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.note(|entry| entry.finished = true);
    }
}
