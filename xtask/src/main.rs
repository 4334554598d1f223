//! Tasks of this workspace, as `cargo xtask TASK`.
//!
//! `ci` is everything continuous integration runs; `test` and `interop` are steps of it. Each ends with one line
//! `N passed, N failed, N skipped` and fails when anything failed.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line speaks to people")]

mod interop;
mod steps;
mod tally;

use std::process::ExitCode;
use steps::Run;

const USAGE: &str = "\
usage: cargo xtask TASK
  ci      format, clippy, documentation, tests, interop with the Python SDKs, licences: all that CI runs
  test    the tests alone
  interop the official Python SDKs against `oss serve` alone
";

enum Task {
    Ci,
    Test,
    Interop,
}

impl Task {
    fn parse(mut words: impl Iterator<Item = String>) -> Option<Self> {
        let task = match words.next()?.as_str() {
            "ci" => Self::Ci,
            "test" => Self::Test,
            "interop" => Self::Interop,
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
    }
    run.end()
}

/// The cheapest first. A failed step does not stop the others: one run shows all there is to mend.
fn ci(run: &mut Run) {
    run.step("format", |_| steps::cargo(&["fmt", "--all", "--check"], &[]));
    run.step("clippy", |_| {
        steps::cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"], &[])
    });
    run.step("documentation", |_| {
        steps::cargo(&["doc", "--workspace", "--no-deps", "--locked"], &[("RUSTDOCFLAGS", "-D warnings")])
    });
    run.step("tests", steps::tests);
    run.step("interop", interop::run);
    run.step("licences", |_| steps::deny());
}
