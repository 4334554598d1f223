//! Power cuts on a real file system: ext4 on a loop image is shut down under a running upload, mounted again (its
//! journal is replayed), and the upload goes on.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "the helpers of a test fail it and say what was skipped")]

mod disk;

use disk::{KEY, PART, Served, end, end_of, installed};
use oss_checkpoint::{Checkpoint, Comparison, Fingerprint, Job, Source, State, decode, host_name, is_checkpoint_name};
use oss_emulator::{Fault, LedgerEntry, Operation, Rule, Until};
use oss_proto::{Bucket, Key, ObjectHeaders};
use oss_tests::{BUCKET, REGION, bytes};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const CYCLES: usize = 12;
const BUDGET: Duration = Duration::from_secs(50);
const PARTS: usize = 24;
const IMAGE_BYTES: u64 = 32 << 20;
/// Some saves lie between the first and the last, so the upload takes a little longer than the pause between saves.
const PART_TAKES: Duration = Duration::from_millis(110);

/// `EXT4_IOC_SHUTDOWN` on the folder in the first argument with the flag in the second, as soon as a line is read.
const SHUT_DOWN: &str = "
import fcntl, os, struct, sys
folder = os.open(sys.argv[1], os.O_RDONLY)
print('ready', flush=True)
sys.stdin.readline()
fcntl.ioctl(folder, 0x8004587d, struct.pack('I', int(sys.argv[2])))
";

/// What was under way in the file system's journal is written by the first, and lost by the second.
const FLAGS: [&str; 2] = ["1", "2"];

/// An ext4 image and where it is mounted; both are gone when this is dropped.
struct Disk {
    image: PathBuf,
    point: PathBuf,
    mounted: bool,
}

impl Disk {
    /// `Err` says what is missing on this machine.
    fn new(folder: &Path) -> Result<Self, String> {
        let disk = Self { image: folder.join("disk.img"), point: folder.join("disk"), mounted: false };
        fs::create_dir(&disk.point).unwrap();
        fs::File::create(&disk.image).unwrap().set_len(IMAGE_BYTES).unwrap();
        call("mkfs.ext4", &["-q", "-F", disk.image.to_str().unwrap()])?;
        Ok(disk)
    }

    fn mount(&mut self) -> Result<(), String> {
        let (image, point) = (self.image.to_str().unwrap(), self.point.to_str().unwrap());
        call("mount", &["-t", "ext4", "-o", "loop", image, point])?;
        self.mounted = true;
        Ok(())
    }

    fn unmount(&mut self) {
        call("umount", &[self.point.to_str().unwrap()]).unwrap();
        self.mounted = false;
    }

    /// A process that waits, the file system open, for the word to cut the power.
    fn armed(&self, flag: &str) -> Switch {
        let mut python = Command::new("python3");
        python.args(["-c", SHUT_DOWN, self.point.to_str().unwrap(), flag]);
        let mut child = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        assert_eq!(ready, "ready\n");
        Switch(child)
    }

    /// Everything on it, without what mkfs made.
    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(&self.point).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name != "lost+found").collect();
        names.sort();
        names
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: whatever a failed test left open must not keep the mount.
        if self.mounted {
            let _gone = call("umount", &["-l", self.point.to_str().unwrap_or_default()]);
        }
    }
}

struct Switch(Child);

impl Switch {
    fn cut(mut self) {
        self.0.stdin.take().unwrap().write_all(b"now\n").unwrap();
        assert!(self.0.wait().unwrap().success(), "the file system could not be shut down");
    }
}

fn call(program: &str, words: &[&str]) -> Result<(), String> {
    match Command::new(program).args(words).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => Err(format!("{program}: {error}")),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_resumes_after_the_power_was_cut_under_its_checkpoint() {
    if !installed("python3") || !installed("mkfs.ext4") {
        return;
    }
    let served = Served::new().await;
    let mut disk = match Disk::new(served.world.folder()).and_then(|mut disk| disk.mount().map(|()| disk)) {
        Ok(disk) => disk,
        Err(why) => return eprintln!("skipped: {why}"),
    };
    let seed =
        std::env::var("OSS_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    eprintln!("OSS_TEST_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let content = bytes(PARTS * PART - 7);
    let file = disk.point.join("data.bin");
    fs::write(&file, &content).unwrap();
    fs::File::open(&file).unwrap().sync_all().unwrap();
    fs::File::open(&disk.point).unwrap().sync_all().unwrap();
    let emulator = &served.world.emulator;
    emulator.add_fault(Rule::on(Operation::UploadPart).always(), Fault::Stall(Until::Elapsed(PART_TAKES)));
    // Time enough to be cut between the last barrier and the removal of the checkpoint.
    emulator.add_fault(
        Rule::on(Operation::CompleteMultipartUpload).always(),
        Fault::StallAfterApplied(Until::Elapsed(PART_TAKES / 2)),
    );

    let (began, mut seen) = (Instant::now(), BTreeSet::new());
    let mut cycles = 0;
    while cycles < CYCLES && began.elapsed() < BUDGET {
        let flag = FLAGS[cycles / 3 % 2];
        let moment = Moment::random(&mut random, cycles);
        let when = format!("seed {seed}, cycle {cycles}, flag {flag}, {moment:?}");
        let known = cut_power(&served, &mut disk, &file, flag, moment, &when).await;
        seen.insert(check_checkpoint(&disk, &file, &served, &known, &when));
        resume(&served, &disk, &file, &content, &known, &when).await;
        cycles += 1;
    }
    eprintln!("{cycles} power cuts in {:.1} s; found afterwards: {seen:?}", began.elapsed().as_secs_f64());
    assert!(cycles >= 2, "too slow: {cycles} cycles in {BUDGET:?}");
    disk.unmount();
}

/// So long after so many requests.
#[derive(Debug, Clone, Copy)]
struct Moment {
    requests: usize,
    then: Duration,
}

impl Moment {
    /// A third around the first barriers, a third while parts are sent, a third around the last barrier and the end.
    fn random(random: &mut fastrand::Rng, cycle: usize) -> Self {
        let requests = match cycle % 3 {
            0 => random.usize(0..4),
            1 => random.usize(4..PARTS),
            _ => random.usize(PARTS..PARTS + 3),
        };
        Self { requests, then: Duration::from_micros(random.u64(0..60_000)) }
    }
}

/// Cuts the power under a run. Returns the requests that had come before: everything they rest on must be on the disk.
async fn cut_power(
    served: &Served,
    disk: &mut Disk,
    file: &Path,
    flag: &str,
    moment: Moment,
    when: &str,
) -> Vec<LedgerEntry> {
    let emulator = &served.world.emulator;
    let earlier = emulator.ledger().len();
    let switch = disk.armed(flag);
    let mut child = served.cp(&[], file, &[]).spawn().unwrap();
    tokio::select! {
        () = emulator.wait_for(|ledger| ledger.len() >= earlier + moment.requests) => {}
        _ = child.wait() => {}
    }
    tokio::time::sleep(moment.then).await;
    // Who loses the power does nothing more; a run that saw its disk fail would go on without a checkpoint, in words.
    freeze(&child);
    let known = emulator.ledger().split_off(earlier);
    switch.cut();
    child.start_kill().ok();
    end_of(child, when).await;
    disk.unmount();
    disk.mount().unwrap();
    known
}

/// Stops every thread of the process, unless it has ended.
fn freeze(child: &tokio::process::Child) {
    let Some(pid) = child.id().and_then(|id| Pid::from_raw(id.try_into().unwrap())) else { return };
    if kill_process(pid, Signal::STOP).is_ok() {
        let stopped = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(pid), stopped).unwrap();
    }
}

/// What is on the disk now is whole, and as new as anything that rested on it. Returns its state's name.
fn check_checkpoint(disk: &Disk, file: &Path, served: &Served, known: &[LedgerEntry], when: &str) -> &'static str {
    let names = disk.names();
    let at = names.iter().find(|name| is_checkpoint_name(name) && name.ends_with(".ossck"));
    let asked = |operation| known.iter().find(|entry| entry.operation == operation);
    let Some(name) = at else {
        let completed = asked(Operation::CompleteMultipartUpload).is_some();
        assert!(completed || asked(Operation::InitiateMultipartUpload).is_none(), "{when}: no checkpoint in {names:?}");
        return if completed { "nothing, completed" } else { "nothing yet" };
    };
    let checkpoint = content_of(&fs::read(disk.point.join(name)).unwrap(), file, served, when);
    if let Some(part) = asked(Operation::UploadPart) {
        let recorded = checkpoint.state.upload_id().map(|id| id.as_str());
        assert_eq!(recorded, part.upload_id.as_deref(), "{when}: parts were sent before the upload id was durable");
    }
    let completing = matches!(checkpoint.state, State::Completing { .. });
    if asked(Operation::CompleteMultipartUpload).is_some() {
        assert!(completing, "{when}: Complete was sent before the verdict was durable: {:?}", checkpoint.state);
    }
    match checkpoint.state {
        State::Intent { .. } => "Intent",
        State::Uploading { .. } if checkpoint.parts.is_empty() => "Uploading",
        State::Uploading { .. } => "Uploading with parts",
        State::Completing { .. } => "Completing",
    }
}

fn content_of(image: &[u8], file: &Path, served: &Served, when: &str) -> Checkpoint {
    let whole = decode(image).unwrap_or_else(|error| panic!("{when}: {error}: {} bytes", image.len()));
    let mut headers = ObjectHeaders::new();
    // As it is guessed of `data.bin`.
    headers.set("content-type", "application/octet-stream").unwrap();
    let job = Job {
        endpoint: served.endpoint(),
        region: REGION.to_owned(),
        bucket: Bucket::new(BUCKET).unwrap(),
        key: Key::new(KEY).unwrap(),
        headers,
    };
    let fingerprint = Fingerprint::of(&fs::metadata(file).unwrap());
    let source = Source { path: file.canonicalize().unwrap(), host: host_name(), fingerprint };
    match whole.compare(&job, &source, None, |_| true) {
        Comparison::Resume { checkpoint, .. } => checkpoint,
        other => panic!("{when}: it is this upload's: {other:?}"),
    }
}

/// The same command completes, sends nothing again that had been acknowledged, and leaves nothing.
async fn resume(served: &Served, disk: &Disk, file: &Path, content: &[u8], known: &[LedgerEntry], when: &str) {
    let emulator = &served.world.emulator;
    let before = emulator.ledger().len();
    let ended = end(served.cp(&[], file, &[]), when).await;
    assert_eq!(ended.code, Some(0), "{when}: {}", ended.said);
    assert_eq!(disk.names(), ["data.bin"], "{when}: something was left\n{}", ended.said);
    let acknowledged = known.iter().filter(|entry| entry.status == Some(200)).filter_map(part).collect::<BTreeSet<_>>();
    let sent = emulator.ledger()[before..].iter().filter_map(part).collect();
    let again: Vec<_> = acknowledged.intersection(&sent).collect();
    assert!(again.is_empty(), "{when}: sent again {again:?}");
    served.assert_published(content, &ended.said, when);
}

fn part(entry: &LedgerEntry) -> Option<(String, u32)> {
    (entry.operation == Operation::UploadPart).then_some(())?;
    Some((entry.upload_id.clone()?, entry.part_number?))
}
