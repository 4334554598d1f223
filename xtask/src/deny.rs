//! Licences, bans, sources and known vulnerabilities of everything the lock file names, by cargo-deny.

use crate::steps::{self, Ended};
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Pinned, so that a new release of the tool cannot fail a build by itself.
const VERSION: &str = "0.20.2";

/// Installs the tool under the target folder where the machine has none; without a registry, says so.
pub(crate) fn run() -> Ended {
    let Some(tool) = find().or_else(install) else {
        return Ended::Skipped(format!("cargo-deny {VERSION} is not installed and no registry is in reach"));
    };
    match steps::judge(&deny(&tool, &["check", "licenses", "bans", "sources"]).status()) {
        Ended::Ok => advisories(&tool),
        ended => ended,
    }
}

/// The database is a git repository of its own, which not every network reaches.
fn advisories(tool: &Path) -> Ended {
    let fetched = deny(tool, &["fetch", "db"]).stderr(Stdio::null()).status();
    if !fetched.is_ok_and(|status| status.success()) {
        println!("advisories skipped: the database of RustSec cannot be fetched");
        return Ended::Ok;
    }
    steps::judge(&deny(tool, &["check", "--disable-fetch", "advisories"]).status())
}

fn deny(tool: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(tool);
    command.args(words).current_dir(steps::root());
    command
}

fn find() -> Option<PathBuf> {
    let name = format!("cargo-deny{}", env::consts::EXE_SUFFIX);
    let ours = tools().join("bin").join(&name);
    let works = |tool: &Path| {
        let said = Command::new(tool).arg("--version").stderr(Stdio::null()).output();
        said.is_ok_and(|output| output.status.success())
    };
    [ours, PathBuf::from(name)].into_iter().find(|tool| works(tool))
}

fn install() -> Option<PathBuf> {
    let root = tools();
    let folder = root.display().to_string();
    let words = ["install", "--quiet", "--locked", "--no-default-features", "--version", VERSION, "--root", &folder];
    let build = root.join("build").display().to_string();
    let ended = steps::cargo(&[&words[..], &["cargo-deny"]].concat(), &[("CARGO_TARGET_DIR", &build)]);
    // Only the program is kept: its build is ten times as large.
    let _ = std::fs::remove_dir_all(root.join("build"));
    matches!(ended, Ended::Ok).then(find).flatten()
}

fn tools() -> PathBuf {
    steps::target().join("tools")
}
