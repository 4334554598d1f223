//! Tasks of this workspace, as `cargo xtask TASK`.
//!
//! `ci` is everything continuous integration runs; `test` and `interop` are steps of it. Each ends with one line
//! `N passed, N failed, N skipped` and fails when anything failed.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line speaks to people")]

mod bench;
mod chaos;
mod deny;
mod interop;
mod peers;
mod platforms;
mod release;
mod steps;
mod tally;

use std::process::ExitCode;
use steps::Run;

const USAGE: &str = "\
usage: cargo xtask TASK
  ci      format, clippy, documentation, other platforms, tests, interop with the Python SDKs, two minutes of
          chaos, licences, packages: all that CI runs
  test    the tests alone
  interop the official Python SDKs against `oss serve` alone
  chaos   the kill loop alone: chaos [--minutes N] [--seed S]
  deny    licences, bans, sources and advisories of the dependencies alone
  release version, changelog, ci, packages, commit and tag; publishing is left to you: release 1.2.3
  bench   what an upload costs beside the least it could: bench [--quick] [--peers] [--only ROW,…]
";

enum Task {
    Ci,
    Test,
    Interop,
    /// The chaos program's own arguments.
    Chaos(Vec<String>),
    Deny,
    /// The version.
    Release(String),
    /// The measuring program's own arguments.
    Bench(Vec<String>),
}

impl Task {
    fn parse(mut words: impl Iterator<Item = String>) -> Option<Self> {
        let task = match words.next()?.as_str() {
            "ci" => Self::Ci,
            "test" => Self::Test,
            "interop" => Self::Interop,
            "bench" => return Some(Self::Bench(words.collect())),
            "chaos" => return Some(Self::Chaos(words.collect())),
            "deny" => Self::Deny,
            "release" => Self::Release(words.next()?),
            _ => return None,
        };
        words.next().is_none().then_some(task)
    }
}

fn main() -> ExitCode {
    let Some(task) = Task::parse(std::env::args().skip(1)) else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    let mut run = Run::new();
    match task {
        Task::Ci => ci(&mut run),
        Task::Test => run.step("tests", steps::tests),
        Task::Interop => run.step("interop", interop::run),
        Task::Bench(words) => run.step("bench", |_| bench::run(&words)),
        Task::Chaos(words) => run.step("chaos", |_| chaos::run(&words)),
        Task::Deny => run.step("licences", |_| deny::run()),
        Task::Release(version) => release::run(&version, &mut run, ci),
    }
    run.end()
}

/// The cheapest first. A failed step does not stop the others: one run shows all there is to mend.
fn ci(run: &mut Run) {
    run.step("format", |_| steps::cargo(&["fmt", "--all", "--check"], &[]));
    run.step("clippy", |_| {
        steps::cargo(
            &["clippy", "--workspace", "--all-targets", "--locked", "--keep-going", "--", "-D", "warnings"],
            &[],
        )
    });
    run.step("documentation", |_| {
        steps::cargo(&["doc", "--workspace", "--no-deps", "--locked"], &[("RUSTDOCFLAGS", "-D warnings")])
    });
    run.step("other platforms", |_| platforms::run());
    run.step("tests", steps::tests);
    run.step("interop", interop::run);
    // Always the same scripts, so that a failure is the change's; new ones are for longer runs by hand.
    run.step("chaos", |_| chaos::run(&["--minutes", "2", "--seed", "31000"].map(str::to_owned)));
    run.step("licences", |_| deny::run());
    run.step("packages", |_| release::packages());
}
