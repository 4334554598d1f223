//! The cost of a resume: nearly all parts are on the server, each is proved by the local bytes.

use super::parts::PART;
use super::{Row, Section, Verdict, gib};
use crate::bench::Bench;
use crate::data;
use crate::measure::{self, Cost};
use crate::sink::{Process, ProcessOptions};
use crate::spread::{Side, Spread};
use serde_json::Value;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Parts that are missing.
const MISSING: u64 = 20;

pub(crate) fn measure(bench: &Bench) -> io::Result<Vec<Section>> {
    let count = bench.sized(10_000);
    let file = data::file(&bench.folder, count * PART)?;
    let mut read = bench.program(&["read"]);
    read.arg(&file);
    let side = |name: &str| Side { name: name.to_owned(), costs: Vec::new(), syscalls: Err("not asked for".into()) };
    let (mut floor, mut ours) = (side("floor: read, CRC-64"), side("oss cp, resumed"));
    let mut ledgers = Vec::new();
    for round in 0..=bench.rounds(5) {
        let read = bench.cost(&read)?;
        let (resumed, ledger) = resume(bench, &file, count)?;
        if round > 0 {
            floor.costs.push(read);
            ours.costs.push(resumed);
            ledgers.push(ledger);
        }
    }
    let rows = rows(&floor, &ledgers, count);
    let title = format!("resume with {} of {count} parts on the server", count - MISSING);
    Ok(vec![Section { title, gib: gib(count * PART), sides: vec![floor, ours], rows }])
}

/// Kills an upload that has all parts but some, and measures the next run.
fn resume(bench: &Bench, file: &Path, count: u64) -> io::Result<(Cost, Value)> {
    let sink = bench.sink(&ProcessOptions {
        file: Some(file.to_owned()),
        part_size: Some(PART),
        hold_after: Some(count - MISSING),
        ..Default::default()
    })?;
    let command = bench.oss_cp(file, &sink, &["--part-size", &PART.to_string()]);
    let mut first = bench.oss_cp(file, &sink, &["--part-size", &PART.to_string()]);
    let mut first = first.stdout(Stdio::null()).spawn()?;
    let held = until_held(&sink);
    first.kill()?;
    first.wait()?;
    held?;
    sink.release()?;
    let cost = measure::run(&bench.me, &bench.folder, &command)?;
    if !cost.success {
        return Err(io::Error::other("the resumed run failed"));
    }
    Ok((cost, sink.ledger()?))
}

/// Waits until all connections are held, and a save may have been made of what came before.
fn until_held(sink: &Process) -> io::Result<()> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(60) {
        if sink.ledger()?["requests"]["held"].as_u64() >= Some(3) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err(io::Error::other("the first run did not come so far"))
}

fn rows(floor: &Side, ledgers: &[Value], count: u64) -> Vec<Row> {
    let at = |ledger: &Value, name: &str| ledger[name].as_u64().map_or(f64::NAN, seconds);
    let lists = ledgers.iter().filter_map(|ledger| ledger["requests"]["ListParts"].as_u64()).max().unwrap_or(u64::MAX);
    let proving = ledgers.iter().map(|ledger| at(ledger, "complete_at") - at(ledger, "last_list_at"));
    // The bare read's time includes its start; so does nothing on the other side, to our disadvantage.
    let speed = Spread::of(floor.costs.iter().zip(proving).map(|(read, proving)| read.wall / proving));
    let begins = Spread::of(ledgers.iter().map(|ledger| {
        let first = at(ledger, "first_part_after_list_at") - at(ledger, "last_list_at");
        first / (at(ledger, "complete_at") - at(ledger, "last_list_at"))
    }));
    let reused = ledgers.iter().all(|ledger| {
        // The first run's parts, the three it held when it was killed, and those that were missing: none twice.
        ledger["requests"]["UploadPart"].as_u64().is_some_and(|sent| sent <= count + 3)
    });
    vec![
        Row::at_most(
            "resume: ListParts",
            "≤ 10",
            10.0,
            f64::from(u32::try_from(lists).unwrap_or(u32::MAX)),
            lists.to_string(),
        ),
        Row::at_least(
            "resume: proving",
            "≥ 80 % of a bare read with CRC-64",
            0.8,
            speed.median,
            format!("{speed} of its speed, from the last ListParts to Complete"),
        ),
        Row::at_most(
            "resume: sending starts before proving ends",
            "before",
            0.5,
            begins.median,
            format!("{begins:.3} of that time had passed at the first part"),
        ),
        Row {
            what: "resume: nothing is sent twice".to_owned(),
            goal: "only what is missing".to_owned(),
            measured: if reused { "only what is missing".to_owned() } else { "parts were sent again".to_owned() },
            verdict: if reused { Verdict::Met } else { Verdict::Missed },
        },
    ]
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of this century have 51 bits")]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}
