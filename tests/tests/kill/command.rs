//! The `oss` command as a process.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// Longer than anything here takes, so that a hanging process fails its test.
const PATIENCE: Duration = Duration::from_secs(300);

/// A command line, to be run once or often.
pub(crate) struct Oss {
    program: PathBuf,
    words: Vec<std::ffi::OsString>,
    key: Option<(String, String)>,
    silent: bool,
}

impl Oss {
    pub(crate) fn new(program: &Path) -> Self {
        Self { program: program.to_owned(), words: Vec::new(), key: None, silent: false }
    }

    pub(crate) fn sign(&mut self, id: &str, secret: &str) -> &mut Self {
        self.key = Some((id.to_owned(), secret.to_owned()));
        self
    }

    pub(crate) fn words<const N: usize>(&mut self, words: [&str; N]) -> &mut Self {
        self.words.extend(words.map(Into::into));
        self
    }

    pub(crate) fn path(&mut self, path: &Path) -> &mut Self {
        self.words.push(path.into());
        self
    }

    /// What it says to people is not shown.
    pub(crate) fn silent(&mut self) -> &mut Self {
        self.silent = true;
        self
    }

    pub(crate) async fn start(&self) -> Running {
        let mut command = Command::new(&self.program);
        command.args(&self.words).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        if self.silent {
            command.stderr(Stdio::null());
        }
        for name in ["OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET", "OSS_SESSION_TOKEN", "OSS_REGION", "OSS_ENDPOINT"] {
            command.env_remove(name);
        }
        if let Some((id, secret)) = &self.key {
            command.env("OSS_ACCESS_KEY_ID", id).env("OSS_ACCESS_KEY_SECRET", secret);
        }
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Running { child, lines }
    }

    /// Runs it and kills it with SIGKILL after `moment`, unless it has ended by then: what it said is then returned.
    pub(crate) async fn killed_after(&self, moment: Duration) -> Option<Output> {
        let mut running = self.start().await;
        if running.ended_within(moment).await {
            return Some(running.output().await);
        }
        running.kill().await;
        None
    }

    /// Runs it and kills it with SIGKILL when it says that its first part is done.
    pub(crate) async fn killed_after_a_part(&self) {
        let mut running = self.start().await;
        running.a_part().await;
        running.kill().await;
    }
}

pub(crate) struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    pub(crate) async fn ended_within(&mut self, moment: Duration) -> bool {
        // Its output, a line a part, is less than a pipe holds: it does not wait for a reader.
        timeout(moment, self.child.wait()).await.is_ok()
    }

    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Waits for the first line of `--json` that tells of a part.
    async fn a_part(&mut self) {
        loop {
            let line = timeout(PATIENCE, self.lines.next_line()).await.expect("oss hangs").unwrap();
            let line = line.expect("a part comes before the end");
            let event: Value = serde_json::from_str(&line).unwrap();
            if event["event"] == "part" {
                break;
            }
        }
    }

    /// Where `oss serve` says that it listens.
    pub(crate) async fn address(&mut self) -> String {
        let line = timeout(PATIENCE, self.lines.next_line()).await.unwrap().unwrap();
        let line = line.expect("the server says where it listens");
        line.split_once("http://").expect("an address").1.trim().to_owned()
    }

    /// Waits for its end.
    pub(crate) async fn output(self) -> Output {
        let Self { mut child, lines } = self;
        let mut text = String::new();
        let mut rest = lines.into_inner();
        timeout(PATIENCE, rest.read_to_string(&mut text)).await.expect("oss hangs").unwrap();
        let status = timeout(PATIENCE, child.wait()).await.expect("oss hangs").unwrap();
        assert!(status.success(), "oss: {status}\n{text}");
        Output(text)
    }
}

pub(crate) struct Output(String);

impl Output {
    /// The last line of `--json`.
    pub(crate) fn completed(&self) -> Value {
        let last = self.0.lines().last().unwrap_or_default();
        let value: Value = serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {last:?}"));
        assert_eq!(value["event"], "completed", "{last}");
        value
    }
}
