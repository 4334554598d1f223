//! What a process cost, by the operating system's own account.

use crate::pages;
use clap::Args;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// What to run, and where its cost goes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[arg(long)]
    report: PathBuf,
    /// A file whose pages do not stay in memory
    #[arg(long)]
    drop: Option<PathBuf>,
    #[arg(last = true)]
    command: Vec<OsString>,
}

/// One run of a client, without its server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cost {
    /// User and system time, seconds.
    pub(crate) cpu: f64,
    /// Seconds from start to end.
    pub(crate) wall: f64,
    /// Largest resident set, MiB.
    pub(crate) rss: f64,
    /// MiB written to files.
    pub(crate) written: f64,
    pub(crate) success: bool,
}

impl Cost {
    pub(crate) fn to_json(self) -> Value {
        json!({
            "cpu_s": self.cpu, "wall_s": self.wall, "rss_mib": self.rss,
            "written_mib": self.written, "success": self.success,
        })
    }
}

/// Runs `command` under [`trampoline`]; its own output is thrown away, its errors are shown. The pages of `dropped` are
/// dropped as they are made.
pub(crate) fn run(me: &Path, folder: &Path, command: &Command, dropped: Option<&Path>) -> io::Result<Cost> {
    let report = folder.join("cost.json");
    let status = trampolined(me, &report, command, dropped).stdout(Stdio::null()).status()?;
    read(&report, status.success())
}

/// The command that runs `command` and writes its cost to `report`.
fn trampolined(me: &Path, report: &Path, command: &Command, dropped: Option<&Path>) -> Command {
    let mut outer = Command::new(me);
    outer.arg("measure").arg("--report").arg(report);
    if let Some(dropped) = dropped {
        outer.arg("--drop").arg(dropped);
    }
    outer.arg("--").arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        outer.current_dir(folder);
    }
    outer
}

fn read(report: &Path, success: bool) -> io::Result<Cost> {
    let value: Value = serde_json::from_slice(&fs::read(report)?)?;
    let number = |name: &str| value[name].as_f64().unwrap_or(f64::NAN);
    Ok(Cost {
        cpu: number("cpu_s"),
        wall: number("wall_s"),
        rss: number("rss_mib"),
        written: number("written_mib"),
        success,
    })
}

/// Runs a command and writes what it cost: a small process of its own, as a child's memory is counted from that of
/// the process it is split off from, and all children of a process are counted together.
pub(crate) fn trampoline(options: &Options) -> io::Result<ExitCode> {
    let [program, words @ ..] = &options.command[..] else { return Err(io::ErrorKind::InvalidInput.into()) };
    let began = Instant::now();
    let mut process = Command::new(program).args(words).spawn()?;
    let reading = pages::Pace::Reading(process.id());
    let (status, wall) = pages::dropped_during(options.drop.as_deref(), reading, || (process.wait(), began.elapsed()))?;
    let status = status?;
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(io::Error::from)?;
    let cpu = seconds(usage.user_time()) + seconds(usage.system_time());
    let number = |number| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    let cost = Cost {
        cpu,
        wall: wall.as_secs_f64(),
        rss: number(usage.max_rss()) / 1024.0,
        // In blocks of 512 bytes, whole pages of files only: what goes to sockets is not counted.
        written: number(usage.block_writes()) / 2048.0,
        success: status.success(),
    };
    fs::write(&options.report, cost.to_json().to_string())?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn seconds(time: TimeVal) -> f64 {
    let micros = u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).unwrap_or(0);
    Duration::from_micros(micros).as_secs_f64()
}
