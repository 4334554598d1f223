//! A server, a folder, and the command.

use oss_emulator::{Emulator, Serving};
use oss_tests::{bytes, oss};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Output;
use tempfile::TempDir;
use tokio::process::Command;

pub(crate) const REGION: &str = "cn-hangzhou";
const ID: &str = "LTAI5tTestTestTestTest";
pub(crate) const SECRET: &str = "the-secret-of-this-test";
/// Several parts.
const SIZE: usize = 250 * 1024;

/// An emulator on a loopback port, and a folder with a file to upload.
pub(crate) struct Rig {
    folder: TempDir,
    pub(crate) emulator: Emulator,
    serving: Serving,
}

/// How the command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Rig {
    pub(crate) async fn new() -> Self {
        let emulator = Emulator::builder().region(REGION).credentials(ID, SECRET).bucket("demo").build().unwrap();
        let serving = emulator.spawn().await.unwrap();
        let rig = Self { folder: tempfile::tempdir().unwrap(), emulator, serving };
        std::fs::write(rig.path("file"), bytes(SIZE)).unwrap();
        rig
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn url(&self) -> String {
        self.serving.endpoint()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.url().strip_prefix("http://").unwrap().parse().unwrap()
    }

    /// `oss cp` of the file with these options and variables; nothing of the caller's proxies or certificates is seen.
    pub(crate) async fn cp(&self, options: &[&str], variables: &[(&str, &str)]) -> Ended {
        let mut command = Command::new(oss());
        command.args(["cp", "file", "oss://demo/key", "--part-size", "100KiB", "--region", REGION]).args(options);
        command.current_dir(self.folder.path()).env_clear().kill_on_drop(true);
        command.env("OSS_ACCESS_KEY_ID", ID).env("OSS_ACCESS_KEY_SECRET", SECRET);
        command.env("XDG_STATE_HOME", self.path("state")).envs(variables.iter().copied());
        Ended::of(command.output().await.unwrap())
    }

    /// The upload came to its end, and the object is the file.
    pub(crate) fn assert_stored(&self, ended: &Ended) {
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let stored = self.emulator.object_bytes("demo", "key").unwrap();
        assert!(stored == bytes(SIZE), "the object differs from the file");
        self.emulator.remove_object("demo", "key");
    }

    /// The server was not asked for anything.
    pub(crate) fn assert_unasked(&self, ended: &Ended) {
        assert!(self.emulator.ledger().is_empty(), "{:?}: {}", self.emulator.ledger(), ended.err);
    }
}

impl Ended {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    pub(crate) fn last_line(&self) -> &str {
        self.err.lines().last().unwrap_or_default()
    }

    /// Ended with `code`, and said all of this on stderr.
    pub(crate) fn assert_says(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.err);
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in: {}", self.err);
        }
    }
}
