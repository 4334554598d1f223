//! When credentials are fetched again. Pure: ages are arguments, and so is chance.

use std::time::Duration;

/// A new token is asked for this long before the old one ends, or after two thirds of its life, whichever is later.
const EARLY: Duration = Duration::from_secs(5 * 60);
/// Jitter takes at most this much more, so that many processes do not ask in the same second.
const MAX_JITTER: Duration = Duration::from_secs(60);
/// So close to its end a token may be dead when the request arrives: the new one is waited for.
const MARGIN: Duration = Duration::from_secs(15);
/// What was dead when it came is held this long all the same: its issuer has no better, and the local clock that says
/// so may be the one that is wrong. The server decides.
const LEAST_LIFE: Duration = Duration::from_secs(5);
/// After a failed refresh the next one waits a quarter of what is left, within these.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// What to do with the credentials that are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Advice {
    /// Sign with them.
    Use,
    /// Sign with them, and fetch new ones beside.
    UseAndRefresh,
    /// Wait for new ones; when there are none, these still do.
    RefreshOrUse,
    /// Wait for new ones: these do not do.
    Refresh,
}

/// How good one set of credentials still is. An age counts from the moment they were asked for.
#[derive(Debug, Clone)]
pub(super) struct Freshness {
    life: Option<Duration>,
    due: Duration,
    refused: bool,
    failed: Option<Duration>,
}

impl Freshness {
    /// `life`: `None` when no end is known. `jitter`: a random number in 0..1.
    pub(super) fn new(life: Option<Duration>, jitter: f64) -> Self {
        let life = life.map(|life| life.max(LEAST_LIFE));
        let due = life.map_or(Duration::MAX, |life| {
            let late = (life * 2 / 3).max(life.saturating_sub(EARLY));
            late - (life / 20).min(MAX_JITTER).mul_f64(jitter)
        });
        Self { life, due, refused: false, failed: None }
    }

    /// The server does not take them any more.
    pub(super) fn refuse(&mut self) {
        self.refused = true;
    }

    /// A refresh failed at this age.
    pub(super) fn failed(&mut self, age: Duration) {
        self.failed = Some(age);
    }

    pub(super) fn advice(&self, age: Duration) -> Advice {
        let Some(life) = self.life else { return if self.refused { Advice::Refresh } else { Advice::Use } };
        if self.refused || age >= life {
            return Advice::Refresh;
        }
        let pausing = self.failed.is_some_and(|at| {
            let (least, most) = PAUSE;
            age < at + (life.saturating_sub(at) / 4).clamp(least, most)
        });
        if age < self.due || pausing {
            Advice::Use
        } else if age < life - MARGIN.min(life / 10) {
            Advice::UseAndRefresh
        } else {
            Advice::RefreshOrUse
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Advice::{Refresh, RefreshOrUse, Use, UseAndRefresh};

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn advices(life: u64, jitter: f64, ages: &[u64]) -> Vec<Advice> {
        let freshness = Freshness::new(Some(s(life)), jitter);
        ages.iter().map(|age| freshness.advice(s(*age))).collect()
    }

    #[test]
    fn an_hour_is_refreshed_five_minutes_early_and_waited_for_in_its_last_seconds() {
        let expected = [Use, Use, UseAndRefresh, UseAndRefresh, RefreshOrUse, RefreshOrUse, Refresh];
        assert_eq!(advices(3_600, 0.0, &[0, 3_299, 3_300, 3_584, 3_585, 3_599, 3_600]), expected);
    }

    #[test]
    fn a_short_life_is_refreshed_after_two_thirds() {
        assert_eq!(advices(60, 0.0, &[39, 40, 53, 54, 60]), [Use, UseAndRefresh, UseAndRefresh, RefreshOrUse, Refresh]);
    }

    #[test]
    fn jitter_only_makes_it_earlier() {
        assert_eq!(advices(3_600, 0.999, &[3_239, 3_241]), [Use, UseAndRefresh]);
        assert_eq!(advices(60, 0.999, &[36, 38]), [Use, UseAndRefresh]);
    }

    #[test]
    fn without_an_end_only_a_refusal_makes_a_refresh() {
        let mut freshness = Freshness::new(None, 0.5);
        assert_eq!(freshness.advice(s(1 << 40)), Use);
        freshness.refuse();
        assert_eq!(freshness.advice(s(0)), Refresh);
    }

    #[test]
    fn a_refused_token_is_never_fallen_back_to() {
        let mut freshness = Freshness::new(Some(s(3_600)), 0.0);
        freshness.refuse();
        freshness.failed(s(1));
        assert_eq!(freshness.advice(s(1)), Refresh);
    }

    #[test]
    fn a_failed_refresh_is_tried_again_after_a_pause_that_shrinks_with_what_is_left() {
        let mut freshness = Freshness::new(Some(s(3_600)), 0.0);
        freshness.failed(s(3_300));
        assert_eq!(freshness.advice(s(3_329)), Use);
        assert_eq!(freshness.advice(s(3_330)), UseAndRefresh);
        freshness.failed(s(3_592));
        assert_eq!(freshness.advice(s(3_593)), Use);
        assert_eq!(freshness.advice(s(3_594)), RefreshOrUse);
        assert_eq!(freshness.advice(s(3_600)), Refresh);
    }

    #[test]
    fn what_came_dead_is_held_a_moment_for_the_server_to_judge() {
        assert_eq!(advices(0, 0.0, &[0, 3, 5]), [Use, Use, Refresh]);
    }
}
