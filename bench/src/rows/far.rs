//! Far servers: the number of parts in flight that is found by measuring, beside every fixed one.
//!
//! Uploads to servers of their own run side by side where all of them together leave the machine idle: they wait for
//! what the servers let through.

use super::{Row, Section, Verdict};
use crate::bench::Bench;
use crate::data;
use crate::pages;
use crate::sink::{Far, Process, ProcessOptions};
use crate::spread::Spread;
use serde_json::Value;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

const SIZE: u64 = 64 << 30;
const MBIT: u64 = 125_000;
/// A fixed setting has nothing to find; what it opens with is over after a few parts.
const FIXED_FROM: Duration = Duration::from_secs(3);
/// What `auto` brings is looked at from here on.
const AUTO_FROM: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(500);

const GOAL: &str = "≥ 95 % of the best fixed setting after 10 s, at most half as many connections again as that needs";
const SLOW_GOAL: &str = "≥ 95 % of what three bring";

/// One kind of network, and the fixed settings that are tried on it, in groups that run side by side.
#[derive(Debug)]
struct Network {
    name: &'static str,
    far: Far,
    settings: &'static [&'static [u64]],
    /// One link that is as fast with three as with more: nothing is to be found.
    slow: bool,
}

/// Ten connections and a little more fill what is shared.
const SHARED: &[&[u64]] = &[&[3, 6, 8, 9, 10, 11], &[12, 14, 16, 24, 32, 64]];
/// Each one more brings as much as the first, up to the most that `auto` may use.
const OPEN: &[&[u64]] = &[&[3, 8, 16, 32], &[48], &[64]];

const NETWORKS: [Network; 5] = [
    network("50 ms, 100 Mbit/s a connection, 1 Gbit/s in all", far(100, Some(1_000), 50), SHARED),
    network("100 ms, 100 Mbit/s a connection, 1 Gbit/s in all", far(100, Some(1_000), 100), SHARED),
    Network { slow: true, ..network("100 ms, one link of 20 Mbit/s", far(20, Some(20), 100), &[]) },
    network("50 ms, 100 Mbit/s a connection, nothing shared", far(100, None, 50), OPEN),
    network("100 ms, 100 Mbit/s a connection, nothing shared", far(100, None, 100), OPEN),
];

/// Its place among them: three are looked at there as long as `auto`, beside it.
const SLOW: usize = 2;

const fn network(name: &'static str, far: Far, settings: &'static [&'static [u64]]) -> Network {
    Network { name, far, settings, slow: false }
}

const fn far(connection: u64, all: Option<u64>, latency: u64) -> Far {
    let all = match all {
        Some(all) => Some(all * MBIT),
        None => None,
    };
    Far { connection_bandwidth: Some(connection * MBIT), bandwidth: all, latency }
}

/// One upload, and when it is looked at.
#[derive(Debug, Clone)]
struct Asked {
    far: Far,
    parallel: String,
    from: Duration,
    window: Duration,
}

/// What it did meanwhile.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// MB/s.
    rate: f64,
    /// Parts in flight.
    in_flight: Spread,
}

pub(crate) fn measure(bench: &Bench) -> io::Result<Vec<Section>> {
    let file = data::sparse(&bench.folder, "sparse", SIZE)?;
    let rows = pages::dropped_during(Some(&file), pages::Pace::Time, || rows(bench, &file))?;
    fs::remove_file(&file)?;
    super::start::forget_checkpoints(bench)?;
    Ok(vec![Section { title: "far".to_owned(), gib: 0.0, sides: Vec::new(), rows: rows? }])
}

fn rows(bench: &Bench, file: &Path) -> io::Result<Vec<Row>> {
    let window = Duration::from_secs(if bench.quick { 4 } else { 10 });
    let auto = |network: &Network| {
        let window = if network.slow { window * 3 } else { window * 3 / 2 };
        Asked { far: network.far, parallel: "auto".to_owned(), from: AUTO_FROM, window }
    };
    let fixed = |network: &Network, parts: u64| Asked {
        parallel: parts.to_string(),
        from: FIXED_FROM,
        window,
        ..auto(network)
    };
    let mut sweeps = Vec::new();
    for network in &NETWORKS {
        let mut sweep = Vec::new();
        for group in network.settings {
            let asked = group.iter().map(|parts| fixed(network, *parts)).collect();
            sweep.extend(group.iter().copied().zip(side_by_side(bench, file, asked)?));
        }
        sweeps.push(sweep);
    }
    let slow = &NETWORKS[SLOW];
    let mut asked: Vec<_> = NETWORKS[..=SLOW].iter().map(auto).collect();
    asked.push(Asked { parallel: "3".to_owned(), ..auto(slow) });
    let mut found = side_by_side(bench, file, asked)?;
    sweeps[SLOW].extend(found.pop().map(|three| (3, three)));
    for network in &NETWORKS[SLOW + 1..] {
        found.extend(side_by_side(bench, file, vec![auto(network)])?);
    }
    let judged = NETWORKS.iter().zip(&sweeps).zip(found);
    Ok(judged.map(|((network, sweep), auto)| judge(network, sweep, auto)).collect())
}

fn judge(network: &Network, sweep: &[(u64, Run)], auto: Run) -> Row {
    let best = sweep.iter().map(|(_, run)| run.rate).fold(0.0, f64::max);
    let enough = sweep.iter().find(|(_, run)| run.rate >= 0.95 * best).map_or(3, |(parts, _)| *parts);
    let swept: Vec<_> = sweep.iter().map(|(parts, run)| format!("{parts}: {:.1}", run.rate)).collect();
    let most = u32::try_from((enough + enough / 2 + 1).max(3)).unwrap_or(u32::MAX);
    let met = auto.rate >= 0.95 * best && (network.slow || auto.in_flight.max <= f64::from(most));
    Row {
        what: format!("--parallel auto: {}", network.name),
        goal: if network.slow { SLOW_GOAL } else { GOAL }.to_owned(),
        measured: format!(
            "{:.0} % of the best: {:.1} MB/s with {:.0} in flight; MB/s of fixed settings: {} ({enough} is enough)",
            100.0 * auto.rate / best,
            auto.rate,
            auto.in_flight,
            swept.join(", ")
        ),
        verdict: if met { Verdict::Met } else { Verdict::Missed },
    }
}

fn side_by_side(bench: &Bench, file: &Path, asked: Vec<Asked>) -> io::Result<Vec<Run>> {
    scope(|scope| {
        let threads: Vec<_> = asked.iter().map(|asked| scope.spawn(move || run(bench, file, asked))).collect();
        let died = |_| Err(io::Error::other("a measuring thread panicked"));
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(died)).collect()
    })
}

/// Uploads, looks at what comes meanwhile, and ends it.
fn run(bench: &Bench, file: &Path, asked: &Asked) -> io::Result<Run> {
    let sink = bench.sink(&ProcessOptions { zeros: Some(SIZE), far: asked.far, ..Default::default() })?;
    let mut command = bench.oss_cp(file, &sink, &["--restart", "--parallel", &asked.parallel]);
    let began = Instant::now();
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let looked = look(&sink, began, asked);
    process.kill()?;
    process.wait()?;
    if let Ok(run) = &looked {
        eprintln!("{:?}, {} in flight: {:.1} MB/s, {:.0}", asked.far, asked.parallel, run.rate, run.in_flight);
    }
    looked
}

fn look(sink: &Process, began: Instant, asked: &Asked) -> io::Result<Run> {
    sleep(asked.from.saturating_sub(began.elapsed()));
    let (first, first_at) = (sink.ledger()?, Instant::now());
    let mut in_flight = Vec::new();
    let (last, last_at) = loop {
        sleep(LOOK_EVERY);
        let (ledger, at) = (sink.ledger()?, Instant::now());
        in_flight.push(ledger["in_flight"].as_u64().and_then(|parts| u32::try_from(parts).ok()).map_or(0.0, f64::from));
        if began.elapsed() >= asked.from + asked.window {
            break (ledger, at);
        }
    };
    let received = |ledger: &Value| ledger["received"].as_u64().unwrap_or(0);
    let bytes = u32::try_from((received(&last) - received(&first)) / 1_000).unwrap_or(u32::MAX);
    let rate = f64::from(bytes) / 1_000.0 / (last_at - first_at).as_secs_f64();
    Ok(Run { rate, in_flight: Spread::of(in_flight) })
}
