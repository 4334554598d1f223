//! The cost of a file: many small ones in one process.

use super::{Row, Section};
use crate::bench::Bench;
use crate::data;
use crate::sink::ProcessOptions;
use crate::spread::in_turn;
use std::io;

const SIZE: usize = 4096;
const CONNECTIONS: &str = "8";

pub(crate) fn measure(bench: &Bench) -> io::Result<Vec<Section>> {
    let count = usize::try_from(bench.sized(10_000)).map_err(io::Error::other)?;
    let folder = data::many(&bench.folder, count, SIZE)?;
    let sink = bench.sink(&ProcessOptions::default())?;
    let mut hyper = bench.program(&["bare-hyper", "--connections", CONNECTIONS, "--port", &sink.port.to_string()]);
    hyper.arg("--source").arg(&folder);
    let mut ours = bench.program(&["files", "--connections", CONNECTIONS, "--endpoint", &sink.endpoint()]);
    ours.arg("--source").arg(&folder);
    let runners = vec![bench.runner("bare hyper loop", hyper), bench.runner("library", ours)];
    let sides = in_turn(bench.rounds(5), runners)?;
    let (floor, ours) = (&sides[0], &sides[1]);
    let cpu = ours.ratio(floor, |cost| cost.cpu);
    let rate = ours.ratio(floor, |cost| 1.0 / cost.wall);
    let rows = vec![
        Row::at_least("small files: request rate", "≥ 90 % of bare hyper", 0.9, rate.median, format!("{rate} ×")),
        Row::at_most("small files: CPU per request", "≤ 1.3 × bare hyper", 1.3, cpu.median, format!("{cpu} ×")),
    ];
    let title = format!("{count} files of 4 KiB, {CONNECTIONS} connections");
    Ok(vec![Section { title, gib: 0.0, sides, rows }])
}
