//! Files of every size that matters.

use crate::{PART, request};
use oss_emulator::{Operation, Store};
use oss_multipart::UploadObjectRequest;
use oss_proto::{Crc64, Crc64Hasher};
use oss_tests::{BUCKET, World, bytes};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

#[tokio::test(start_paused = true)]
async fn files_around_the_part_size_are_published_byte_for_byte() {
    for size in [0, 1, PART - 1, PART, PART + 1, 2 * PART, 2 * PART + 1, 7 * PART - 1] {
        let world = World::new();
        let content = bytes(size);
        let file = world.file("data.bin", &content);
        let done = world.upload(request("data.bin", &file)).await.unwrap();

        let parts = size.div_ceil(PART).max(1);
        assert_eq!(done.parts_sent as usize, parts, "{size} bytes");
        assert_eq!((done.bytes_sent, done.bytes_reused, done.retries), (size as u64, 0, 0), "{size} bytes");
        assert_eq!(done.crc64, Crc64::of(&content), "{size} bytes");
        let single = usize::from(size <= PART);
        assert_eq!(world.requests(Operation::PutObject).len(), single, "{size} bytes");
        assert_eq!(world.requests(Operation::UploadPart).len(), if single == 1 { 0 } else { parts }, "{size} bytes");
        world.assert_published("data.bin", &content, &["data.bin"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_single_part_that_is_too_large_for_memory_is_a_multipart_upload() {
    let world = World::new();
    let content = bytes(9 * 1024 * 1024);
    let file = world.file("nine.bin", &content);
    let request = UploadObjectRequest::new(BUCKET, "nine.bin", &file).part_size(content.len() as u64);
    let done = world.upload(request).await.unwrap();
    assert_eq!(done.parts_sent, 1);
    assert_eq!(world.requests(Operation::UploadPart).len(), 1);
    assert_eq!(world.requests(Operation::PutObject).len(), 0);
    world.assert_published("nine.bin", &content, &["nine.bin"]);
}

/// 10,000 parts of 100 KiB: 1 GB, from a sparse file to a store on disk. The listing has ten pages, as the object does
/// not fit memory nobody holds it whole.
#[tokio::test]
async fn ten_thousand_parts_are_published_and_listed_in_pages() {
    const PARTS: u64 = 10_000;
    let world = World::in_folder(|builder, folder| builder.store(Store::Disk(folder.join("store"))));
    let path = world.file("large.bin", "");
    let size = PARTS * PART as u64;
    mark_every_part(&path, PARTS);

    // The last part never arrives: the first run ends without it, and the second lists the rest.
    let gate = crate::stop_at(&world.emulator, Operation::CompleteMultipartUpload, 1);
    let token = oss_multipart::CancellationToken::new();
    let first = request("large.bin", &path).parallel(64).cancellation(token.clone());
    let (first, ()) = tokio::join!(world.upload(first), async {
        gate.arrived(1).await;
        token.cancel();
    });
    assert!(first.unwrap_err().is_resumable());
    world.emulator.clear_faults();

    let done = world.upload(request("large.bin", &path).parallel(64)).await.unwrap();
    assert_eq!(done.size, size);
    assert!(world.requests(Operation::UploadPart).iter().filter(|entry| entry.applied).count() as u64 >= PARTS);
    assert_eq!(done.crc64, crc64_of(&path));
    let object = world.emulator.object(BUCKET, "large.bin").unwrap();
    assert_eq!((object.size, object.crc64), (size, done.crc64));
    assert!(object.etag.contains("-10000"), "{}", object.etag);
    assert_eq!(world.emulator.uploads(BUCKET), []);
    assert_eq!(world.files(), ["large.bin"]);
}

#[tokio::test(start_paused = true)]
async fn impossible_requests_are_refused_before_any_request() {
    let world = World::new();
    let file = world.file("data.bin", bytes(1000));
    let missing = file.with_file_name("missing.bin");
    let refused = [
        (UploadObjectRequest::new("B", "key", &file), "bucket"),
        (UploadObjectRequest::new(BUCKET, "", &file), "key"),
        (UploadObjectRequest::new(BUCKET, "k".repeat(1024), &file), "1023"),
        (UploadObjectRequest::new(BUCKET, "key", &missing), "missing.bin"),
        (UploadObjectRequest::new(BUCKET, "key", world.folder()), "file"),
        (request("key", &file).part_size(102_399), "102400"),
        (request("key", &file).part_size(5 * 1024 * 1024 * 1024 + 1), "5368709120"),
        (request("key", &file).parallel(0), "1024"),
        (request("key", &file).parallel(1025), "1024"),
        (request("key", &file).checkpoint_dir(file.join("below-a-file")), "checkpoint"),
    ];
    for (request, word) in refused {
        let text = format!("{request:?}");
        let error = world.upload(request).await.unwrap_err();
        assert_eq!(error.kind(), oss_multipart::ErrorKind::InvalidInput, "{text}");
        assert!(error.to_string().replace(',', "").contains(word), "{text}: {error}");
    }
    assert_eq!(world.emulator.ledger(), []);
}

/// A sparse file whose parts all differ.
fn mark_every_part(path: &Path, parts: u64) {
    let mut file = File::options().write(true).open(path).unwrap();
    file.set_len(parts * PART as u64).unwrap();
    for part in 0..parts {
        file.seek(SeekFrom::Start(part * PART as u64)).unwrap();
        file.write_all(&part.to_le_bytes()).unwrap();
    }
}

fn crc64_of(path: &Path) -> Crc64 {
    let (mut file, mut hasher, mut buffer) = (File::open(path).unwrap(), Crc64Hasher::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer).unwrap() {
            0 => return hasher.finish(),
            read => hasher.update(&buffer[..read]),
        }
    }
}
