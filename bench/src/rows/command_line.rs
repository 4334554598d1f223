//! The command itself: how large it is, and how soon it speaks.

use super::{Row, Section, gib};
use crate::bench::Bench;
use crate::spread::in_turn;
use std::io;
use std::process::Command;

pub(crate) fn measure(bench: &Bench) -> io::Result<Vec<Section>> {
    let size = gib(bench.oss.metadata()?.len()) * 1024.0;
    let mut version = Command::new(&bench.oss);
    version.arg("--version");
    let sides = in_turn(bench.rounds(21), vec![bench.runner("oss --version", version)])?;
    let wall = sides[0].spread(|cost| cost.wall * 1000.0);
    let rows = vec![
        Row::at_most("binary, stripped", "≤ 8 MiB", 8.0, size, format!("{size:.2} MiB")),
        Row::at_most("oss --version", "≤ 10 ms", 10.0, wall.median, format!("{wall:.1} ms")),
    ];
    Ok(vec![Section { title: "command line".to_owned(), gib: 0.0, sides, rows }])
}
