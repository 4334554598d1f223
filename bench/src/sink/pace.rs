//! A far server: what each connection and all together carry, and how long a round trip takes. By sleeping in the thread
//! of each connection.

use clap::Args;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A timer that fires late may be caught up with for so long.
const CATCH_UP: Duration = Duration::from_millis(20);

/// What the way to the sink is like; by default as fast as loopback is.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Far {
    /// Bytes a second of each connection
    #[arg(long)]
    pub(crate) connection_bandwidth: Option<u64>,
    /// Bytes a second of all connections
    #[arg(long)]
    pub(crate) bandwidth: Option<u64>,
    /// Milliseconds of a round trip
    #[arg(long, default_value_t = 0)]
    pub(crate) latency: u64,
}

impl Far {
    /// Anything is slower than loopback.
    pub(super) fn is_far(self) -> bool {
        self.connection_bandwidth.is_some() || self.bandwidth.is_some()
    }

    pub(super) fn round_trip(self) {
        if self.latency > 0 {
            sleep(Duration::from_millis(self.latency));
        }
    }
}

/// When the next byte may pass.
#[derive(Debug, Default)]
pub(super) struct Pace(Option<Instant>);

impl Pace {
    fn pass(&mut self, bytes: usize, bandwidth: Option<u64>, now: Instant) -> Instant {
        let Some(bandwidth) = bandwidth else { return now };
        let from = self.0.map_or(now, |free| free.max(now.checked_sub(CATCH_UP).unwrap_or(now)));
        let nanos = u128::from(bytes as u64) * 1_000_000_000 / u128::from(bandwidth.max(1));
        let until = from + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.0 = Some(until);
        until
    }
}

/// One connection's way.
#[derive(Debug)]
pub(super) struct Way {
    far: Far,
    own: Pace,
    all: Arc<Mutex<Pace>>,
}

impl Way {
    pub(super) fn new(far: Far, all: Arc<Mutex<Pace>>) -> Self {
        Self { far, own: Pace::default(), all }
    }

    /// The most that should be read at once, so that the rate is even.
    pub(super) fn gulp(&self, most: usize) -> usize {
        if self.far.is_far() { most.min(64 * 1024) } else { most }
    }

    /// Returns when so many bytes have had their time.
    pub(super) fn pass(&mut self, bytes: usize) {
        if !self.far.is_far() {
            return;
        }
        let now = Instant::now();
        let own = self.own.pass(bytes, self.far.connection_bandwidth, now);
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner).pass(bytes, self.far.bandwidth, now);
        sleep(own.max(all).saturating_duration_since(Instant::now()));
    }
}
