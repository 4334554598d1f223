//! How many connections make a transfer faster: measured, not guessed.
//!
//! With `n` parts in flight that take `t` seconds each, `n / t` parts a second get through (Little's law): this needs no
//! window of time in step with the parts. Only parts that began after the last change count. Of a part that takes long,
//! the bytes it has moved say the same before it ends; its first second is left out, for then buffers swallow bytes.
//!
//! The level is doubled as long as that pays, and set by rule of three where the next step no longer pays in full. The
//! first parts of a new connection are slow (connect, slow start): what they show may be enough to go on, but a level is
//! rejected only by a second round.

use super::{ActionId, Now};
use std::collections::BTreeMap;
use std::time::Duration;

const FIRST_LEVEL: usize = 3;
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A level is not judged by less.
const SHORTEST: Duration = Duration::from_millis(500);
/// Left out of a part that has not ended: bytes go into buffers.
const SOAKING: Duration = Duration::from_secs(1);
/// A part that has not ended counts once it has moved so much after that: pieces are 256 KiB.
const TELLING: u64 = 2 * 1024 * 1024;
/// A gain that is not more than this is noise.
const NOISE: f64 = 1.05;
/// So much more than the rule of three says: connections wait for replies by turns.
const HEADROOM: f64 = 1.08;
/// Two rates that are closer than this are the same.
const AS_GOOD: f64 = 1.03;
/// A step that brings this share of what it could is not the last.
const PAYS: f64 = 0.6;
/// After this long, more is tried once again: what looked like the end may have been a moment's noise. Each trial in vain
/// doubles the wait, as then only the network can have changed.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
const AGAIN_AT_LEAST_EVERY: Duration = Duration::from_secs(60);
/// Where a look takes long, the wait is so many of them: most of the time is not spent on trials.
const LOOKS_BETWEEN: u32 = 5;

/// Finds the number of parts in flight; time and bytes are arguments.
#[derive(Debug)]
pub(super) struct Auto {
    most: usize,
    level: usize,
    stage: Stage,
    /// Since when the level is what it is, or is measured anew.
    since: Now,
    looked: Now,
    patience: Duration,
    flights: BTreeMap<ActionId, Flight>,
    ended: Sample,
    /// Bytes moved since then, of all parts.
    moved: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    /// What this level brings; `so_far` is of the first round.
    Base {
        so_far: Option<f64>,
        double: bool,
    },
    /// Whether it brings more than `rate` at `from`.
    Climb {
        from: usize,
        rate: f64,
        so_far: Option<f64>,
    },
    /// Whether the level in between brings as much as `rate` at `full`.
    Between {
        full: usize,
        rate: f64,
        so_far: Option<f64>,
    },
    Holding {
        until: Now,
    },
}

#[derive(Debug)]
struct Flight {
    began: Now,
    len: u64,
    moved: u64,
    /// Bytes moved when the soaking was over.
    soaked: Option<(Now, u64)>,
    /// The last report before all of it was given away.
    latest: (Now, u64),
}

#[derive(Debug, Clone, Copy, Default)]
struct Sample {
    parts: usize,
    bytes: u64,
    time: Duration,
}

impl Auto {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            level: FIRST_LEVEL.min(most),
            stage: Stage::Base { so_far: None, double: true },
            since: Now::ZERO,
            looked: Now::ZERO,
            patience: AGAIN_AFTER,
            flights: BTreeMap::new(),
            ended: Sample::default(),
            moved: 0,
        }
    }

    pub(super) fn level(&self) -> usize {
        self.level
    }

    pub(super) fn began(&mut self, now: Now, id: ActionId, len: u64) {
        if self.flights.is_empty() && self.ended.parts == 0 {
            // Nothing was to be sent before: that time says nothing.
            self.since = now;
        }
        self.flights.insert(id, Flight { began: now, len, moved: 0, soaked: None, latest: (now, 0) });
    }

    pub(super) fn moved(&mut self, now: Now, id: ActionId, bytes: u64) {
        let Some(flight) = self.flights.get_mut(&id) else { return };
        self.moved += bytes.saturating_sub(flight.moved);
        flight.moved = flight.moved.max(bytes);
        if bytes < flight.len {
            flight.latest = (now, bytes);
            if now >= flight.began + SOAKING {
                flight.soaked.get_or_insert((now, bytes));
            }
        }
    }

    pub(super) fn ended(&mut self, now: Now, id: ActionId, acknowledged: bool) {
        let Some(flight) = self.flights.remove(&id) else { return };
        if acknowledged {
            self.moved += flight.len.saturating_sub(flight.moved);
        }
        if acknowledged && flight.began >= self.since {
            self.ended.add(flight.len, now.saturating_sub(flight.began));
        }
    }

    /// What is tried now is given up: the service wants less.
    pub(super) fn throttled(&mut self, now: Now) {
        if let Stage::Climb { from, .. } = self.stage {
            self.level = from;
        }
        self.hold(now);
    }

    pub(super) fn next_look(&self) -> Now {
        match self.stage {
            Stage::Holding { until } => until.max(self.looked + LOOK_EVERY),
            _ => self.looked + LOOK_EVERY,
        }
    }

    /// Judges, when there is enough to judge by.
    pub(super) fn look(&mut self, now: Now, in_flight: usize) {
        if now < self.next_look() {
            return;
        }
        self.looked = now;
        if in_flight < self.level {
            // Fewer parts are left, or some wait to be repeated: this is not what the level brings.
            return self.measure(now);
        }
        if let Stage::Holding { .. } = self.stage {
            self.stage = Stage::Base { so_far: None, double: false };
            return self.measure(now);
        }
        if let Some(rate) = self.rate(now) {
            self.judge(now, rate);
        }
    }

    fn judge(&mut self, now: Now, rate: f64) {
        match self.stage {
            Stage::Base { so_far: None, double } => {
                self.stage = Stage::Base { so_far: Some(rate), double };
                self.measure(now);
            }
            Stage::Base { so_far: Some(first), double } => {
                let step = if double { self.level } else { (self.level / 2).max(1) };
                self.climb(now, rate.max(first), step);
            }
            Stage::Climb { from, rate: before, so_far } => {
                self.climbed(now, from, before, rate.max(so_far.unwrap_or_default()), so_far.is_some());
            }
            Stage::Between { full, rate: of_full, so_far } => {
                let enough = rate.max(so_far.unwrap_or_default()) * AS_GOOD >= of_full;
                if !enough && so_far.is_none() {
                    // The parts of the fuller level were still under way beside these.
                    self.stage = Stage::Between { full, rate: of_full, so_far: Some(rate) };
                    return self.measure(now);
                }
                if !enough {
                    self.level = (self.level + full).div_ceil(2);
                }
                self.hold(now);
            }
            Stage::Holding { .. } => {}
        }
    }

    fn climbed(&mut self, now: Now, from: usize, before: f64, rate: f64, second_round: bool) {
        let (gain, could) = (rate / before, ratio(self.level, from));
        if gain - 1.0 >= PAYS * (could - 1.0) {
            self.patience = AGAIN_AFTER;
            return self.climb(now, rate, self.level);
        }
        if !second_round {
            self.stage = Stage::Climb { from, rate: before, so_far: Some(rate) };
            return self.measure(now);
        }
        if gain <= NOISE {
            self.level = from;
            return self.hold(now);
        }
        let full = self.level;
        let enough = (from..full).find(|level| ratio(*level, from) >= gain * HEADROOM).unwrap_or(full);
        self.level = enough;
        if enough == full {
            return self.hold(now);
        }
        self.stage = Stage::Between { full, rate, so_far: None };
        self.measure(now);
    }

    fn climb(&mut self, now: Now, rate: f64, step: usize) {
        let from = self.level;
        self.level = (from + step).min(self.most);
        if self.level == from {
            return self.hold(now);
        }
        self.stage = Stage::Climb { from, rate, so_far: None };
        self.measure(now);
    }

    fn hold(&mut self, now: Now) {
        let looks = now.saturating_sub(self.since) * LOOKS_BETWEEN;
        self.stage = Stage::Holding { until: now + self.patience.max(looks) };
        self.patience = (self.patience * 2).min(AGAIN_AT_LEAST_EVERY);
        self.measure(now);
    }

    /// From now on, only parts that begin now or later.
    fn measure(&mut self, now: Now) {
        self.since = now;
        self.ended = Sample::default();
        self.moved = 0;
    }

    /// Bytes a second at this level, once there is enough to tell.
    fn rate(&self, now: Now) -> Option<f64> {
        let mut sample = self.ended;
        for flight in self.flights.values().filter(|flight| flight.began >= self.since) {
            if let Some((bytes, time)) = flight.so_far() {
                sample.add(bytes, time);
            }
        }
        // A part that was under way at the last change is followed by one that counts.
        let wanted = match self.stage {
            Stage::Climb { from, .. } => self.level - from,
            _ => self.level,
        };
        if sample.parts < wanted || now < self.since + SHORTEST || sample.time.is_zero() {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "a rate is not exact")]
        let (parts, bytes) = (
            self.level as f64 * sample.bytes as f64 / sample.time.as_secs_f64(),
            self.moved as f64 / now.saturating_sub(self.since).as_secs_f64(),
        );
        // Parts that end early are the fast ones, and bytes that moved early are in buffers: neither flatters for long.
        Some(parts.min(bytes))
    }
}

impl Flight {
    /// What its bytes say before it has ended.
    fn so_far(&self) -> Option<(u64, Duration)> {
        let (since, soaked) = self.soaked?;
        let (at, bytes) = self.latest;
        let (bytes, time) = (bytes.saturating_sub(soaked), at.saturating_sub(since));
        (bytes >= TELLING && time >= SOAKING).then_some((bytes, time))
    }
}

impl Sample {
    fn add(&mut self, bytes: u64, time: Duration) {
        self.parts += 1;
        self.bytes += bytes;
        self.time += time;
    }
}

#[expect(clippy::cast_precision_loss, reason = "levels are at most 1,024")]
fn ratio(a: usize, b: usize) -> f64 {
    a as f64 / b as f64
}
