//! The N-th system call on the checkpoint kills the real command, or fails: `strace --inject`, N over the whole run.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "the helpers of a test fail it and say what was skipped")]

mod disk;

use disk::{Ended, KEY, PART, Served, end, installed};
use oss_emulator::{Fault, Operation, Rule};
use oss_tests::{BUCKET, bytes};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The time for one sweep; what it did not reach is said.
const BUDGET: Duration = Duration::from_secs(40);
/// strace counts by thread, and which thread saves is chance: the same point is another call in the next round.
const ROUNDS: usize = 2;
/// On no thread does a run reach these many calls of one kind on the checkpoint.
const MAX_N: usize = 24;
/// What a checkpoint is made and removed with, on every platform strace knows.
const CALLS: [&str; 6] =
    ["openat", "write,pwrite64", "fsync", "fdatasync", "rename,renameat,renameat2", "unlink,unlinkat"];
const HARMS: [&str; 3] = ["signal=KILL", "error=EIO", "error=ENOSPC"];

/// One run: which call is harmed, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Point {
    /// The run goes on with what an earlier one left.
    resumed: bool,
    calls: &'static str,
    n: usize,
    harm: &'static str,
}

/// A file, the server it goes to, and the paths its checkpoint uses.
struct Rig {
    served: Served,
    file: PathBuf,
    content: Vec<u8>,
    log: PathBuf,
    watched: Vec<PathBuf>,
}

/// A call on the checkpoint, as strace wrote it down.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    call: String,
    text: String,
    harmed: bool,
}

impl Rig {
    async fn new() -> Self {
        let served = Served::new().await;
        let content = bytes(4 * PART - 10);
        let file = served.world.file("data.bin", &content);
        let log = served.world.folder().join("strace.log");
        let mut rig = Self { served, file, content, log, watched: Vec::new() };
        let folder = rig.file.parent().unwrap().canonicalize().unwrap();
        let checkpoint = folder.join(rig.leave_a_checkpoint().await);
        let beside = |end: &str| folder.join(format!("{}{end}", checkpoint.file_name().unwrap().to_str().unwrap()));
        rig.watched = ["", ".lock", ".tmp", ".bad"].map(beside).into();
        rig.watched.push(folder);
        rig.recover("the first run").await;
        rig
    }

    /// A run that is refused its third part; returns the name of the checkpoint it left.
    async fn leave_a_checkpoint(&self) -> String {
        let refused = Fault::Status(403, "AccessDenied".to_owned());
        self.served.world.emulator.add_fault(Rule::on(Operation::UploadPart).part(3).always(), refused);
        let ended = end(self.served.cp(&[], &self.file, &[]), "a refused part").await;
        self.served.world.emulator.clear_faults();
        assert_eq!(ended.code, Some(1), "{}", ended.said);
        let names = self.served.world.files();
        let [checkpoint, _] = &names[..] else { panic!("one checkpoint and the file: {names:?}\n{}", ended.said) };
        checkpoint.clone()
    }

    /// One run under strace.
    async fn run(&self, inject: Option<&str>, words: &[&str], when: &str) -> Ended {
        let mut strace: Vec<OsString> = ["strace", "-f", "-qq", "-y", "-s", "4096", "-o"].map(Into::into).into();
        strace.push((&self.log).into());
        for path in &self.watched {
            strace.extend(["-P".into(), path.into()]);
        }
        strace.extend(["-e".into(), format!("trace=close,{}", CALLS.join(",")).into()]);
        if let Some(inject) = inject {
            strace.extend(["-e".into(), format!("inject={inject}").into()]);
        }
        end(self.served.cp(&strace, &self.file, words), when).await
    }

    /// The next plain run: done, the object equal, nothing left.
    async fn recover(&self, when: &str) {
        let next = end(self.served.cp(&[], &self.file, &[]), when).await;
        assert_eq!(next.code, Some(0), "{when}: the next run: {}", next.said);
        self.assert_done(&next.said, when);
    }

    fn assert_done(&self, said: &str, when: &str) {
        assert_eq!(self.served.world.files(), ["data.bin"], "{when}: something was left\n{said}");
        self.served.assert_published(&self.content, said, when);
    }

    fn lines(&self) -> Vec<Line> {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        text.lines().filter_map(Line::parse).collect()
    }
}

impl Line {
    /// `PID CALL(ARGUMENTS) = RESULT`; the second half of an interrupted line adds nothing.
    fn parse(line: &str) -> Option<Self> {
        let (_pid, text) = line.split_once(' ')?;
        let (call, _) = text.trim_start().split_once('(')?;
        let plain = call.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let harmed = line.contains("(INJECTED)");
        plain.then(|| Self { call: call.to_owned(), text: text.trim_start().to_owned(), harmed })
    }

    /// `fsync(9</folder/name>`: number and path.
    fn descriptor(&self) -> Option<&str> {
        self.text.split_once('(')?.1.split_once('>').map(|(descriptor, _)| descriptor)
    }
}

/// All points, spread so that any beginning of the list is an even sample of it.
fn spread(points: Vec<Point>) -> Vec<Point> {
    let stride = (points.len() * 5 / 8..).find(|stride| gcd(*stride, points.len()) == 1).unwrap();
    (0..points.len()).map(|i| points[i * stride % points.len()]).collect()
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// How often one thread makes each of [`CALLS`] on the checkpoint in a run that nobody harms.
async fn most_by_thread(rig: &Rig, resumed: bool) -> Vec<usize> {
    if resumed {
        rig.leave_a_checkpoint().await;
    }
    let ended = rig.run(None, &[], "a run unharmed").await;
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    rig.assert_done(&ended.said, "a run unharmed");
    let log = fs::read_to_string(&rig.log).unwrap();
    let most = |calls: &&str| {
        let mut most = 0;
        for call in calls.split(',') {
            let mut by_thread = std::collections::BTreeMap::<&str, usize>::new();
            for (pid, text) in log.lines().filter_map(|line| line.split_once(' ')) {
                *by_thread.entry(pid).or_default() += usize::from(text.trim_start().starts_with(&format!("{call}(")));
            }
            most = most.max(by_thread.values().copied().max().unwrap_or(0));
        }
        most
    };
    CALLS.iter().map(most).collect()
}

async fn points(rig: &Rig, harms: &[&'static str], scenes: &[bool]) -> Vec<Point> {
    let mut points = Vec::new();
    for resumed in scenes.iter().copied() {
        let most = most_by_thread(rig, resumed).await;
        assert!(most.iter().all(|most| *most <= MAX_N), "{most:?}");
        for (calls, most) in CALLS.into_iter().zip(most) {
            for harm in harms.iter().copied() {
                points.extend((1..=most).map(|n| Point { resumed, calls, n, harm }));
            }
        }
    }
    spread(points)
}

/// What a sweep met.
#[derive(Debug, Default)]
struct Coverage {
    ran: usize,
    missed: usize,
    killed: usize,
    went_on: usize,
    refused: usize,
    /// The calls that were harmed: of a fresh or a resumed run, which, and the how-manieth of its kind in the run.
    met: BTreeSet<(bool, String, usize)>,
}

impl Coverage {
    fn add(&mut self, resumed: bool, lines: &[Line], ended: &Ended) {
        self.ran += 1;
        let harmed = match ended.code {
            None => lines.len().checked_sub(1),
            Some(_) => lines.iter().position(|line| line.harmed),
        };
        let Some(at) = harmed else {
            self.missed += 1;
            return;
        };
        let before = lines[..at].iter().filter(|line| line.call == lines[at].call).count();
        self.met.insert((resumed, lines[at].call.clone(), before + 1));
        match ended.code {
            None => self.killed += 1,
            Some(0) => self.went_on += 1,
            Some(_) => self.refused += 1,
        }
    }

    fn print(&self, of: usize) {
        eprintln!(
            "{} of {of} runs: {} killed, {} went on, {} stopped in words, {} had fewer calls; {} different calls: {:?}",
            self.ran,
            self.killed,
            self.went_on,
            self.refused,
            self.missed,
            self.met.len(),
            self.met
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_system_call_on_the_checkpoint_kills_or_fails_a_run_the_next_one_completes() {
    if !installed("strace") {
        return;
    }
    let rig = Rig::new().await;
    let points = points(&rig, &HARMS, &[false, true]).await;
    let (mut coverage, began) = (Coverage::default(), Instant::now());
    for point in points.iter().cycle().take(ROUNDS * points.len()) {
        if began.elapsed() > BUDGET {
            break;
        }
        let when = format!("{point:?}");
        if point.resumed {
            rig.leave_a_checkpoint().await;
        }
        let inject = format!("{}:{}:when={}", point.calls, point.harm, point.n);
        let ended = rig.run(Some(&inject), &[], &when).await;
        let lines = rig.lines();
        coverage.add(point.resumed, &lines, &ended);
        assert_told(point, &ended, &lines);
        assert_no_failed_file_is_synced_again(&lines, &when);
        if ended.code == Some(0) {
            let published = rig.served.world.emulator.object(BUCKET, KEY);
            assert!(published.is_some(), "{when}: success without an object\n{}", ended.said);
        }
        rig.recover(&when).await;
    }
    coverage.print(ROUNDS * points.len());
    assert!(coverage.killed > 0 && coverage.went_on > 0, "{coverage:?}");
}

/// A killed run says nothing. A save that fails is said, and the upload goes on; what cannot go on says what to type.
fn assert_told(point: &Point, ended: &Ended, lines: &[Line]) {
    let harmed = lines.iter().find(|line| line.harmed);
    let of_a_save = harmed.is_some_and(|line| match line.call.as_str() {
        "unlink" | "unlinkat" => false,
        "openat" => line.text.contains(".ossck.tmp"),
        _ => line.text.contains(".ossck.tmp") || line.call == "fsync",
    });
    match ended.code {
        None => assert_eq!(point.harm, "signal=KILL", "{point:?}: {}", ended.said),
        Some(0) if of_a_save => {
            let told = ["not resumable for now", "could not be removed"].iter().any(|words| ended.said.contains(words));
            assert!(told, "{point:?}: {harmed:?} was not told\n{}", ended.said);
        }
        Some(0) => {}
        Some(code) => {
            assert!([1, 3].contains(&code) && !of_a_save, "{point:?}: exit {code} after {harmed:?}\n{}", ended.said);
            assert!(ended.said.contains("error: "), "{point:?}: {}", ended.said);
            assert!(ended.said.contains("next: "), "{point:?}: {}", ended.said);
        }
    }
}

/// After a failed fsync the system may have dropped the bytes, and the next fsync of that file would report success.
fn assert_no_failed_file_is_synced_again(lines: &[Line], when: &str) {
    let mut failed = BTreeSet::new();
    for line in lines {
        let Some(descriptor) = line.descriptor() else { continue };
        match line.call.as_str() {
            "close" => _ = failed.remove(descriptor),
            "fsync" | "fdatasync" => {
                assert!(!failed.contains(descriptor), "{when}: {descriptor} was synced again after an error");
                if line.text.contains(" = -1 ") {
                    failed.insert(descriptor);
                }
            }
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_require_checkpoint_a_failed_save_ends_the_run_and_leaves_what_the_next_one_needs() {
    if !installed("strace") {
        return;
    }
    let rig = Rig::new().await;
    let is_of_a_save = |point: &Point| !point.calls.starts_with("unlink");
    let points: Vec<_> = points(&rig, &HARMS[1..], &[false]).await.into_iter().filter(is_of_a_save).collect();
    let (mut stopped, began) = (0, Instant::now());
    for point in points.iter().take_while(|_| began.elapsed() < BUDGET) {
        let when = format!("{point:?}");
        let inject = format!("{}:{}:when={}", point.calls, point.harm, point.n);
        let ended = rig.run(Some(&inject), &["--require-checkpoint"], &when).await;
        if ended.said.contains("one is required") {
            assert_eq!(ended.code, Some(1), "{when}: {}", ended.said);
            assert_resumable_or_nothing(&rig, &ended.said, &when);
            stopped += 1;
        } else {
            let harmed_save = rig.lines().iter().any(|line| line.harmed && line.text.contains(".ossck.tmp"));
            assert!(!harmed_save, "{when}: exit {:?}\n{}", ended.code, ended.said);
        }
        rig.recover(&when).await;
    }
    eprintln!("{stopped} of {} runs ended at a failed save", points.len());
    assert!(stopped > 0);
}

/// An upload stands on the server only while a checkpoint remembers it.
fn assert_resumable_or_nothing(rig: &Rig, said: &str, when: &str) {
    let uploads = rig.served.world.emulator.uploads(BUCKET);
    let checkpoint = rig.watched.first().map(|path| path.as_path()).filter(|path| remembers(path, &uploads));
    assert!(uploads.is_empty() || checkpoint.is_some(), "{when}: {uploads:?} is left and forgotten\n{said}");
}

fn remembers(checkpoint: &Path, uploads: &[oss_emulator::StoredUpload]) -> bool {
    let image = fs::read(checkpoint).unwrap_or_default();
    let holds = |id: &[u8]| image.windows(id.len()).any(|window| window == id);
    uploads.iter().all(|upload| holds(upload.upload_id.as_bytes()))
}

/// Whether the directory can be written is tried with a file; a run killed between its creation and its removal leaves it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_run_leaves_that_is_killed_while_it_tries_the_directory_is_removed_by_the_next() {
    if !installed("strace") {
        return;
    }
    let rig = Rig::new().await;
    for n in 1..=2 {
        let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=unlink,unlinkat", "-e"];
        let mut strace: Vec<OsString> = strace.map(Into::into).into();
        strace.push(format!("inject=unlink,unlinkat:signal=KILL:when={n}").into());
        let when = format!("killed at removal {n}");
        let killed = end(rig.served.cp(&strace, &rig.file, &[]), &when).await;
        assert_eq!(killed.code, None, "{when}: {}", killed.said);
        rig.recover(&when).await;
    }
}
