//! One budget of memory for all uploads of a client.

use crate::stop_at;
use oss_emulator::Operation;
use oss_http::{Signer, Timeouts};
use oss_multipart::{Memory, UploadObjectRequest};
use oss_tests::{BUCKET, World, bytes};

/// 24 connections that nobody reads from could hold 48 pieces of 256 KiB and more; the budget has 32.
#[tokio::test]
async fn many_uploads_at_once_stay_within_their_common_budget() {
    const SIZE: u64 = 18 * 1024 * 1024;
    let world = World::new();
    let (caller, serving) = world.socket(Signer::v4("cn-hangzhou"), Timeouts::default()).await;
    let gate = stop_at(&world.emulator, Operation::UploadPart, 1);
    let memory = Memory::new(Memory::LEAST);
    let uploads = (0..8).map(|n| {
        let key = format!("large-{n}");
        let path = world.file(&key, "");
        std::fs::File::options().write(true).open(&path).unwrap().set_len(SIZE).unwrap();
        let request = UploadObjectRequest::new(BUCKET, &key, path).part_size(SIZE / 3).memory(&memory);
        let caller = caller.clone();
        tokio::spawn(async move { oss_multipart::upload(&caller, "cn-hangzhou", request).await })
    });
    let uploads: Vec<_> = uploads.collect();
    gate.arrived(24).await;
    gate.open();
    for upload in uploads {
        upload.await.unwrap().unwrap();
    }
    assert!(memory.peak() > Memory::LEAST / 4 && memory.peak() <= Memory::LEAST, "{}", memory.peak());
    for n in 0..8 {
        assert_eq!(world.emulator.object(BUCKET, &format!("large-{n}")).unwrap().size, SIZE);
    }
    serving.shutdown().await;
}

/// Each small file is read whole, and no two of these fit the budget together.
#[tokio::test(start_paused = true)]
async fn small_files_that_do_not_fit_the_budget_together_go_one_after_the_other() {
    let world = World::new();
    let memory = Memory::new(Memory::LEAST);
    let content = bytes(5 * 1024 * 1024);
    let uploads = (0..6).map(|n| {
        let key = format!("small-{n}");
        let request = UploadObjectRequest::new(BUCKET, &key, world.file(&key, &content)).memory(&memory);
        let caller = world.caller();
        tokio::spawn(async move { oss_multipart::upload(&caller, "cn-hangzhou", request).await })
    });
    for upload in uploads.collect::<Vec<_>>() {
        upload.await.unwrap().unwrap();
    }
    assert_eq!(world.requests(Operation::PutObject).len(), 6);
    assert_eq!(memory.peak(), content.len() as u64);
}
