use super::bandwidth::BandwidthLimit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::time::{Instant, Sleep, sleep_until};

/// One direction of one connection under a [`BandwidthLimit`].
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// Bytes that may be moved and have not been.
    granted: usize,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Meter {
    /// How many of `wanted` bytes (at least one) may be moved now; all of them without a limit.
    pub(super) fn poll_grant(&mut self, cx: &mut Context<'_>, limit: &BandwidthLimit, wanted: usize) -> Poll<usize> {
        ready!(self.poll_pause(cx));
        if self.granted == 0 {
            let Some((granted, at)) = limit.reserve(wanted) else { return Poll::Ready(wanted) };
            self.granted = granted;
            self.pause_until(at);
            ready!(self.poll_pause(cx));
        }
        Poll::Ready(self.granted.min(wanted))
    }

    /// So many of the granted bytes were moved.
    pub(super) fn used(&mut self, bytes: usize) {
        self.granted = self.granted.saturating_sub(bytes);
    }

    /// So many bytes were moved without a grant: the pause comes after.
    pub(super) fn charge(&mut self, limit: &BandwidthLimit, bytes: usize) {
        if bytes > 0
            && let Some(at) = limit.charge(bytes)
        {
            self.pause_until(at);
        }
    }

    /// Ready when nothing more has to be waited for.
    pub(super) fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        Poll::Ready(())
    }

    fn pause_until(&mut self, at: Instant) {
        if at > Instant::now() {
            self.pause = Some(Box::pin(sleep_until(at)));
        }
    }
}
