//! What is measured, a file a subject. Each gives sections: the sides beside one another, and rows with their goals.

mod bytes;
mod command_line;
mod far;
mod files;
mod growth;
mod parts;
mod peers;
mod resume;
mod saving;
mod start;

use crate::bench::Bench;
use crate::spread::Side;
use std::io;

/// A subject's name, and how it is measured.
pub(crate) type Subject = (&'static str, fn(&Bench) -> io::Result<Vec<Section>>);

/// In the order of the report.
pub(crate) const ALL: &[Subject] = &[
    ("bytes", bytes::measure),
    ("parts", parts::measure),
    ("saving", saving::measure),
    ("resume", resume::measure),
    ("start", start::measure),
    ("files", files::measure),
    ("far", far::measure),
    ("growth", growth::measure),
    ("command-line", command_line::measure),
    ("peers", peers::measure),
];

/// Refuses what is no subject before anything is measured.
pub(crate) fn are_known(names: &[String]) -> io::Result<()> {
    match names.iter().find(|name| ALL.iter().all(|(known, _)| known != name)) {
        None => Ok(()),
        Some(name) => {
            let known: Vec<_> = ALL.iter().map(|(known, _)| *known).collect();
            Err(io::Error::new(io::ErrorKind::InvalidInput, format!("no row {name}; there are {}", known.join(", "))))
        }
    }
}

/// Sides that did the same work in turn, the floor first; and what was wanted of it.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    pub(crate) title: String,
    /// GiB that each side moved; 0 where it is not about bytes.
    pub(crate) gib: f64,
    pub(crate) sides: Vec<Side>,
    pub(crate) rows: Vec<Row>,
}

/// One goal and what was measured.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) goal: String,
    pub(crate) measured: String,
    pub(crate) verdict: Verdict,
}

/// How a goal was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    Missed,
    /// No figure; the row's words say why.
    NotMeasured,
}

impl Row {
    /// A row whose goal is a number that `value` must not exceed.
    pub(crate) fn at_most(what: &str, goal: &str, limit: f64, value: f64, measured: String) -> Self {
        let verdict = if value <= limit { Verdict::Met } else { Verdict::Missed };
        Self { what: what.to_owned(), goal: goal.to_owned(), measured, verdict }
    }

    /// A row whose goal is a number that `value` must reach.
    pub(crate) fn at_least(what: &str, goal: &str, limit: f64, value: f64, measured: String) -> Self {
        let verdict = if value >= limit { Verdict::Met } else { Verdict::Missed };
        Self { what: what.to_owned(), goal: goal.to_owned(), measured, verdict }
    }
}

/// A subject that could not be measured.
pub(crate) fn not_measured(name: &str, error: &io::Error) -> Vec<Section> {
    let row = Row {
        what: name.to_owned(),
        goal: String::new(),
        measured: format!("not measured: {error}"),
        verdict: Verdict::NotMeasured,
    };
    vec![Section { title: name.to_owned(), gib: 0.0, sides: Vec::new(), rows: vec![row] }]
}

#[expect(clippy::cast_precision_loss, reason = "sizes of files, to some digits")]
fn gib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}
