//! Far servers: the number of parts in flight that is found by measuring, beside every fixed one.

use super::{Row, Section, Verdict};
use crate::bench::Bench;
use crate::data;
use crate::sink::{Far, ProcessOptions};
use std::fs;
use std::io;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

const SIZE: u64 = 64 << 30;
const MBIT: u64 = 125_000;
/// What a setting brings is looked at from here on.
const SETTLED: Duration = Duration::from_secs(10);

const GOAL: &str = "≥ 95 % of the best fixed setting after 10 s, at most half as many connections again as it needs";
const SLOW_GOAL: &str = "≥ 95 % of what three bring";

/// Name, what the network is like, and whether it is one slow link only.
const NETWORKS: [(&str, Far); 3] = [
    ("50 ms, 100 Mbit/s a connection, 1 Gbit/s in all", far(100, 1_000, 50)),
    ("100 ms, 100 Mbit/s a connection, 1 Gbit/s in all", far(100, 1_000, 100)),
    ("100 ms, one link of 20 Mbit/s", far(20, 20, 100)),
];

const fn far(connection: u64, all: u64, latency: u64) -> Far {
    Far { connection_bandwidth: Some(connection * MBIT), bandwidth: Some(all * MBIT), latency }
}

/// What a setting did once it had settled.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// MB/s.
    rate: f64,
    /// Parts in flight at the end.
    in_flight: u64,
}

pub(crate) fn measure(bench: &Bench) -> io::Result<Vec<Section>> {
    let settings: &[u64] = if bench.quick { &[3, 8, 12] } else { &[1, 2, 3, 4, 6, 8, 10, 12, 16, 24, 32, 64] };
    let window = Duration::from_secs(if bench.quick { 5 } else { 15 });
    let mut rows = Vec::new();
    for (name, far) in NETWORKS {
        // One slow link is as fast with one as with many: three is what auto is compared with.
        let slow = far.bandwidth < Some(100 * MBIT);
        let settings = if slow { &[3][..] } else { settings };
        let mut sweep = Vec::new();
        for parts in settings {
            // A fixed setting has nothing to find; what it opens with is over after a few parts.
            let run = run(bench, far, &parts.to_string(), Duration::from_secs(3), window)?;
            eprintln!("{name}: {parts} in flight: {:.1} MB/s", run.rate);
            sweep.push((*parts, run));
        }
        let auto = run(bench, far, "auto", SETTLED, if slow { window * 3 } else { window })?;
        rows.push(judge(name, &sweep, auto, slow));
    }
    fs::remove_file(bench.folder.join("sparse"))?;
    Ok(vec![Section { title: "far".to_owned(), gib: 0.0, sides: Vec::new(), rows }])
}

fn judge(name: &str, sweep: &[(u64, Run)], auto: Run, slow: bool) -> Row {
    let best = sweep.iter().map(|(_, run)| run.rate).fold(0.0, f64::max);
    let enough = sweep.iter().find(|(_, run)| run.rate >= 0.95 * best).map_or(3, |(parts, _)| *parts);
    let swept: Vec<_> = sweep.iter().map(|(parts, run)| format!("{parts}: {:.1}", run.rate)).collect();
    let met = auto.rate >= 0.95 * best && (slow || auto.in_flight <= (enough + enough / 2 + 1).max(3));
    Row {
        what: format!("--parallel auto: {name}"),
        goal: if slow { SLOW_GOAL } else { GOAL }.to_owned(),
        measured: format!(
            "{:.1} MB/s with {} in flight, {:.0} % of the best; MB/s of fixed settings: {} ({enough} is enough)",
            auto.rate,
            auto.in_flight,
            100.0 * auto.rate / best,
            swept.join(", ")
        ),
        verdict: if met { Verdict::Met } else { Verdict::Missed },
    }
}

/// Uploads, looks at what comes between `from` and `from + window`, and ends it.
fn run(bench: &Bench, far: Far, parallel: &str, from: Duration, window: Duration) -> io::Result<Run> {
    let file = data::sparse(&bench.folder, SIZE)?;
    let sink = bench.sink(&ProcessOptions { zeros: Some(SIZE), far, ..Default::default() })?;
    let mut command = bench.oss_cp(&file, &sink, &["--restart", "--parallel", parallel]);
    let began = Instant::now();
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let looked = (|| {
        sleep(from.saturating_sub(began.elapsed()));
        let (first, first_at) = (sink.ledger()?, Instant::now());
        sleep((from + window).saturating_sub(began.elapsed()));
        let (last, last_at) = (sink.ledger()?, Instant::now());
        let received = |ledger: &serde_json::Value| ledger["received"].as_u64().unwrap_or(0);
        let bytes = u32::try_from((received(&last) - received(&first)) / 1_000).unwrap_or(u32::MAX);
        let rate = f64::from(bytes) / 1_000.0 / (last_at - first_at).as_secs_f64();
        Ok(Run { rate, in_flight: last["in_flight"].as_u64().unwrap_or(0) })
    })();
    process.kill()?;
    process.wait()?;
    super::start::forget_checkpoints(bench)?;
    looked
}
