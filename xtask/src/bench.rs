//! What an upload costs: builds the command as people get it and the programs that measure it, and runs them.

use crate::peers;
use crate::steps::{self, Ended};
use std::env;
use std::path::PathBuf;
use std::process::Command;

/// Measures as `words` say (`--quick`, `--peers`, `--only ROW,…`) and writes `target/bench/report.*`.
pub(crate) fn run(words: &[String]) -> Ended {
    if cfg!(not(target_os = "linux")) {
        return Ended::Skipped("processes are measured by Linux's means".to_owned());
    }
    // One build: the command must not get features that only the measuring programs ask for.
    for package in ["oss-cli", "oss-bench"] {
        if let Ended::Failed(why) = steps::cargo(&["build", "--locked", "--release", "--package", package], &[]) {
            return Ended::Failed(why);
        }
    }
    let mut measure = Command::new(built("oss-bench"));
    measure.arg("run").arg("--oss").arg(built("oss")).arg("--folder").arg(steps::target().join("bench"));
    // Installed beforehand: where is measured, no registry is in reach.
    if words.iter().any(|word| word == "--peers") {
        measure.arg("--peers").arg(peers::install());
    }
    measure.args(words.iter().filter(|word| *word != "--peers")).current_dir(steps::root());
    steps::judge(&measure.status())
}

fn built(program: &str) -> PathBuf {
    steps::target().join("release").join(format!("{program}{}", env::consts::EXE_SUFFIX))
}
