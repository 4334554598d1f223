//! `x-oss-forbid-overwrite`, and objects that appear under the upload.

use crate::watched::{
    KEY, NO_PART, PART, killed_at_complete, put_object, request, requests_so_far, upload_on_server, watch,
};
use oss_emulator::{Fault, Gate, Operation, Rule, Until};
use oss_multipart::{ErrorKind, Notice, UploadObjectRequest, Why};
use oss_proto::{ErrorCode, ObjectHeaders};
use oss_tests::{BUCKET, World, bytes};
use std::path::Path;

const COMPLETE: Operation = Operation::CompleteMultipartUpload;

fn forbidding(path: &Path) -> UploadObjectRequest {
    let mut headers = ObjectHeaders::new();
    headers.set("x-oss-forbid-overwrite", "true").unwrap();
    request(path).headers(headers)
}

fn refused_in_words(run: &crate::watched::Run) {
    let error = run.result.as_ref().unwrap_err();
    assert_eq!((run.why(), error.kind()), (Why::AlreadyExists, ErrorKind::Rejected));
    assert!(error.to_string().contains("must not be overwritten"), "{error}");
}

#[tokio::test]
async fn an_object_that_is_there_is_refused_before_any_part() {
    for size in [3 * PART, 10] {
        let world = World::new();
        let path = world.file("a.bin", bytes(size));
        put_object(&world, b"theirs").await;
        let run = watch(&world, forbidding(&path)).await;
        refused_in_words(&run);
        assert_eq!(run.result.unwrap_err().service().unwrap().code, ErrorCode::FILE_ALREADY_EXISTS);
        assert_eq!(world.parts_sent(0), NO_PART);
        assert_eq!(world.emulator.uploads(BUCKET), []);
        assert_eq!(world.emulator.object_bytes(BUCKET, KEY).unwrap().as_ref(), b"theirs");
    }
}

#[tokio::test]
async fn an_object_that_appears_under_the_upload_is_refused_at_complete_and_stands() {
    let world = World::new();
    let path = world.file("a.bin", bytes(3 * PART));
    let gate = Gate::new();
    world.emulator.add_fault(Rule::on(COMPLETE), Fault::Stall(Until::Opened(gate.clone())));

    let (run, ()) = tokio::join!(watch(&world, forbidding(&path)), async {
        gate.arrived(1).await;
        put_object(&world, b"theirs").await;
        gate.open();
    });

    refused_in_words(&run);
    assert_eq!(world.emulator.object_bytes(BUCKET, KEY).unwrap().as_ref(), b"theirs");

    world.emulator.remove_object(BUCKET, KEY);
    let before = requests_so_far(&world);
    watch(&world, forbidding(&path)).await.done();
    assert_eq!(world.parts_sent(before), NO_PART);
    world.assert_published(KEY, &bytes(3 * PART), &["a.bin"]);
}

#[tokio::test]
async fn our_own_object_of_a_lost_complete_is_recognised() {
    let answers = [None, Some(Fault::Status(409, "FileAlreadyExists".into()))];
    for second in answers {
        let world = World::new();
        let path = world.file("a.bin", bytes(3 * PART));
        world.emulator.add_fault(Rule::on(COMPLETE), Fault::DropAfterApplied);
        if let Some(second) = second {
            world.emulator.add_fault(Rule::on(COMPLETE).nth(2), second);
        }
        let run = watch(&world, forbidding(&path)).await;
        run.done();
        assert!(run.said(|notice| *notice == Notice::SettledByHead));
        world.assert_published(KEY, &bytes(3 * PART), &["a.bin"]);
    }
}

#[tokio::test]
async fn our_own_object_of_a_killed_run_is_recognised() {
    let world = World::new();
    let path = world.file("a.bin", bytes(3 * PART));
    killed_at_complete(&world, forbidding(&path), true).await;
    let run = watch(&world, forbidding(&path)).await;
    assert_eq!(run.done().bytes_sent, 0);
    world.assert_published(KEY, &bytes(3 * PART), &["a.bin"]);
}

#[tokio::test]
async fn an_object_that_appears_between_a_lost_complete_and_the_next_is_not_taken_for_ours() {
    let world = World::new();
    let path = world.file("a.bin", bytes(3 * PART));
    let gate = Gate::new();
    world.emulator.add_fault(Rule::on(COMPLETE), Fault::DropBefore);
    world.emulator.add_fault(Rule::on(COMPLETE).nth(2), Fault::Stall(Until::Opened(gate.clone())));

    let (run, ()) = tokio::join!(watch(&world, forbidding(&path)), async {
        gate.arrived(1).await;
        put_object(&world, &bytes(3 * PART)).await;
        gate.open();
    });

    refused_in_words(&run);
    assert!(!world.emulator.object(BUCKET, KEY).unwrap().multipart, "theirs stands");
    assert_eq!(upload_on_server(&world).1, [1, 2, 3]);
}

#[tokio::test]
async fn our_own_small_object_of_a_lost_reply_is_recognised() {
    let world = World::new();
    let path = world.file("a.bin", bytes(10));
    world.emulator.add_fault(Rule::on(Operation::PutObject), Fault::DropAfterApplied);
    let run = watch(&world, forbidding(&path)).await;
    run.done();
    assert!(run.said(|notice| *notice == Notice::SettledByHead));
    world.assert_published(KEY, &bytes(10), &["a.bin"]);
}

#[tokio::test]
async fn our_own_small_object_of_a_lost_reply_is_recognised_by_a_server_whose_clock_is_behind() {
    let world = World::new();
    world.emulator.set_clock_offset(-120);
    let path = world.file("a.bin", bytes(10));
    world.emulator.add_fault(Rule::on(Operation::PutObject), Fault::DropAfterApplied);
    watch(&world, forbidding(&path)).await.done();
    world.assert_published(KEY, &bytes(10), &["a.bin"]);
}

#[tokio::test]
async fn an_older_identical_small_object_is_not_taken_for_ours_though_the_servers_clock_is_ahead() {
    let world = World::new();
    world.emulator.set_clock_offset(120);
    put_object(&world, &bytes(10)).await;
    // As if it had been put a minute before our start.
    world.emulator.set_clock_offset(180);
    let path = world.file("a.bin", bytes(10));
    world.emulator.add_fault(Rule::on(Operation::PutObject), Fault::DropBefore);
    refused_in_words(&watch(&world, forbidding(&path)).await);
}

#[tokio::test]
async fn our_own_object_of_a_complete_answered_with_503_is_recognised() {
    let world = World::new();
    let path = world.file("a.bin", bytes(3 * PART));
    world.emulator.add_fault(Rule::on(COMPLETE), Fault::StatusAfterApplied(503, "ServiceUnavailable".into()));
    watch(&world, forbidding(&path)).await.done();
    world.assert_published(KEY, &bytes(3 * PART), &["a.bin"]);
}
