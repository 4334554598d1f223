//! Checkpoints that are damaged, in the way, or cannot be written.

use crate::watched::{KEY, NO_PART, PART, checkpoint, interrupted_after, request, upload_on_server, watch, watch_with};
use oss_emulator::{Fault, Operation, Rule};
use oss_multipart::{ErrorKind, Notice, Why};
use oss_tests::{BUCKET, World, bytes};
use std::fs;
use std::path::{Path, PathBuf};

/// Two parts of three, and the checkpoint.
async fn begun() -> (World, PathBuf, PathBuf) {
    let world = World::new();
    let path = world.file("a.bin", bytes(3 * PART));
    interrupted_after(&world, request(&path), 2).await;
    let file = checkpoint(&world).unwrap();
    (world, path, file)
}

/// The run works, in words, leaves the earlier upload alone, and the next one does not even notice.
async fn is_set_aside(put: impl Fn(&Path)) {
    let (world, path, file) = begun().await;
    let (earlier, _) = upload_on_server(&world);
    put(&file);
    let run = watch(&world, request(&path)).await;
    assert_eq!(run.done().parts_sent, 3);
    assert!(run.said(|notice| matches!(notice, Notice::Foreign { upload_id: None, .. })), "{:?}", run.events);
    assert_eq!(upload_on_server(&world).0, earlier, "reported, not aborted");
    assert_eq!(world.files(), ["a.bin"]);
    let again = watch(&world, request(&path)).await;
    assert_eq!(again.notices().count(), 0, "{:?}", again.events);
    assert_eq!(world.emulator.object_bytes(BUCKET, KEY).unwrap(), bytes(3 * PART));
}

#[tokio::test]
async fn a_checkpoint_truncated_at_any_byte_is_set_aside() {
    let (_world, _, file) = begun().await;
    let image = fs::read(&file).unwrap();
    for len in (0..image.len()).step_by(7).chain([image.len() - 1]) {
        is_set_aside(|file| fs::write(file, &image[..len]).unwrap()).await;
    }
}

#[tokio::test]
async fn a_checkpoint_with_any_byte_changed_is_set_aside() {
    let (_world, _, file) = begun().await;
    let image = fs::read(&file).unwrap();
    for at in (0..image.len()).step_by(5) {
        let mut damaged = image.clone();
        damaged[at] ^= 1 << (at % 8);
        is_set_aside(|file| fs::write(file, &damaged).unwrap()).await;
    }
}

#[tokio::test]
async fn a_directory_or_a_gigabyte_of_zeros_in_the_checkpoints_place_is_set_aside() {
    is_set_aside(|file| {
        fs::remove_file(file).unwrap();
        fs::create_dir(file).unwrap();
    })
    .await;
    is_set_aside(|file| {
        fs::write(file, b"").unwrap();
        fs::OpenOptions::new().write(true).open(file).unwrap().set_len(1 << 30).unwrap();
    })
    .await;
}

/// A directory that is not empty stands where checkpoints are written first: every save fails.
fn no_save_works(file: &Path) {
    let temporary = PathBuf::from(format!("{}.tmp", file.display()));
    fs::create_dir(&temporary).unwrap();
    fs::write(temporary.join("something"), b"").unwrap();
}

/// A world where an upload would save its checkpoint, but cannot.
async fn unwritable() -> (World, PathBuf) {
    let (world, path, file) = begun().await;
    world.emulator.remove_upload(BUCKET, &upload_on_server(&world).0);
    fs::remove_file(&file).unwrap();
    no_save_works(&file);
    (world, path)
}

#[tokio::test]
async fn a_checkpoint_that_cannot_be_written_is_said_and_the_upload_goes_on() {
    let (world, path) = unwritable().await;
    let run = watch(&world, request(&path)).await;
    run.done();
    let words = |notice: &Notice| notice.to_string().contains("not resumable");
    assert!(run.said(words), "{:?}", run.events);
    assert_eq!(world.emulator.object_bytes(BUCKET, KEY).unwrap(), bytes(3 * PART));
    assert_eq!(world.emulator.uploads(BUCKET), []);
}

#[tokio::test]
async fn an_upload_that_no_checkpoint_remembers_is_aborted_when_it_fails() {
    let (world, path) = unwritable().await;
    world.emulator.add_fault(Rule::on(Operation::CompleteMultipartUpload), Fault::Status(403, "AccessDenied".into()));
    let run = watch(&world, request(&path)).await;
    assert_eq!(run.why(), Why::Rejected);
    assert_eq!(run.result.unwrap_err().upload_id(), None);
    assert_eq!(world.emulator.uploads(BUCKET), []);
}

#[tokio::test]
async fn a_required_checkpoint_that_cannot_be_written_ends_the_run_before_any_part() {
    let (world, path) = unwritable().await;
    let before = crate::watched::requests_so_far(&world);
    let run = watch(&world, request(&path).require_checkpoint(true)).await;
    assert_eq!(run.why(), Why::NoCheckpoint);
    assert_eq!(run.result.as_ref().unwrap_err().kind(), ErrorKind::Rejected);
    assert_eq!(world.parts_sent(before), NO_PART);
    assert_eq!(world.emulator.uploads(BUCKET), []);
}

#[tokio::test]
async fn a_save_that_fails_leaves_the_checkpoint_before_it_intact() {
    let (world, path, file) = begun().await;
    let image = fs::read(&file).unwrap();
    no_save_works(&file);
    world.emulator.add_fault(Rule::on(Operation::CompleteMultipartUpload), Fault::Status(403, "AccessDenied".into()));
    assert_eq!(watch_with(&world, request(&path), |_| ()).await.why(), Why::Rejected);
    assert_eq!(fs::read(&file).unwrap(), image);
    assert_eq!(upload_on_server(&world).1, [1, 2, 3], "the checkpoint knows its id");

    assert_eq!(watch(&world, request(&path)).await.done().parts_reused, 3);
    assert_eq!(world.emulator.object_bytes(BUCKET, KEY).unwrap(), bytes(3 * PART));
}
