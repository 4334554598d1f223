//! The progress of an upload on stderr: a bar on a terminal, otherwise a line every few seconds.

use indicatif::{FormattedDuration, HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use oss_client::Progress;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

const BAR_EVERY: Duration = Duration::from_millis(200);
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Draws what a [`Progress`] says whenever it is asked to, and prints lines without tearing the bar.
#[derive(Debug)]
pub(crate) struct Meter {
    progress: Progress,
    look: Look,
}

#[derive(Debug)]
enum Look {
    Bar(ProgressBar),
    Lines,
    Nothing,
}

impl Meter {
    /// `quiet`: nothing is drawn. `json`: no lines, since stdout has them; a terminal still gets its bar, unless the
    /// debug log goes there.
    pub(crate) fn new(progress: Progress, quiet: bool, json: bool) -> Self {
        let look = match (quiet, io::stderr().is_terminal()) {
            (true, _) => Look::Nothing,
            (false, true) if !crate::log::is_on() => Look::Bar(bar()),
            (false, _) if json => Look::Nothing,
            (false, _) => Look::Lines,
        };
        Self { progress, look }
    }

    /// How often [`Self::draw`] should be called.
    pub(crate) fn interval(&self) -> Duration {
        match self.look {
            Look::Bar(_) => BAR_EVERY,
            Look::Lines | Look::Nothing => LINE_EVERY,
        }
    }

    /// Shows the state of now; `since` is when this session began to move bytes.
    pub(crate) fn draw(&self, since: Instant) {
        let state = State::of(&self.progress, since.elapsed());
        match &self.look {
            Look::Bar(bar) => {
                bar.set_length(state.total);
                bar.set_position(state.done);
                bar.set_message(state.words());
            }
            Look::Lines if state.total > 0 => self.line(&state.words()),
            Look::Lines | Look::Nothing => {}
        }
    }

    /// A line of its own on stderr.
    pub(crate) fn line(&self, text: &str) {
        // When stderr is gone there is nobody to tell; the upload goes on.
        let write = || _ = writeln!(io::stderr().lock(), "{text}");
        match &self.look {
            Look::Bar(bar) => bar.suspend(write),
            Look::Lines | Look::Nothing => write(),
        }
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        if let Look::Bar(bar) = &self.look {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:24} {msg}").expect("the template is a good one");
    ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr()).with_style(style)
}

/// One look at the counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    total: u64,
    done: u64,
    reused: u64,
    /// Bytes a second of what this session sent.
    rate: u64,
}

impl State {
    fn of(progress: &Progress, elapsed: Duration) -> Self {
        let sent = progress.sent() + progress.in_flight();
        let rate = u128::from(sent) * 1000 / elapsed.as_millis().max(1);
        Self {
            total: progress.total(),
            done: progress.done(),
            reused: progress.reused(),
            rate: u64::try_from(rate).unwrap_or(u64::MAX),
        }
    }

    fn words(self) -> String {
        let Self { total, done, reused, rate } = self;
        let percent = if total == 0 { 100 } else { u128::from(done) * 100 / u128::from(total) };
        let mut words = format!("{} of {} ({percent}%), {}/s", HumanBytes(done), HumanBytes(total), HumanBytes(rate));
        if let Some(left) = (total - done).checked_div(rate) {
            words += &format!(", ETA {}", FormattedDuration(Duration::from_secs(left)));
        }
        if reused > 0 {
            words += &format!(", {} reused", HumanBytes(reused));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reused_bytes_stand_apart_and_do_not_count_as_rate() {
        let state = State { total: 4 << 20, done: 3 << 20, reused: 2 << 20, rate: 1 << 19 };
        assert_eq!(state.words(), "3.00 MiB of 4.00 MiB (75%), 512.00 KiB/s, ETA 00:00:02, 2.00 MiB reused");
    }

    #[test]
    fn nothing_sent_yet_has_no_eta() {
        let state = State::of(&Progress::default(), Duration::ZERO);
        assert_eq!(state.words(), "0 B of 0 B (100%), 0 B/s");
    }
}
