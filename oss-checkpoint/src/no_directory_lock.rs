//! Where the system has no locks on ranges that belong to an open file, there are no ranges.

use crate::lock::{Holder, Lock, LockError};
use std::path::Path;

pub(crate) fn look(_: &Path, _: &str, _: &Holder, _: bool) -> Result<(), LockError> {
    Ok(())
}

/// What the small uploads from one directory share, where the system has what it takes; here, nothing.
#[derive(Debug, Clone, Default)]
pub struct DirectoryLock(());

impl DirectoryLock {
    #[expect(clippy::unused_self, reason = "as on the systems that have ranges")]
    pub(crate) fn take(&self, _: &Path, _: &str) -> Option<Lock> {
        None
    }
}
