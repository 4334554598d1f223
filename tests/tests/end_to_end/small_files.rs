//! Many small files that share what is known of their directory: after the first, none needs a thread of its own.

use crate::{request, stop_at};
use oss_checkpoint::{Holder, LockError};
use oss_emulator::Operation;
use oss_multipart::{Directories, UploadError, UploadObjectRequest};
use oss_tests::{BUCKET, World, bytes};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The canonical path of a file that has been at rest for so long that one more change to it is surely seen.
fn at_rest(world: &World, name: &str, content: &[u8]) -> PathBuf {
    let path = world.file(name, content).canonicalize().unwrap();
    while fs::metadata(&path).unwrap().modified().unwrap().elapsed().unwrap() < Duration::from_millis(50) {
        std::thread::sleep(Duration::from_millis(10));
    }
    path
}

#[tokio::test]
async fn many_small_files_of_one_directory_are_uploaded_and_nothing_is_left_beside_them() {
    let (world, directories) = (World::new(), Directories::default());
    let names: Vec<String> = (10..50).map(|index| format!("{index}")).collect();
    let paths: Vec<_> = names.iter().map(|name| at_rest(&world, name, name.as_bytes())).collect();
    for (name, path) in names.iter().zip(&paths) {
        world.upload(request(name, path).directories(&directories)).await.unwrap();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        world.assert_published(name, name.as_bytes(), &names);
    }
    assert_eq!(world.requests(Operation::PutObject).len(), names.len());
}

#[tokio::test]
async fn what_an_earlier_run_left_beside_a_small_file_is_removed_also_where_the_directory_is_known() {
    let (world, directories) = (World::new(), Directories::default());
    let path = at_rest(&world, "a.bin", b"content");
    let upload = || world.upload(request("key", &path).directories(&directories));
    let gate = stop_at(&world.emulator, Operation::PutObject, 1);
    let (first, lock) = tokio::join!(upload(), async {
        gate.arrived(1).await;
        let lock = oss_tests::lock_file(path.parent().unwrap()).expect("nothing is known yet: it has a lock file");
        gate.open();
        lock
    });
    first.unwrap();
    for end in ["tmp", "bad"] {
        fs::write(lock.with_extension(end), "left over").unwrap();
    }
    upload().await.unwrap();
    world.assert_published("key", b"content", &["a.bin"]);
}

#[tokio::test]
async fn an_upload_of_the_same_small_file_is_kept_out_while_the_first_is_under_way_and_waits_if_asked_to() {
    let (world, directories) = (World::new(), Directories::default());
    let path = at_rest(&world, "a.bin", b"content");
    let upload = || world.upload(request("key", &path).directories(&directories));
    upload().await.unwrap();
    let gate = stop_at(&world.emulator, Operation::PutObject, 1);
    let (first, ()) = tokio::join!(upload(), async {
        gate.arrived(1).await;
        let second = upload().await;
        let Err(UploadError::Lock(LockError::Busy { holder, .. })) = &second else { panic!("{second:?}") };
        assert_eq!(holder.as_ref(), Some(&Holder::current()));
        let alone = world.upload(request("key", &path)).await;
        assert!(matches!(alone, Err(UploadError::Lock(LockError::Busy { .. }))), "another client: {alone:?}");
        let waiting = tokio::spawn({
            let request = request("key", &path).wait(true);
            let caller = world.caller();
            async move { oss_multipart::upload(&caller, oss_tests::REGION, request).await }
        });
        while oss_tests::lock_file(path.parent().unwrap()).is_none() && !waiting.is_finished() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(world.requests(Operation::PutObject).len(), 2, "it has its lock file, and waits");
        gate.open();
        waiting.await.unwrap().unwrap();
    });
    first.unwrap();
    world.assert_published("key", b"content", &["a.bin"]);
}

#[tokio::test]
async fn an_upload_that_was_begun_by_parts_is_settled_though_the_file_is_small_now_and_its_directory_known() {
    let (world, directories) = (World::new(), Directories::default());
    let path = at_rest(&world, "a.bin", &bytes(300 * 1024));
    at_rest(&world, "b.bin", b"other");
    world.upload(request("other", &path.with_file_name("b.bin")).directories(&directories)).await.unwrap();
    let gate = stop_at(&world.emulator, Operation::UploadPart, 3);
    tokio::select! {
        _ = world.upload(request("key", &path).directories(&directories)) => panic!("it is stopped"),
        () = gate.arrived(1) => {}
    }
    gate.open();
    assert_eq!(world.emulator.uploads(BUCKET).len(), 1);
    at_rest(&world, "a.bin", b"small");
    world.upload(request("key", &path).directories(&directories)).await.unwrap();
    world.assert_published("key", b"small", &["a.bin", "b.bin"]);
}

/// What is known of a directory is known of speed alone: where a path leads is asked anew each time.
#[cfg(unix)]
#[tokio::test]
async fn a_link_that_is_turned_between_two_uploads_leads_the_second_to_its_new_target() {
    use std::os::unix::fs::symlink;
    let (world, directories) = (World::new(), Directories::default());
    let folder = at_rest(&world, "plain", b"plain").parent().unwrap().to_owned();
    for name in ["one", "two"] {
        fs::create_dir(folder.join(name)).unwrap();
        at_rest(&world, &format!("{name}/file"), name.as_bytes());
    }
    let upload = |path: &Path| world.upload(UploadObjectRequest::new(BUCKET, "key", path).directories(&directories));
    let turn = |link: &Path, target: &str| {
        let _absent = fs::remove_file(link);
        symlink(target, link).unwrap();
    };
    for (link, file) in
        [(folder.join("folder"), folder.join("folder/file")), (folder.join("alias"), folder.join("alias"))]
    {
        let target = |name: &str| if link == file { format!("{name}/file") } else { name.to_owned() };
        upload(&folder.join("plain")).await.unwrap();
        for name in ["one", "two", "one"] {
            turn(&link, &target(name));
            upload(&file).await.unwrap();
            assert_eq!(world.emulator.object_bytes(BUCKET, "key").unwrap(), name.as_bytes());
        }
    }
    // A directory that is a link where a real one was.
    fs::rename(folder.join("two"), folder.join("three")).unwrap();
    symlink("three", folder.join("two")).unwrap();
    fs::write(folder.join("three/file"), "three").unwrap();
    upload(&folder.join("two/file")).await.unwrap();
    assert_eq!(world.emulator.object_bytes(BUCKET, "key").unwrap(), "three".as_bytes());
}
