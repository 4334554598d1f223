//! The store on disk, opened again after the process was killed: dropped without a word, with what it was writing.

use crate::client::{Client, ask, builder, get, part, put};
use oss_emulator::{BuildError, Emulator, Fault, Rule, Store, StoreError};
use oss_proto::Crc64;
use std::fs;
use std::path::{Path, PathBuf};

const FULL: usize = 100 * 1024;

fn open(dir: &Path) -> Client {
    Client::new(builder().store(Store::Disk(dir.to_owned())))
}

/// Every file under the folder.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

async fn upload(client: &Client) -> (String, Vec<(u32, String)>) {
    let id = client.initiate("k").await;
    let mut parts = Vec::new();
    for (number, body) in [(1, vec![1; FULL]), (2, b"end".to_vec())] {
        parts.push((number, client.part("k", &id, number, &body).await.etag()));
    }
    (id, parts)
}

fn whole() -> Vec<u8> {
    [vec![1; FULL], b"end".to_vec()].concat()
}

#[tokio::test]
async fn objects_and_uploads_are_there_again() {
    let dir = tempfile::tempdir().unwrap();
    let client = open(dir.path());
    let put = client.send(put("../k?%/ü", "data").header("x-oss-meta-a", "b")).await;
    let (id, parts) = upload(&client).await;
    let before = (client.emulator.object("media", "../k?%/ü"), client.emulator.uploads("media"));
    drop(client);

    let client = open(dir.path());
    assert_eq!((client.emulator.object("media", "../k?%/ü"), client.emulator.uploads("media")), before);
    let got = client.send(get("../k?%/ü")).await;
    assert_eq!((&got.body[..], got.etag(), got.header("x-oss-meta-a")), (&b"data"[..], put.etag(), Some("b")));
    let listed = client.send(get("k").query("uploadId", &id)).await;
    assert_eq!(
        listed.each("Part", "HashCrc64ecma"),
        [Crc64::of(&[1; FULL]).to_string(), Crc64::of(b"end").to_string()]
    );
    assert_eq!(client.complete("k", &id, &parts).await.crc64(), Crc64::of(&whole()).get());
    drop(client);

    let client = open(dir.path());
    assert_eq!(client.send(get("k")).await.body, whole());
    assert!(client.emulator.uploads("media").is_empty());
}

#[tokio::test]
async fn what_was_being_written_is_gone_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let client = open(dir.path());
    let (id, _) = upload(&client).await;
    drop(client);
    fs::write(dir.path().join("tmp/7"), b"half a part").unwrap();
    fs::write(dir.path().join("buckets/media/data").join(&id).join("strange"), b"?").unwrap();
    fs::create_dir(dir.path().join("buckets/media/data/ORPHAN")).unwrap();
    fs::write(dir.path().join("buckets/media/data/ORPHAN/file"), b"of an unpublished put").unwrap();
    fs::create_dir(dir.path().join("buckets/half-made")).unwrap();

    let client = open(dir.path());
    assert_eq!(client.emulator.uploads("media")[0].parts, [(1, FULL as u64), (2, 3)]);
    assert!(files(&dir.path().join("tmp")).is_empty());
    assert_eq!(files(&dir.path().join("buckets/media/data")).len(), 2);
    assert!(!dir.path().join("buckets/half-made").exists());
    assert_eq!(client.send(put("k", "x")).await.status, 200, "temporary names are free again");
}

#[tokio::test]
async fn a_kill_between_publication_and_the_end_of_the_upload_leaves_the_object() {
    let dir = tempfile::tempdir().unwrap();
    let client = open(dir.path());
    let (id, parts) = upload(&client).await;
    let record = dir.path().join(format!("buckets/media/uploads/{id}.json"));
    let upload_record = fs::read(&record).unwrap();
    client.complete("k", &id, &parts).await;
    drop(client);
    fs::write(&record, upload_record).unwrap();

    let client = open(dir.path());
    assert_eq!(client.complete("k", &id, &parts).await.refusal().1, "NoSuchUpload");
    assert_eq!(client.send(get("k")).await.body, whole());
}

#[tokio::test]
async fn a_kill_before_publication_leaves_the_upload() {
    let dir = tempfile::tempdir().unwrap();
    let client = open(dir.path());
    let (id, parts) = upload(&client).await;
    client.complete("k", &id, &parts).await;
    drop(client);
    // As if the rename of the object's record, and what follows it, had not been.
    let client = {
        let objects = files(&dir.path().join("buckets/media/objects"));
        fs::remove_file(&objects[0]).unwrap();
        let record = format!(r#"{{"id":"{id}","key":"k","initiated":1,"headers":{{}}}}"#);
        fs::write(dir.path().join(format!("buckets/media/uploads/{id}.json")), record).unwrap();
        open(dir.path())
    };
    assert_eq!(client.send(get("k")).await.status, 404);
    assert_eq!(client.complete("k", &id, &parts).await.status, 200);
    assert_eq!(client.send(get("k")).await.body, whole());
}

#[tokio::test]
async fn of_two_files_of_one_part_the_newer_counts() {
    let dir = tempfile::tempdir().unwrap();
    let client = open(dir.path());
    let id = client.initiate("k").await;
    client.part("k", &id, 1, b"old").await;
    let data = dir.path().join("buckets/media/data").join(&id);
    let old = files(&data).remove(0);
    let new = client.part("k", &id, 1, b"new").await.etag();
    assert!(!old.exists(), "the replaced part's file is removed");
    drop(client);
    fs::write(&old, b"old").unwrap();

    let client = open(dir.path());
    assert_eq!(files(&data).len(), 1);
    assert_eq!(client.complete("k", &id, &[(1, new)]).await.status, 200);
    assert_eq!(client.send(get("k")).await.body, "new");
}

#[tokio::test]
async fn complete_copies_no_part() {
    let dir = tempfile::tempdir().unwrap();
    let client = open(dir.path());
    let (id, parts) = upload(&client).await;
    let data = dir.path().join("buckets/media/data");
    let mut before = files(&data);
    client.complete("k", &id, &parts).await;
    let mut after = files(&data);
    before.sort();
    after.sort();
    assert_eq!(before, after);
}

#[tokio::test]
async fn what_is_replaced_deleted_or_aborted_leaves_no_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let client = open(dir.path());
    let (id, parts) = upload(&client).await;
    client.part("k", &id, 9, b"left out").await;
    client.complete("k", &id, &parts).await;
    assert_eq!(files(&dir.path().join("buckets/media/data")).len(), 2);
    client.put("k", b"new").await;
    assert_eq!(files(&dir.path().join("buckets/media/data")).len(), 1);
    let (id, _) = upload(&client).await;
    client.send(crate::client::delete("k").query("uploadId", &id)).await;
    client.send(crate::client::delete("k")).await;
    assert!(files(&dir.path().join("buckets/media/data")).is_empty());
}

#[tokio::test]
async fn a_reader_keeps_what_it_reads_while_it_is_replaced() {
    use http_body_util::BodyExt as _;
    let dir = tempfile::tempdir().unwrap();
    let client = open(dir.path());
    let (id, parts) = upload(&client).await;
    client.complete("k", &id, &parts).await;
    let body = client.emulator.handle(client.sign(get("k")).request()).await.unwrap().into_body();
    client.put("k", b"new").await;
    assert_eq!(body.collect().await.unwrap().to_bytes(), whole());
    assert_eq!(client.send(get("k")).await.body, "new");
}

#[tokio::test]
async fn a_cut_body_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let client = open(dir.path());
    let id = client.initiate("k").await;
    client.emulator.add_fault(Rule::any().part(1), Fault::CutRequestBodyAt(10));
    assert!(client.try_send(part("k", &id, 1, &[7; 100])).await.is_err());
    assert!(client.emulator.uploads("media")[0].parts.is_empty());
    assert!(files(&dir.path().join("tmp")).is_empty());
}

#[tokio::test]
async fn a_second_emulator_is_told_which_folder_is_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path());
    let second = Emulator::builder().store(Store::Disk(dir.path().to_owned())).build();
    let Err(BuildError::Store(error @ StoreError::Locked { .. })) = second else { panic!("{second:?}") };
    assert!(error.to_string().contains(dir.path().file_name().unwrap().to_str().unwrap()), "{error}");
    drop(first);
    assert!(Emulator::builder().store(Store::Disk(dir.path().to_owned())).build().is_ok());
}

#[tokio::test]
async fn a_strange_record_is_named() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    fs::write(dir.path().join("buckets/media/objects/x.json"), b"{}").unwrap();
    let error = builder().store(Store::Disk(dir.path().to_owned())).build().unwrap_err();
    let BuildError::Store(StoreError::Record { path, .. }) = error else { panic!("{error:?}") };
    assert!(path.ends_with("x.json"));
}

/// The one thread for work on disk is kept busy, so that the request is surely under way when its client goes.
#[test]
fn what_a_client_did_not_wait_for_is_in_the_ledger_once_it_is_done() {
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let client = open(dir.path());
        let (release, held) = std::sync::mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || held.recv());
        {
            let initiate = ask(http::Method::POST, "k").bare("uploads");
            let mut call = std::pin::pin!(client.emulator.handle(client.sign(initiate).request()));
            let first = std::future::poll_fn(|cx| std::task::Poll::Ready(call.as_mut().poll(cx).is_pending()));
            assert!(first.await, "it waits for the disk");
        }
        assert!(!client.emulator.ledger()[0].finished, "it is still at work");
        release.send(()).unwrap();
        busy.await.unwrap().unwrap();
        client.emulator.wait_for(|entries| entries[0].finished).await;
        let entry = client.emulator.ledger().remove(0);
        assert_eq!((entry.applied, entry.status), (true, None));
        assert_eq!(entry.upload_id, Some(client.emulator.uploads("media").remove(0).upload_id));
    });
}
