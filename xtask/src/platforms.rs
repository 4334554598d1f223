//! The library crates for other platforms than this one: checked by the compiler, not run.

use crate::steps::{self, Ended};
use std::path::Path;
use std::process::Command;

const TARGETS: [&str; 2] = ["x86_64-pc-windows-gnu", "aarch64-apple-darwin"];

/// What needs no C compiler of that platform: everything below the sockets.
const PACKAGES: [&str; 4] = ["oss-sign", "oss-proto", "oss-checkpoint", "oss-multipart"];

/// Checks what this toolchain has the standard library for, and names what it has not.
pub(crate) fn run() -> Ended {
    let (there, missing): (Vec<_>, Vec<_>) = TARGETS.into_iter().partition(|target| installed(target));
    if there.is_empty() {
        return Ended::Skipped(format!("try `rustup target add {}`", missing.join(" ")));
    }
    for target in missing {
        println!("{target} skipped: try `rustup target add {target}`");
    }
    let mut words = vec!["check", "--locked", "--no-default-features"];
    words.extend(PACKAGES.iter().flat_map(|package| ["--package", package]));
    words.extend(there.iter().flat_map(|target| ["--target", target]));
    steps::cargo(&words, &[("RUSTFLAGS", "-D warnings")])
}

fn installed(target: &str) -> bool {
    let asked = Command::new("rustc").args(["--print", "target-libdir", "--target", target]).output();
    asked.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}
