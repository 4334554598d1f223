//! The cost of a part: as many small ones as OSS allows.

use super::{Row, Section, gib};
use crate::bench::Bench;
use crate::data;
use crate::sink::ProcessOptions;
use crate::spread::{Side, Spread, in_turn};
use crate::syscalls;
use std::io;

pub(super) const PART: u64 = 100 << 10;
pub(super) const CONNECTIONS: &str = "3";

pub(crate) fn measure(bench: &Bench) -> io::Result<Vec<Section>> {
    let count = bench.sized(10_000);
    let file = data::file(&bench.folder, count * PART)?;
    let sink = bench.sink(&ProcessOptions { file: Some(file.clone()), part_size: Some(PART), ..Default::default() })?;
    let (part, port) = (PART.to_string(), sink.port.to_string());
    let common = ["--part-size", &part, "--connections", CONNECTIONS, "--port", &port];
    let mut raw = bench.program(&["raw", "--signed", "--file"]);
    raw.arg(&file).args(common);
    let mut hyper = bench.program(&["bare-hyper", "--source"]);
    hyper.arg(&file).args(common);
    let ours = bench.oss_cp(&file, &sink, &["--part-size", &part, "--parallel", CONNECTIONS]);
    let commands = [("floor: signed requests", raw), ("signed requests, bare hyper", hyper), ("oss cp", ours)];
    let counts: Vec<_> = commands.iter().map(|(_, command)| syscalls::count(&bench.folder, command)).collect();
    let runners = commands.into_iter().map(|(name, command)| bench.runner(name, command)).collect();
    let mut sides = in_turn(bench.rounds(7), runners)?;
    let gib = gib(count * PART);
    for (side, count) in sides.iter_mut().zip(counts) {
        side.syscalls = count.map(|count| count / gib / 1024.0);
    }
    let rows = rows(&sides);
    Ok(vec![Section { title: format!("{count} parts of 100 KiB, {CONNECTIONS} in flight"), gib, sides, rows }])
}

fn rows(sides: &[Side]) -> Vec<Row> {
    let [raw, hyper, ours, ..] = sides else { return Vec::new() };
    let words = |ratio: Spread| format!("{ratio} ×");
    let cpu = ours.ratio(raw, |cost| cost.cpu);
    let beside_hyper = ours.ratio(hyper, |cost| cost.cpu);
    let measured = format!("{} ({} of bare hyper)", words(cpu), words(beside_hyper));
    let allowed = |cost: &crate::measure::Cost| 1.0 + 0.7 * cost.wall;
    let excess = ours.spread(|cost| cost.written / allowed(cost));
    let written = ours.spread(|cost| cost.written);
    vec![
        Row::at_most("small parts: CPU", "≤ 1.15 × bare signed requests", 1.15, cpu.median, measured),
        Row::at_most(
            "small parts: checkpoint bytes",
            "≤ 1 MiB + 0.7 MiB/s",
            1.0,
            excess.max,
            format!("{written} MiB, {excess} of what is allowed"),
        ),
    ]
}
