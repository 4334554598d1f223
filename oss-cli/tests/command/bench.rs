//! A folder to work in, and the binary to run in it.

use oss_emulator::{Emulator, Store};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use tempfile::TempDir;

/// Runs `oss` in a folder of its own, with nothing of the caller's environment that it would read.
pub(crate) struct Bench {
    dir: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A file of bytes that repeat nowhere a part could begin.
    pub(crate) fn file(&self, name: &str, size: usize) -> Vec<u8> {
        let bytes: Vec<u8> = (0..size as u64).map(|at| (at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect();
        std::fs::create_dir_all(self.path().join(name).parent().unwrap()).unwrap();
        std::fs::write(self.path().join(name), &bytes).unwrap();
        bytes
    }

    pub(crate) fn command(&self, line: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oss"));
        command.args(line).current_dir(self.path()).env("XDG_STATE_HOME", self.path().join("state"));
        let read = |name: &str| name.starts_with("OSS_") || name.starts_with("ALIBABA_CLOUD_");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(read)) {
            command.env_remove(name);
        }
        command.env("HOME", self.path().join("home")).env("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");
        command
    }

    pub(crate) fn run(&self, line: &[&str]) -> Ended {
        Ended::of(self.command(line).stdin(Stdio::null()).output().unwrap())
    }

    /// The embedded server's store, opened as the next command would.
    pub(crate) fn stored(&self) -> Emulator {
        Emulator::builder().store(Store::Disk(self.path().join(".oss-embedded"))).build().unwrap()
    }

    /// Whatever stands in the folder beside the files that were put there.
    pub(crate) fn left_behind(&self, expected: &[&str]) -> Vec<PathBuf> {
        let names = std::fs::read_dir(self.path()).unwrap().map(|entry| PathBuf::from(entry.unwrap().file_name()));
        names
            .filter(|name| name != Path::new(".oss-embedded") && !expected.iter().any(|known| name == Path::new(known)))
            .collect()
    }
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    pub(crate) fn json(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The only line of this kind.
    pub(crate) fn event(&self, kind: &str) -> Value {
        let mut lines: Vec<_> = self.json().into_iter().filter(|line| line["event"] == kind).collect();
        assert_eq!(lines.len(), 1, "{kind} in {}{}", self.out, self.err);
        lines.remove(0)
    }

    pub(crate) fn last_line(&self) -> &str {
        self.err.lines().last().unwrap_or_default()
    }
}

/// A command that runs, read line by line; killed when it is dropped.
pub(crate) struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next line of stdout; panics with what stderr says when there is none.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        if self.lines.read_line(&mut line).unwrap() == 0 {
            let mut err = String::new();
            std::io::Read::read_to_string(self.child.stderr.as_mut().unwrap(), &mut err).unwrap();
            panic!("no more lines: {err}");
        }
        line
    }

    /// Reads on until so many parts are sent.
    pub(crate) fn await_parts(&mut self, parts: usize) {
        for _ in 0..parts {
            while serde_json::from_str::<Value>(&self.line()).unwrap()["event"] != "part" {}
        }
    }

    /// SIGKILL: nothing of it runs any more.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), None, "it was killed, it did not end by itself");
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// Everything else it prints, and its end.
    pub(crate) fn end(mut self) -> Ended {
        let mut out = String::new();
        std::io::Read::read_to_string(&mut self.lines, &mut out).unwrap();
        let mut err = String::new();
        std::io::Read::read_to_string(self.child.stderr.as_mut().unwrap(), &mut err).unwrap();
        Ended { code: self.child.wait().unwrap().code(), out, err }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
