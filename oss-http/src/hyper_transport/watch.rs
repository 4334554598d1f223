use super::activity::Activity;
use super::outgoing::Upload;
use super::wire::Limits;
use crate::{TransportError, Waiting};
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

/// The timeouts of an exchange until its reply's head. One timer that looks again when it fires, instead of one that
/// is set anew at every write. It is the connection's, and goes on from exchange to exchange: to set one costs a lock.
pub(super) struct Watch<'a> {
    limits: Limits,
    /// How often the kernel's queue is looked at: an exchange that is done before costs nothing.
    every: Duration,
    alarm: &'a mut Pin<Box<Sleep>>,
    leaving: Leaving,
}

/// What was seen of the bytes that leave the machine, rather than only our hands.
#[derive(Debug, Clone, Copy)]
struct Leaving {
    /// Bytes of this exchange that the other side has acknowledged.
    left: u64,
    /// When that last grew.
    moved: Instant,
    /// When nothing was waiting to leave any more, for the first time since something was.
    empty_since: Option<Instant>,
}

/// The alarm of a new connection.
pub(super) fn alarm() -> Pin<Box<Sleep>> {
    Box::pin(sleep_until(Instant::now()))
}

impl<'a> Watch<'a> {
    pub(super) fn new(limits: Limits, alarm: &'a mut Pin<Box<Sleep>>) -> Self {
        let now = Instant::now();
        let every = limits.no_progress.min(limits.response) / 4;
        // One that an exchange before left set comes early: it is looked once more.
        if !(now..=now + every).contains(&alarm.deadline()) {
            alarm.as_mut().reset(now + every);
        }
        let leaving = Leaving { left: 0, moved: now, empty_since: None };
        Self { limits, every, alarm, leaving }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>, activity: &Activity, upload: &Upload) -> Poll<TransportError> {
        while poll_alarm(self.alarm, cx).is_ready() {
            let now = Instant::now();
            let unsent = activity.unsent();
            let (held, blocked) = (activity.is_held(), activity.is_blocked());
            let leaving = unsent.is_some_and(|bytes| bytes > 0);
            // Nothing is under way, and that is our own doing.
            if (upload.is_waiting() || held) && !blocked && !leaving {
                activity.touch();
            }
            let (_, written) = activity.counts();
            self.leaving.look(now, written, unsent);
            let (waiting, since, limit) = if !upload.is_drained() || blocked || held || leaving {
                // What comes meanwhile is no progress of the request, and where the queue is known, what the kernel took
                // is none yet.
                let moved = if unsent.is_some() { activity.last_touch() } else { activity.last_write() };
                (Waiting::Send, moved.max(self.leaving.moved), self.limits.no_progress)
            } else {
                (Waiting::Reply, self.leaving.all_left(activity.last_write()), self.limits.response)
            };
            if now >= since + limit {
                return Poll::Ready(TransportError::Timeout { waiting, limit });
            }
            // Not later than the next look: what is waited for may change before.
            let next = (since + limit).min(now + self.every);
            self.alarm.as_mut().reset(next);
        }
        Poll::Pending
    }
}

/// A timer that a flood cannot starve: reading as fast as the other side sends uses up the task's share of work in every
/// turn, and a plain timer then waits for the next turn, in which it is so again.
pub(super) fn poll_alarm(sleep: &mut Pin<Box<Sleep>>, cx: &mut Context<'_>) -> Poll<()> {
    pin!(unconstrained(sleep.as_mut())).poll(cx)
}

impl Leaving {
    /// `written` by us, of which `unsent` have not been acknowledged yet.
    fn look(&mut self, now: Instant, written: u64, unsent: Option<u64>) {
        let Some(unsent) = unsent else { return };
        let left = written.saturating_sub(unsent);
        if left > self.left {
            self.left = left;
            self.moved = now;
        }
        if unsent > 0 {
            self.empty_since = None;
        } else {
            self.empty_since.get_or_insert(now);
        }
    }

    /// When the last byte was seen to have left; where the system does not tell, when the kernel took it.
    fn all_left(&self, last_write: Instant) -> Instant {
        self.empty_since.unwrap_or(last_write).max(last_write)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn start() -> (Instant, Leaving) {
        let now = Instant::now();
        (now, Leaving { left: 0, moved: now, empty_since: None })
    }

    #[test]
    fn a_queue_that_shrinks_is_progress_and_one_that_does_not_is_none() {
        let (start, mut leaving) = start();
        leaving.look(start + SECOND, 1000, Some(1000));
        assert_eq!(leaving.moved, start);
        leaving.look(start + 2 * SECOND, 1000, Some(999));
        assert_eq!(leaving.moved, start + 2 * SECOND);
        // The kernel took more: that is no progress of the network.
        leaving.look(start + 3 * SECOND, 5000, Some(4999));
        assert_eq!(leaving.moved, start + 2 * SECOND);
    }

    #[test]
    fn the_reply_is_awaited_from_when_the_queue_was_empty() {
        let (start, mut leaving) = start();
        leaving.look(start + SECOND, 10, Some(0));
        leaving.look(start + 5 * SECOND, 1000, Some(10));
        leaving.look(start + 9 * SECOND, 1000, Some(0));
        leaving.look(start + 13 * SECOND, 1000, Some(0));
        assert_eq!(leaving.all_left(start + 4 * SECOND), start + 9 * SECOND);
    }

    #[test]
    fn where_the_system_tells_nothing_a_taken_byte_has_left() {
        let (start, mut leaving) = start();
        leaving.look(start + SECOND, 1000, None);
        assert_eq!((leaving.moved, leaving.all_left(start)), (start, start));
    }
}
