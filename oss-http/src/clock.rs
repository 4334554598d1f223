//! The wall clock: the only place of this crate that reads it.

use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// 2010, when there was no OSS yet, to 2110. A server (or a proxy before it) that shows another time has no clock: its
/// time is not learnt, whatever ours is. Ours may be anything, as on a machine whose battery is empty.
const PLAUSIBLE: Range<u64> = 1_262_304_000..4_417_977_600;

/// The local clock, Unix seconds (0 before 1970).
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Unix seconds of an HTTP date header, when a server's clock can show them.
pub(crate) fn from_http_date(text: &str) -> Option<u64> {
    let time = httpdate::parse_http_date(text).ok()?;
    let seconds = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
    PLAUSIBLE.contains(&seconds).then_some(seconds)
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
        let Some(server) = server.filter(|time| PLAUSIBLE.contains(time)) else { return };
        let Ok(distance) = i64::try_from(server.abs_diff(local)) else { return };
        self.0.store(if server >= local { distance } else { -distance }, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{ClockOffset, from_http_date};

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
        for impossible in [None, Some(0), Some(1_000_000_000), Some(5_000_000_000), Some(u64::MAX)] {
            assert_eq!(learnt(0, impossible), 0, "{impossible:?}");
        }
    }

    #[test]
    fn a_machine_whose_clock_starts_at_1970_is_corrected() {
        let offset = ClockOffset::default();
        offset.learn(0, Some(NOW), 30);
        assert_eq!(offset.seconds(), NOW.cast_signed() - 30);
    }

    #[test]
    fn a_date_of_1970_is_no_clock() {
        assert_eq!(from_http_date("Thu, 01 Jan 1970 00:01:40 GMT"), None);
        assert_eq!(from_http_date("Fri, 15 Jan 2027 08:00:00 GMT"), Some(NOW));
        assert_eq!(from_http_date("yesterday"), None);
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
