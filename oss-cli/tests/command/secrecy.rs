//! No secret, no token and no signature in anything the command prints or leaves behind, the debug log included.

use crate::bench::{Bench, Ended};
use crate::issuer::{Issuer, keys};
use crate::tap::Tap;
use oss_emulator::{Emulator, Fault, Operation, Rule, Serving};
use std::path::Path;
use std::process::Command;

const ID: &str = "STS.of-the-test";
const SECRET: &str = "Bm6Tq0vY4xZr8cLw2Ns5Hd9Kf3Pj7Ga1";
const TOKEN: &str = "CAISuwJ1q6Ft5B2yfSjIr5bMfOuAjpRjzKu4";

struct Scene {
    bench: Bench,
    emulator: Emulator,
    tap: Tap,
    _serving: Serving,
    _runtime: tokio::runtime::Runtime,
}

impl Scene {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let builder = Emulator::builder().temporary_credentials(ID, SECRET, TOKEN).bucket("demo");
        let emulator = builder.build().unwrap();
        let serving = runtime.block_on(emulator.spawn()).unwrap();
        let tap = Tap::before(&serving.endpoint());
        Self { bench: Bench::new(), emulator, tap, _serving: serving, _runtime: runtime }
    }

    fn command(&self, line: &[&str], secret: &str) -> Command {
        let mut command = self.bench.command(line);
        command.env("OSS_ENDPOINT", self.tap.url()).env("OSS_REGION", "cn-hangzhou");
        command.env("OSS_ACCESS_KEY_ID", ID).env("OSS_ACCESS_KEY_SECRET", secret).env("OSS_SESSION_TOKEN", TOKEN);
        command
    }

    fn run(&self, line: &[&str], secret: &str) -> Ended {
        Ended::of(self.command(line, secret).output().unwrap())
    }

    fn assert_clean(&self, what: &str, text: &str) {
        for secret in [SECRET, TOKEN].into_iter().map(str::to_owned).chain(self.tap.signatures()) {
            assert!(!text.contains(&secret), "{what} holds {secret}:\n{text}");
        }
        assert!(!text.to_lowercase().contains("authorization:"), "{what} holds an Authorization:\n{text}");
    }

    /// Every file the command left, checkpoints first of all.
    fn assert_files_clean(&self) -> usize {
        fn visit(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { visit(&path, found) } else { found.push(path) }
            }
        }
        let mut files = Vec::new();
        visit(self.bench.path(), &mut files);
        for file in &files {
            let text = String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
            self.assert_clean(&file.display().to_string(), &text);
        }
        files.len()
    }
}

#[test]
fn a_debug_log_tells_every_attempt_and_no_secret() {
    for version in ["v4", "v1"] {
        let scene = Scene::new();
        scene.bench.file("f", 350_000);
        scene.emulator.add_fault(Rule::on(Operation::UploadPart).part(2), Fault::Status(500, "InternalError".into()));
        let line = ["cp", "f", "oss://demo/k", "--debug", "--json", "--part-size", "100KiB", "--sign-version", version];
        let ended = scene.run(&line, SECRET);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(scene.tap.signatures().len() >= 7, "the test knows the signatures");
        for words in
            ["InitiateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "request_id=", "InternalError"]
        {
            assert!(ended.err.contains(words), "{words}: {}", ended.err);
        }
        let foreign = ended.err.lines().find(|line| line.contains(" DEBUG ") && !line.contains(" DEBUG oss_"));
        assert_eq!(foreign, None, "only our own crates are heard");
        scene.assert_clean("stdout", &ended.out);
        scene.assert_clean("stderr", &ended.err);
    }
}

#[test]
fn a_failing_run_explains_the_signature_without_a_secret() {
    for version in ["v4", "v1"] {
        let scene = Scene::new();
        scene.bench.file("f", 250_000);
        let line = ["cp", "f", "oss://demo/k", "-v", "--part-size", "100KiB", "--sign-version", version];
        let ended = scene.run(&line, "Zz0WrongWrongWrongWrongWrongWrong");
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.err.contains("the string to sign"), "{}", ended.err);
        assert!(version == "v4" || ended.err.contains("x-oss-security-token:[redacted]"), "{}", ended.err);
        assert!(!ended.err.contains("Zz0Wrong"), "{}", ended.err);
        scene.assert_clean("stdout", &ended.out);
        scene.assert_clean("stderr", &ended.err);
    }
}

#[test]
fn an_interrupted_run_leaves_no_secret_in_its_checkpoint() {
    let scene = Scene::new();
    scene.bench.file("f", 350_000);
    let refused = Fault::Status(403, "AccessDenied".into());
    scene.emulator.add_fault(Rule::on(Operation::UploadPart).part(3).always(), refused);
    let ended = scene.run(&["cp", "f", "oss://demo/k", "--debug", "--part-size", "100KiB"], SECRET);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    scene.assert_clean("stderr", &ended.err);
    assert!(scene.assert_files_clean() >= 2, "the file and its checkpoint");
}

/// The URL on stdout is the one thing that is meant to hold a signature.
#[test]
fn presigning_tells_the_url_on_stdout_alone() {
    let scene = Scene::new();
    let ended = scene.run(&["presign", "oss://demo/k", "--debug"], SECRET);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let signature = ended.out.trim().rsplit_once("x-oss-signature=").unwrap().1;
    for secret in [signature, SECRET, TOKEN] {
        assert!(!ended.err.contains(secret), "{}", ended.err);
    }
    assert!(!ended.out.contains(SECRET));
}

/// The first token is dead when it comes: the second one is fetched while the upload is under way.
#[test]
fn refreshing_with_sts_tells_no_secret_of_either_token() {
    let scene = Scene::new();
    scene.bench.file("f", 350_000);
    let number = std::sync::atomic::AtomicUsize::new(0);
    let emulator = scene.emulator.clone();
    let sts = Issuer::new(move |_| {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let (id, secret, token) = (format!("STS.{number}"), format!("{SECRET}{number}"), format!("{TOKEN}{number}"));
        emulator.grant(&id, &secret, &token, emulator.now() + if number == 0 { 0 } else { 3600 });
        format!(r#"{{"Credentials": {}}}"#, keys(&id, &secret, &token))
    });
    let line = ["cp", "f", "oss://demo/k", "--debug", "--json", "--part-size", "100KiB"];
    let mut command = scene.command(&[&line[..], &["--role-arn", "acs:ram::1:role/r"]].concat(), SECRET);
    let ended = Ended::of(command.env("ALIBABA_CLOUD_STS_ENDPOINT", &sts.url).output().unwrap());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(sts.lines().len(), 2, "one refresh");
    assert!(ended.err.contains("SecurityTokenExpired"), "{}", ended.err);
    assert_eq!(ended.event("completed")["retries"], 0, "{}", ended.out);
    let signed = sts
        .lines()
        .iter()
        .map(|line| {
            let (_, rest) = line.split_once("Signature=").unwrap();
            rest.split(['&', ' ']).next().unwrap().replace("%2B", "+").replace("%2F", "/").replace("%3D", "=")
        })
        .collect::<Vec<_>>();
    for text in [&ended.out, &ended.err] {
        scene.assert_clean("the output", text);
        assert!(!signed.iter().any(|signature| text.contains(signature)), "{text}");
    }
    scene.assert_files_clean();
}
