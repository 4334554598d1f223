//! A callback that answers, fails or is lost: the object is stored once, and what became of the callback is told.

use crate::watched::{KEY, PART, killed_at_complete, request, requests_so_far, watch};
use oss_emulator::{CallbackRequest, Fault, Operation, Rule};
use oss_multipart::{Callback, Notice, UploadObjectRequest};
use oss_proto::ObjectHeaders;
use oss_tests::{BUCKET, World, bytes};
use std::path::Path;
use std::sync::{Arc, Mutex};

type Seen = Arc<Mutex<Vec<CallbackRequest>>>;

/// A server whose callbacks are answered so, and what they were.
fn answering(status: u16, body: &'static str) -> (World, Seen) {
    let seen = Seen::default();
    let calls = seen.clone();
    let serve = move |request: &CallbackRequest| {
        calls.lock().unwrap().push(request.clone());
        (status, body.to_owned())
    };
    (World::with(|builder| builder.callbacks(serve)), seen)
}

fn calling_back(path: &Path) -> UploadObjectRequest {
    let mut headers = ObjectHeaders::new();
    headers.set_callback(r#"{"callbackUrl": "http://127.0.0.1:9/", "callbackBody": "${object} ${size}"}"#).unwrap();
    request(path).headers(headers)
}

/// One PutObject, and a multipart upload, with the operation that publishes.
const WAYS: [(usize, Operation); 2] = [(10, Operation::PutObject), (3 * PART, Operation::CompleteMultipartUpload)];

#[tokio::test]
async fn the_callback_servers_answer_is_handed_to_the_caller() {
    for (size, publishes) in WAYS {
        let (world, seen) = answering(200, r#"{"Status":"OK"}"#);
        let path = world.file("a.bin", bytes(size));
        let run = watch(&world, calling_back(&path)).await;
        assert_eq!(run.done().callback, Callback::Succeeded);
        assert_eq!(run.done().object.callback_body.as_deref(), Some(br#"{"Status":"OK"}"#.as_slice()));
        assert_eq!((seen.lock().unwrap().len(), world.requests(publishes).len()), (1, 1));
        world.assert_published(KEY, &bytes(size), &["a.bin"]);
    }
}

#[tokio::test]
async fn the_answer_is_kept_where_the_object_has_to_be_looked_at_for_its_crc() {
    let (world, _) = answering(200, r#"{"Status":"OK"}"#);
    let path = world.file("a.bin", bytes(3 * PART));
    world.emulator.add_fault(Rule::on(Operation::CompleteMultipartUpload), Fault::NoCrc);
    let run = watch(&world, calling_back(&path)).await;
    assert_eq!(run.done().callback, Callback::Succeeded);
    assert!(run.done().object.callback_body.is_some());
    assert_eq!(world.requests(Operation::HeadObject).len(), 1);
}

#[tokio::test]
async fn a_failed_callback_is_a_stored_and_verified_object_that_is_not_sent_again() {
    for (size, publishes) in WAYS {
        let (world, seen) = answering(500, "{}");
        let path = world.file("a.bin", bytes(size));
        let run = watch(&world, calling_back(&path)).await;
        assert_eq!(run.done().callback, Callback::Failed);
        assert!(run.said(|notice| *notice == Notice::CallbackFailed));
        assert!(!run.said(|notice| *notice == Notice::SettledByHead), "no reply was lost");
        assert_eq!((seen.lock().unwrap().len(), world.requests(publishes).len()), (1, 1));
        world.assert_published(KEY, &bytes(size), &["a.bin"]);
    }
}

#[tokio::test]
async fn a_failed_callback_ends_well_for_keys_that_may_only_write() {
    for (size, publishes) in WAYS {
        let (world, _) = answering(500, "{}");
        let path = world.file("a.bin", bytes(size));
        let denied = Fault::Status(403, "AccessDenied".into());
        world.emulator.add_fault(Rule::on(Operation::HeadObject).always(), denied);
        let run = watch(&world, calling_back(&path)).await;
        assert_eq!((run.done().callback, run.done().crc64), (Callback::Failed, oss_proto::Crc64::of(&bytes(size))));
        assert_eq!(world.requests(publishes).len(), 1);
        world.assert_published(KEY, &bytes(size), &["a.bin"]);
    }
}

#[tokio::test]
async fn a_lost_reply_is_settled_without_sending_again_and_the_callback_is_unknown() {
    for (size, publishes) in WAYS {
        for fault in [Fault::DropAfterApplied, Fault::StatusAfterApplied(503, "ServiceUnavailable".into())] {
            let (world, seen) = answering(200, "{}");
            let path = world.file("a.bin", bytes(size));
            world.emulator.add_fault(Rule::on(publishes), fault);
            let run = watch(&world, calling_back(&path)).await;
            assert_eq!(run.done().callback, Callback::Unknown);
            assert!(run.said(|notice| *notice == Notice::CallbackUnknown));
            let bytes_received: u64 = world.requests(Operation::PutObject).iter().map(|put| put.bytes_received).sum();
            let expected = if publishes == Operation::PutObject { size as u64 } else { 0 };
            assert_eq!((seen.lock().unwrap().len(), bytes_received), (1, expected), "called back and sent once");
            world.assert_published(KEY, &bytes(size), &["a.bin"]);
        }
    }
}

#[tokio::test]
async fn a_small_object_that_never_arrived_is_put_again() {
    let (world, seen) = answering(200, "{}");
    let path = world.file("a.bin", bytes(10));
    world.emulator.add_fault(Rule::on(Operation::PutObject).times(2), Fault::DropBefore);
    let run = watch(&world, calling_back(&path)).await;
    assert_eq!((run.done().callback, seen.lock().unwrap().len()), (Callback::Succeeded, 1));
    assert_eq!(world.requests(Operation::PutObject).len(), 3);
    world.assert_published(KEY, &bytes(10), &["a.bin"]);
}

#[tokio::test]
async fn a_run_killed_after_its_complete_worked_does_not_know_of_its_callback() {
    let (world, seen) = answering(200, "{}");
    let path = world.file("a.bin", bytes(3 * PART));
    killed_at_complete(&world, calling_back(&path), true).await;
    let before = requests_so_far(&world);
    let run = watch(&world, calling_back(&path)).await;
    assert_eq!((run.done().callback, seen.lock().unwrap().len()), (Callback::Unknown, 1));
    assert_eq!(world.parts_sent(before), crate::watched::NO_PART);
    assert_eq!(world.emulator.object(BUCKET, KEY).unwrap().size, 3 * PART as u64);
}
