//! Whether the cost of a byte grows with the file, the number of parts, or the connections.

use super::{Row, Section, gib};
use crate::bench::Bench;
use crate::data;
use crate::measure::Cost;
use crate::sink::ProcessOptions;
use crate::spread::{Runner, Spread, in_turn};
use std::io;

const MIB: u64 = 1 << 20;

pub(crate) fn measure(bench: &Bench) -> io::Result<Vec<Section>> {
    let size = |full: u64| if bench.quick { full / 16 } else { full };
    let sizes = [256 * MIB, size(4 << 30), size(64 << 30)].map(|size| (size, 8 * MIB, 3));
    let whole = size(50_000 * MIB);
    let parts = [10, 100, 1_000, 10_000].map(|parts| (whole, whole / parts, 3));
    let cached = bench.sized(2 << 30);
    let connections = [1, 3, 8, 64].map(|connections| (cached, 8 * MIB, connections));
    Ok(vec![
        flat(bench, "size, sparse", &sizes, true)?,
        flat(bench, "parts, sparse", &parts, true)?,
        flat(bench, "in flight", &connections, false)?,
    ])
}

/// What each costs beside the floor on the same kind of file: a file that is not in the page cache costs the kernel the
/// making of its pages, and that grows with the memory it has to free for them, whoever reads.
fn flat(bench: &Bench, title: &str, cases: &[(u64, u64, u32)], sparse: bool) -> io::Result<Section> {
    let pair = |case: &(u64, u64, u32)| [runner(bench, *case, sparse, true), runner(bench, *case, sparse, false)];
    let mut sides = in_turn(bench.rounds(2), cases.iter().flat_map(pair).collect())?;
    for (side, (size, _, _)) in sides.iter_mut().zip(cases.iter().flat_map(|case| [case, case])) {
        for cost in &mut side.costs {
            cost.cpu /= gib(*size);
            cost.wall /= gib(*size);
        }
    }
    let ratios: Vec<_> = sides.chunks(2).map(|pair| pair[1].ratio(&pair[0], |cost| cost.cpu).median).collect();
    let spread = Spread::of(ratios.iter().copied());
    let (over, under) = (spread.max / spread.median - 1.0, 1.0 - spread.min / spread.median);
    let listed: Vec<_> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
    let measured = format!("+{:.0} % −{:.0} % ({} × floor)", over * 100.0, under * 100.0, listed.join(", "));
    let what = format!("cost growth beside the floor: {title}");
    let row = Row::at_most(&what, "flat, ± 5 %", 0.05, over.max(under), measured);
    Ok(Section { title: format!("growth: {title} (wall in s/GiB)"), gib: 1.0, sides, rows: vec![row] })
}

fn runner(bench: &Bench, (size, part_size, connections): (u64, u64, u32), sparse: bool, floor: bool) -> Runner<'_> {
    let side = if floor { "floor" } else { "oss cp" };
    let name = format!("{side}: {} MiB, {} parts, {connections} in flight", size / MIB, size.div_ceil(part_size));
    let run = move || -> io::Result<Cost> {
        // A new one each time: what was read before would be in the page cache.
        let file = if sparse { data::sparse(&bench.folder, size) } else { data::file(&bench.folder, size) }?;
        let known = if sparse { (None, Some(size)) } else { (Some(file.clone()), None) };
        let sink = bench.sink(&ProcessOptions {
            file: known.0,
            zeros: known.1,
            part_size: Some(part_size),
            ..Default::default()
        })?;
        let (part_size, connections) = (part_size.to_string(), connections.to_string());
        let command = if floor {
            let mut command = bench.program(&["raw", "--part-size", &part_size, "--connections", &connections]);
            command.arg("--port").arg(sink.port.to_string()).arg("--file").arg(&file);
            command
        } else {
            bench.oss_cp(&file, &sink, &["--part-size", &part_size, "--parallel", &connections])
        };
        let cost = bench.cost(&command);
        if sparse {
            std::fs::remove_file(&file)?;
        }
        cost
    };
    (name, Box::new(run))
}
