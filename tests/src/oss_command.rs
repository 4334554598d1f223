use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The `oss` command of this very source: `OSS_BIN`, where `cargo xtask` has just built it, else built now.
///
/// # Panics
/// When it cannot be built.
pub fn oss() -> &'static Path {
    static OSS: OnceLock<PathBuf> = OnceLock::new();
    OSS.get_or_init(|| std::env::var_os("OSS_BIN").map_or_else(build, PathBuf::from))
}

fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--package", "oss-cli", "--bin", "oss", "--message-format", "json-render-diagnostics"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs these tests, so it can be started");
    assert!(output.status.success(), "oss cannot be built");
    let messages = output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    let executable = |message: Value| message["executable"].as_str().map(PathBuf::from);
    messages.filter_map(executable).next_back().expect("cargo says where the executable is")
}
