//! Whether the cost of a byte grows with the file, the number of parts, or the connections.

use super::{Row, Section, gib};
use crate::bench::Bench;
use crate::data;
use crate::measure::Cost;
use crate::sink::{Process, ProcessOptions};
use crate::spread::{Runner, Side, Spread, counted, in_turn};
use std::io;
use std::path::Path;

const MIB: u64 = 1 << 20;
/// Read before each run on a sparse file: the memory that its pages will come from.
const WARM: u64 = 5 << 28;

/// One upload, and how often: short ones need more rounds, and can have them.
#[derive(Debug, Clone, Copy)]
struct Case {
    size: u64,
    part_size: u64,
    connections: u32,
    rounds: usize,
}

pub(crate) fn measure(bench: &Bench) -> io::Result<Vec<Section>> {
    let size = |full: u64| if bench.quick { full / 16 } else { full };
    let of_size = |(size, rounds)| Case { size, part_size: 8 * MIB, connections: 3, rounds };
    let sizes = [(256 * MIB, 21), (size(4 << 30), 9), (size(64 << 30), 3)].map(of_size);
    let whole = size(50_000 * MIB);
    let of_parts = |parts| Case { size: whole, part_size: whole / parts, connections: 3, rounds: 2 };
    let parts = [10, 100, 1_000, 10_000].map(of_parts);
    let cached = bench.sized(2 << 30);
    let of_connections = |connections| Case { size: cached, part_size: 8 * MIB, connections, rounds: 11 };
    let connections = [1, 3, 8, 64].map(of_connections);
    let mut sections = of_cases(bench, "file size (sparse)", &sizes, sparse, |case| mib(case.size))?;
    let named = |case: &Case| format!("{} parts", case.size.div_ceil(case.part_size));
    sections.extend(of_cases(bench, &format!("parts of {} (sparse)", mib(whole)), &parts, sparse, named)?);
    let named = |case: &Case| format!("{} in flight", case.connections);
    sections.extend(of_cases(bench, &format!("in flight ({}, cached)", mib(cached)), &connections, in_cache, named)?);
    Ok(sections)
}

fn mib(size: u64) -> String {
    format!("{} MiB", size / MIB)
}

/// Both sides of one case.
type Measure = fn(&Bench, Case) -> io::Result<Vec<Side>>;

/// A section for each case; the last one has the row.
fn of_cases(
    bench: &Bench,
    title: &str,
    cases: &[Case],
    measure: Measure,
    name: impl Fn(&Case) -> String,
) -> io::Result<Vec<Section>> {
    let mut sections = Vec::new();
    for case in cases {
        let (sides, title) = (measure(bench, *case)?, format!("growth by {title}: {}", name(case)));
        sections.push(Section { title, gib: gib(case.size), sides, rows: Vec::new() });
    }
    let rows = [judge(title, &sections, cases.iter().map(name).collect()), memory(title, cases, &sections)];
    sections.last_mut().expect("there are cases").rows.extend(rows);
    Ok(sections)
}

/// Of all cases with up to 8 in flight.
fn memory(title: &str, cases: &[Case], sections: &[Section]) -> Row {
    let few = cases.iter().zip(sections).filter(|(case, _)| case.connections <= 8);
    let rss = Spread::of(few.flat_map(|(_, section)| section.sides[1].costs.iter().map(|cost| cost.rss)));
    Row::at_most(&format!("peak RSS, {title}"), "≤ 20 MiB", 20.0, rss.max, format!("{rss:.1} MiB"))
}

/// Flat is a cost that is flat by itself, or beside the floor on the same file: what the kernel takes more for larger
/// files, more parts or more connections, it takes from every client.
fn judge(title: &str, sections: &[Section], names: Vec<String>) -> Row {
    let beside: Vec<_> =
        sections.iter().map(|section| section.sides[1].ratio(&section.sides[0], |cost| cost.cpu)).collect();
    let alone =
        |side: usize| sections.iter().map(move |section| section.sides[side].spread(|cost| cost.cpu / section.gib));
    let listed: Vec<_> = names.iter().zip(&beside).map(|(name, ratio)| format!("{name} {ratio}")).collect();
    let figures = |side| alone(side).map(|cost| format!("{:.3}", cost.median)).collect::<Vec<_>>().join(", ");
    let beside_floor = rise(beside.iter().map(|ratio| ratio.median));
    let by_itself = rise(alone(1).map(|cost| cost.median));
    let measured = format!(
        "rises ± {:.1} % beside the floor: × {}; ± {:.1} % by itself: CPU-s/GiB {} (floor {})",
        100.0 * beside_floor,
        listed.join(", "),
        100.0 * by_itself,
        figures(1),
        figures(0)
    );
    let value = beside_floor.min(by_itself);
    Row::at_most(&format!("cost growth by {title}"), "flat, ± 5 %", 0.05, value, measured)
}

/// How far a case and a later one are from the middle between them, where it rises most. What falls does not grow: a
/// start costs the same for every file, and is less beside a large one.
fn rise(values: impl Iterator<Item = f64>) -> f64 {
    let mut least = f64::INFINITY;
    values.fold(0.0, |most, value| {
        least = least.min(value);
        f64::max(most, (value - least) / (value + least))
    })
}

fn sparse(bench: &Bench, case: Case) -> io::Result<Vec<Side>> {
    let warm = data::sparse(&bench.folder, "warm", WARM)?;
    let file = data::sparse(&bench.folder, "sparse", case.size)?;
    let options = ProcessOptions { zeros: Some(case.size), part_size: Some(case.part_size), ..Default::default() };
    let sink = bench.sink(&options)?;
    let mut reading = bench.program(&["read"]);
    reading.arg(&warm);
    let runners = commands(bench, case, &file, &sink).map(|(name, command)| -> Runner<'_> {
        let (reading, warm, file) = (&reading, &warm, &file);
        let run = move || -> io::Result<Cost> {
            bench.cost_without_pages(reading, warm)?;
            bench.cost_without_pages(&command, file)
        };
        (name, Box::new(run))
    });
    let sides = counted(bench.rounds(case.rounds), runners.into());
    std::fs::remove_file(&warm)?;
    std::fs::remove_file(&file)?;
    sides
}

fn in_cache(bench: &Bench, case: Case) -> io::Result<Vec<Side>> {
    let file = data::file(&bench.folder, case.size)?;
    let options = ProcessOptions { file: Some(file.clone()), part_size: Some(case.part_size), ..Default::default() };
    let sink = bench.sink(&options)?;
    let runners = commands(bench, case, &file, &sink).map(|(name, command)| bench.runner(&name, command));
    in_turn(bench.rounds(case.rounds), runners.into())
}

fn commands(bench: &Bench, case: Case, file: &Path, sink: &Process) -> [(String, std::process::Command); 2] {
    let (part_size, connections) = (case.part_size.to_string(), case.connections.to_string());
    let mut floor = bench.program(&["raw", "--part-size", &part_size, "--connections", &connections]);
    floor.arg("--port").arg(sink.port.to_string()).arg("--file").arg(file);
    let ours = bench.oss_cp(file, sink, &["--part-size", &part_size, "--parallel", &connections]);
    [("floor: read, CRC-64, write".to_owned(), floor), ("oss cp".to_owned(), ours)]
}

#[cfg(test)]
mod tests {
    use super::rise;

    #[test]
    fn only_what_rises_is_growth() {
        let near = |values: &[f64], expected: f64| (rise(values.iter().copied()) - expected).abs() < 1e-9;
        assert!(near(&[1.05, 0.95, 0.95], 0.0), "a start that weighs less");
        assert!(near(&[1.05, 0.95, 1.05], 0.05), "from the least to a later one");
        assert!(near(&[0.95, 1.05, 0.90], 0.05), "whatever comes after it");
    }
}
