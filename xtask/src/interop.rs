//! The official Python SDKs against `oss serve`: it must answer as OSS does.

use crate::steps::{self, Ended};
use crate::tally::Tally;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const ID: &str = "interop-id";
const SECRET: &str = "interop-secret";

/// Runs `tests/interop/run.py` in a virtual environment under the target folder.
pub(crate) fn run(tally: &mut Tally) -> Ended {
    let python = match environment() {
        Ok(python) => python,
        Err(why) => {
            tally.skipped += 1;
            return Ended::Skipped(why);
        }
    };
    if let Ended::Failed(why) = steps::cargo(&["build", "--locked", "--package", "oss-cli", "--bin", "oss"], &[]) {
        return Ended::Failed(why);
    }
    let Some(oss) = steps::built_oss() else { return Ended::Failed("the oss command was not built".to_owned()) };
    let server = match Server::start(&oss) {
        Ok(server) => server,
        Err(why) => return Ended::Failed(why),
    };
    let mut command = Command::new(python);
    command.arg(scripts().join("run.py")).arg(&server.endpoint).args([ID, SECRET]).current_dir(steps::root());
    // The checkout stays as it is.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    steps::counted(command, |line| tally.read_interop(line))
}

fn scripts() -> PathBuf {
    steps::root().join("tests").join("interop")
}

/// The interpreter of the virtual environment, made when missing or when the pinned versions changed.
fn environment() -> Result<PathBuf, String> {
    let folder = steps::target().join("interop-venv");
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let pins = scripts().join("requirements.txt");
    let stamp = folder.join("requirements.installed");
    let wanted = fs::read(&pins).map_err(|error| format!("{}: {error}", pins.display()))?;
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let base = if cfg!(windows) { "python" } else { "python3" };
    steps::quiet(Command::new(base).args(["-m", "venv"]).arg(&folder), "no Python with venv")?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "20"]);
    steps::quiet(pip.arg("--requirement").arg(&pins), "pip cannot install the SDKs (no registry in reach?)")?;
    fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(python)
}

/// `oss serve` on a free port, ended with this value.
struct Server {
    process: Child,
    endpoint: String,
    folder: PathBuf,
}

impl Server {
    fn start(oss: &Path) -> Result<Self, String> {
        let folder = steps::target().join("interop-store");
        // A store of an earlier run; a missing one is as good.
        let _ = fs::remove_dir_all(&folder);
        let mut command = Command::new(oss);
        command.args(["serve", "--listen", "127.0.0.1:0", "--access-key-id", ID, "--access-key-secret", SECRET]);
        command.arg("--dir").arg(&folder).stdout(Stdio::piped());
        let mut process = command.spawn().map_err(|error| format!("oss serve: {error}"))?;
        let mut lines = BufReader::new(process.stdout.take().expect("piped above")).lines();
        let said = lines.find_map(|line| endpoint(&line.ok()?));
        let mut server = Self { process, endpoint: String::new(), folder };
        server.endpoint = said.ok_or("oss serve ended without saying where it listens")?;
        // Goes on reading, so that the server never waits for its reader.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(server)
    }
}

/// The address in a line like `listening on http://127.0.0.1:40123`.
fn endpoint(line: &str) -> Option<String> {
    let start = line.find("http://")?;
    let end = |c: char| !(c.is_ascii_alphanumeric() || ":/.".contains(c));
    Some(line[start..].split(end).next().unwrap_or_default().trim_end_matches(['/', '.']).to_owned())
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing is to be saved: it has ended already, or is ended here.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_endpoint_is_read_from_what_the_server_says() {
        let read = super::endpoint("serving on http://127.0.0.1:4123 (region cn-hangzhou)");
        assert_eq!(read.as_deref(), Some("http://127.0.0.1:4123"));
        assert_eq!(super::endpoint("starting"), None);
    }
}
