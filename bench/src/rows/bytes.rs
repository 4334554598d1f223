//! The cost of a byte: one large file, over http and https, 3 and 8 in flight.

use super::{Row, Section, Verdict, gib};
use crate::bench::Bench;
use crate::data;
use crate::floor::openssl;
use crate::measure::Cost;
use crate::sink::{Process, ProcessOptions};
use crate::spread::{Runner, Side, in_turn};
use crate::syscalls;
use std::io;
use std::path::Path;
use std::process::Command;

const PART: u64 = 8 << 20;

type Named = (String, Command);

pub(crate) fn measure(bench: &Bench) -> io::Result<Vec<Section>> {
    let file = data::file(&bench.folder, bench.sized(2 << 30))?;
    let openssl = openssl::build(&bench.folder);
    let mut sections = Vec::new();
    for (scheme, parallel) in [("http", 3), ("http", 8), ("https", 3), ("https", 8)] {
        sections.push(upload(bench, &file, scheme, parallel, openssl.as_ref().ok())?);
    }
    if let Err(why) = openssl {
        sections[2].rows.push(Row {
            what: "https: the floor over OpenSSL".to_owned(),
            goal: "-".to_owned(),
            measured: format!("skipped: {why}"),
            verdict: Verdict::NotMeasured,
        });
    }
    let memory = memory(bench, &file, &sections)?;
    sections.push(memory);
    Ok(sections)
}

fn upload(
    bench: &Bench,
    file: &Path,
    scheme: &str,
    parallel: u32,
    openssl: Option<&openssl::Floor>,
) -> io::Result<Section> {
    let tls = (scheme == "https").then(|| bench.folder.join("ca.pem"));
    let options = ProcessOptions { file: Some(file.to_owned()), part_size: Some(PART), tls, ..Default::default() };
    verify(bench, file, &options, parallel)?;
    let sink = bench.sink(&options)?;
    let mut commands = floors(bench, file, &sink, parallel, openssl);
    commands.push(("oss cp".to_owned(), bench.oss_cp(file, &sink, &["--parallel", &parallel.to_string()])));
    let counts: Vec<_> = commands.iter().map(|(_, command)| syscalls::count(&bench.folder, command)).collect();
    let runners = commands.into_iter().map(|(name, command)| bench.runner(&name, command)).collect();
    let mut sides = in_turn(bench.rounds(9), runners)?;
    let gib = gib(file.metadata()?.len());
    for (side, count) in sides.iter_mut().zip(counts) {
        side.syscalls = count.map(|count| count / gib / 1024.0);
    }
    let ours = sides.pop().expect("it is the last of the sides");
    // The first is what the others stand beside.
    sides.sort_by(|one, other| cpu(one).total_cmp(&cpu(other)));
    let rows = rows(&sides, &ours, scheme, parallel);
    sides.push(ours);
    Ok(Section { title: format!("{scheme}, {gib} GiB, {parallel} in flight"), gib, sides, rows })
}

fn floors(bench: &Bench, file: &Path, sink: &Process, parallel: u32, openssl: Option<&openssl::Floor>) -> Vec<Named> {
    let mut floor = bench.program(&["raw", "--part-size", &PART.to_string(), "--connections", &parallel.to_string()]);
    floor.arg("--port").arg(sink.port.to_string()).arg("--file").arg(file);
    let Some(ca) = &sink.tls else { return vec![("floor: read, CRC-64, write".to_owned(), floor)] };
    floor.arg("--ca").arg(ca);
    let over = |library: &str| format!("floor over {library}");
    let mut floors = vec![(over("rustls"), floor)];
    floors.extend(openssl.map(|floor| (over(&floor.name), floor.command(sink.port, file, PART, parallel, ca))));
    floors
}

/// Once, against a server that looks at every byte.
fn verify(bench: &Bench, file: &Path, options: &ProcessOptions, parallel: u32) -> io::Result<()> {
    let sink = bench.sink(&ProcessOptions { check: true, ..options.clone() })?;
    let cost = bench.cost(&bench.oss_cp(file, &sink, &["--parallel", &parallel.to_string()]))?;
    // Over TLS the sink is not asked: the client itself compares every CRC-64 that the sink computed.
    let differing = if sink.tls.is_some() { 0 } else { sink.ledger()?["differing"].as_u64().unwrap_or(1) };
    if cost.success && differing == 0 { Ok(()) } else { Err(io::Error::other("the bytes that came are others")) }
}

fn cpu(side: &Side) -> f64 {
    side.spread(|cost| cost.cpu).median
}

fn rows(floors: &[Side], ours: &Side, scheme: &str, parallel: u32) -> Vec<Row> {
    let limit = if scheme == "https" { 1.10 } else { 1.05 };
    let name = |what: &str| format!("{scheme}, {parallel} in flight: {what}");
    vec![
        beside_cheapest(name("CPU"), limit, floors, ours, |cost| cost.cpu),
        beside_cheapest(name("wall"), 1.10, floors, ours, |cost| cost.wall),
    ]
}

/// The floor is that of the cheapest library; the others are told.
fn beside_cheapest(what: String, limit: f64, floors: &[Side], ours: &Side, figure: fn(&Cost) -> f64) -> Row {
    let mut floors: Vec<_> = floors.iter().collect();
    floors.sort_by(|one, other| one.spread(figure).median.total_cmp(&other.spread(figure).median));
    let ratio = ours.ratio(floors[0], figure);
    let others = floors[1..].iter().map(|other| format!("; {} × of the {}", ours.ratio(other, figure), other.name));
    let measured = format!("{ratio} ×{}", others.collect::<String>());
    Row::at_most(&what, &format!("≤ {limit:.2} × floor"), limit, ratio.median, measured)
}

/// What uploads took, what further connections take, and whether the part size matters.
fn memory(bench: &Bench, file: &Path, uploads: &[Section]) -> io::Result<Section> {
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
    let runners =
        runs.iter().map(|(name, command, _)| -> Runner<'_> { (name.clone(), Box::new(move || bench.cost(command))) });
    let sides = in_turn(bench.rounds(3), runners.collect())?;
    let row = |name: &str, side: &Side| {
        let rss = side.spread(|cost| cost.rss);
        Row::at_most(&format!("peak RSS, {name}"), "≤ 20 MiB", 20.0, rss.max, format!("{rss:.1} MiB"))
    };
    let mut rows: Vec<_> = uploads.iter().filter_map(|upload| Some(row(&upload.title, upload.sides.last()?))).collect();
    rows.extend(sides[..3].iter().map(|side| row(&side.name, side)));
    let rss = |side: &Side| side.spread(|cost| cost.rss);
    let more = (rss(&sides[3]).max - rss(&sides[2]).median) / 56.0;
    rows.push(Row::at_most("RSS per further connection, 8 to 64", "≤ 1 MiB", 1.0, more, format!("{more:.2} MiB")));
    Ok(Section { title: "memory".to_owned(), gib: gib(file.metadata()?.len()), sides, rows })
}
