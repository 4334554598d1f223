//! Upload ids that were never received, are gone, or must not be looked at.

use crate::watched::{
    KEY, PART, checkpoint, interrupted_after, killed, killed_at_complete, request, requests_so_far, steps_after,
    upload_on_server, watch,
};
use oss_emulator::{Fault, Gate, Hook, Operation, Rule, Until};
use oss_multipart::{ErrorKind, Event, Notice, UploadError, Why};
use oss_proto::ops::InitiateMultipartUpload;
use oss_proto::{Bucket, ErrorCode, Key, ObjectHeaders};
use oss_tests::{BUCKET, World, bytes};
use std::time::Duration;

const INITIATE: Operation = Operation::InitiateMultipartUpload;
const LIST_PARTS: Operation = Operation::ListParts;
const ABORT: Operation = Operation::AbortMultipartUpload;

fn denied() -> Fault {
    Fault::Status(403, "AccessDenied".into())
}

fn orphans(run: &crate::watched::Run) -> Vec<String> {
    let of = |notice: &Notice| match notice {
        Notice::Orphan(id) => Some(id.to_string()),
        _ => None,
    };
    run.notices().filter_map(of).collect()
}

async fn somebodys_upload(world: &World, key: &str) -> String {
    let initiate = InitiateMultipartUpload {
        bucket: Bucket::new(BUCKET).unwrap(),
        key: Key::new(key).unwrap(),
        headers: ObjectHeaders::new(),
    };
    let initiated = world.caller().call(&initiate, Default::default()).await.unwrap();
    initiated.output.upload_id.as_str().to_owned()
}

#[tokio::test]
async fn a_lost_reply_to_initiate_is_asked_for_again_and_its_upload_is_reported() {
    for fault in [Fault::DropAfterApplied, Fault::EmptyBody200, Fault::TruncatedXml] {
        let world = World::new();
        let path = world.file("a.bin", bytes(3 * PART));
        world.emulator.add_fault(Rule::on(INITIATE), fault.clone());

        let run = watch(&world, request(&path)).await;

        run.done();
        let lost = world.requests(INITIATE)[0].upload_id.clone().unwrap();
        assert_eq!(orphans(&run), std::slice::from_ref(&lost), "{fault:?}");
        assert_eq!(upload_on_server(&world).0, lost, "neither adopted nor aborted");
        assert_eq!(world.requests(ABORT), []);
        assert_eq!(world.emulator.object_bytes(BUCKET, KEY).unwrap(), bytes(3 * PART));
    }
}

#[tokio::test]
async fn a_run_killed_before_it_knew_its_upload_has_it_reported_by_the_next_run() {
    let world = World::new();
    let path = world.file("a.bin", bytes(3 * PART));
    world.emulator.set_clock_offset(-1000);
    somebodys_upload(&world, KEY).await;
    world.emulator.set_clock_offset(0);
    somebodys_upload(&world, "backup/big file.bin.2").await;
    let gate = Gate::new();
    world.emulator.add_fault(Rule::on(INITIATE), Fault::StallAfterApplied(Until::Opened(gate.clone())));
    killed(&world, request(&path), gate.arrived(1)).await;
    world.emulator.clear_faults();
    let lost = world.requests(INITIATE).pop().unwrap().upload_id.unwrap();

    let run = watch(&world, request(&path)).await;

    run.done();
    assert_eq!(orphans(&run), std::slice::from_ref(&lost), "not the older one, and not another key's");
    assert_eq!(world.emulator.uploads(BUCKET).len(), 3, "all are left alone");
    assert!(world.parts_sent(0) == [1, 2, 3] && world.requests(ABORT).is_empty());
    assert_eq!(world.emulator.object_bytes(BUCKET, KEY).unwrap(), bytes(3 * PART));
}

#[tokio::test]
async fn uploads_that_cannot_be_listed_are_said_to_be_unknown_and_the_upload_goes_on() {
    let world = World::new();
    let path = world.file("a.bin", bytes(3 * PART));
    world.emulator.add_fault(Rule::on(INITIATE), Fault::DropAfterApplied);
    world.emulator.add_fault(Rule::on(Operation::ListMultipartUploads).always(), denied());
    let run = watch(&world, request(&path)).await;
    run.done();
    assert!(run.said(|notice| *notice == Notice::OrphansUnknown));
}

#[tokio::test]
async fn an_upload_that_is_gone_between_two_runs_starts_afresh_in_words() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    interrupted_after(&world, request(&path), 2).await;
    world.emulator.remove_upload(BUCKET, &upload_on_server(&world).0);
    let before = requests_so_far(&world);

    let run = watch(&world, request(&path)).await;

    assert_eq!(run.done().parts_sent, 4);
    assert!(run.notices().any(|notice| notice.to_string().contains("does not know the earlier upload")));
    assert_eq!(steps_after(&world, before), [LIST_PARTS, INITIATE, Operation::CompleteMultipartUpload]);
    world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
}

#[tokio::test]
async fn an_upload_that_goes_under_its_parts_or_under_its_complete_starts_afresh() {
    for rule in [Rule::on(Operation::UploadPart).nth(3), Rule::on(Operation::CompleteMultipartUpload)] {
        let world = World::new();
        let path = world.file("a.bin", bytes(4 * PART));
        let remove = Hook::new(|emulator| {
            let upload = emulator.uploads(BUCKET).remove(0);
            emulator.remove_upload(BUCKET, &upload.upload_id);
        });
        world.emulator.add_fault(rule, Fault::Hook(remove));

        let run = watch(&world, request(&path)).await;

        assert!(run.done().parts_sent >= 4 && run.said(|notice| matches!(notice, Notice::Afresh(_))));
        assert_eq!(world.requests(INITIATE).len(), 2);
        world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
    }
}

#[tokio::test]
async fn uploads_that_always_go_end_the_run_but_not_the_next_one() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    let remove = Hook::new(|emulator| {
        for upload in emulator.uploads(BUCKET) {
            emulator.remove_upload(BUCKET, &upload.upload_id);
        }
    });
    world.emulator.add_fault(Rule::on(Operation::UploadPart).nth(2).always(), Fault::Hook(remove));
    assert_eq!(watch(&world, request(&path)).await.why(), Why::Rejected);
    assert_eq!(world.requests(INITIATE).len(), 4, "bounded");

    world.emulator.clear_faults();
    watch(&world, request(&path)).await.done();
    world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
}

#[tokio::test(start_paused = true)]
async fn a_list_of_parts_that_keeps_failing_ends_the_run_and_keeps_everything() {
    let faults = [
        (denied(), ErrorKind::Rejected),
        (Fault::Status(500, "InternalError".into()), ErrorKind::Resumable),
        (Fault::Throttle(Duration::from_secs(2)), ErrorKind::Resumable),
        (Fault::DropBefore, ErrorKind::Resumable),
        (Fault::Html(200), ErrorKind::Resumable),
    ];
    for (fault, kind) in faults {
        let world = World::new();
        let path = world.file("a.bin", bytes(4 * PART));
        interrupted_after(&world, request(&path), 2).await;
        let (id, _) = upload_on_server(&world);
        world.emulator.add_fault(Rule::on(LIST_PARTS).always(), fault.clone());

        let failed = watch(&world, request(&path)).await.result.unwrap_err();

        assert_eq!(failed.kind(), kind, "{fault:?}");
        assert_eq!(failed.upload_id().map(ToString::to_string), Some(id.clone()), "{fault:?}");
        assert_eq!(upload_on_server(&world), (id, vec![1, 2]), "{fault:?}");
        assert!(checkpoint(&world).is_some(), "{fault:?}");
        assert_eq!(world.requests(INITIATE).len(), 1, "never a new upload by itself");

        world.emulator.clear_faults();
        let before = requests_so_far(&world);
        watch(&world, request(&path)).await.done();
        assert_eq!(world.parts_sent(before), [3, 4], "{fault:?}");
        world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_of_parts_that_fails_for_a_moment_is_asked_for_again() {
    for fault in [Fault::Status(502, "BadGateway".into()), Fault::CutReplyAfter(50), Fault::TruncatedXml] {
        let world = World::new();
        let path = world.file("a.bin", bytes(4 * PART));
        interrupted_after(&world, request(&path), 2).await;
        world.emulator.add_fault(Rule::on(LIST_PARTS).times(3), fault.clone());
        let before = requests_so_far(&world);
        let run = watch(&world, request(&path)).await;
        assert_eq!(run.done().parts_reused, 2, "{fault:?}");
        assert_eq!(world.parts_sent(before), [3, 4]);
        let retried = |event: &&Event| matches!(event, Event::Retry { operation: "ListParts", .. });
        assert_eq!(run.events.iter().filter(retried).count(), 3);
    }
}

/// The operation the error is about, and OSS's own code: what tells a person the permission that is missing.
fn refusal(error: &UploadError) -> (&'static str, ErrorCode) {
    let UploadError::Failed { source: Some(cause), .. } = error else { panic!("no cause: {error:?}") };
    let call = cause.call().expect("a call was refused");
    (call.operation, call.service().expect("OSS refused it").code.clone())
}

#[tokio::test]
async fn credentials_without_list_parts_are_told_so_and_a_restart_works() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    interrupted_after(&world, request(&path), 2).await;
    let (earlier, _) = upload_on_server(&world);
    world.emulator.add_fault(Rule::on(LIST_PARTS).always(), denied());

    let error = watch(&world, request(&path)).await.result.unwrap_err();
    assert_eq!(refusal(&error), ("ListParts", ErrorCode::ACCESS_DENIED));
    assert!(checkpoint(&world).is_some());

    let run = watch(&world, request(&path).restart(true)).await;
    assert_eq!(run.done().parts_sent, 4);
    assert!(run.said(|notice| matches!(notice, Notice::Freed { upload_id, .. } if upload_id.as_str() == earlier)));
    world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
}

#[tokio::test]
async fn credentials_without_head_object_are_told_so_and_a_restart_works() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    killed_at_complete(&world, request(&path), true).await;
    world.emulator.add_fault(Rule::on(Operation::HeadObject).always(), denied());

    let error = watch(&world, request(&path)).await.result.unwrap_err();
    assert_eq!(refusal(&error), ("HeadObject", ErrorCode::ACCESS_DENIED));
    assert!(checkpoint(&world).is_some(), "with the permission, the same call finds the object published");

    let run = watch(&world, request(&path).restart(true)).await;
    assert_eq!(run.done().parts_sent, 4);
    world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
}

#[tokio::test]
async fn credentials_without_list_parts_and_head_object_upload_all_the_same() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    world.emulator.add_fault(Rule::on(LIST_PARTS).always(), denied());
    world.emulator.add_fault(Rule::on(Operation::HeadObject).always(), denied());
    watch(&world, request(&path)).await.done();
    world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
}
