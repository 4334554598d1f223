//! When a failed call is tried again: class of fault, budget since the last progress, full-jitter delay, window.

use super::{Fault, Now};
use std::time::Duration;

const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(20);
/// Wrong bytes, wrong keys, wrong clock: each is tried this often in a row, then it is not a passing fault.
const MAX_UNCOUNTED: u32 = 3;
const MAX_CORRUPTED: u32 = 5;

/// What a fault means for the call that met it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Once more, not before.
    Again { delay: Duration },
    /// The budget is spent.
    Spent,
    /// It would fail for ever.
    Final,
}

/// Time spent without progress, and how many calls may be in flight.
///
/// The clock of the budget stands still while a reply is awaited: a slow server is not a failing one.
#[derive(Debug)]
pub(super) struct Retry {
    budget: Duration,
    spent: Duration,
    seen: Now,
    uncounted: u32,
    rng: fastrand::Rng,
    window: usize,
    parallel: usize,
    successes: usize,
    pub(super) total: u32,
}

impl Retry {
    pub(super) fn new(budget: Duration, parallel: usize, seed: u64) -> Self {
        Self {
            budget,
            spent: Duration::ZERO,
            seen: Now::ZERO,
            uncounted: 0,
            rng: fastrand::Rng::with_seed(seed),
            window: parallel,
            parallel,
            successes: 0,
            total: 0,
        }
    }

    /// To be told the time before anything else.
    pub(super) fn tick(&mut self, now: Now, awaiting_reply: bool) {
        if !awaiting_reply {
            self.spent += now.saturating_sub(self.seen);
        }
        self.seen = self.seen.max(now);
    }

    /// A call succeeded: the budget is whole again, the window grows by one a round.
    pub(super) fn progress(&mut self) {
        self.spent = Duration::ZERO;
        self.uncounted = 0;
        self.successes += 1;
        if self.window < self.parallel && self.successes >= self.window {
            self.window += 1;
            self.successes = 0;
        }
    }

    /// Calls that may be in flight now.
    pub(super) fn window(&self) -> usize {
        self.window
    }

    /// Decides; `attempt` counts the failures of this call, this one included.
    pub(super) fn verdict(&mut self, fault: &Fault, attempt: u32) -> Verdict {
        let floor = match fault {
            Fault::Transient | Fault::OutcomeUnknown => Duration::ZERO,
            Fault::Throttled { retry_after } => {
                self.window = (self.window / 2).max(1);
                self.successes = 0;
                retry_after.unwrap_or_default()
            }
            Fault::Corrupted if attempt < MAX_CORRUPTED => Duration::ZERO,
            Fault::CredentialsExpired | Fault::ClockSkew if self.uncounted < MAX_UNCOUNTED => {
                self.uncounted += 1;
                return Verdict::Again { delay: Duration::ZERO };
            }
            _ => return Verdict::Final,
        };
        if self.spent >= self.budget {
            return Verdict::Spent;
        }
        self.total += 1;
        Verdict::Again { delay: floor.max(self.jitter(attempt)) }
    }

    fn jitter(&mut self, attempt: u32) -> Duration {
        let ceiling = FIRST_DELAY.saturating_mul(1 << attempt.clamp(1, 10)).min(LONGEST_DELAY) / 2;
        ceiling.mul_f64(self.rng.f64()).max(Duration::from_millis(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry() -> Retry {
        Retry::new(Duration::from_secs(300), 4, 7)
    }

    #[test]
    fn the_budget_counts_only_time_without_a_call_in_flight() {
        let mut retry = retry();
        retry.tick(Duration::from_secs(1_000), true);
        assert!(matches!(retry.verdict(&Fault::Transient, 1), Verdict::Again { .. }));
        retry.tick(Duration::from_secs(1_299), false);
        assert!(matches!(retry.verdict(&Fault::Transient, 2), Verdict::Again { .. }));
        retry.tick(Duration::from_secs(1_300), false);
        assert_eq!(retry.verdict(&Fault::Transient, 3), Verdict::Spent);
        retry.progress();
        assert!(matches!(retry.verdict(&Fault::Transient, 1), Verdict::Again { .. }));
    }

    #[test]
    fn delays_grow_are_jittered_and_stay_under_twenty_seconds() {
        let mut retry = retry();
        let mut longest = Duration::ZERO;
        for attempt in 1..60 {
            let Verdict::Again { delay } = retry.verdict(&Fault::OutcomeUnknown, attempt) else { panic!("gave up") };
            assert!(delay <= LONGEST_DELAY);
            longest = longest.max(delay);
        }
        assert!(longest > Duration::from_secs(5));
    }

    #[test]
    fn throttling_halves_the_window_and_success_grows_it_back() {
        let mut retry = retry();
        let pause = Duration::from_secs(30);
        let verdict = retry.verdict(&Fault::Throttled { retry_after: Some(pause) }, 1);
        assert!(matches!(verdict, Verdict::Again { delay } if delay >= pause));
        assert_eq!(retry.window(), 2);
        (0..5).for_each(|_| retry.progress());
        assert_eq!(retry.window(), 4);
    }

    #[test]
    fn expired_credentials_and_a_wrong_clock_cost_no_retry_but_end() {
        let mut retry = retry();
        for _ in 0..MAX_UNCOUNTED {
            assert_eq!(retry.verdict(&Fault::CredentialsExpired, 1), Verdict::Again { delay: Duration::ZERO });
        }
        assert_eq!(retry.verdict(&Fault::ClockSkew, 1), Verdict::Final);
        assert_eq!(retry.total, 0);
    }

    #[test]
    fn wrong_bytes_are_sent_again_a_few_times_only() {
        let mut retry = retry();
        assert!(matches!(retry.verdict(&Fault::Corrupted, 1), Verdict::Again { .. }));
        assert_eq!(retry.verdict(&Fault::Corrupted, MAX_CORRUPTED), Verdict::Final);
        assert_eq!(retry.verdict(&Fault::Rejected, 1), Verdict::Final);
    }
}
