use super::wire::Wire;
use crate::clock;
use http::Uri;
use http::uri::Authority;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// OSS closes connections after 30 s or more without a request; ours go before.
const MAX_IDLE: Duration = Duration::from_secs(25);
const SWEPT_EVERY: Duration = Duration::from_secs(1);
/// As many as a transfer may have parts in flight.
const MAX_KEPT: usize = 1_024;

/// Scheme, host and port: what a connection is good for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    https: bool,
    /// Compares without regard to case.
    authority: Authority,
}

impl Origin {
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        let authority = uri.authority()?.clone();
        Some(Self { https: uri.scheme_str() == Some("https"), authority })
    }
}

/// Connections between two exchanges, the latest used last.
#[derive(Default)]
pub(super) struct Idle(Mutex<Lists>);

#[derive(Default)]
struct Lists {
    by_origin: HashMap<Origin, Vec<Kept>>,
    /// When all lists were looked through for what is too old.
    swept: Option<Instant>,
}

struct Kept {
    wire: Box<Wire>,
    age: Age,
}

/// How long a connection has been idle, by two clocks.
#[derive(Debug, Clone, Copy)]
struct Age {
    since: Instant,
    /// The wall clock: the other one stands still while the machine sleeps.
    since_wall: u64,
}

impl Idle {
    /// The latest used connection that is still good.
    pub(super) fn take(&self, origin: &Origin) -> Option<Box<Wire>> {
        loop {
            let mut kept = self.lock().by_origin.get_mut(origin)?.pop()?;
            if kept.age.is_fresh(Instant::now(), clock::now()) && kept.wire.is_idle() {
                return Some(kept.wire);
            }
        }
    }

    pub(super) fn put(&self, origin: Origin, wire: Box<Wire>) {
        let (now, wall) = (Instant::now(), clock::now());
        let kept = Kept { wire, age: Age { since: now, since_wall: wall } };
        let mut lists = self.lock();
        lists.sweep(now, wall);
        let list = lists.by_origin.entry(origin).or_default();
        if list.len() < MAX_KEPT {
            list.push(kept);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lists> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lists {
    /// Now and then, so that connections to a host that is not asked again do not stay open.
    fn sweep(&mut self, now: Instant, wall: u64) {
        if self.swept.is_some_and(|swept| now < swept + SWEPT_EVERY) {
            return;
        }
        self.swept = Some(now);
        self.by_origin.retain(|_, list| {
            list.retain(|kept| kept.age.is_fresh(now, wall));
            !list.is_empty()
        });
    }
}

impl Age {
    /// A clock that jumped, either way, says nothing about how long the other side has waited: then it is not.
    fn is_fresh(self, now: Instant, wall: u64) -> bool {
        now.saturating_duration_since(self.since) < MAX_IDLE && wall.abs_diff(self.since_wall) <= MAX_IDLE.as_secs()
    }
}

impl fmt::Debug for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lock().by_origin.iter().map(|(origin, list)| (origin, list.len()))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: u64 = 1_800_000_000;

    fn fresh(later: u64, wall_later: i64) -> bool {
        let since = Instant::now();
        let age = Age { since, since_wall: WALL };
        age.is_fresh(since + Duration::from_secs(later), WALL.saturating_add_signed(wall_later))
    }

    #[test]
    fn a_connection_is_used_again_within_25_seconds_by_both_clocks() {
        assert!(fresh(0, 0) && fresh(24, 24));
        assert!(!fresh(25, 25));
    }

    /// The steady clock stood still while the laptop was shut; the server has closed the connection long since.
    #[test]
    fn a_connection_from_before_the_machine_slept_is_not() {
        assert!(!fresh(0, 3_600));
        assert!(!fresh(1, 26));
        assert!(!fresh(0, -3_600), "a clock that was set back");
    }
}
