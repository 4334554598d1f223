//! A run that ended early is continued by the same call, which sends only what the server does not hold.

use crate::{Events, PART, before, request, stop_at};
use oss_emulator::{Fault, Operation, Rule};
use oss_multipart::{CancellationToken, Event, Notice};
use oss_tests::{BUCKET, World, bytes};
use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

/// Ends a run while its part requests from the `nth` on stand still; tells which parts the server then has.
async fn interrupt(world: &World, key: &str, path: &Path, nth: u64) -> Vec<u32> {
    let gate = stop_at(&world.emulator, Operation::UploadPart, nth);
    let token = CancellationToken::new();
    let run = world.upload(request(key, path).cancellation(token.clone()));
    let (ended, ()) = tokio::join!(run, async {
        gate.arrived(1).await;
        token.cancel();
    });
    assert!(ended.unwrap_err().is_resumable());
    world.emulator.clear_faults();
    held(world)
}

/// The parts of the one upload under way.
fn held(world: &World) -> Vec<u32> {
    let uploads = world.emulator.uploads(BUCKET);
    assert_eq!(uploads.len(), 1, "{uploads:?}");
    uploads[0].parts.iter().map(|(number, _)| *number).collect()
}

fn missing(held: &[u32], parts: u32) -> Vec<u32> {
    (1..=parts).filter(|number| !held.contains(number)).collect()
}

#[tokio::test(start_paused = true)]
async fn resume_sends_only_the_parts_the_server_does_not_hold() {
    let world = World::new();
    let content = bytes(10 * PART + 1);
    let file = world.file("data.bin", &content);
    let held = interrupt(&world, "key", &file, 5).await;
    assert!((1..=10).contains(&held.len()), "{held:?}");
    assert!(world.files().len() > 1, "there is no checkpoint to resume from");

    let before = world.emulator.ledger().len();
    let events = Events::default();
    let done = world.upload(events.watch(request("key", &file))).await.unwrap();
    assert_eq!(world.parts_sent(before), missing(&held, 11));
    assert_eq!(done.parts_reused as usize, held.len());
    assert_eq!(done.bytes_reused + done.bytes_sent, content.len() as u64);
    assert!(events.any(|event| matches!(event, Event::Resumed { .. })));
    assert_eq!(world.requests(Operation::InitiateMultipartUpload).len(), 1);
    world.assert_published("key", &content, &["data.bin"]);
}

#[tokio::test(start_paused = true)]
async fn resume_reuses_parts_after_a_gap() {
    let world = World::new();
    let content = bytes(8 * PART);
    let file = world.file("data.bin", &content);
    interrupt(&world, "key", &file, 7).await;
    let upload = world.emulator.uploads(BUCKET).remove(0).upload_id;
    assert!(world.emulator.remove_part(BUCKET, &upload, 2));
    let held = held(&world);

    let before = world.emulator.ledger().len();
    world.upload(request("key", &file)).await.unwrap();
    let sent = world.parts_sent(before);
    assert_eq!(sent, missing(&held, 8));
    assert!(sent.contains(&2) && held.contains(&3));
    world.assert_published("key", &content, &["data.bin"]);
}

#[tokio::test(start_paused = true)]
async fn a_file_edited_in_place_with_its_mtime_restored_has_its_changed_part_sent_again() {
    let world = World::new();
    let mut content = bytes(8 * PART);
    let file = world.file("data.bin", &content);
    let held = interrupt(&world, "key", &file, 5).await;
    assert!(held.contains(&2), "{held:?}");

    let mtime = fs::metadata(&file).unwrap().modified().unwrap();
    content[PART + 77] ^= 1;
    let mut edited = File::options().write(true).open(&file).unwrap();
    edited.seek(SeekFrom::Start(PART as u64 + 77)).unwrap();
    edited.write_all(&content[PART + 77..][..1]).unwrap();
    edited.set_modified(mtime).unwrap();
    drop(edited);

    let before = world.emulator.ledger().len();
    world.upload(request("key", &file)).await.unwrap();
    let mut expected = missing(&held, 8);
    expected.push(2);
    expected.sort_unstable();
    assert_eq!(world.parts_sent(before), expected);
    world.assert_published("key", &content, &["data.bin"]);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_changes_during_the_run_is_not_published() {
    let world = World::new();
    let content = bytes(8 * PART);
    let file = world.file("data.bin", &content);
    let path = file.clone();
    before(&world.emulator, Operation::UploadPart, move |_| fs::write(&path, bytes(3 * PART)).unwrap());
    let error = world.upload(request("key", &file)).await.unwrap_err();
    assert!(error.is_resumable(), "{error}");
    assert_eq!(world.emulator.object(BUCKET, "key"), None);

    world.upload(request("key", &file)).await.unwrap();
    world.assert_published("key", &bytes(3 * PART), &["data.bin"]);
}

#[tokio::test(start_paused = true)]
async fn an_upload_the_server_forgot_between_runs_starts_afresh() {
    let world = World::new();
    let content = bytes(5 * PART);
    let file = world.file("data.bin", &content);
    interrupt(&world, "key", &file, 3).await;
    let upload = world.emulator.uploads(BUCKET).remove(0).upload_id;
    assert!(world.emulator.remove_upload(BUCKET, &upload));

    let before = world.emulator.ledger().len();
    world.upload(request("key", &file)).await.unwrap();
    assert_eq!(world.parts_sent(before), [1, 2, 3, 4, 5]);
    world.assert_published("key", &content, &["data.bin"]);
}

#[tokio::test(start_paused = true)]
async fn restart_aborts_the_earlier_upload_and_sends_everything() {
    let world = World::new();
    let content = bytes(5 * PART);
    let file = world.file("data.bin", &content);
    interrupt(&world, "key", &file, 4).await;
    let before = world.emulator.ledger().len();
    world.upload(request("key", &file).restart(true)).await.unwrap();
    assert_eq!(world.parts_sent(before), [1, 2, 3, 4, 5]);
    assert_eq!(world.requests(Operation::AbortMultipartUpload).len(), 1);
    world.assert_published("key", &content, &["data.bin"]);
}

#[tokio::test(start_paused = true)]
async fn a_damaged_checkpoint_is_set_aside_and_removed_on_success() {
    let world = World::new();
    let content = bytes(5 * PART);
    let file = world.file("data.bin", &content);
    interrupt(&world, "key", &file, 4).await;
    let checkpoint = world.files().into_iter().find(|name| name.ends_with(".ossck")).expect("a checkpoint");
    world.file(&checkpoint, "not a checkpoint");

    let events = Events::default();
    world.upload(events.watch(request("key", &file))).await.unwrap();
    assert!(events.any(|event| matches!(event, Event::Notice(Notice::Foreign { .. }))));
    assert_eq!(world.emulator.object_bytes(BUCKET, "key").unwrap(), content);
    assert_eq!(world.files(), ["data.bin"]);
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_directory_keeps_nothing_after_success() {
    let world = World::new();
    let content = bytes(5 * PART);
    let file = world.file("data.bin", &content);
    let folder = world.folder().join("made/for/this");
    let gate = stop_at(&world.emulator, Operation::UploadPart, 3);
    let token = CancellationToken::new();
    let run = request("key", &file).checkpoint_dir(&folder).cancellation(token.clone());
    let (ended, ()) = tokio::join!(world.upload(run), async {
        gate.arrived(1).await;
        token.cancel();
    });
    ended.unwrap_err();
    world.emulator.clear_faults();
    assert_ne!(fs::read_dir(&folder).unwrap().count(), 0);
    assert_eq!(world.files(), ["data.bin"]);

    let done = world.upload(request("key", &file).checkpoint_dir(&folder)).await.unwrap();
    assert!(done.parts_reused > 0);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    world.assert_published("key", &content, &["data.bin"]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_to_complete_is_settled_in_the_next_run_as_well() {
    let world = World::new();
    let content = bytes(3 * PART);
    let file = world.file("data.bin", &content);
    // Applied, and then nothing answers any more: as if client and network died together.
    world.emulator.add_fault(Rule::on(Operation::CompleteMultipartUpload), Fault::DropAfterApplied);
    let gate = stop_at(&world.emulator, Operation::CompleteMultipartUpload, 2);
    let token = CancellationToken::new();
    let (ended, ()) = tokio::join!(world.upload(request("key", &file).cancellation(token.clone())), async {
        gate.arrived(1).await;
        token.cancel();
    });
    ended.unwrap_err();
    world.emulator.clear_faults();

    let before = world.emulator.ledger().len();
    world.upload(request("key", &file)).await.unwrap();
    assert_eq!(world.parts_sent(before), Vec::<u32>::new());
    assert_eq!(world.requests(Operation::PutObject).len(), 0);
    world.assert_published("key", &content, &["data.bin"]);
}
