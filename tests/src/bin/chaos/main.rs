//! The kill loop: the real `oss` command over a socket, struck by signals, faults and edits; the server's ledger is the judge.
//!
//! `chaos --oss PATH [--minutes N] [--seed S] [--trace yes]`: plays rounds until the time is over, each from its own seed (S, S + 1, …),
//! and prints what happened. A violation prints the seed of its round: with `--seed` of that round it is played first, and
//! with `--trace yes` every run and request is shown. What the seed cannot fix is the moment a signal arrives: a violation in a
//! narrow window may take a few replays.
//! Exit code 1 when anything was violated.
//!
//! In a round, runs of `oss cp` are killed, stopped, interrupted, cut off and answered wrongly at moments drawn from the seed,
//! the file is edited between them and under them, checkpoints are damaged, second processes are started, other people store
//! objects, clocks are hours apart, until one says that it has completed. What must hold:
//! 1. `completed`, with exit code 0, means that the object is the file, byte for byte.
//! 2. Nothing is ever published that the file never was.
//! 3. What the server acknowledged to an earlier run, and has not changed, is not sent again.
//! 4. After a success nothing is left: no file beside the source, and no upload but where no program could know of it.
//! 5. Every run ends, in time, with 0, 3, or after a refusal 1.
//! 6. Of two processes at once one sends requests; the other sends none, or begins when the first has ended.
//! 7. Where nothing may be overwritten, the object that came first stands at the end.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a command")]

mod damage;
mod judge;
mod publications;
mod round;
mod run;
mod script;
mod server;
mod source;
mod tally;

use crate::round::Round;
use crate::tally::Tally;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const USAGE: &str = "usage: chaos --oss PATH [--minutes N] [--seed S] [--trace yes]";
/// A broken command breaks every round: more of the same teaches nothing.
const ENOUGH_VIOLATIONS: usize = 20;

struct Args {
    oss: PathBuf,
    length: Duration,
    seed: u64,
    trace: bool,
}

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)).and_then(|args| play(&args)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("chaos: {error}");
            ExitCode::from(2)
        }
    }
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Args, String> {
    let (mut oss, mut minutes, mut seed, mut trace) = (None, 2.0, fastrand::u64(..1 << 40), false);
    while let Some(name) = args.next() {
        let value = args.next().ok_or(USAGE)?;
        match name.as_str() {
            "--oss" => oss = Some(PathBuf::from(value)),
            "--minutes" => minutes = value.parse().map_err(|_| USAGE)?,
            "--seed" => seed = value.parse().map_err(|_| USAGE)?,
            "--trace" => trace = value == "yes",
            _ => return Err(USAGE.to_owned()),
        }
    }
    let length = Duration::try_from_secs_f64(minutes * 60.0).map_err(|error| error.to_string())?;
    Ok(Args { oss: oss.ok_or(USAGE)?, length, seed, trace })
}

/// Whether nothing was violated.
fn play(args: &Args) -> Result<bool, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    println!("chaos: --seed {}", args.seed);
    let (began, mut tally) = (Instant::now(), Tally { trace: args.trace, ..Tally::default() });
    let mut seed = args.seed;
    while began.elapsed() < args.length && tally.violations.len() < ENOUGH_VIOLATIONS {
        tally = runtime.block_on(Round::play(seed, &args.oss, tally, began + args.length))?;
        seed = seed.wrapping_add(1);
    }
    println!("{}", tally.report(args.seed, began.elapsed()));
    for violation in &tally.violations {
        println!("  violated: {violation}");
    }
    Ok(tally.violations.is_empty())
}

/// A line while it works.
fn say(words: &str) {
    eprintln!("{words}");
}
