//! Every object that was published, looked at as soon as the ledger tells of it.

use crate::server::{BUCKET, KEY};
use crate::source::crc64;
use oss_emulator::{Emulator, LedgerEntry, Operation};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::task::JoinHandle;

/// What the object was once a publishing request had been applied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Publication {
    pub(crate) at: Instant,
    pub(crate) size: u64,
    /// Of the stored bytes, not what the server says of them.
    pub(crate) crc64: u64,
}

#[derive(Debug)]
pub(crate) struct Publications {
    seen: Arc<Mutex<Seen>>,
    emulator: Emulator,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Seen {
    /// ETag and time of the last one.
    modified: Option<(String, u64)>,
    all: Vec<Publication>,
}

impl Publications {
    pub(crate) fn watch(emulator: &Emulator) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let (watched, told) = (emulator.clone(), seen.clone());
        let task = tokio::spawn(async move {
            let mut ended = 0;
            loop {
                watched.wait_for(|entries| publishing(entries) != ended).await;
                ended = publishing(&watched.ledger());
                look(&watched, &told);
            }
        });
        Self { seen, emulator: emulator.clone(), task }
    }

    /// All so far, in order.
    pub(crate) fn all(&self) -> Vec<Publication> {
        look(&self.emulator, &self.seen);
        lock(&self.seen).all.clone()
    }
}

impl Drop for Publications {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn look(emulator: &Emulator, seen: &Mutex<Seen>) {
    let mut seen = lock(seen);
    let Some(bytes) = emulator.object_bytes(BUCKET, KEY) else { return };
    let (size, crc64) = (bytes.len() as u64, crc64(&bytes));
    let modified = emulator.object(BUCKET, KEY).map(|object| (object.etag, object.last_modified));
    if seen.modified != modified || seen.all.last().is_none_or(|last| (last.size, last.crc64) != (size, crc64)) {
        seen.modified = modified;
        seen.all.push(Publication { at: Instant::now(), size, crc64 });
    }
}

/// Publishing requests that were applied, or that ended otherwise: one whose client is gone may be applied unseen.
fn publishing(entries: &[LedgerEntry]) -> usize {
    let publishes = |e: &&LedgerEntry| {
        matches!(e.operation, Operation::PutObject | Operation::CompleteMultipartUpload) && (e.applied || e.finished)
    };
    entries.iter().filter(publishes).count()
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
