//! The server's clock, which a test may set wrong, and the time of HTTP headers.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[derive(Debug)]
pub(crate) struct Clock {
    offset_seconds: AtomicI64,
}

impl Clock {
    pub(crate) fn new(offset_seconds: i64) -> Self {
        Self { offset_seconds: AtomicI64::new(offset_seconds) }
    }

    pub(crate) fn shift(&self, offset_seconds: i64) {
        self.offset_seconds.store(offset_seconds, Ordering::SeqCst);
    }

    /// Unix milliseconds.
    pub(crate) fn millis(&self) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        millis.saturating_add_signed(self.offset_seconds.load(Ordering::SeqCst).saturating_mul(1000))
    }

    /// Unix seconds.
    pub(crate) fn seconds(&self) -> u64 {
        self.millis() / 1000
    }
}

/// `Thu, 23 Feb 2012 07:01:34 GMT`
pub(crate) fn http_date(seconds: u64) -> String {
    // httpdate panics beyond the year 9999.
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds.min(253_402_300_799)))
}

/// Unix seconds of an HTTP date, `None` when it is none.
pub(crate) fn parse_http_date(text: &str) -> Option<u64> {
    let time = httpdate::parse_http_date(text).ok()?;
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_dates_are_written_and_read() {
        assert_eq!(http_date(1_329_980_494), "Thu, 23 Feb 2012 07:01:34 GMT");
        assert_eq!(parse_http_date("Thu, 23 Feb 2012 07:01:34 GMT"), Some(1_329_980_494));
    }
}
