//! A slower way to the server than loopback: bandwidth and latency, by pacing what is read and delaying what is answered.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

/// A timer that fires late may be caught up with for so long, so that the rate is the one asked for.
const CATCH_UP: Duration = Duration::from_millis(20);

/// What the way to the server over sockets is like; by default as fast as loopback is.
///
/// Bytes that the kernels of both sides buffer leave the client at once, as on a real link with large buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Link {
    /// Bytes a second that each connection carries, each way.
    pub connection_bandwidth: Option<u64>,
    /// Bytes a second that all connections carry together, each way.
    pub bandwidth: Option<u64>,
    /// How long after a request's last byte its answer begins; a new connection waits as long before it is heard.
    pub round_trip: Duration,
}

/// The link that all connections of one server share.
#[derive(Debug, Clone)]
pub(crate) struct Shaping {
    link: Link,
    reads: Arc<Mutex<Pace>>,
    writes: Arc<Mutex<Pace>>,
}

impl Shaping {
    pub(crate) fn new(link: Link) -> Self {
        Self { link, reads: Arc::default(), writes: Arc::default() }
    }

    /// `stream` behind this link.
    pub(crate) fn connect(&self, stream: TcpStream) -> Shaped {
        let heard = Instant::now() + self.link.round_trip;
        Shaped {
            stream,
            link: self.link,
            reading: Way { own: Pace { free_at: Some(heard) }, all: self.reads.clone(), sleep: None },
            writing: Way { own: Pace::default(), all: self.writes.clone(), sleep: None },
        }
    }
}

/// When the next byte may pass.
#[derive(Debug, Default, Clone, Copy)]
struct Pace {
    free_at: Option<Instant>,
}

impl Pace {
    /// `bytes` have passed now; tells when the next may.
    fn pass(&mut self, bytes: usize, bandwidth: Option<u64>, now: Instant) -> Instant {
        let Some(bandwidth) = bandwidth else { return now };
        let from = self.free_at.map_or(now, |free| free.max(now.checked_sub(CATCH_UP).unwrap_or(now)));
        let nanos = u128::from(bytes as u64) * 1_000_000_000 / u128::from(bandwidth.max(1));
        let until = from + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.free_at = Some(until);
        until
    }
}

/// One direction of a connection.
#[derive(Debug)]
struct Way {
    own: Pace,
    all: Arc<Mutex<Pace>>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Way {
    fn poll_free(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(free_at) = self.own.free_at.filter(|at| *at > Instant::now()) else { return Poll::Ready(()) };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(free_at)));
        if sleep.deadline() != free_at {
            sleep.as_mut().reset(free_at);
        }
        sleep.as_mut().poll(cx)
    }

    fn passed(&mut self, bytes: usize, link: Link) {
        let now = Instant::now();
        self.own.pass(bytes, link.connection_bandwidth, now);
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner).pass(bytes, link.bandwidth, now);
        self.not_before(all);
    }

    fn not_before(&mut self, at: Instant) {
        self.own.free_at = Some(self.own.free_at.map_or(at, |free| free.max(at)));
    }
}

/// A socket whose reads and writes are paced.
#[derive(Debug)]
pub(crate) struct Shaped {
    stream: TcpStream,
    link: Link,
    reading: Way,
    writing: Way,
}

impl AsyncRead for Shaped {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.reading.poll_free(cx));
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        let bytes = buf.filled().len() - before;
        this.reading.passed(bytes, this.link);
        // The last of these bytes has come only when their time on the link is over.
        let come = this.reading.own.free_at.map_or_else(Instant::now, |free| free.max(Instant::now()));
        this.writing.not_before(come + this.link.round_trip);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Shaped {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        ready!(this.writing.poll_free(cx));
        let bytes = ready!(Pin::new(&mut this.stream).poll_write(cx, buf))?;
        this.writing.passed(bytes, this.link);
        Poll::Ready(Ok(bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_kept_and_a_late_timer_caught_up_with_but_a_pause_is_not() {
        let start = Instant::now();
        let mut pace = Pace::default();
        let first = pace.pass(1_000_000, Some(10_000_000), start);
        assert_eq!(first, start + Duration::from_millis(100));
        let late = first + Duration::from_millis(5);
        assert_eq!(pace.pass(1_000_000, Some(10_000_000), late), start + Duration::from_millis(200));
        let pause = start + Duration::from_secs(9);
        assert_eq!(pace.pass(1_000_000, Some(10_000_000), pause), pause - CATCH_UP + Duration::from_millis(100));
        assert_eq!(Pace::default().pass(7, None, start), start);
    }
}
