//! The wall clock: the only place of this crate that reads it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// No correction beyond ten years: a server that far away is not a clock, it is a fault.
const MAX_OFFSET: u64 = 10 * 366 * 86_400;

/// The local clock, Unix seconds (0 before 1970).
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Unix seconds of an HTTP date header.
pub(crate) fn from_http_date(text: &str) -> Option<u64> {
    let time = httpdate::parse_http_date(text).ok()?;
    time.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}

/// How far the server's clock is ahead of ours, learnt from a refusal and used for every later signature.
#[derive(Debug, Default)]
pub(crate) struct ClockOffset(AtomicI64);

impl ClockOffset {
    /// Seconds to add to the local clock.
    pub(crate) fn seconds(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Learns from `RequestTimeTooSkewed`: the attempt was signed with `used`, the server says it is `server`.
    ///
    /// An offset is replaced, never added to. When a corrected attempt is refused as well, the correction was wrong
    /// (or the local clock has been set meanwhile) and is dropped.
    pub(crate) fn learn(&self, used: i64, server: Option<u64>, local: u64) {
        if used != 0 {
            // Another attempt may have replaced it since: then this refusal says nothing about the new one.
            let _ = self.0.compare_exchange(used, 0, Ordering::Relaxed, Ordering::Relaxed);
            return;
        }
        let Some(server) = server.filter(|&time| time > 0 && time.abs_diff(local) <= MAX_OFFSET) else { return };
        let distance = i64::try_from(server.abs_diff(local)).expect("ten years of seconds fit");
        self.0.store(if server >= local { distance } else { -distance }, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::ClockOffset;

    const NOW: u64 = 1_800_000_000;

    fn learnt(used: i64, server: Option<u64>) -> i64 {
        let offset = ClockOffset::default();
        offset.0.store(used, std::sync::atomic::Ordering::Relaxed);
        offset.learn(used, server, NOW);
        offset.seconds()
    }

    #[test]
    fn an_offset_goes_both_ways_and_is_bounded() {
        assert_eq!(learnt(0, Some(NOW + 3_600)), 3_600);
        assert_eq!(learnt(0, Some(NOW - 3_600)), -3_600);
        assert_eq!(learnt(0, Some(NOW + 20 * 366 * 86_400)), 0);
        assert_eq!(learnt(0, Some(0)), 0);
        assert_eq!(learnt(0, None), 0);
    }

    #[test]
    fn a_refused_correction_is_dropped_but_not_a_newer_one() {
        assert_eq!(learnt(3_600, Some(NOW + 7_200)), 0);
        let offset = ClockOffset::default();
        offset.learn(0, Some(NOW + 50), NOW);
        offset.learn(3_600, Some(NOW + 9), NOW);
        assert_eq!(offset.seconds(), 50);
    }
}
