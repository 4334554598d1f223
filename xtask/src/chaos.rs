//! The kill loop: builds the command as people get it, and hands it to the chaos program.

use crate::steps::{self, Ended};
use std::env;

/// Plays for as long as `words` say (`--minutes N`, `--seed S`); fails on the first violation of the promise.
pub(crate) fn run(words: &[String]) -> Ended {
    if cfg!(not(unix)) {
        return Ended::Skipped("signals are Unix's".to_owned());
    }
    let build = ["build", "--locked", "--release", "--package", "oss-cli", "--bin", "oss"];
    if let Ended::Failed(why) = steps::cargo(&build, &[]) {
        return Ended::Failed(why);
    }
    let oss = steps::target().join("release").join(format!("oss{}", env::consts::EXE_SUFFIX));
    let oss = oss.display().to_string();
    let mut play = vec!["run", "--locked", "--quiet", "--package", "oss-tests", "--bin", "chaos", "--", "--oss", &oss];
    play.extend(words.iter().map(String::as_str));
    steps::cargo(&play, &[])
}
