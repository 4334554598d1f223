//! The cost of a byte: one large file, over http and https, 3 and 8 in flight.

use super::{Row, Section, gib};
use crate::bench::Bench;
use crate::data;
use crate::sink::ProcessOptions;
use crate::spread::{Side, Spread, in_turn};
use crate::syscalls;
use std::io;
use std::path::Path;

const PART: u64 = 8 << 20;

pub(crate) fn measure(bench: &Bench) -> io::Result<Vec<Section>> {
    let file = data::file(&bench.folder, bench.sized(2 << 30))?;
    let mut sections = Vec::new();
    for (scheme, parallel) in [("http", 3), ("http", 8), ("https", 3), ("https", 8)] {
        sections.push(upload(bench, &file, scheme, parallel)?);
    }
    sections.push(memory(bench, &file)?);
    Ok(sections)
}

fn upload(bench: &Bench, file: &Path, scheme: &str, parallel: u32) -> io::Result<Section> {
    let tls = (scheme == "https").then(|| bench.folder.join("ca.pem"));
    let options = ProcessOptions { file: Some(file.to_owned()), part_size: Some(PART), tls, ..Default::default() };
    verify(bench, file, &options, parallel)?;
    let sink = bench.sink(&options)?;
    let connections = parallel.to_string();
    let ours = bench.oss_cp(file, &sink, &["--parallel", &connections]);
    let mut floor = bench.program(&["raw", "--part-size", &PART.to_string(), "--connections", &connections]);
    floor.arg("--port").arg(sink.port.to_string()).arg("--file").arg(file);
    floor.args(sink.tls.iter().flat_map(|ca| ["--ca".into(), ca.clone()]));
    let counts = [syscalls::count(&bench.folder, &floor), syscalls::count(&bench.folder, &ours)];
    let runners = vec![bench.runner("floor: read, CRC-64, write", floor), bench.runner("oss cp", ours)];
    let mut sides = in_turn(bench.rounds(7), runners)?;
    let gib = gib(file.metadata()?.len());
    for (side, count) in sides.iter_mut().zip(counts) {
        side.syscalls = count.map(|count| count / gib / 1024.0);
    }
    let rows = rows(&sides, scheme, parallel);
    Ok(Section { title: format!("{scheme}, {gib} GiB, {parallel} in flight"), gib, sides, rows })
}

/// Once, against a server that looks at every byte.
fn verify(bench: &Bench, file: &Path, options: &ProcessOptions, parallel: u32) -> io::Result<()> {
    let sink = bench.sink(&ProcessOptions { check: true, ..options.clone() })?;
    let cost = bench.cost(&bench.oss_cp(file, &sink, &["--parallel", &parallel.to_string()]))?;
    // Over TLS the sink is not asked: the client itself compares every CRC-64 that the sink computed.
    let differing = if sink.tls.is_some() { 0 } else { sink.ledger()?["differing"].as_u64().unwrap_or(1) };
    if cost.success && differing == 0 { Ok(()) } else { Err(io::Error::other("the bytes that came are others")) }
}

fn rows(sides: &[Side], scheme: &str, parallel: u32) -> Vec<Row> {
    let [floor, ours, ..] = sides else { return Vec::new() };
    let name = |what: &str| format!("{scheme}, {parallel} in flight: {what}");
    let limit = if scheme == "https" { 1.10 } else { 1.05 };
    let cpu = ours.ratio(floor, |cost| cost.cpu);
    let wall = ours.ratio(floor, |cost| cost.wall);
    let words = |ratio: Spread| format!("{ratio} ×");
    let mut rows = vec![Row::at_most(&name("CPU"), &format!("≤ {limit:.2} × floor"), limit, cpu.median, words(cpu))];
    let wall_limit = if scheme == "https" { limit } else { 1.10 };
    rows.push(Row::at_most(&name("wall"), &format!("≤ {wall_limit:.2} × floor"), wall_limit, wall.median, words(wall)));
    let rss = ours.spread(|cost| cost.rss);
    rows.push(Row::at_most(&name("peak RSS"), "≤ 20 MiB", 20.0, rss.max, format!("{rss:.1} MiB")));
    rows
}

/// What further connections take, and whether the part size matters.
fn memory(bench: &Bench, file: &Path) -> io::Result<Section> {
    let mut runs = Vec::new();
    for (part_size, parallel) in [(100 << 10, 8), (1 << 30, 8), (PART, 8), (PART, 64)] {
        let part_size: u64 = if file.metadata()?.len() / part_size > 10_000 { 256 << 10 } else { part_size };
        let options = ProcessOptions { file: Some(file.to_owned()), part_size: Some(part_size), ..Default::default() };
        let sink = bench.sink(&options)?;
        let words = ["--parallel", &parallel.to_string(), "--part-size", &part_size.to_string()];
        runs.push((
            format!("{} KiB parts, {parallel} in flight", part_size >> 10),
            bench.oss_cp(file, &sink, &words),
            sink,
        ));
    }
    let runners = runs.iter().map(|(name, command, _)| {
        let run: Box<dyn FnMut() -> io::Result<crate::measure::Cost> + '_> = Box::new(move || bench.cost(command));
        (name.clone(), run)
    });
    let sides = in_turn(bench.rounds(3), runners.collect())?;
    let rss = |side: &Side| side.spread(|cost| cost.rss);
    let mut rows = Vec::new();
    for side in &sides[..3] {
        let rss = rss(side);
        rows.push(Row::at_most(
            &format!("peak RSS, {}", side.name),
            "≤ 20 MiB",
            20.0,
            rss.max,
            format!("{rss:.1} MiB"),
        ));
    }
    let more = (rss(&sides[3]).max - rss(&sides[2]).median) / 56.0;
    rows.push(Row::at_most("RSS per further connection, 8 to 64", "≤ 1 MiB", 1.0, more, format!("{more:.2} MiB")));
    Ok(Section { title: "memory".to_owned(), gib: gib(file.metadata()?.len()), sides, rows })
}
