use super::wire::Wire;
use crate::clock;
use http::Uri;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// OSS closes connections after 30 s or more without a request; ours go before.
const MAX_IDLE: Duration = Duration::from_secs(25);
/// As many as a transfer may have parts in flight.
const MAX_KEPT: usize = 1_024;

/// Scheme, host and port: what a connection is good for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    https: bool,
    authority: String,
}

impl Origin {
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        let authority = uri.authority()?.as_str().to_ascii_lowercase();
        Some(Self { https: uri.scheme_str() == Some("https"), authority })
    }
}

/// Connections between two exchanges, the latest used last.
#[derive(Default)]
pub(super) struct Idle(Mutex<HashMap<Origin, Vec<Kept>>>);

struct Kept {
    wire: Wire,
    since: Instant,
    /// The wall clock: the other one stands still while the machine sleeps.
    since_wall: u64,
}

impl Idle {
    /// The latest used connection that is still good.
    pub(super) fn take(&self, origin: &Origin) -> Option<Wire> {
        loop {
            let mut kept = self.lock().get_mut(origin)?.pop()?;
            if kept.is_fresh() && kept.wire.is_idle() {
                return Some(kept.wire);
            }
        }
    }

    pub(super) fn put(&self, origin: Origin, wire: Wire) {
        let kept = Kept { wire, since: Instant::now(), since_wall: clock::now() };
        let mut all = self.lock();
        // So that connections to a host that is not asked again do not stay open.
        all.retain(|_, list| {
            list.retain(Kept::is_fresh);
            !list.is_empty()
        });
        let list = all.entry(origin).or_default();
        if list.len() < MAX_KEPT {
            list.push(kept);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Origin, Vec<Kept>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn is_fresh(&self) -> bool {
        self.since.elapsed() < MAX_IDLE && clock::now().abs_diff(self.since_wall) <= MAX_IDLE.as_secs()
    }
}

impl fmt::Debug for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lock().iter().map(|(origin, list)| (origin, list.len()))).finish()
    }
}
