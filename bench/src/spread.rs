//! Sides in turn, and what several runs say together.

use crate::measure::Cost;
use serde_json::{Value, json};
use std::fmt;
use std::io;

/// Smallest, middle and largest of some runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// Of at least one value; without any, all three are NaN.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let half = values.len() / 2;
        let median = if values.len() % 2 == 1 { at(half) } else { f64::midpoint(at(half.wrapping_sub(1)), at(half)) };
        Self { min: at(0), median, max: at(values.len().wrapping_sub(1)) }
    }

    pub(crate) fn to_json(self) -> Value {
        json!({ "min": self.min, "median": self.median, "max": self.max })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let precision = f.precision().unwrap_or(2);
        write!(f, "{:.precision$} [{:.precision$}–{:.precision$}]", self.median, self.min, self.max)
    }
}

/// One way of doing a row's work.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    pub(crate) name: String,
    pub(crate) costs: Vec<Cost>,
    /// Syscalls per MiB, or why they were not counted.
    pub(crate) syscalls: Result<f64, String>,
}

impl Side {
    pub(crate) fn spread(&self, what: impl Fn(&Cost) -> f64) -> Spread {
        Spread::of(self.costs.iter().map(what))
    }

    /// Run by run against another side, as the machine's speed drifts.
    pub(crate) fn ratio(&self, floor: &Side, what: impl Fn(&Cost) -> f64) -> Spread {
        Spread::of(self.costs.iter().zip(&floor.costs).map(|(ours, theirs)| what(ours) / what(theirs)))
    }
}

/// A side's name and how to run it once.
pub(crate) type Runner<'a> = (String, Box<dyn FnMut() -> io::Result<Cost> + 'a>);

/// Runs the sides in turn, A B A B, after one round that is not counted. A side that fails ends the row.
pub(crate) fn in_turn(rounds: usize, mut runners: Vec<Runner<'_>>) -> io::Result<Vec<Side>> {
    for (name, run) in &mut runners {
        succeeded(name, run()?)?;
    }
    counted(rounds, runners)
}

/// As [`in_turn`], where nothing is to be warmed up.
pub(crate) fn counted(rounds: usize, mut runners: Vec<Runner<'_>>) -> io::Result<Vec<Side>> {
    let not_counted = || Err("not asked for".to_owned());
    let mut sides: Vec<Side> = runners
        .iter()
        .map(|(name, _)| Side { name: name.clone(), costs: Vec::new(), syscalls: not_counted() })
        .collect();
    for _ in 0..rounds {
        for ((name, run), side) in runners.iter_mut().zip(&mut sides) {
            side.costs.push(succeeded(name, run()?)?);
        }
    }
    Ok(sides)
}

fn succeeded(name: &str, cost: Cost) -> io::Result<Cost> {
    if cost.success { Ok(cost) } else { Err(io::Error::other(format!("{name} failed"))) }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn the_median_is_the_middle_or_the_mean_of_the_two_in_the_middle() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Spread { min: 1.0, median: 2.0, max: 3.0 });
        assert_eq!(Spread::of([4.0, 1.0]), Spread { min: 1.0, median: 2.5, max: 4.0 });
        assert!(Spread::of([]).median.is_nan());
    }
}
