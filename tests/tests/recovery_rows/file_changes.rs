//! The file is edited, moved, touched, between two runs or under a run.

use crate::watched::{
    KEY, PART, at_part, checkpoint, edit_in_place, grow, interrupted_after, put_object, request, requests_so_far,
    upload_on_server, watch, watch_with,
};
use oss_emulator::Operation;
use oss_multipart::{ErrorKind, Notice, Why};
use oss_tests::{BUCKET, World, bytes};
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

#[tokio::test]
async fn parts_edited_in_place_behind_an_unchanged_mtime_are_sent_again_and_no_others() {
    let world = World::new();
    let path = world.file("a.bin", bytes(6 * PART));
    interrupted_after(&world, request(&path), 4).await;
    edit_in_place(&path, PART, 1);
    edit_in_place(&path, 4 * PART - 1, 1);
    let before = requests_so_far(&world);

    let run = watch(&world, request(&path)).await;

    assert_eq!((run.done().parts_reused, run.done().parts_sent), (2, 4));
    assert_eq!(world.parts_sent(before), [2, 4, 5, 6]);
    assert_eq!(world.requests(Operation::InitiateMultipartUpload).len(), 1);
    assert!(run.said(|notice| *notice == Notice::FileChanged));
    world.assert_published(KEY, &fs::read(&path).unwrap(), &["a.bin"]);
}

#[tokio::test]
async fn a_file_edited_everywhere_after_its_last_part_is_sent_again_whole() {
    let world = World::new();
    let path = world.file("a.bin", bytes(3 * PART));
    interrupted_after(&world, request(&path), 3).await;
    edit_in_place(&path, 0, 3 * PART);

    let run = watch(&world, request(&path)).await;

    assert_eq!((run.done().parts_reused, run.done().parts_sent), (0, 3));
    world.assert_published(KEY, &fs::read(&path).unwrap(), &["a.bin"]);
}

type Change = (&'static str, fn(&Path));

/// What may happen to a file of four parts under a run.
const CHANGES: [Change; 6] = [
    ("grows", |path| grow(path, PART)),
    ("shrinks", |path| fs::OpenOptions::new().write(true).open(path).unwrap().set_len(PART as u64 + 7).unwrap()),
    ("is replaced by another", |path| replace(path, &bytes(4 * PART + 1))),
    ("is replaced by an equal one", |path| replace(path, &fs::read(path).unwrap())),
    ("is touched", touch),
    ("is edited in place", |path| edit_in_place(path, 0, 4 * PART)),
];

fn replace(path: &Path, content: &[u8]) {
    let beside = path.with_extension("new");
    fs::write(&beside, content).unwrap();
    fs::rename(&beside, path).unwrap();
}

fn touch(path: &Path) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(5)).unwrap();
}

/// The change comes with the `nth` of four parts.
async fn changed_at(nth: usize, (what, change): Change) {
    let world = World::new();
    put_object(&world, b"the object before").await;
    let path = world.file("a.bin", bytes(4 * PART));
    let changing = path.clone();

    let run = watch_with(&world, request(&path).parallel(1), at_part(nth, move || change(&changing))).await;

    assert_eq!(run.why(), Why::SourceChanged, "it {what}");
    assert_eq!(run.result.as_ref().unwrap_err().kind(), ErrorKind::Resumable);
    assert_eq!(world.requests(Operation::CompleteMultipartUpload), [], "it {what}");
    assert_eq!(world.emulator.object_bytes(BUCKET, KEY).unwrap().as_ref(), b"the object before");
    assert!(checkpoint(&world).is_some(), "it {what}");

    watch(&world, request(&path)).await.done();
    world.assert_published(KEY, &fs::read(&path).unwrap(), &["a.bin"]);
}

#[tokio::test]
async fn a_file_that_changes_under_its_first_part_is_not_published_and_the_next_run_uploads_the_new_one() {
    for change in CHANGES {
        changed_at(1, change).await;
    }
}

#[tokio::test]
async fn a_file_that_changes_after_its_last_part_was_read_is_not_published_either() {
    for change in CHANGES {
        changed_at(4, change).await;
    }
}

#[tokio::test]
async fn a_file_that_is_removed_under_the_upload_is_not_published() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    let removed = path.clone();
    let run = watch_with(&world, request(&path), at_part(4, move || fs::remove_file(removed).unwrap())).await;
    assert_eq!(run.why(), Why::SourceChanged);
    assert_eq!(world.emulator.object(BUCKET, KEY), None);
}

#[tokio::test]
async fn a_touched_file_resumes_by_proof_and_sends_only_what_is_missing() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    interrupted_after(&world, request(&path), 3).await;
    touch(&path);
    let before = requests_so_far(&world);
    assert_eq!(watch(&world, request(&path)).await.done().parts_reused, 3);
    assert_eq!(world.parts_sent(before), [4]);
    world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
}

#[tokio::test]
async fn a_moved_directory_keeps_its_resume() {
    let world = World::new();
    let (old, new) = (world.folder().join("old"), world.folder().join("new"));
    fs::create_dir(&old).unwrap();
    fs::write(old.join("a.bin"), bytes(4 * PART)).unwrap();
    interrupted_after(&world, request(&old.join("a.bin")), 3).await;
    fs::rename(&old, &new).unwrap();
    let before = requests_so_far(&world);

    let run = watch(&world, request(&new.join("a.bin"))).await;

    assert_eq!(run.done().parts_reused, 3);
    assert_eq!(world.parts_sent(before), [4]);
    assert_eq!(world.emulator.object_bytes(BUCKET, KEY).unwrap(), bytes(4 * PART));
    assert_eq!(fs::read_dir(&new).unwrap().count(), 1, "nothing but the file");
}

#[cfg(unix)]
#[tokio::test]
async fn the_same_file_by_another_path_keeps_its_resume() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    interrupted_after(&world, request(&path), 3).await;
    std::os::unix::fs::symlink(world.folder().join("files"), world.folder().join("mount")).unwrap();
    let before = requests_so_far(&world);
    watch(&world, request(&world.folder().join("mount/a.bin"))).await.done();
    assert_eq!(world.parts_sent(before), [4]);
    world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
}

#[tokio::test]
async fn a_renamed_file_starts_afresh_and_leaves_the_other_upload_alone() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    interrupted_after(&world, request(&path), 3).await;
    let earlier = upload_on_server(&world).0;
    let renamed = path.with_file_name("b.bin");
    fs::rename(&path, &renamed).unwrap();

    let run = watch(&world, request(&renamed)).await;

    assert_eq!((run.done().parts_reused, run.done().parts_sent), (0, 4));
    assert_eq!(upload_on_server(&world).0, earlier, "neither adopted nor aborted");
    assert_eq!(world.emulator.object_bytes(BUCKET, KEY).unwrap(), bytes(4 * PART));
}

#[tokio::test]
async fn a_renamed_file_starts_afresh_in_words() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    interrupted_after(&world, request(&path), 3).await;
    let renamed = path.with_file_name("b.bin");
    fs::rename(&path, &renamed).unwrap();

    let run = watch(&world, request(&renamed)).await;

    let words: Vec<String> = run.notices().map(ToString::to_string).collect();
    assert!(words.iter().any(|words| words.contains("a.bin")), "nothing was said of the upload of a.bin: {words:?}");
}
