//! Buckets that keep versions: a lost reply is settled by the current version, and which one it is is told.

use crate::watched::{
    KEY, NO_PART, PART, killed_at_complete, put_object, request, requests_so_far, upload_on_server, watch,
};
use oss_emulator::{Fault, Gate, Operation, Rule, Until, Versioning};
use oss_multipart::{Notice, UploadObjectRequest, Why};
use oss_proto::ObjectHeaders;
use oss_tests::{BUCKET, World, bytes};
use std::path::Path;

const COMPLETE: Operation = Operation::CompleteMultipartUpload;

fn versioned() -> World {
    let world = World::new();
    assert!(world.emulator.set_versioning(BUCKET, Versioning::Enabled));
    world
}

/// The ids of the versions of the key, delete markers left out.
fn versions(world: &World) -> Vec<String> {
    let all = world.emulator.versions(BUCKET, KEY).into_iter();
    all.filter(|(_, marker)| !marker).map(|(id, _)| id).collect()
}

fn forbidding(path: &Path) -> UploadObjectRequest {
    let mut headers = ObjectHeaders::new();
    headers.set("x-oss-forbid-overwrite", "true").unwrap();
    request(path).headers(headers)
}

#[tokio::test]
async fn the_version_that_was_made_is_told() {
    for size in [10, 3 * PART] {
        let world = versioned();
        put_object(&world, b"older").await;
        let path = world.file("a.bin", bytes(size));
        let run = watch(&world, request(&path)).await;
        let versions = versions(&world);
        assert_eq!((versions.len(), run.done().object.version_id.as_ref()), (2, versions.last()));
        world.assert_published(KEY, &bytes(size), &["a.bin"]);
    }
}

#[tokio::test]
async fn a_lost_reply_to_complete_is_settled_by_the_current_version() {
    let faults = [Fault::DropAfterApplied, Fault::EmptyBody200, Fault::StatusAfterApplied(500, "InternalError".into())];
    for fault in faults {
        let world = versioned();
        put_object(&world, b"older").await;
        let path = world.file("a.bin", bytes(3 * PART));
        world.emulator.add_fault(Rule::on(COMPLETE), fault.clone());
        let run = watch(&world, request(&path)).await;
        let versions = versions(&world);
        assert_eq!((versions.len(), run.done().object.version_id.as_ref()), (2, versions.last()), "{fault:?}");
        assert!(run.said(|notice| *notice == Notice::SettledByHead));
        assert_eq!(world.parts_sent(0), [1, 2, 3]);
        world.assert_published(KEY, &bytes(3 * PART), &["a.bin"]);
    }
}

#[tokio::test]
async fn a_run_killed_after_its_complete_makes_no_second_version() {
    let world = versioned();
    let path = world.file("a.bin", bytes(3 * PART));
    killed_at_complete(&world, request(&path), true).await;
    let before = requests_so_far(&world);
    let run = watch(&world, request(&path)).await;
    assert_eq!(versions(&world), [run.done().object.version_id.clone().unwrap()]);
    assert_eq!(world.parts_sent(before), NO_PART);
}

#[tokio::test]
async fn a_newer_version_or_a_delete_marker_is_not_taken_for_ours() {
    for marker in [false, true] {
        let world = versioned();
        let path = world.file("a.bin", bytes(3 * PART));
        killed_at_complete(&world, request(&path), true).await;
        if marker {
            assert!(world.emulator.remove_object(BUCKET, KEY), "it puts a marker on top");
        } else {
            put_object(&world, b"newer").await;
        }
        let run = watch(&world, request(&path)).await;
        assert!(run.said(|notice| matches!(notice, Notice::Afresh(_))), "{:?}", run.events);
        assert_eq!(run.done().parts_sent, 3);
        assert_eq!(versions(&world).last(), run.done().object.version_id.as_ref());
        world.assert_published(KEY, &bytes(3 * PART), &["a.bin"]);
    }
}

#[tokio::test]
async fn a_lost_reply_to_put_object_is_settled_by_the_current_version_and_makes_no_second_one() {
    let world = versioned();
    let path = world.file("a.bin", bytes(10));
    world.emulator.add_fault(Rule::on(Operation::PutObject), Fault::DropAfterApplied);
    let run = watch(&world, request(&path)).await;
    assert_eq!(versions(&world), [run.done().object.version_id.clone().unwrap()]);
    assert_eq!(world.requests(Operation::PutObject).len(), 1);
    world.assert_published(KEY, &bytes(10), &["a.bin"]);
}

#[tokio::test]
async fn where_the_object_may_not_be_looked_at_it_is_put_again_as_the_current_version() {
    let world = versioned();
    let path = world.file("a.bin", bytes(10));
    world.emulator.add_fault(Rule::on(Operation::PutObject), Fault::DropAfterApplied);
    world.emulator.add_fault(Rule::on(Operation::HeadObject), Fault::Status(403, "AccessDenied".into()));
    let run = watch(&world, request(&path)).await;
    assert_eq!(versions(&world).last(), run.done().object.version_id.as_ref());
    assert_eq!(versions(&world).len(), 2);
    world.assert_published(KEY, &bytes(10), &["a.bin"]);
}

#[tokio::test]
async fn a_ban_on_overwriting_stops_no_version_and_is_still_kept_elsewhere() {
    let world = versioned();
    let path = world.file("a.bin", bytes(3 * PART));
    put_object(&world, b"theirs").await;
    watch(&world, forbidding(&path)).await.done();
    assert_eq!(versions(&world).len(), 2);

    let world = World::new();
    let path = world.file("a.bin", bytes(3 * PART));
    let gate = Gate::new();
    world.emulator.add_fault(Rule::on(COMPLETE), Fault::Stall(Until::Opened(gate.clone())));
    let (run, ()) = tokio::join!(watch(&world, forbidding(&path)), async {
        gate.arrived(1).await;
        put_object(&world, b"theirs").await;
        gate.open();
    });
    assert_eq!(run.why(), Why::AlreadyExists);
    assert_eq!(upload_on_server(&world).1, [1, 2, 3]);
}
