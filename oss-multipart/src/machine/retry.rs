//! When a failed call is tried again: class of fault, budget since the last progress, full-jitter delay.

use super::window::{Parallel, Window};
use super::{ActionId, Fault, Now};
use std::collections::BTreeMap;
use std::time::Duration;

const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(20);
/// A failed call costs the budget no more than this of the time it was under way: about as long as a connection that is
/// dead from the start can hold one up. A part that moved for hours before it broke is not a day without progress.
const MAX_CHARGE: Duration = Duration::from_secs(60);
/// Expired keys are fetched anew once for a call.
const MAX_REFRESHED: u32 = 1;
/// A wrong clock is corrected, the correction dropped where it made things worse, and learnt once more.
const MAX_CORRECTED: u32 = 3;
/// Wrong bytes are sent again this often, then it is not a passing fault.
const MAX_CORRUPTED: u32 = 5;

/// How one call has fared so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tries {
    /// Failures that cost the budget something.
    pub(super) counted: u32,
    refreshed: u32,
    corrected: u32,
}

impl Tries {
    /// All failures, for words: the first is 1.
    pub(super) fn made(self) -> u32 {
        self.counted + self.refreshed + self.corrected
    }
}

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
/// The clock of the budget stands still while a reply is awaited: a slow server is not a failing one. When none came, the
/// wait counts after all, once for all calls that waited side by side: a network that swallows everything uses it up.
#[derive(Debug)]
pub(super) struct Retry {
    budget: Duration,
    spent: Duration,
    seen: Now,
    /// What came before is accounted for.
    charged: Now,
    begun: BTreeMap<ActionId, Now>,
    /// The call that was begun last.
    latest: Option<ActionId>,
    /// Calls up to this one were in flight when the window was halved last.
    halved: Option<ActionId>,
    /// Counted failures since a call last succeeded.
    in_a_row: u32,
    /// No part is sent before.
    hold: Now,
    rng: fastrand::Rng,
    /// Told of every success and of throttling.
    pub(super) window: Window,
    pub(super) total: u32,
}

impl Retry {
    pub(super) fn new(budget: Duration, parallel: Parallel, seed: u64) -> Self {
        Self {
            budget,
            spent: Duration::ZERO,
            seen: Now::ZERO,
            charged: Now::ZERO,
            begun: BTreeMap::new(),
            latest: None,
            halved: None,
            in_a_row: 0,
            hold: Now::ZERO,
            rng: fastrand::Rng::with_seed(seed),
            window: Window::new(parallel),
            total: 0,
        }
    }

    /// To be told the time before anything else.
    pub(super) fn tick(&mut self, now: Now, awaiting_reply: bool) {
        let now = now.max(self.seen);
        if !awaiting_reply {
            self.charge(self.seen, now);
        }
        self.seen = now;
    }

    /// A call begins, at the time last told.
    pub(super) fn begin(&mut self, id: ActionId) {
        self.begun.insert(id, self.seen);
        self.latest = Some(id);
    }

    /// It ended in a reply, or nobody waits for it any more.
    pub(super) fn end(&mut self, id: ActionId) {
        self.begun.remove(&id);
    }

    /// It ended in a fault, at the time last told.
    pub(super) fn end_in(&mut self, id: ActionId, fault: &Fault) {
        let Some(begun) = self.begun.remove(&id) else { return };
        if !matches!(fault, Fault::CredentialsExpired | Fault::ClockSkew) {
            self.charge(begun.max(self.seen.saturating_sub(MAX_CHARGE)), self.seen);
        }
        // All that were in flight together are asked together to slow down: that is one reason to halve, not eight.
        if matches!(fault, Fault::Throttled { .. }) && self.halved < Some(id) {
            self.window.throttled(self.seen);
            self.halved = self.latest;
        }
    }

    fn charge(&mut self, from: Now, to: Now) {
        self.spent += to.saturating_sub(from.max(self.charged));
        self.charged = self.charged.max(to);
    }

    /// A call succeeded: the budget is whole again, the window grows by one a round.
    pub(super) fn progress(&mut self) {
        self.spent = Duration::ZERO;
        self.charged = self.seen;
        self.in_a_row = 0;
        self.window.success();
    }

    /// When the next part may be sent: each part has its own delay, but a server that asks for a pause, or that has
    /// failed everything in flight, is not asked for all the others meanwhile.
    pub(super) fn hold(&self) -> Now {
        self.hold
    }

    fn hold_for(&mut self, asked: Duration) {
        self.in_a_row = self.in_a_row.saturating_add(1);
        let rounds = self.in_a_row / u32::try_from(self.window.size().max(1)).unwrap_or(u32::MAX);
        let pause = if rounds > 0 { asked.max(self.jitter(rounds)) } else { asked };
        self.hold = self.hold.max(self.seen + pause);
    }

    /// Decides, and counts the failure in `tries`, which is the call's own.
    ///
    /// Expired keys and a wrong clock are no failure of the network: they cost neither budget nor delay. They are
    /// counted by call, since all calls in flight meet the same expired token at the same moment.
    pub(super) fn verdict(&mut self, fault: &Fault, tries: &mut Tries) -> Verdict {
        let uncounted = match fault {
            Fault::CredentialsExpired => Some((&mut tries.refreshed, MAX_REFRESHED)),
            Fault::ClockSkew => Some((&mut tries.corrected, MAX_CORRECTED)),
            _ => None,
        };
        if let Some((made, most)) = uncounted {
            *made += 1;
            return if *made <= most { Verdict::Again { delay: Duration::ZERO } } else { Verdict::Final };
        }
        *tries = Tries { counted: tries.counted + 1, ..Tries::default() };
        let floor = match fault {
            Fault::Transient | Fault::OutcomeUnknown => Duration::ZERO,
            Fault::Throttled { retry_after } => retry_after.unwrap_or_default(),
            Fault::Corrupted if tries.counted < MAX_CORRUPTED => Duration::ZERO,
            _ => return Verdict::Final,
        };
        if self.spent >= self.budget {
            return Verdict::Spent;
        }
        self.total += 1;
        self.hold_for(floor);
        Verdict::Again { delay: floor.max(self.jitter(tries.counted)) }
    }

    /// Full jitter: anything up to a ceiling that doubles from failure to failure.
    fn jitter(&mut self, failures: u32) -> Duration {
        let ceiling = FIRST_DELAY.saturating_mul(1 << (failures.clamp(1, 10) - 1)).min(LONGEST_DELAY);
        ceiling.mul_f64(self.rng.f64()).max(Duration::from_millis(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry() -> Retry {
        Retry::new(Duration::from_secs(300), Parallel::Fixed(4), 7)
    }

    #[test]
    fn the_budget_counts_only_time_without_a_call_in_flight() {
        let mut retry = retry();
        retry.tick(Duration::from_secs(1_000), true);
        let tries = &mut Tries::default();
        assert!(matches!(retry.verdict(&Fault::Transient, tries), Verdict::Again { .. }));
        retry.tick(Duration::from_secs(1_299), false);
        assert!(matches!(retry.verdict(&Fault::Transient, tries), Verdict::Again { .. }));
        retry.tick(Duration::from_secs(1_300), false);
        assert_eq!(retry.verdict(&Fault::Transient, tries), Verdict::Spent);
        retry.progress();
        assert!(matches!(retry.verdict(&Fault::Transient, tries), Verdict::Again { .. }));
    }

    #[test]
    fn a_call_without_a_reply_counts_once_for_all_beside_it_and_a_minute_at_most() {
        let mut retry = retry();
        let ids = [1, 2, 3].map(ActionId);
        let mut at = 0;
        let spent_after = |retry: &mut Retry, at: &mut u64, took: u64| {
            ids.into_iter().for_each(|id| retry.begin(id));
            *at += took;
            retry.tick(Duration::from_secs(*at), true);
            ids.into_iter().for_each(|id| retry.end_in(id, &Fault::Transient));
            retry.spent.as_secs()
        };
        assert_eq!(spent_after(&mut retry, &mut at, 30), 30);
        assert_eq!(spent_after(&mut retry, &mut at, 600), 90);
        retry.progress();
        assert_eq!(spent_after(&mut retry, &mut at, 10), 10);
        retry.begin(ids[0]);
        retry.tick(Duration::from_secs(at + 600), true);
        retry.end(ids[0]);
        assert_eq!(retry.spent.as_secs(), 10, "a late reply is a reply");
    }

    #[test]
    fn delays_grow_from_200_ms_are_jittered_and_reach_but_never_pass_twenty_seconds() {
        let mut longest = [Duration::ZERO; 60];
        for seed in 0..200 {
            let mut retry = Retry::new(Duration::from_secs(300), Parallel::Fixed(4), seed);
            let mut tries = Tries::default();
            for longest in &mut longest {
                let verdict = retry.verdict(&Fault::OutcomeUnknown, &mut tries);
                let Verdict::Again { delay } = verdict else { panic!("gave up") };
                *longest = delay.max(*longest);
            }
        }
        let near = |delay: Duration, ceiling: Duration| delay <= ceiling && delay > ceiling.mul_f64(0.9);
        assert!(near(longest[0], FIRST_DELAY) && near(longest[1], FIRST_DELAY * 2), "{longest:?}");
        assert!(longest[8..].iter().all(|delay| near(*delay, LONGEST_DELAY)), "{longest:?}");
    }

    #[test]
    fn throttling_halves_the_window_once_a_round_and_success_grows_it_back() {
        let mut retry = Retry::new(Duration::from_secs(300), Parallel::Fixed(8), 7);
        let pause = Duration::from_secs(30);
        let throttled = Fault::Throttled { retry_after: Some(pause) };
        let verdict = retry.verdict(&throttled, &mut Tries::default());
        assert!(matches!(verdict, Verdict::Again { delay } if delay >= pause));
        let round = |retry: &mut Retry, ids: std::ops::Range<u64>| {
            ids.clone().for_each(|id| retry.begin(ActionId(id)));
            ids.for_each(|id| retry.end_in(ActionId(id), &throttled));
            retry.window.size()
        };
        assert_eq!(round(&mut retry, 1..9), 4);
        assert_eq!(round(&mut retry, 9..13), 2);
        assert_eq!(round(&mut retry, 13..15), 1);
        assert_eq!(round(&mut retry, 15..16), 1);
        (0..1 + 2 + 3).for_each(|_| retry.progress());
        assert_eq!(retry.window.size(), 4);
    }

    #[test]
    fn expired_credentials_and_a_wrong_clock_cost_no_retry_but_end() {
        let mut retry = retry();
        let now = Verdict::Again { delay: Duration::ZERO };
        // As many parts in flight as there may be: all of them meet the same expired token.
        for _ in 0..1_024 {
            let mut tries = Tries::default();
            assert_eq!(retry.verdict(&Fault::CredentialsExpired, &mut tries), now);
            assert_eq!(retry.verdict(&Fault::ClockSkew, &mut tries), now);
            assert_eq!(retry.verdict(&Fault::CredentialsExpired, &mut tries), Verdict::Final);
        }
        let mut tries = Tries::default();
        for _ in 0..MAX_CORRECTED {
            assert_eq!(retry.verdict(&Fault::ClockSkew, &mut tries), now);
        }
        assert_eq!(retry.verdict(&Fault::ClockSkew, &mut tries), Verdict::Final);
        assert_eq!(retry.total, 0);
    }

    #[test]
    fn a_token_may_expire_again_after_the_network_failed_meanwhile() {
        let mut retry = retry();
        let mut tries = Tries::default();
        for _ in 0..3 {
            let verdict = retry.verdict(&Fault::CredentialsExpired, &mut tries);
            assert_eq!(verdict, Verdict::Again { delay: Duration::ZERO });
            assert!(matches!(retry.verdict(&Fault::Transient, &mut tries), Verdict::Again { .. }));
        }
    }

    #[test]
    fn wrong_bytes_are_sent_again_a_few_times_only() {
        let mut retry = retry();
        let mut tries = Tries::default();
        for _ in 1..MAX_CORRUPTED {
            assert!(matches!(retry.verdict(&Fault::Corrupted, &mut tries), Verdict::Again { .. }));
        }
        assert_eq!(retry.verdict(&Fault::Corrupted, &mut tries), Verdict::Final);
        assert_eq!(retry.verdict(&Fault::Rejected, &mut Tries::default()), Verdict::Final);
    }
}
