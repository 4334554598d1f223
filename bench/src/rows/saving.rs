//! Whether a checkpoint that is slow to save delays parts, and how much is written while an upload takes its time.

use super::parts::{CONNECTIONS, PART};
use super::{Row, Section, Verdict};
use crate::bench::Bench;
use crate::data;
use crate::measure::Cost;
use crate::sink::{Far, ProcessOptions};
use crate::spread::Spread;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// How long the parts take: several saves are made meanwhile.
const SECONDS: u64 = 8;
/// What each sync of a file or directory takes longer.
const DELAY_MS: u64 = 500;

pub(crate) fn measure(bench: &Bench) -> io::Result<Vec<Section>> {
    let count = bench.sized(10_000);
    let file = data::file(&bench.folder, count * PART)?;
    let (mut costs, mut ratios, mut why) = (Vec::new(), Vec::new(), None);
    for _ in 0..bench.rounds(2) {
        let (cost, at_once) = upload(bench, &file, count, None)?;
        costs.push(cost);
        match upload(bench, &file, count, Some(DELAY_MS)) {
            Ok((_, delayed)) => ratios.push(delayed / at_once),
            Err(error) => why = Some(error),
        }
    }
    let rows = vec![written(&costs), undelayed(&ratios, why)];
    Ok(vec![Section { title: format!("saving, {count} parts in {SECONDS} s"), gib: 0.0, sides: Vec::new(), rows }])
}

/// What an upload cost, and the seconds from its first part to its last.
fn upload(bench: &Bench, file: &Path, count: u64, delay_ms: Option<u64>) -> io::Result<(Cost, f64)> {
    let far = Far { bandwidth: Some(count * PART / SECONDS), ..Far::default() };
    let options = ProcessOptions { file: Some(file.to_owned()), part_size: Some(PART), far, ..Default::default() };
    let sink = bench.sink(&options)?;
    let command = bench.oss_cp(file, &sink, &["--part-size", &PART.to_string(), "--parallel", CONNECTIONS]);
    let command = match delay_ms {
        None => command,
        Some(delay_ms) => slow_disk(&command, delay_ms)?,
    };
    let cost = bench.cost(&command)?;
    let ledger = sink.ledger()?;
    let (first, last) = (ledger["first_part_at"].as_u64(), ledger["last_part_at"].as_u64());
    match (cost.success, first, last) {
        (true, Some(first), Some(last)) => Ok((cost, f64::from(u32::try_from(last - first).unwrap_or(u32::MAX)) / 1e6)),
        _ => Err(io::Error::other("the upload failed")),
    }
}

/// The command where each sync takes longer; other calls are not looked at, and as fast as ever.
fn slow_disk(command: &Command, delay_ms: u64) -> io::Result<Command> {
    let mut tried = Command::new("strace");
    tried.args(["--seccomp-bpf", "-f", "-e", "trace=fsync", "true"]).stderr(Stdio::null());
    match tried.status() {
        Ok(status) if status.success() => {}
        Ok(_) => return Err(io::Error::other("strace cannot trace here")),
        Err(error) => return Err(io::Error::other(format!("no strace: {error}"))),
    }
    let mut slow = Command::new("strace");
    slow.args(["--seccomp-bpf", "-f", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e"]);
    slow.arg(format!("inject=fsync,fdatasync:delay_enter={}", delay_ms * 1000));
    slow.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        slow.env(name, value.unwrap_or_default());
    }
    Ok(slow)
}

fn written(costs: &[Cost]) -> Row {
    let excess = Spread::of(costs.iter().map(|cost| cost.written / (1.0 + 0.7 * cost.wall)));
    let written = Spread::of(costs.iter().map(|cost| cost.written));
    let measured = format!(
        "{written} MiB in {:.1} s, {excess} of what is allowed",
        Spread::of(costs.iter().map(|cost| cost.wall))
    );
    Row::at_most("small parts, slowly: checkpoint bytes", "≤ 1 MiB + 0.7 MiB/s", 1.0, excess.max, measured)
}

fn undelayed(ratios: &[f64], why: Option<io::Error>) -> Row {
    let (what, goal) = ("small parts: a slow save delays no part", "≤ 1.05 × the time without");
    match why {
        Some(why) => Row {
            what: what.to_owned(),
            goal: goal.to_owned(),
            measured: format!("skipped: {why}"),
            verdict: Verdict::NotMeasured,
        },
        None => {
            let spread = Spread::of(ratios.iter().copied());
            let measured = format!("{spread} × from the first part to the last, each sync {DELAY_MS} ms longer");
            Row::at_most(what, goal, 1.05, spread.median, measured)
        }
    }
}
