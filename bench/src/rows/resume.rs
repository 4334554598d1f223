//! The cost of a resume: nearly all parts, or all of them, are on the server; each is proved by the local bytes.

use super::parts::PART;
use super::{Row, Section, Verdict, gib};
use crate::bench::Bench;
use crate::data;
use crate::measure::Cost;
use crate::sink::{Process, ProcessOptions};
use crate::spread::{Side, Spread};
use serde_json::Value;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Parts that are missing.
const MISSING: u64 = 20;
/// Parts in flight where nothing else is asked for.
const IN_FLIGHT: u64 = 3;

pub(crate) fn measure(bench: &Bench) -> io::Result<Vec<Section>> {
    let count = bench.sized(10_000);
    let file = data::file(&bench.folder, count * PART)?;
    let mut sections = Vec::new();
    for missing in [MISSING, 0] {
        let (sides, ledgers) = in_turn(bench, &file, count, missing)?;
        let rows = if missing > 0 { rows(&sides[0], &ledgers, count) } else { vec![nothing_left(&sides, &ledgers)] };
        let title = format!("resume with {} of {count} parts on the server", count - missing);
        sections.push(Section { title, gib: gib(count * PART), sides, rows });
    }
    Ok(sections)
}

/// A bare read and a resumed run, in turn; and what each resumed run asked of its server.
fn in_turn(bench: &Bench, file: &Path, count: u64, missing: u64) -> io::Result<(Vec<Side>, Vec<Value>)> {
    let mut read = bench.program(&["read"]);
    read.arg(file);
    let side = |name: &str| Side { name: name.to_owned(), costs: Vec::new(), syscalls: Err("not asked for".into()) };
    let (mut floor, mut ours) = (side("floor: read, CRC-64"), side("oss cp, resumed"));
    let mut ledgers = Vec::new();
    for round in 0..=bench.rounds(7) {
        let read = bench.cost(&read)?;
        let (resumed, ledger) = resume(bench, file, count, missing)?;
        if round > 0 {
            floor.costs.push(read);
            ours.costs.push(resumed);
            ledgers.push(ledger);
        }
    }
    Ok((vec![floor, ours], ledgers))
}

/// Kills an upload that has all parts but some, and measures the next run. Where none is missing, the first run never
/// heard of its last ones: else it would have gone on to Complete.
fn resume(bench: &Bench, file: &Path, count: u64, missing: u64) -> io::Result<(Cost, Value)> {
    let sink = bench.sink(&ProcessOptions {
        file: Some(file.to_owned()),
        part_size: Some(PART),
        hold_after: Some(count - missing.max(IN_FLIGHT)),
        keep_held: missing == 0,
        ..Default::default()
    })?;
    let part_size = PART.to_string();
    let words = ["--part-size", &part_size, "--parallel", &IN_FLIGHT.to_string()];
    let mut first = bench.oss_cp(file, &sink, &words);
    let mut first = first.stdout(Stdio::null()).spawn()?;
    let held = until_held(&sink);
    first.kill()?;
    first.wait()?;
    held?;
    sink.release()?;
    let cost = bench.cost(&bench.oss_cp(file, &sink, &words))?;
    if !cost.success {
        return Err(io::Error::other("the resumed run failed"));
    }
    Ok((cost, sink.ledger()?))
}

/// Waits until all connections are held, and a save may have been made of what came before.
fn until_held(sink: &Process) -> io::Result<()> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(60) {
        if sink.ledger()?["requests"]["held"].as_u64() >= Some(IN_FLIGHT) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err(io::Error::other("the first run did not come so far"))
}

fn at(ledger: &Value, name: &str) -> f64 {
    ledger[name].as_u64().map_or(f64::NAN, seconds)
}

/// How fast it was beside the bare read, whose time includes its start, as the run's does not: that is to our advantage
/// by a millisecond of a hundred.
fn proving_speed(floor: &Side, ledgers: &[Value]) -> Spread {
    let proving = ledgers.iter().map(|ledger| at(ledger, "complete_at") - at(ledger, "last_list_at"));
    Spread::of(floor.costs.iter().zip(proving).map(|(read, proving)| read.wall / proving))
}

/// From the first list to Complete: every byte is read and proved in between. Told beside it: start to end, with lock,
/// checkpoint and durable saves.
fn nothing_left(sides: &[Side], ledgers: &[Value]) -> Row {
    let until = ledgers.iter().map(|ledger| at(ledger, "complete_at") - at(ledger, "first_list_at"));
    let verified = Spread::of(sides[0].costs.iter().zip(until).map(|(read, until)| until / read.wall));
    let sent_again = ledgers.iter().any(|ledger| ledger["first_part_after_list_at"].is_u64());
    let measured = format!(
        "{verified} × from the first ListParts to Complete; the whole run {} × ({:.0} of {:.0} ms); {}",
        sides[1].ratio(&sides[0], |cost| cost.wall),
        sides[1].spread(|cost| cost.wall * 1000.0),
        sides[0].spread(|cost| cost.wall * 1000.0),
        if sent_again { "but parts were sent again" } else { "nothing is sent again" }
    );
    let value = if sent_again { f64::INFINITY } else { verified.median };
    let goal = "bounded by a bare read with CRC-64 (at 80 % of its speed: ≤ 1.25 ×)";
    Row::at_most("resume, nothing left to send: until verified", goal, 1.25, value, measured)
}

fn rows(floor: &Side, ledgers: &[Value], count: u64) -> Vec<Row> {
    let lists = ledgers.iter().filter_map(|ledger| ledger["requests"]["ListParts"].as_u64()).max().unwrap_or(u64::MAX);
    let speed = proving_speed(floor, ledgers);
    let begins = Spread::of(ledgers.iter().map(|ledger| {
        let first = at(ledger, "first_part_after_list_at") - at(ledger, "last_list_at");
        first / (at(ledger, "complete_at") - at(ledger, "last_list_at"))
    }));
    let reused = ledgers.iter().all(|ledger| {
        // The first run's parts, the three it held when it was killed, and those that were missing: none twice.
        ledger["requests"]["UploadPart"].as_u64().is_some_and(|sent| sent <= count + IN_FLIGHT)
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
