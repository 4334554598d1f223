//! Other clients to measure ours beside: installed from their registries under the target folder, each or not at all.

use crate::steps;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Installs what can be installed; of the rest, a file `ENVIRONMENT.skipped` says why.
pub(crate) fn install() -> PathBuf {
    let folder = steps::target().join("bench-peers");
    let scripts = steps::root().join("bench").join("peers");
    for (environment, install) in [("rust", rust as Install), ("node", node), ("python", python)] {
        let skipped = folder.join(format!("{environment}.skipped"));
        let place = folder.join(environment);
        let installed = fs::create_dir_all(&place).map_err(|error| error.to_string());
        let outcome = installed.and_then(|()| install(&scripts, &place));
        // Nowhere to say why is nowhere to measure either.
        let _ = match outcome {
            Ok(()) => fs::remove_file(skipped),
            Err(why) => fs::write(skipped, why),
        };
    }
    folder
}

type Install = fn(&Path, &Path) -> Result<(), String>;

fn rust(scripts: &Path, place: &Path) -> Result<(), String> {
    let manifest = scripts.join("rust").join("Cargo.toml");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--locked", "--manifest-path"]).arg(manifest).arg("--target-dir").arg(place);
    steps::quiet(&mut cargo, "the crates cannot be built")
}

fn node(scripts: &Path, place: &Path) -> Result<(), String> {
    let package = "package.json";
    fs::copy(scripts.join("node").join(package), place.join(package)).map_err(|error| error.to_string())?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-audit", "--no-fund"]).current_dir(place);
    steps::quiet(&mut npm, "npm cannot install the SDK")
}

fn python(_: &Path, place: &Path) -> Result<(), String> {
    let pins = steps::root().join("tests").join("interop").join("requirements.txt");
    steps::quiet(Command::new("python3").args(["-m", "venv"]).arg(place), "no Python with venv")?;
    let mut pip = Command::new(place.join("bin").join("python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "20"]);
    steps::quiet(pip.arg("--requirement").arg(pins), "pip cannot install the SDKs")
}
