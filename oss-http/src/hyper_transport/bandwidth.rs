use std::fmt;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Nothing is sent in larger pieces than fit this time, and no more than this is made up for after a pause.
const BURST: Duration = Duration::from_millis(50);
/// So many of them are a second.
const BURSTS: u64 = 20;
/// Larger pieces would save nothing.
const MAX_PIECE: u64 = 64 * 1024;

/// How many bytes a second all connections together may move, both ways; clones are the same limit.
///
/// It meters what goes to and comes from the sockets, TLS and repeated requests included (handshakes excepted), so that
/// the limit holds whatever goes wrong. It may be changed while transfers run; a connection that waits goes on after at
/// most 50 ms for each connection beside it. A wait of our own making is never taken for a stall of the network.
///
/// ```
/// use oss_http::{BandwidthLimit, HyperTransport, TransportOptions};
/// use std::num::NonZeroU64;
///
/// let limit = BandwidthLimit::new(NonZeroU64::new(5 << 20));
/// let transport = HyperTransport::new(TransportOptions { bandwidth: limit.clone(), ..Default::default() })?;
/// // At night:
/// limit.set(None);
/// # Ok::<(), oss_http::TlsError>(())
/// ```
#[derive(Clone)]
pub struct BandwidthLimit(Arc<Shared>);

struct Shared {
    /// Bytes a second, 0 without a limit: all that a connection looks at then.
    rate: AtomicU64,
    base: Instant,
    bucket: Mutex<Bucket>,
}

impl BandwidthLimit {
    /// So many bytes a second; `None` for no limit.
    pub fn new(bytes_per_second: Option<NonZeroU64>) -> Self {
        let limit = Self(Arc::new(Shared { rate: AtomicU64::new(0), base: Instant::now(), bucket: Mutex::default() }));
        limit.set(bytes_per_second);
        limit
    }

    /// Changes the limit of all connections that have it.
    pub fn set(&self, bytes_per_second: Option<NonZeroU64>) {
        let mut bucket = self.0.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.set_rate(self.0.base.elapsed(), bytes_per_second);
        self.0.rate.store(bytes_per_second.map_or(0, NonZeroU64::get), Relaxed);
    }

    /// The limit of now.
    pub fn bytes_per_second(&self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.0.rate.load(Relaxed))
    }

    /// A piece of at most `wanted` bytes, and when it may be moved; `None` without a limit.
    pub(super) fn reserve(&self, wanted: usize) -> Option<(usize, Instant)> {
        self.take(|bucket| wanted.min(bucket.piece()))
    }

    /// Accounts for bytes that have come already; when the next may.
    pub(super) fn charge(&self, bytes: usize) -> Option<Instant> {
        self.take(|_| bytes)?;
        self.take(|_| 0).map(|(_, at)| at)
    }

    fn take(&self, bytes: impl FnOnce(&Bucket) -> usize) -> Option<(usize, Instant)> {
        self.bytes_per_second()?;
        let mut bucket = self.0.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = bytes(&bucket);
        let at = bucket.reserve(self.0.base.elapsed(), bytes as u64);
        Some((bytes, self.0.base + at))
    }
}

impl Default for BandwidthLimit {
    fn default() -> Self {
        Self::new(None)
    }
}

impl fmt::Debug for BandwidthLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BandwidthLimit").field(&self.bytes_per_second()).finish()
    }
}

/// A token bucket, kept as the time at which it will have paid for all that was taken. Takers are served in the order
/// they came in, so that none starves. Time is an argument.
#[derive(Debug, Default)]
struct Bucket {
    rate: Option<NonZeroU64>,
    paid_until: Duration,
}

impl Bucket {
    /// What was taken and is not paid yet is paid at the new rate.
    fn set_rate(&mut self, now: Duration, rate: Option<NonZeroU64>) {
        let debt = self.paid_until.saturating_sub(now);
        let owed = self.rate.map_or(0, |rate| debt.as_nanos() * u128::from(rate.get()) / 1_000_000_000);
        self.rate = rate;
        self.paid_until = now + self.time_for(owed);
    }

    /// When these bytes may go; it may have passed.
    fn reserve(&mut self, now: Duration, bytes: u64) -> Duration {
        let start = self.paid_until.max(now.saturating_sub(BURST));
        self.paid_until = start + self.time_for(bytes.into());
        start
    }

    fn piece(&self) -> usize {
        let bytes = self.rate.map_or(MAX_PIECE, |rate| rate.get() / BURSTS);
        usize::try_from(bytes.clamp(1, MAX_PIECE)).expect("64 KiB fit")
    }

    fn time_for(&self, bytes: u128) -> Duration {
        let nanos = self.rate.map_or(0, |rate| bytes * 1_000_000_000 / u128::from(rate.get()));
        // Far beyond any transfer: it must only not overflow.
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX / 4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(1000);

    fn bucket(rate: u64) -> Bucket {
        let mut bucket = Bucket::default();
        bucket.set_rate(START, NonZeroU64::new(rate));
        bucket
    }

    /// One taker that takes a piece as soon as it may, for `bytes` in all; when the last one went.
    fn drain(bucket: &mut Bucket, mut now: Duration, bytes: u64) -> Duration {
        let mut left = bytes;
        while left > 0 {
            let piece = left.min(bucket.piece() as u64);
            now = now.max(bucket.reserve(now, piece));
            left -= piece;
        }
        now
    }

    #[test]
    fn the_rate_holds_from_bytes_to_gigabytes_a_second() {
        for rate in [1, 19, 1024, 1 << 20, 1 << 30] {
            let took = drain(&mut bucket(rate), START, rate * 20) - START;
            let expected = Duration::from_secs(20);
            let slack = BURST + bucket(rate).time_for(bucket(rate).piece() as u128);
            assert!(took <= expected && took + slack >= expected, "{rate}: {took:?}");
        }
    }

    #[test]
    fn a_pause_is_made_up_for_by_one_burst_at_most() {
        let mut bucket = bucket(1 << 20);
        drain(&mut bucket, START, 1 << 20);
        let later = START + Duration::from_secs(3600);
        let took = drain(&mut bucket, later, 1 << 20) - later;
        assert!(took + BURST * 2 >= Duration::from_secs(1), "{took:?}");
    }

    #[test]
    fn takers_get_their_turns_in_order() {
        let mut bucket = bucket(1000);
        let turns: Vec<_> = (0..10).map(|_| bucket.reserve(START, 50)).collect();
        assert!(turns.windows(2).all(|pair| pair[1] - pair[0] == BURST), "{turns:?}");
    }

    #[test]
    fn what_is_owed_is_paid_at_the_new_rate() {
        let mut bucket = bucket(1);
        bucket.reserve(START, 1_000_000);
        bucket.set_rate(START, NonZeroU64::new(1_000_000));
        let next = bucket.reserve(START, 1);
        assert!(next > START && next <= START + Duration::from_secs(1), "{next:?}");
        bucket.set_rate(START, None);
        assert!(bucket.reserve(START, u64::MAX) <= START);
        bucket.set_rate(START, NonZeroU64::new(1));
        assert!(bucket.reserve(START, 1) <= START, "what went without a limit is not owed");
    }

    #[test]
    fn absurd_amounts_do_not_overflow() {
        let mut bucket = bucket(1);
        for _ in 0..3 {
            bucket.reserve(START, u64::MAX);
        }
    }
}
