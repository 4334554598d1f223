//! `oss cp` as a process, told apart from others by the key it signs with.

use oss_emulator::{Gate, LedgerEntry, Operation, Rule, Serving, Until};
use oss_tests::{BUCKET, REGION, SECRET, World, oss};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::timeout;

/// The smallest part.
pub(crate) const PART: usize = 100 * 1024;
/// The key all uploads go to.
pub(crate) const KEY: &str = "folder/key";
/// The access key ids of processes that are to be told apart.
pub(crate) const IDS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
/// Longer than anything here takes, so that a hanging process fails its test.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server on a socket that knows every one of [`IDS`].
pub(crate) struct Bench {
    pub(crate) world: World,
    serving: Serving,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let world = World::with(|builder| IDS.iter().fold(builder, |builder, id| builder.credentials(*id, SECRET)));
        let serving = world.emulator.spawn().await.unwrap();
        Self { world, serving }
    }

    /// The command line `oss cp FILE` with more `words`, signing as `id`.
    pub(crate) fn cp(&self, id: &str, file: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(oss());
        command.arg("cp").arg(file).arg(format!("oss://{BUCKET}/{KEY}"));
        command.args(["--json", "--part-size", "100KiB", "--parallel", "2", "--region", REGION]).args(words);
        command.args(["--endpoint", &self.serving.endpoint()]);
        command.env_clear().env("OSS_ACCESS_KEY_ID", id).env("OSS_ACCESS_KEY_SECRET", SECRET);
        command.env("HOME", self.world.folder()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Starts it.
    pub(crate) fn start(&self, id: &str, file: &Path, words: &[&str]) -> Running {
        Running::new(self.cp(id, file, words))
    }

    /// Requests that match wait at the gate, unread.
    pub(crate) fn stall(&self, rule: Rule) -> Gate {
        let gate = Gate::new();
        self.world.emulator.add_fault(rule, oss_emulator::Fault::Stall(Until::Opened(gate.clone())));
        gate
    }

    /// The requests signed by `id`.
    pub(crate) fn requests_of(&self, id: &str) -> Vec<LedgerEntry> {
        let ledger = self.world.emulator.ledger();
        ledger.into_iter().filter(|entry| entry.access_key_id.as_deref() == Some(id)).collect()
    }

    /// The part numbers that `id` sent, sorted.
    pub(crate) fn parts_of(&self, id: &str) -> Vec<u32> {
        let parts = self.requests_of(id).into_iter().filter(|entry| entry.operation == Operation::UploadPart);
        let mut numbers: Vec<_> = parts.filter_map(|entry| entry.part_number).collect();
        numbers.sort_unstable();
        numbers
    }
}

/// A process and what it says.
pub(crate) struct Running {
    child: Child,
    pub(crate) pid: u32,
    out: Lines<BufReader<ChildStdout>>,
    err: Lines<BufReader<ChildStderr>>,
    said: String,
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) pid: u32,
    pub(crate) events: Vec<Value>,
    pub(crate) said: String,
}

impl Running {
    pub(crate) fn new(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let pid = child.id().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        let err = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, pid, out, err, said: String::new() }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid.try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// SIGKILL; it is gone on return.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Reads on until stderr has a line with these words.
    pub(crate) async fn says(&mut self, words: &str) {
        loop {
            let line = timeout(PATIENCE, self.err.next_line()).await.expect("it says no more").unwrap();
            let line = line.unwrap_or_else(|| panic!("it ended without saying {words:?}:\n{}", self.said));
            self.said += &line;
            self.said.push('\n');
            if line.contains(words) {
                return;
            }
        }
    }

    /// Waits for its end.
    pub(crate) async fn end(self) -> Ended {
        let Self { mut child, pid, out, err, mut said } = self;
        let (out, err, status) = tokio::join!(rest(out), rest(err), async {
            timeout(PATIENCE, child.wait()).await.expect("it hangs").unwrap()
        });
        let events = out.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        said.extend(err.iter().flat_map(|line| [line.as_str(), "\n"]));
        assert!(!said.contains("panicked"), "{said}");
        Ended { code: status.code(), pid, events, said }
    }
}

impl Ended {
    /// The only event of this kind.
    pub(crate) fn event(&self, kind: &str) -> &Value {
        let mut events = self.events.iter().filter(|event| event["event"] == kind);
        let event = events.next().unwrap_or_else(|| panic!("no {kind} in {self:?}"));
        assert!(events.next().is_none(), "{kind} twice in {self:?}");
        event
    }

    pub(crate) fn number(&self, field: &str) -> u64 {
        self.event("completed")[field].as_u64().unwrap_or_else(|| panic!("{field} in {self:?}"))
    }

    /// It ended at once because of another process, which it names, and tells what to type.
    pub(crate) fn assert_kept_out_by(&self, pid: u32) {
        assert_eq!(self.code, Some(3), "{self:?}");
        let holder = format!("process {pid} on {}", oss_checkpoint::host_name());
        assert!(self.said.contains(&holder), "{holder} in {self:?}");
        assert_eq!(self.event("failed")["kind"], "locked");
        assert!(self.said.contains("--wait"), "{self:?}");
    }
}

async fn rest<R: AsyncRead + Unpin>(mut lines: Lines<BufReader<R>>) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(line) = timeout(PATIENCE, lines.next_line()).await.expect("it hangs").unwrap() {
        all.push(line);
    }
    all
}
