//! What happened in all rounds, and how it is printed.

use std::collections::BTreeMap;
use std::time::Duration;

/// Sums over the whole run of the program.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Not a sum: every run is to be shown.
    pub(crate) trace: bool,
    pub(crate) rounds: u64,
    pub(crate) runs: u64,
    /// Runs that said `completed`.
    pub(crate) completed: u64,
    /// Kills, stops, interrupts, outages.
    pub(crate) blows: BTreeMap<&'static str, u64>,
    pub(crate) faults: BTreeMap<&'static str, u64>,
    pub(crate) edits: BTreeMap<&'static str, u64>,
    pub(crate) exits: BTreeMap<String, u64>,
    /// Bytes of data that reached the server.
    pub(crate) sent: u64,
    /// Of those, bytes of a part (or of a small object) that had been on its way before, whatever the reason.
    pub(crate) sent_again: u64,
    /// Of those, bytes of parts that were acknowledged to an earlier run and had not changed: never without a scripted reason.
    pub(crate) acknowledged_sent_again: u64,
    /// Bytes of parts that later runs did not send, because the server proved that it had them.
    pub(crate) spared: u64,
    /// Uploads left where that cannot be helped: the reply to Initiate never came, or the run died before it saved the id.
    pub(crate) orphans: u64,
    /// Successes where the file was edited between its last check and the end of the run.
    pub(crate) edited_behind: u64,
    /// Processes that another one kept out.
    pub(crate) kept_out: u64,
    /// Second processes that went to work after the first.
    pub(crate) took_over: u64,
    pub(crate) slowest_run: Duration,
    pub(crate) slowest_interrupt: Duration,
    pub(crate) violations: Vec<String>,
}

impl Tally {
    pub(crate) fn blow(&mut self, name: &'static str) {
        *self.blows.entry(name).or_default() += 1;
    }

    /// A table for people; the last line says how to run it all again.
    pub(crate) fn report(&self, seed: u64, elapsed: Duration) -> String {
        let mut text = format!(
            "chaos: {} rounds, {} runs, {} completed, {:.0} s\n",
            self.rounds,
            self.runs,
            self.completed,
            elapsed.as_secs_f64()
        );
        for (title, counts) in [("struck", &self.blows), ("faults", &self.faults), ("edits", &self.edits)] {
            text += &format!("  {title:<12}{}\n", list(counts.iter().map(|(name, count)| (*name, *count))));
        }
        text += &format!("  {:<12}{}\n", "exits", list(self.exits.iter().map(|(name, count)| (name.as_str(), *count))));
        text += &format!(
            "  {:<12}{} sent, {} sent again ({} of them acknowledged and unchanged, for a scripted reason), {} spared by resuming\n",
            "bytes", self.sent, self.sent_again, self.acknowledged_sent_again, self.spared
        );
        text += &format!("  {:<12}{} left in the window around Initiate\n", "orphans", self.orphans);
        text += &format!("  {:<12}{} successes with an edit behind the last check\n", "races", self.edited_behind);
        text += &format!(
            "  {:<12}{} kept out by another process, {} at work after it\n",
            "at once", self.kept_out, self.took_over
        );
        text += &format!(
            "  {:<12}slowest run {:.1} s, slowest end after an interrupt {:.2} s\n",
            "time",
            self.slowest_run.as_secs_f64(),
            self.slowest_interrupt.as_secs_f64()
        );
        text += &format!("  {:<12}{}\n", "violations", self.violations.len());
        text + &format!("  {:<12}--seed {seed}", "replay")
    }
}

fn list<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> String {
    let words: Vec<_> = counts.map(|(name, count)| format!("{count} {name}")).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}
