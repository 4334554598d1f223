//! Two or three runs of the same file and object: one works, the others say who does, or wait.

use crate::watched::{KEY, NO_PART, PART, killed, request, requests_so_far, watch};
use oss_checkpoint::{Holder, LockError};
use oss_emulator::{Fault, Gate, Operation, Rule, Until};
use oss_multipart::{CancellationToken, ErrorKind, UploadError};
use oss_tests::{World, bytes, waiting_for_lock};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const INITIATE: Operation = Operation::InitiateMultipartUpload;
const COMPLETE: Operation = Operation::CompleteMultipartUpload;

fn is_busy(result: &Result<oss_multipart::Completed, UploadError>) -> bool {
    let Err(error @ UploadError::Lock(LockError::Busy { holder, .. })) = result else { return false };
    assert_eq!(holder.as_ref(), Some(&Holder::current()));
    assert_eq!((error.kind(), error.is_resumable()), (ErrorKind::Locked, true));
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    true
}

fn stall(world: &World, rule: Rule) -> Gate {
    let gate = Gate::new();
    world.emulator.add_fault(rule, Fault::Stall(Until::Opened(gate.clone())));
    gate
}

fn lock_file(path: &Path) -> Option<PathBuf> {
    oss_tests::lock_file(path.parent().unwrap())
}

#[tokio::test]
async fn of_three_runs_at_once_one_works_and_the_others_say_at_once_who_does() {
    let world = World::new();
    let path = world.file("a.bin", bytes(3 * PART));
    let gate = stall(&world, Rule::on(INITIATE));

    let (work, ()) = tokio::join!(world.upload(request(&path)), async {
        gate.arrived(1).await;
        let (a, b) = tokio::join!(world.upload(request(&path)), world.upload(request(&path)));
        assert!(is_busy(&a) && is_busy(&b), "{a:?} {b:?}");
        gate.open();
    });

    work.unwrap();
    assert_eq!(world.requests(INITIATE).len(), 1);
    assert_eq!(world.parts_sent(0), [1, 2, 3]);
    world.assert_published(KEY, &bytes(3 * PART), &["a.bin"]);
}

#[tokio::test]
async fn runs_of_other_objects_and_other_files_do_not_wait_for_one_another() {
    let world = World::new();
    let (path, other) = (world.file("a.bin", bytes(3 * PART)), world.file("b.bin", bytes(3 * PART)));
    let gate = stall(&world, Rule::on(INITIATE).key(KEY));
    let elsewhere = oss_multipart::UploadObjectRequest::new(oss_tests::BUCKET, "another", &path);
    let third = oss_multipart::UploadObjectRequest::new(oss_tests::BUCKET, "third", &other);
    let (work, ()) = tokio::join!(world.upload(request(&path)), async {
        gate.arrived(1).await;
        world.upload(elsewhere).await.unwrap();
        world.upload(third).await.unwrap();
        gate.open();
    });
    work.unwrap();
}

#[tokio::test]
async fn a_run_that_waits_begins_when_the_other_is_done_and_still_keeps_a_third_out() {
    let world = World::new();
    let path = world.file("a.bin", bytes(3 * PART));
    let first = stall(&world, Rule::on(COMPLETE));
    let second = stall(&world, Rule::on(COMPLETE).nth(2));
    let (one, two, ()) = tokio::join!(
        world.upload(request(&path)),
        async {
            first.arrived(1).await;
            world.upload(request(&path).wait(true)).await
        },
        async {
            first.arrived(1).await;
            // The waiting run has this very file open; the first one removes its name when it ends.
            waiting_for_lock(&lock_file(&path).unwrap(), 1).await;
            first.open();
            second.arrived(1).await;
            assert!(is_busy(&world.upload(request(&path)).await), "two would work at once");
            second.open();
        }
    );
    one.unwrap();
    two.unwrap();
    let ledger = world.emulator.ledger();
    let at = |operation, nth: usize| ledger.iter().filter(|e| e.operation == operation).nth(nth).unwrap().sequence;
    assert!(at(COMPLETE, 0) < at(INITIATE, 1), "one after the other");
    world.assert_published(KEY, &bytes(3 * PART), &["a.bin"]);
}

#[tokio::test]
async fn a_run_that_waited_uploads_the_file_as_it_is_then() {
    let world = World::new();
    let path = world.file("a.bin", bytes(3 * PART));
    let gate = stall(&world, Rule::on(COMPLETE));
    let (one, two, ()) = tokio::join!(
        world.upload(request(&path)),
        async {
            gate.arrived(1).await;
            world.upload(request(&path).wait(true)).await
        },
        async {
            gate.arrived(1).await;
            waiting_for_lock(&lock_file(&path).unwrap(), 1).await;
            fs::write(&path, bytes(4 * PART)).unwrap();
            gate.open();
        }
    );
    // The last look at the file came before its Complete waited.
    one.unwrap();
    two.unwrap();
    world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
}

#[tokio::test]
async fn a_run_that_waits_goes_on_with_what_a_killed_one_left() {
    let world = World::new();
    let path = world.file("a.bin", bytes(3 * PART));
    let gate = stall(&world, Rule::on(COMPLETE));
    let dead = CancellationToken::new();
    let ((), waited, ()) = tokio::join!(
        killed(&world, request(&path), dead.cancelled()),
        async {
            gate.arrived(1).await;
            world.upload(request(&path).wait(true)).await
        },
        async {
            gate.arrived(1).await;
            waiting_for_lock(&lock_file(&path).unwrap(), 1).await;
            dead.cancel();
        }
    );
    assert_eq!(waited.unwrap().parts_sent, 0);
    assert_eq!(world.parts_sent(0), [1, 2, 3]);
    world.assert_published(KEY, &bytes(3 * PART), &["a.bin"]);
}

#[tokio::test]
async fn a_dead_owners_lock_file_does_not_block() {
    let world = World::new();
    let path = world.file("a.bin", bytes(3 * PART));
    let gate = stall(&world, Rule::on(COMPLETE));
    let (lock, kill) = (std::sync::Mutex::new(None), CancellationToken::new());
    tokio::join!(killed(&world, request(&path), kill.cancelled()), async {
        gate.arrived(1).await;
        *lock.lock().unwrap() = lock_file(&path);
        kill.cancel();
    });
    let lock = lock.into_inner().unwrap().expect("there is a lock file while a run works");
    // A killed process leaves its lock file, and the system lets go of the lock.
    fs::write(&lock, "4194304\nsome-host\n").unwrap();
    let before = requests_so_far(&world);
    watch(&world, request(&path)).await.done();
    assert_eq!(world.parts_sent(before), NO_PART);
    world.assert_published(KEY, &bytes(3 * PART), &["a.bin"]);
}

#[tokio::test]
async fn a_run_that_waits_for_another_can_be_cancelled() {
    let world = World::new();
    let path = world.file("a.bin", bytes(3 * PART));
    let gate = stall(&world, Rule::on(COMPLETE));
    let token = CancellationToken::new();
    let (one, ()) = tokio::join!(world.upload(request(&path)), async {
        gate.arrived(1).await;
        let waiting = world.upload(request(&path).wait(true).cancellation(token.clone()));
        tokio::pin!(waiting);
        let lock = lock_file(&path).unwrap();
        tokio::select! {
            () = waiting_for_lock(&lock, 1) => {}
            ended = &mut waiting => panic!("did not wait: {ended:?}"),
        }
        token.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(2), &mut waiting).await;
        gate.open();
        let _done = tokio::time::timeout(Duration::from_secs(20), async {
            if ended.is_err() {
                _ = waiting.await
            }
        })
        .await;
        assert!(ended.is_ok(), "it still waits");
    });
    one.unwrap();
}
