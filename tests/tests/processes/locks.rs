//! Two, three and more processes with the same file and object: one works at any time, by the server's ledger.

use crate::command::{Bench, Ended, IDS, KEY, PART};
use oss_emulator::{Operation, Rule};
use oss_tests::{bytes, lock_file, waiting_for_lock};
use rustix::process::Signal;
use std::path::Path;
use tokio::task::JoinSet;

const COMPLETE: Operation = Operation::CompleteMultipartUpload;
const SIZE: usize = 5 * PART + 3;

fn folder(file: &Path) -> &Path {
    file.parent().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_three_processes_started_together_one_works_and_two_name_it_and_exit_3() {
    for round in 0..4 {
        let bench = Bench::new().await;
        let file = bench.world.file("data.bin", bytes(SIZE));
        // Whoever works cannot finish before the others have tried; two who work would both wait here.
        let gate = bench.stall(Rule::on(COMPLETE).always());
        let mut runs = JoinSet::new();
        for id in &IDS[..3] {
            runs.spawn(bench.start(id, &file, &[]).end());
        }
        gate.arrived(1).await;
        let kept_out: Vec<Ended> =
            [runs.join_next().await, runs.join_next().await].map(|run| run.unwrap().unwrap()).into();
        gate.open();
        let winner = runs.join_next().await.unwrap().unwrap();
        assert_eq!(winner.code, Some(0), "round {round}: {winner:?}");
        kept_out.iter().for_each(|ended| ended.assert_kept_out_by(winner.pid));
        let workers = IDS.iter().filter(|id| !bench.requests_of(id).is_empty()).count();
        assert_eq!((workers, bench.world.parts_sent(0)), (1, vec![1, 2, 3, 4, 5, 6]), "round {round}");
        bench.world.assert_published(KEY, &bytes(SIZE), &["data.bin"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_waits_takes_over_from_one_that_is_killed_and_a_third_is_kept_out() {
    let bench = Bench::new().await;
    let file = bench.world.file("data.bin", bytes(SIZE));
    let gate = bench.stall(Rule::on(Operation::UploadPart).part(5));
    let first = bench.start("a", &file, &[]);
    gate.arrived(1).await;
    // Initiate and parts 1 to 4.
    bench.world.emulator.wait_for(|entries| entries.iter().filter(|e| e.applied).count() >= 5).await;
    let second = bench.start("b", &file, &["--wait"]);
    waiting_for_lock(&lock_file(folder(&file)).unwrap(), 1).await;
    bench.start("c", &file, &[]).end().await.assert_kept_out_by(first.pid);
    assert!(bench.requests_of("b").is_empty() && bench.requests_of("c").is_empty());

    first.kill().await;
    let second = second.end().await;
    assert_eq!(second.code, Some(0), "{second:?}");
    second.event("resumed");
    let sent = bench.parts_of("b");
    assert!(sent == [5] || sent == [5, 6], "only what the first one had not sent: {sent:?}");
    one_after_the_other(&bench);
    gate.open();
    bench.world.assert_published(KEY, &bytes(SIZE), &["data.bin"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_stopped_keeps_the_others_out_and_goes_on() {
    let bench = Bench::new().await;
    let file = bench.world.file("data.bin", bytes(SIZE));
    let gate = bench.stall(Rule::on(COMPLETE));
    let first = bench.start("a", &file, &[]);
    gate.arrived(1).await;
    first.signal(Signal::STOP);
    bench.start("b", &file, &[]).end().await.assert_kept_out_by(first.pid);
    first.signal(Signal::CONT);
    gate.open();
    assert_eq!(first.end().await.code, Some(0));
    bench.world.assert_published(KEY, &bytes(SIZE), &["data.bin"]);
}

/// Whoever ends removes the name of the very file that all the others wait for, and newcomers make a new one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_wait_work_one_after_the_other_across_the_removal_of_the_lock_file() {
    for round in 0..3 {
        let bench = Bench::new().await;
        let file = bench.world.file("data.bin", bytes(3 * PART));
        let gate = bench.stall(Rule::on(COMPLETE));
        let mut runs = JoinSet::new();
        runs.spawn(bench.start("a", &file, &[]).end());
        gate.arrived(1).await;
        for id in &IDS[1..5] {
            runs.spawn(bench.start(id, &file, &["--wait"]).end());
        }
        waiting_for_lock(&lock_file(folder(&file)).unwrap(), 4).await;
        gate.open();
        for id in &IDS[5..] {
            runs.spawn(bench.start(id, &file, &[]).end());
        }
        let mut done = 0;
        while let Some(ended) = runs.join_next().await {
            let ended = ended.unwrap();
            match ended.code {
                Some(0) => done += 1,
                Some(3) => assert_eq!(ended.event("failed")["kind"], "locked", "{ended:?}"),
                _ => panic!("round {round}: {ended:?}"),
            }
        }
        assert!(done >= 5, "round {round}: the first one and all that wait are done");
        one_after_the_other(&bench);
        bench.world.assert_published(KEY, &bytes(3 * PART), &["data.bin"]);
    }
}

/// In the order the requests came, those of one process stand together.
fn one_after_the_other(bench: &Bench) {
    let ledger = bench.world.emulator.ledger();
    let mut turns: Vec<_> = ledger.iter().filter_map(|entry| entry.access_key_id.clone()).collect();
    turns.dedup();
    let mut once = turns.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(turns.len(), once.len(), "two worked at once: {turns:?}");
}
