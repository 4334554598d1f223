//! The reply to Complete never came: the object is recognised when it is ours, and nothing else is.

use crate::watched::{
    KEY, NO_PART, PART, at_part, checkpoint, edit_in_place, grow, killed, killed_at_complete, put_object, request,
    requests_so_far, steps_after, upload_on_server, watch,
};
use oss_emulator::{Fault, Operation, Rule};
use oss_multipart::{CancellationToken, ErrorKind, Notice, Why};
use oss_proto::ops::{CompleteMultipartUpload, ListParts};
use oss_proto::{Bucket, ErrorCode, Key, ObjectHeaders, UploadId};
use oss_tests::{BUCKET, World, bytes};
use std::fs;

const COMPLETE: Operation = Operation::CompleteMultipartUpload;
const INITIATE: Operation = Operation::InitiateMultipartUpload;

/// Complete works, and its reply is this.
async fn settled_by_head(fault: Fault) {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    world.emulator.add_fault(Rule::on(COMPLETE), fault.clone());

    let run = watch(&world, request(&path)).await;

    assert!(run.result.is_ok(), "{fault:?}: {:?}", run.result);
    assert!(run.said(|notice| *notice == Notice::SettledByHead), "{fault:?}: {:?}", run.events);
    assert_eq!(world.parts_sent(0), [1, 2, 3, 4], "{fault:?}");
    assert_eq!(world.requests(INITIATE).len(), 1, "{fault:?}");
    assert_eq!(world.requests(COMPLETE)[1].code.as_deref(), Some("NoSuchUpload"));
    world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
}

#[tokio::test]
async fn a_lost_reply_to_complete_is_settled_by_head_and_nothing_is_sent_again() {
    let faults = [
        Fault::DropAfterApplied,
        Fault::CutReplyAfter(60),
        Fault::StatusAfterApplied(500, "InternalError".into()),
        Fault::StatusAfterApplied(504, "GatewayTimeout".into()),
        Fault::EmptyBody200,
        Fault::TruncatedXml,
    ];
    for fault in faults {
        settled_by_head(fault).await;
    }
}

#[tokio::test]
async fn a_complete_that_worked_and_was_answered_with_503_is_settled_by_head() {
    settled_by_head(Fault::StatusAfterApplied(503, "ServiceUnavailable".into())).await;
}

#[tokio::test]
async fn a_complete_that_did_not_arrive_is_repeated_and_nothing_is_sent_again() {
    for fault in
        [Fault::DropBefore, Fault::Status(500, "InternalError".into()), Fault::ErrorIn200("InternalError".into())]
    {
        let world = World::new();
        let path = world.file("a.bin", bytes(4 * PART));
        world.emulator.add_fault(Rule::on(COMPLETE), fault.clone());
        watch(&world, request(&path)).await.done();
        assert_eq!(world.parts_sent(0), [1, 2, 3, 4], "{fault:?}");
        assert_eq!(world.requests(COMPLETE).len(), 2, "{fault:?}");
        world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
    }
}

#[tokio::test]
async fn a_run_killed_after_its_complete_worked_is_recognised_by_the_next_one() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    killed_at_complete(&world, request(&path), true).await;
    let published = world.emulator.object(BUCKET, KEY);
    let before = requests_so_far(&world);

    let run = watch(&world, request(&path)).await;

    assert_eq!((run.done().parts_sent, run.done().bytes_sent), (0, 0));
    assert!(run.said(|notice| *notice == Notice::SettledByHead));
    assert_eq!(world.parts_sent(before), NO_PART);
    assert_eq!(steps_after(&world, before), [COMPLETE, Operation::HeadObject]);
    assert_eq!(world.emulator.object(BUCKET, KEY), published);
    world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
}

#[tokio::test]
async fn a_run_killed_before_its_complete_arrived_is_completed_without_sending_a_byte() {
    for size in [4 * PART, 4 * PART - 1, 4 * PART + 1] {
        let world = World::new();
        let path = world.file("a.bin", bytes(size));
        killed_at_complete(&world, request(&path), false).await;
        let before = requests_so_far(&world);

        let run = watch(&world, request(&path)).await;

        assert_eq!(run.done().bytes_reused, size as u64);
        assert_eq!(steps_after(&world, before), [COMPLETE]);
        assert_eq!(world.parts_sent(before), NO_PART);
        world.assert_published(KEY, &bytes(size), &["a.bin"]);
    }
}

#[tokio::test]
async fn a_run_killed_at_its_last_part_is_completed_without_sending_a_byte() {
    for size in [4 * PART, 4 * PART - 1] {
        let world = World::new();
        let path = world.file("a.bin", bytes(size));
        let last_part = CancellationToken::new();
        let kill = last_part.clone();
        let mut act = at_part(4, move || kill.cancel());
        let doomed = request(&path).parallel(1).on_event(move |event, _| act(event));
        killed(&world, doomed, last_part.cancelled()).await;
        let before = requests_so_far(&world);

        // A save of the dead run may still be under way in this process, and with it its lock.
        let run = watch(&world, request(&path).wait(true)).await;

        assert_eq!((run.done().parts_sent, run.done().parts_reused), (0, 4));
        assert_eq!(world.parts_sent(before), NO_PART);
        world.assert_published(KEY, &bytes(size), &["a.bin"]);
    }
}

#[tokio::test]
async fn a_file_edited_after_a_complete_that_worked_is_uploaded_as_a_new_object() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    killed_at_complete(&world, request(&path), true).await;
    edit_in_place(&path, 0, 10);

    let run = watch(&world, request(&path)).await;

    assert_eq!(run.done().parts_sent, 4);
    assert!(!run.said(|notice| *notice == Notice::SettledByHead));
    world.assert_published(KEY, &fs::read(&path).unwrap(), &["a.bin"]);
}

#[tokio::test]
async fn a_file_touched_after_a_complete_that_worked_is_read_and_recognised() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    killed_at_complete(&world, request(&path), true).await;
    edit_in_place(&path, 0, 10);
    edit_in_place(&path, 0, 10);

    let run = watch(&world, request(&path)).await;

    assert_eq!(run.done().parts_sent, 0);
    assert!(run.said(|notice| *notice == Notice::SettledByHead));
    world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
}

#[tokio::test]
async fn a_file_edited_after_a_complete_that_did_not_arrive_sends_only_the_parts_that_changed() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    killed_at_complete(&world, request(&path), false).await;
    edit_in_place(&path, 2 * PART, 10);
    let before = requests_so_far(&world);
    watch(&world, request(&path)).await.done();
    assert_eq!(world.parts_sent(before), [3]);
    world.assert_published(KEY, &fs::read(&path).unwrap(), &["a.bin"]);
}

/// Our Complete was lost, our upload is gone, and there is an object that is not ours: it is no success.
async fn published_anew(world: &World, size: usize) {
    let path = world.folder().join("files/a.bin");
    let run = watch(world, request(&path)).await;
    assert_eq!(run.done().parts_sent, 4);
    assert!(run.said(|notice| matches!(notice, Notice::Afresh(_))), "{:?}", run.events);
    assert!(!run.said(|notice| *notice == Notice::SettledByHead));
    world.assert_published(KEY, &bytes(size), &["a.bin"]);
    assert!(world.emulator.object(BUCKET, KEY).unwrap().multipart);
}

#[tokio::test]
async fn an_older_identical_object_is_not_taken_for_ours() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    world.emulator.set_clock_offset(-300);
    watch(&world, request(&path)).await.done();
    let older = world.emulator.object(BUCKET, KEY).unwrap();
    world.emulator.set_clock_offset(0);
    world.emulator.add_fault(Rule::on(COMPLETE), Fault::Status(403, "AccessDenied".into()));
    assert_eq!(watch(&world, request(&path)).await.why(), Why::Rejected);
    world.emulator.remove_upload(BUCKET, &upload_on_server(&world).0);

    published_anew(&world, 4 * PART).await;

    assert!(world.emulator.object(BUCKET, KEY).unwrap().last_modified > older.last_modified);
}

#[tokio::test]
async fn an_object_of_other_bytes_is_not_taken_for_ours() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    killed_at_complete(&world, request(&path), false).await;
    world.emulator.remove_upload(BUCKET, &upload_on_server(&world).0);
    put_object(&world, &bytes(4 * PART + 1)[1..]).await;
    published_anew(&world, 4 * PART).await;
}

#[tokio::test]
async fn the_same_bytes_put_by_somebody_else_are_not_taken_for_ours() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    killed_at_complete(&world, request(&path), false).await;
    world.emulator.remove_upload(BUCKET, &upload_on_server(&world).0);
    put_object(&world, &bytes(4 * PART)).await;
    published_anew(&world, 4 * PART).await;
}

/// What the dead run's Complete was, to be sent when nobody expects it any more.
async fn late_complete(world: &World) -> CompleteMultipartUpload {
    let (bucket, key) = (Bucket::new(BUCKET).unwrap(), Key::new(KEY).unwrap());
    let upload_id = UploadId::new(upload_on_server(world).0).unwrap();
    let list = ListParts {
        bucket: bucket.clone(),
        key: key.clone(),
        upload_id: upload_id.clone(),
        part_number_marker: None,
        max_parts: None,
    };
    let listed = world.caller().call(&list, Default::default()).await.unwrap().output.parts;
    let parts = listed.into_iter().map(|part| (part.part_number, part.etag.unwrap())).collect();
    CompleteMultipartUpload { bucket, key, upload_id, parts, headers: ObjectHeaders::new() }
}

#[tokio::test]
async fn a_late_complete_of_an_old_upload_never_replaces_a_newer_object() {
    type Edit = fn(&std::path::Path);
    let edits: [Edit; 3] =
        [|path| grow(path, 10), |path| edit_in_place(path, 0, 10), |path| fs::write(path, b"small").unwrap()];
    for edit in edits {
        let world = World::new();
        let path = world.file("a.bin", bytes(4 * PART));
        killed_at_complete(&world, request(&path), false).await;
        let late = late_complete(&world).await;
        edit(&path);
        watch(&world, request(&path)).await.done();

        let refused = world.caller().call(&late, Default::default()).await.unwrap_err();

        assert_eq!(refused.service().unwrap().code, ErrorCode::NO_SUCH_UPLOAD);
        world.assert_published(KEY, &fs::read(&path).unwrap(), &["a.bin"]);
    }
}

#[tokio::test]
async fn nothing_newer_is_published_while_a_late_complete_may_still_win() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    killed_at_complete(&world, request(&path), false).await;
    let late = late_complete(&world).await;
    grow(&path, 10);
    world
        .emulator
        .add_fault(Rule::on(Operation::AbortMultipartUpload).always(), Fault::Status(403, "AccessDenied".into()));

    let run = watch(&world, request(&path)).await;

    assert_eq!(run.why(), Why::Unsettled);
    assert_eq!(run.result.as_ref().unwrap_err().kind(), ErrorKind::Rejected);
    assert_eq!(run.result.as_ref().unwrap_err().service().unwrap().code, ErrorCode::ACCESS_DENIED);
    assert_eq!(world.requests(INITIATE).len(), 1);
    assert!(checkpoint(&world).is_some(), "it remembers what is not settled");

    world.caller().call(&late, Default::default()).await.unwrap();
    watch(&world, request(&path)).await.done();
    world.assert_published(KEY, &fs::read(&path).unwrap(), &["a.bin"]);
}
