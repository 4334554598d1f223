//! Saves, one after the other, off the runtime's threads; holds the lock as long as one is under way.

use crate::calls::Ended;
use crate::machine::{ActionId, Reply};
use oss_checkpoint::{Checkpoint, Lock, OsDir, Store};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::{JoinError, JoinSet};

/// Writes checkpoints one at a time; the store refuses an older generation, so a late save never undoes a newer one.
#[derive(Debug)]
pub(crate) struct Saver {
    disk: Arc<Mutex<Disk>>,
    saves: JoinSet<(ActionId, Ended)>,
    /// The lock is let go by what is under way.
    released: bool,
    /// No checkpoint is there, and the directory is fast: the end needs no other thread.
    at_once: bool,
}

#[derive(Debug)]
struct Disk {
    store: Store<OsDir>,
    /// Unlinked and released when the last save has ended.
    lock: Option<Lock>,
}

impl Saver {
    /// `at_once`: as [`Prepared`](crate::prepare::Prepared) has it.
    pub(crate) fn new(store: Store<OsDir>, lock: Option<Lock>, at_once: bool) -> Self {
        Self { disk: Arc::new(Mutex::new(Disk { store, lock })), saves: JoinSet::new(), released: false, at_once }
    }

    pub(crate) fn save(&mut self, id: ActionId, checkpoint: Box<Checkpoint>) {
        self.at_once = false;
        self.with_disk(id, move |disk| match disk.store.save(&checkpoint) {
            Ok(()) => Reply::Saved,
            Err(error) => Reply::NotSaved(chain(&error)),
        });
    }

    /// Removes the checkpoint and lets the lock go; no save comes after it. How it ended, if it has ended already.
    pub(crate) fn discard(&mut self, id: ActionId) -> Option<Ended> {
        self.released = true;
        if self.at_once {
            let mut disk = self.disk.lock().unwrap_or_else(PoisonError::into_inner);
            return Some(Ok(disk.let_go(Store::discard_left_overs)));
        }
        self.with_disk(id, |disk| disk.let_go(Store::discard));
        None
    }

    /// The next save that ended; `None` when none is under way.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn join_next(&mut self) -> Option<Result<(ActionId, Ended), JoinError>> {
        self.saves.join_next().await
    }

    /// Waits for the last save and releases the lock.
    pub(crate) async fn close(mut self) {
        while self.saves.join_next().await.is_some() {}
        if self.released {
            return;
        }
        self.with_disk(ActionId(0), |disk| {
            disk.lock = None;
            Reply::Discarded
        });
        while self.saves.join_next().await.is_some() {}
    }

    fn with_disk(&mut self, id: ActionId, work: impl FnOnce(&mut Disk) -> Reply + Send + 'static) {
        let disk = self.disk.clone();
        self.saves.spawn_blocking(move || (id, Ok(work(&mut disk.lock().unwrap_or_else(PoisonError::into_inner)))));
    }
}

impl Disk {
    fn let_go(&mut self, discard: impl FnOnce(&Store) -> io::Result<()>) -> Reply {
        let discarded = discard(&self.store);
        self.lock = None;
        match discarded {
            Ok(()) => Reply::Discarded,
            Err(error) => Reply::NotSaved(error.to_string()),
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
