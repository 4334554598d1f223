//! The `oss` command against a server in this process, for tests that harm the command's disk.

use oss_emulator::Serving;
use oss_tests::{BUCKET, ID, REGION, SECRET, World, oss};
use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// The smallest part size OSS has: many steps for few bytes.
pub(crate) const PART: usize = 100 * 1024;
/// The key all uploads go to.
pub(crate) const KEY: &str = "key";

/// Longer than any run here takes, so that a hanging process fails its test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A world on a socket, for the command to upload to.
pub(crate) struct Served {
    pub(crate) world: World,
    serving: Serving,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    /// Everything on stderr.
    pub(crate) said: String,
}

impl Served {
    pub(crate) async fn new() -> Self {
        let world = World::new();
        let serving = world.emulator.spawn().await.unwrap();
        Self { world, serving }
    }

    /// The server's URL, as the command is given it.
    pub(crate) fn endpoint(&self) -> String {
        self.serving.endpoint()
    }

    /// `oss cp` of `file` to [`KEY`] with more `words`, behind `wrapper` (a program that runs the command line it is given).
    pub(crate) fn cp(&self, wrapper: &[OsString], file: &Path, words: &[&str]) -> Command {
        let mut line = wrapper.to_vec();
        line.extend([oss().into(), "cp".into(), file.into(), format!("oss://{BUCKET}/{KEY}").into()]);
        let endpoint = self.endpoint();
        let part = PART.to_string();
        let fixed = ["--quiet", "--parallel", "2", "--part-size", &part, "--region", REGION, "--endpoint", &endpoint];
        line.extend(fixed.iter().chain(words).map(OsString::from));
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        command.env_clear().env("OSS_ACCESS_KEY_ID", ID).env("OSS_ACCESS_KEY_SECRET", SECRET);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    /// The object is `content`; what is left on the server has no parts and was named in `said`, and goes away now.
    pub(crate) fn assert_published(&self, content: &[u8], said: &str, when: &str) {
        let emulator = &self.world.emulator;
        let object = emulator.object_bytes(BUCKET, KEY).unwrap_or_else(|| panic!("{when}: no object\n{said}"));
        assert!(object == content, "{when}: the object differs");
        for left in emulator.uploads(BUCKET) {
            assert!(left.parts.is_empty(), "{when}: parts are left on the server: {left:?}\n{said}");
            assert!(said.contains(&left.upload_id), "{when}: {} is left, and nobody said so\n{said}", left.upload_id);
            emulator.remove_upload(BUCKET, &left.upload_id);
        }
        emulator.remove_object(BUCKET, KEY);
    }
}

/// Runs the command to its end, which must not be a panic.
pub(crate) async fn end(mut command: Command, when: &str) -> Ended {
    let child = command.spawn().unwrap_or_else(|error| panic!("{when}: {error}"));
    end_of(child, when).await
}

/// Waits for the end of `child`, which must not be a panic.
pub(crate) async fn end_of(child: Child, when: &str) -> Ended {
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
    let output = output.unwrap_or_else(|_| panic!("{when}: oss hangs")).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("panicked"), "{when}: {said}");
    Ended { code: output.status.code(), said }
}

/// Whether `program` can be started; says which test is skipped when not.
pub(crate) fn installed(program: &str) -> bool {
    let started = std::process::Command::new(program).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if started.is_err() {
        eprintln!("skipped: {program} is not installed");
    }
    started.is_ok()
}
