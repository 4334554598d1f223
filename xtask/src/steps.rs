//! One step after the other, each named, timed and counted.

use crate::tally::Tally;
use std::env;
use std::io::{BufRead as _, BufReader, Write as _, stdout};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// How a step ended.
pub(crate) enum Ended {
    Ok,
    Failed(String),
    /// It could not run here, and why; not a failure.
    Skipped(String),
}

/// All steps of one task.
pub(crate) struct Run {
    tally: Tally,
    failed: Vec<&'static str>,
}

impl Run {
    pub(crate) fn new() -> Self {
        Self { tally: Tally::default(), failed: Vec::new() }
    }

    pub(crate) fn step(&mut self, name: &'static str, work: impl FnOnce(&mut Tally) -> Ended) {
        println!("== {name}");
        let began = Instant::now();
        let failures_before = self.tally.failed;
        let ended = work(&mut self.tally);
        let words = match ended {
            Ended::Ok => "ok".to_owned(),
            Ended::Skipped(why) => format!("skipped: {why}"),
            Ended::Failed(why) => {
                self.failed.push(name);
                // The closing line never says "0 failed" of a run that failed.
                self.tally.failed = self.tally.failed.max(failures_before + 1);
                format!("FAILED: {why}")
            }
        };
        println!("== {name}: {words} ({:.1} s)\n", began.elapsed().as_secs_f64());
    }

    /// Some step has failed.
    pub(crate) fn failed(&self) -> bool {
        !self.failed.is_empty()
    }

    pub(crate) fn end(self) -> ExitCode {
        if !self.failed.is_empty() {
            println!("failed: {}", self.failed.join(", "));
        }
        let Tally { passed, failed, skipped } = self.tally;
        println!("{passed} passed, {failed} failed, {skipped} skipped");
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// All tests and doc tests of the workspace.
///
/// Building comes first and alone: it builds the `oss` command too, which the tests of real processes then find in
/// `OSS_BIN` instead of building it once more with other features.
pub(crate) fn tests(tally: &mut Tally) -> Ended {
    if let Ended::Failed(why) = cargo(&["test", "--workspace", "--locked", "--no-run"], &[]) {
        return Ended::Failed(why);
    }
    let mut command = cargo_command(&["test", "--workspace", "--locked", "--no-fail-fast"]);
    command.env("CARGO_TERM_COLOR", "never");
    if let Some(oss) = built_oss() {
        command.env("OSS_BIN", oss);
    }
    counted(command, |line| tally.read_cargo(line))
}

/// Runs cargo in the workspace's root.
pub(crate) fn cargo(words: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = cargo_command(words);
    command.envs(variables.iter().copied());
    judge(&command.status())
}

fn cargo_command(words: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(words).current_dir(root());
    command
}

/// Runs a command and shows each line of its output to `count` on the way to the terminal.
pub(crate) fn counted(mut command: Command, mut count: impl FnMut(&str)) -> Ended {
    let mut child = match command.stdout(Stdio::piped()).spawn() {
        Ok(child) => child,
        Err(error) => return judge(&Err(error)),
    };
    let output = child.stdout.take().expect("piped above");
    for line in BufReader::new(output).split(b'\n') {
        let Ok(line) = line else { break };
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        count(line.trim_end());
    }
    // What is shown must come before what the next step's programs print themselves.
    let _ = stdout().flush();
    judge(&child.wait())
}

/// Runs to the end; when it fails, the last line it wrote says why.
pub(crate) fn quiet(command: &mut Command, what: &str) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{what}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let words = [output.stderr, output.stdout].concat();
    let words = String::from_utf8_lossy(&words);
    let last = words.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given").trim().to_owned();
    Err(format!("{what}: {last}"))
}

/// How a program's exit status is to be taken.
pub(crate) fn judge(status: &std::io::Result<std::process::ExitStatus>) -> Ended {
    match status {
        Ok(status) if status.success() => Ended::Ok,
        Ok(status) => Ended::Failed(status.to_string()),
        Err(error) => Ended::Failed(format!("cannot be run: {error}")),
    }
}

/// The workspace's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace")
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    // Relative to where cargo runs, which is the root for all its calls here.
    root().join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// The `oss` command of the dev profile, if it was built.
pub(crate) fn built_oss() -> Option<PathBuf> {
    let path = target().join("debug").join(format!("oss{}", env::consts::EXE_SUFFIX));
    path.is_file().then_some(path)
}
