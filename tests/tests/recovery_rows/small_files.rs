//! Files that one PutObject sends, and files that become such.

use crate::watched::{
    KEY, NO_PART, PART, checkpoint, edit_in_place, interrupted_after, killed, killed_at_complete, put_object, request,
    requests_so_far, steps_after, upload_on_server, watch, watch_with,
};
use oss_emulator::{Fault, Gate, Hook, Operation, Rule, Until};
use oss_multipart::{Event, Notice, Why};
use oss_tests::{BUCKET, World, bytes};
use std::fs;

const PUT: Operation = Operation::PutObject;

#[tokio::test]
async fn a_file_that_shrank_to_a_small_one_or_to_nothing_frees_the_old_upload_before_its_put_object() {
    for size in [10, 0] {
        let world = World::new();
        let path = world.file("a.bin", bytes(4 * PART));
        interrupted_after(&world, request(&path), 2).await;
        let earlier = upload_on_server(&world).0;
        fs::write(&path, bytes(size)).unwrap();
        let before = requests_so_far(&world);

        let run = watch(&world, request(&path)).await;

        run.done();
        let freed = |notice: &Notice| matches!(notice, Notice::Freed { upload_id, bytes } if upload_id.as_str() == earlier && *bytes == 2 * PART as u64);
        assert!(run.said(freed), "{:?}", run.events);
        let steps = steps_after(&world, before);
        let at = |operation| steps.iter().position(|step| *step == operation).unwrap();
        assert!(at(Operation::AbortMultipartUpload) < at(PUT), "{steps:?}");
        assert_eq!(world.parts_sent(before), NO_PART);
        world.assert_published(KEY, &bytes(size), &["a.bin"]);
    }
}

#[tokio::test]
async fn a_file_that_shrank_after_a_lost_complete_replaces_the_object_that_appeared() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    killed_at_complete(&world, request(&path), true).await;
    fs::write(&path, bytes(10)).unwrap();
    watch(&world, request(&path)).await.done();
    world.assert_published(KEY, &bytes(10), &["a.bin"]);
}

#[tokio::test]
async fn a_small_file_that_grew_to_several_parts_goes_by_parts() {
    let world = World::new();
    let path = world.file("a.bin", bytes(10));
    let gate = Gate::new();
    world.emulator.add_fault(Rule::on(PUT), Fault::Stall(Until::Opened(gate.clone())));
    killed(&world, request(&path), gate.arrived(1)).await;
    fs::write(&path, bytes(3 * PART)).unwrap();
    assert_eq!(watch(&world, request(&path)).await.done().parts_sent, 3);
    world.assert_published(KEY, &bytes(3 * PART), &["a.bin"]);
}

#[tokio::test]
async fn a_small_file_edited_between_two_attempts_is_not_published_and_the_next_run_uploads_it() {
    let world = World::new();
    let path = world.file("a.bin", bytes(1000));
    let edited = path.clone();
    world.emulator.add_fault(Rule::on(PUT), Fault::Status(500, "InternalError".into()));
    let edit = move |event: &Event| {
        if matches!(event, Event::Retry { operation: "PutObject", .. }) {
            edit_in_place(&edited, 0, 500);
        }
    };

    let run = watch_with(&world, request(&path), edit).await;

    assert_eq!(run.why(), Why::SourceChanged);
    assert_eq!(world.emulator.object(BUCKET, KEY), None);
    watch(&world, request(&path)).await.done();
    world.assert_published(KEY, &fs::read(&path).unwrap(), &["a.bin"]);
}

#[tokio::test]
async fn a_small_file_edited_while_its_request_is_on_its_way_is_stored_whole_as_it_was_read() {
    let world = World::new();
    let path = world.file("a.bin", bytes(PART));
    let edited = path.clone();
    world.emulator.add_fault(Rule::on(PUT), Fault::Hook(Hook::new(move |_| edit_in_place(&edited, 0, PART))));
    watch(&world, request(&path)).await.done();
    world.assert_published(KEY, &bytes(PART), &["a.bin"]);
}

#[tokio::test]
async fn a_lost_reply_to_put_object_is_settled_by_head_and_only_what_is_not_there_is_put_again() {
    let internal = || "InternalError".to_owned();
    for (fault, puts) in [
        (Fault::DropAfterApplied, 1),
        (Fault::StatusAfterApplied(500, internal()), 1),
        (Fault::DropBefore, 2),
        (Fault::Status(500, internal()), 2),
        (Fault::WrongCrc, 2),
    ] {
        let world = World::new();
        let path = world.file("a.bin", bytes(1000));
        world.emulator.add_fault(Rule::on(PUT), fault.clone());
        let run = watch(&world, request(&path)).await;
        assert_eq!(run.done().retries, 1, "{fault:?}");
        assert_eq!(world.requests(PUT).len(), puts, "{fault:?}");
        world.assert_published(KEY, &bytes(1000), &["a.bin"]);
    }
}

#[tokio::test]
async fn damaged_bytes_of_a_small_file_are_never_published() {
    let world = World::new();
    let path = world.file("a.bin", bytes(1000));
    world.emulator.add_fault(Rule::on(PUT).always(), Fault::ChangeStored);
    assert_eq!(watch(&world, request(&path)).await.why(), Why::Corrupted);
    assert_eq!(world.emulator.object(BUCKET, KEY), None, "Content-MD5 refuses before anything is visible");
    assert_eq!(checkpoint(&world), None);
}

#[tokio::test]
async fn the_same_bytes_put_by_somebody_else_at_the_same_moment_with_other_headers_are_not_taken_for_ours() {
    let world = World::new();
    let path = world.file("a.bin", bytes(10));
    let mut headers = oss_proto::ObjectHeaders::new();
    headers.set("cache-control", "no-cache").unwrap();
    put_object(&world, &bytes(10)).await;
    world.emulator.add_fault(Rule::on(PUT), Fault::DropBefore);
    watch(&world, request(&path).headers(headers)).await.done();
    assert_eq!(world.requests(PUT).len(), 3, "theirs, ours that was lost, ours");
    assert_eq!(world.emulator.object(BUCKET, KEY).unwrap().headers["cache-control"], "no-cache");
}

#[tokio::test]
async fn a_small_file_with_an_acl_is_put_again_because_nobody_can_see_the_acl() {
    let world = World::new();
    let path = world.file("a.bin", bytes(10));
    let mut headers = oss_proto::ObjectHeaders::new();
    headers.set("x-oss-object-acl", "private").unwrap();
    world.emulator.add_fault(Rule::on(PUT), Fault::DropAfterApplied);
    watch(&world, request(&path).headers(headers)).await.done();
    assert_eq!((world.requests(PUT).len(), world.requests(Operation::HeadObject).len()), (2, 0));
}
