//! How many parts may be in flight: halved by throttling, grown back by success; chosen by measuring when nobody says it.

use super::auto::Auto;
use super::{ActionId, Now};

/// Parts in flight at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parallel {
    /// So many, 1 to 1,024.
    Fixed(usize),
    /// As many as make the transfer faster, found by measuring: from 3, up to `most`.
    Auto {
        /// 1 to 1,024.
        most: usize,
    },
}

impl Parallel {
    /// The most that [`Self::Auto`] goes to when nothing else bounds it.
    pub const AUTO_MOST: usize = 64;

    /// Parts that may come to be in flight.
    pub fn most(self) -> usize {
        match self {
            Self::Fixed(parts) | Self::Auto { most: parts } => parts,
        }
    }
}

impl Default for Parallel {
    fn default() -> Self {
        Self::Fixed(3)
    }
}

/// Additive increase, multiplicative decrease below what was asked for or found.
#[derive(Debug)]
pub(super) struct Window {
    size: usize,
    fixed: usize,
    successes: usize,
    auto: Option<Auto>,
}

impl Window {
    pub(super) fn new(parallel: Parallel) -> Self {
        let auto = match parallel {
            Parallel::Fixed(_) => None,
            Parallel::Auto { most } => Some(Auto::new(most)),
        };
        let fixed = parallel.most();
        Self { size: auto.as_ref().map_or(fixed, Auto::level), fixed, successes: 0, auto }
    }

    /// Calls that may be in flight now.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    fn target(&self) -> usize {
        self.auto.as_ref().map_or(self.fixed, Auto::level)
    }

    /// A call succeeded: after throttling, the window grows by one a round.
    pub(super) fn success(&mut self) {
        self.successes += 1;
        if self.size < self.target() && self.successes >= self.size {
            self.size += 1;
            self.successes = 0;
        }
    }

    pub(super) fn throttled(&mut self, now: Now) {
        if let Some(auto) = &mut self.auto {
            auto.throttled(now);
            self.size = self.size.min(auto.level());
        }
        self.size = (self.size / 2).max(1);
        self.successes = 0;
    }

    /// A part of `len` bytes goes out.
    pub(super) fn began(&mut self, now: Now, id: ActionId, len: u64) {
        if let Some(auto) = &mut self.auto {
            auto.began(now, id, len);
        }
    }

    /// So many bytes of it have been given to the network.
    pub(super) fn moved(&mut self, now: Now, id: ActionId, bytes: u64) {
        if let Some(auto) = &mut self.auto {
            auto.moved(now, id, bytes);
        }
    }

    /// It was acknowledged, or failed.
    pub(super) fn ended(&mut self, now: Now, id: ActionId, acknowledged: bool) {
        if let Some(auto) = &mut self.auto {
            auto.ended(now, id, acknowledged);
        }
    }

    /// Looks at what was measured; true when more may now be in flight. To be called when `in_flight` is all there is to
    /// send for now.
    pub(super) fn look(&mut self, now: Now, in_flight: usize) -> bool {
        let Some(auto) = &mut self.auto else { return false };
        let before = auto.level();
        auto.look(now, in_flight);
        let level = auto.level();
        self.size = if self.size >= before { level } else { self.size.min(level) };
        level > before
    }

    /// Whether [`Self::moved`] is of use, and [`Self::look`] wants to be called by when.
    pub(super) fn next_look(&self) -> Option<Now> {
        self.auto.as_ref().map(Auto::next_look)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_halves_the_window_and_success_grows_it_back() {
        let mut window = Window::new(Parallel::Fixed(4));
        window.throttled(Now::ZERO);
        assert_eq!(window.size(), 2);
        (0..5).for_each(|_| window.success());
        assert_eq!(window.size(), 4);
        (0..50).for_each(|_| window.success());
        assert_eq!(window.size(), 4);
        (0..50).for_each(|_| window.throttled(Now::ZERO));
        assert_eq!(window.size(), 1);
    }
}
