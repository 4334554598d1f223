//! The time from start to the first byte of a part, whatever the file's size.

use super::{Row, Section};
use crate::bench::Bench;
use crate::data;
use crate::sink::{ProcessOptions, micros};
use crate::spread::Spread;
use std::fs;
use std::io;
use std::process::Stdio;
use std::time::{Duration, Instant};

const SIZE: u64 = 1 << 40;

pub(crate) fn measure(bench: &Bench) -> io::Result<Vec<Section>> {
    let file = data::sparse(&bench.folder, "sparse", SIZE)?;
    let mut times = Vec::new();
    for _ in 0..bench.rounds(7) {
        let sink =
            bench.sink(&ProcessOptions { zeros: Some(SIZE), part_size: Some(110 << 20), ..Default::default() })?;
        let mut command = bench.oss_cp(&file, &sink, &["--restart"]);
        let began = micros();
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let waiting = Instant::now();
        let first = loop {
            match sink.ledger()?["first_part_at"].as_u64() {
                Some(at) => break Ok(at),
                None if waiting.elapsed() > Duration::from_secs(10) => {
                    break Err(io::Error::other("no part came within 10 s"));
                }
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        process.kill()?;
        process.wait()?;
        times.push(f64::from(u32::try_from(first?.saturating_sub(began)).unwrap_or(u32::MAX)) / 1000.0);
    }
    let _ = fs::remove_file(file);
    forget_checkpoints(bench)?;
    let spread = Spread::of(times);
    let row = Row::at_most(
        "1 TiB sparse file: start to first part byte",
        "≤ 50 ms",
        50.0,
        spread.median,
        format!("{spread:.1} ms"),
    );
    Ok(vec![Section { title: "start".to_owned(), gib: 0.0, sides: Vec::new(), rows: vec![row] }])
}

/// What the killed runs left.
pub(super) fn forget_checkpoints(bench: &Bench) -> io::Result<()> {
    for entry in fs::read_dir(&bench.folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(".sparse.")) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
