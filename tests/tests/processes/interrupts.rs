//! Ctrl-C at the worst moments: it stops within a second, forgets no upload, and names the command that continues.

use crate::command::{Bench, Ended, KEY, PART};
use oss_emulator::{Fault, Gate, Operation, Rule, Until};
use oss_tests::{BUCKET, bytes};
use rustix::process::Signal;
use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A second, and what a busy machine adds to it.
const SECOND: Duration = Duration::from_secs(5);
const SIZE: usize = 4 * PART;

/// It stopped in order, and its last line is the command to type.
fn assert_interrupted(ended: &Ended) {
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.said.contains("interrupted"), "{ended:?}");
    assert_eq!(ended.event("failed")["kind"], "resumable");
    let last = ended.said.lines().last().unwrap_or_default();
    assert!(last.contains("oss") && last.contains("cp") && last.contains(KEY), "{last:?}");
}

/// The server has made the upload, and its reply is on the way when Ctrl-C is pressed: the id is waited for, and saved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_while_initiate_is_under_way_leaves_no_forgotten_upload() {
    // On a machine that is too busy the reply can miss its six tenths of a second: then the upload is told of, not saved.
    for _ in 0..5 {
        let bench = Bench::new().await;
        let file = bench.world.file("data.bin", bytes(SIZE));
        let gate = Gate::new();
        let initiate = Rule::on(Operation::InitiateMultipartUpload);
        bench.world.emulator.add_fault(initiate, Fault::StallAfterApplied(Until::Opened(gate.clone())));
        let mut running = bench.start("a", &file, &[]);
        gate.arrived(1).await;
        running.signal(Signal::INT);
        running.says("stopping").await;
        gate.open();
        let ended = running.end().await;
        assert_interrupted(&ended);

        let next = bench.start("a", &file, &[]).end().await;
        assert_eq!(next.code, Some(0), "{next:?}");
        if !ended.events.iter().any(|event| event["event"] == "started") {
            continue;
        }
        next.event("resumed");
        assert_eq!(bench.world.requests(Operation::InitiateMultipartUpload).len(), 1);
        return bench.world.assert_published(KEY, &bytes(SIZE), &["data.bin"]);
    }
    panic!("the reply to Initiate was not waited for");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_stops_within_the_second_while_any_call_hangs_and_the_next_run_ends_well() {
    use Operation::{CompleteMultipartUpload, HeadObject, InitiateMultipartUpload, ListParts, PutObject, UploadPart};
    for operation in [InitiateMultipartUpload, UploadPart, CompleteMultipartUpload, ListParts, HeadObject, PutObject] {
        let bench = Bench::new().await;
        let size = if operation == PutObject { 10 } else { SIZE };
        let file = bench.world.file("data.bin", bytes(size));
        let emulator = &bench.world.emulator;
        match operation {
            ListParts => {
                emulator.add_fault(Rule::on(UploadPart).part(3).always(), Fault::Status(403, "AccessDenied".into()));
                assert_eq!(bench.start("a", &file, &[]).end().await.code, Some(1));
                emulator.clear_faults();
            }
            HeadObject => emulator.add_fault(Rule::on(CompleteMultipartUpload), Fault::DropAfterApplied),
            _ => {}
        }
        let gate = bench.stall(Rule::on(operation).always());
        let running = bench.start("a", &file, &[]);
        gate.arrived(1).await;
        let pressed = Instant::now();
        running.signal(Signal::INT);
        let ended = running.end().await;
        assert!(pressed.elapsed() < SECOND, "{operation:?}: {:?}", pressed.elapsed());
        assert_interrupted(&ended);
        emulator.clear_faults();

        let next = bench.start("a", &file, &[]).end().await;
        assert_eq!(next.code, Some(0), "{operation:?}: {next:?}");
        bench.world.assert_published(KEY, &bytes(size), &["data.bin"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_interrupt_leaves_at_once() {
    let bench = Bench::new().await;
    let file = bench.world.file("data.bin", bytes(SIZE));
    let gate = bench.stall(Rule::on(Operation::InitiateMultipartUpload));
    let mut running = bench.start("a", &file, &[]);
    gate.arrived(1).await;
    running.signal(Signal::INT);
    running.says("once more to stop at once").await;
    running.signal(Signal::INT);
    let ended = running.end().await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    // The first one alone would have waited for Initiate, and would then have had its last word.
    assert!(!ended.said.contains("interrupted"), "{ended:?}");
    gate.open();
}

/// `oss cp --json | less`, and nobody scrolls: the main thread hangs in a write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_is_heard_although_nobody_reads_what_the_command_prints() {
    let bench = Bench::new().await;
    let file = bench.world.file("data.bin", bytes(SIZE));
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&[b' '; 64 * 1024]).unwrap();
    let mut command = bench.cp("a", &file, &[]);
    let mut child = command.stdout(Stdio::from(writer)).stderr(Stdio::null()).spawn().unwrap();
    // `started` is the first line, and is printed once the reply to Initiate is there.
    bench.world.emulator.wait_for(|entries| entries.iter().any(|entry| entry.status == Some(200))).await;
    let pid = rustix::process::Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, Signal::INT).unwrap();
    let status = tokio::time::timeout(Duration::from_secs(60), child.wait()).await.expect("it hangs").unwrap();
    assert_eq!(status.code(), Some(3));
    drop((reader, command));
    let next = bench.start("a", &file, &[]).end().await;
    assert_eq!(next.code, Some(0), "{next:?}");
    assert_eq!(bench.world.emulator.object_bytes(BUCKET, KEY).unwrap(), bytes(SIZE));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_stops_a_process_that_waits_for_another() {
    let bench = Bench::new().await;
    let file = bench.world.file("data.bin", bytes(SIZE));
    let gate = bench.stall(Rule::on(Operation::CompleteMultipartUpload));
    let first = bench.start("a", &file, &[]);
    gate.arrived(1).await;
    let second = bench.start("b", &file, &["--wait"]);
    oss_tests::waiting_for_lock(&oss_tests::lock_file(file.parent().unwrap()).unwrap(), 1).await;
    let pressed = Instant::now();
    second.signal(Signal::INT);
    let ended = second.end().await;
    assert!(pressed.elapsed() < SECOND, "{:?}", pressed.elapsed());
    assert_interrupted(&ended);
    gate.open();
    assert_eq!(first.end().await.code, Some(0));
    bench.world.assert_published(KEY, &bytes(SIZE), &["data.bin"]);
}
