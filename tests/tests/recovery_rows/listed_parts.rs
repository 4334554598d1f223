//! What the server says it has, right or wrong: proven parts are reused, the rest is sent.

use crate::odd_servers::{Odd, Oddity};
use crate::watched::{
    KEY, NO_PART, PART, edit_in_place, interrupted_after, killed, put_part, request, requests_so_far, upload_on_server,
    watch, watch_with,
};
use oss_emulator::{Fault, Gate, Operation, Rule, Until};
use oss_multipart::{CancellationToken, ErrorKind, Event, Notice, Why};
use oss_tests::{BUCKET, World, bytes};
use std::fs;
use std::path::Path;

const COMPLETE: Operation = Operation::CompleteMultipartUpload;
const LIST_PARTS: Operation = Operation::ListParts;

fn part(content: &[u8], number: usize) -> Vec<u8> {
    content.chunks(PART).nth(number - 1).unwrap().to_vec()
}

#[tokio::test]
async fn proven_parts_are_reused_and_gaps_strange_sizes_strange_bytes_and_strange_numbers_are_not() {
    let world = World::new();
    let content = bytes(6 * PART + 5);
    let path = world.file("a.bin", &content);
    interrupted_after(&world, request(&path), 5).await;
    let (id, _) = upload_on_server(&world);
    world.emulator.remove_part(BUCKET, &id, 2);
    put_part(&world, &id, 3, vec![7; PART]).await;
    put_part(&world, &id, 4, part(&content, 4)[1..].to_vec()).await;
    put_part(&world, &id, 7, part(&content, 7)).await;
    put_part(&world, &id, 8, vec![7; PART]).await;
    put_part(&world, &id, 10_000, vec![7; 5]).await;
    let before = requests_so_far(&world);

    let run = watch(&world, request(&path)).await;

    assert_eq!((run.done().parts_reused, run.done().bytes_reused), (3, 2 * PART as u64 + 5));
    assert_eq!(world.parts_sent(before), [2, 3, 4, 6]);
    assert_eq!(world.requests(COMPLETE).len(), 1, "the first Complete works");
    world.assert_published(KEY, &content, &["a.bin"]);
}

#[tokio::test]
async fn parts_somebody_sent_right_are_reused_though_no_checkpoint_tells_of_them() {
    let world = World::new();
    let content = bytes(3 * PART);
    let path = world.file("a.bin", &content);
    let gate = Gate::new();
    world.emulator.add_fault(Rule::on(Operation::UploadPart).times(3), Fault::Stall(Until::Opened(gate.clone())));
    killed(&world, request(&path), gate.arrived(3)).await;
    world.emulator.clear_faults();
    let (id, none) = upload_on_server(&world);
    assert_eq!(none, NO_PART);
    put_part(&world, &id, 2, part(&content, 2)).await;
    let before = requests_so_far(&world);
    assert_eq!(watch(&world, request(&path)).await.done().parts_reused, 1);
    assert_eq!(world.parts_sent(before), [1, 3]);
    world.assert_published(KEY, &content, &["a.bin"]);
}

#[tokio::test]
async fn an_upload_without_any_part_is_gone_on_with() {
    let world = World::new();
    let path = world.file("a.bin", bytes(3 * PART));
    let gate = Gate::new();
    world.emulator.add_fault(Rule::on(Operation::UploadPart).times(3), Fault::Stall(Until::Opened(gate.clone())));
    killed(&world, request(&path), gate.arrived(3)).await;
    world.emulator.clear_faults();
    let before = requests_so_far(&world);
    assert_eq!(watch(&world, request(&path)).await.done().parts_sent, 3);
    assert_eq!(world.parts_sent(before), [1, 2, 3]);
    assert_eq!(world.requests(Operation::InitiateMultipartUpload).len(), 1);
    world.assert_published(KEY, &bytes(3 * PART), &["a.bin"]);
}

#[tokio::test]
async fn a_list_without_crc_is_proved_by_md5_against_the_etags() {
    let world = World::new();
    let path = world.file("a.bin", bytes(5 * PART));
    interrupted_after(&world, request(&path), 4).await;
    // The change of the file drops what the checkpoint has of the parts: only the ETag can tell.
    edit_in_place(&path, 2 * PART, 1);
    world.emulator.add_fault(Rule::on(LIST_PARTS).always(), Fault::NoCrc);
    let before = requests_so_far(&world);
    assert_eq!(watch(&world, request(&path)).await.done().parts_reused, 3);
    assert_eq!(world.parts_sent(before), [3, 5]);
    world.assert_published(KEY, &fs::read(&path).unwrap(), &["a.bin"]);
}

#[tokio::test]
async fn a_list_whose_etags_differ_from_the_recorded_ones_proves_nothing() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    interrupted_after(&world, request(&path), 3).await;
    world.emulator.add_fault(Rule::on(LIST_PARTS), Fault::WrongETag);
    let before = requests_so_far(&world);
    assert_eq!(watch(&world, request(&path)).await.done().parts_reused, 0);
    assert_eq!(world.parts_sent(before), [1, 2, 3, 4]);
    assert_eq!(world.requests(COMPLETE).len(), 1);
    world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
}

#[tokio::test]
async fn a_list_without_crc_and_with_etags_of_no_md5_proves_nothing() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    interrupted_after(&world, request(&path), 3).await;
    world.emulator.add_fault(Rule::on(LIST_PARTS), Fault::NoETag);
    let before = requests_so_far(&world);
    watch(&world, request(&path)).await.done();
    assert_eq!(world.parts_sent(before), [1, 2, 3, 4]);
    world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
}

#[tokio::test]
async fn a_part_whose_listed_etag_complete_refuses_is_listed_again_and_sent_again() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    interrupted_after(&world, request(&path), 3).await;
    // Twice, so that the bytes are the same and only the checkpoint's records of the parts are dropped.
    edit_in_place(&path, 0, 1);
    edit_in_place(&path, 0, 1);
    world.emulator.add_fault(Rule::on(LIST_PARTS), Fault::WrongETag);
    let before = requests_so_far(&world);
    watch(&world, request(&path)).await.done();
    assert_eq!(world.parts_sent(before), [1, 2, 3, 4]);
    assert_eq!(world.requests(COMPLETE).len(), 2);
    world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
}

#[tokio::test]
async fn a_late_part_of_a_killed_run_that_replaced_ours_is_sent_again_and_only_it() {
    let world = World::new();
    let content = bytes(4 * PART);
    let path = world.file("a.bin", &content);
    let gate = Gate::new();
    world.emulator.add_fault(Rule::on(COMPLETE), Fault::Stall(Until::Opened(gate.clone())));

    let (run, ()) = tokio::join!(watch(&world, request(&path)), async {
        gate.arrived(1).await;
        put_part(&world, &upload_on_server(&world).0, 2, vec![9; PART]).await;
        gate.open();
    });

    assert_eq!(run.done().parts_sent, 5);
    // The stranger's is among them.
    assert_eq!(world.parts_sent(0), [1, 2, 2, 2, 3, 4]);
    assert_eq!(world.requests(COMPLETE).len(), 2);
    world.assert_published(KEY, &content, &["a.bin"]);
}

#[tokio::test]
async fn a_part_that_is_lost_between_verdict_and_complete_is_sent_again_and_only_it() {
    let world = World::new();
    let content = bytes(4 * PART);
    let path = world.file("a.bin", &content);
    crate::watched::killed_at_complete(&world, request(&path), false).await;
    world.emulator.remove_part(BUCKET, &upload_on_server(&world).0, 4);
    let before = requests_so_far(&world);
    watch(&world, request(&path)).await.done();
    assert_eq!(world.parts_sent(before), [4]);
    world.assert_published(KEY, &content, &["a.bin"]);
}

#[tokio::test]
async fn a_complete_that_is_refused_for_its_parts_for_ever_ends_and_the_next_run_works() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    world.emulator.add_fault(Rule::on(COMPLETE).always(), Fault::Status(400, "InvalidPart".into()));
    let run = watch(&world, request(&path)).await;
    assert_eq!(run.why(), Why::Rejected);
    assert!(world.requests(COMPLETE).len() <= 4, "bounded");
    assert_eq!(world.emulator.object(BUCKET, KEY), None);

    world.emulator.clear_faults();
    let before = requests_so_far(&world);
    watch(&world, request(&path)).await.done();
    assert_eq!(world.parts_sent(before), NO_PART);
    world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
}

/// A run that ends as soon as it has read the list; how many parts the list had that fit.
async fn listed(world: &World, path: &Path) -> u32 {
    let token = CancellationToken::new();
    let stop = token.clone();
    let run = watch_with(world, request(path).cancellation(token), move |event| {
        if matches!(event, Event::Resumed { .. }) {
            stop.cancel();
        }
    })
    .await;
    assert_eq!(run.why(), Why::Cancelled);
    let of = |event: &Event| match event {
        Event::Resumed { parts_listed, .. } => Some(*parts_listed),
        _ => None,
    };
    run.events.iter().find_map(of).expect("it resumed")
}

fn zeros(world: &World, size: usize) -> std::path::PathBuf {
    let path = world.file("a.bin", b"");
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(size as u64).unwrap();
    path
}

#[tokio::test]
async fn lists_of_999_1000_1001_and_1002_parts_are_read_to_their_end() {
    let world = World::new();
    let path = zeros(&world, 1002 * PART);
    interrupted_after(&world, request(&path), 1002).await;
    let (id, _) = upload_on_server(&world);
    for (count, pages, removed) in [(1002, 2, 1), (1001, 2, 500), (1000, 1, 1002), (999, 1, 0)] {
        let before = world.requests(LIST_PARTS).len();
        assert_eq!(listed(&world, &path).await, count);
        assert_eq!(world.requests(LIST_PARTS).len() - before, pages, "pages of {count} parts");
        world.emulator.remove_part(BUCKET, &id, removed);
    }
    let before = requests_so_far(&world);
    assert_eq!(watch(&world, request(&path)).await.done().parts_reused, 999);
    assert_eq!(world.parts_sent(before), [1, 500, 1002]);
    assert_eq!(world.emulator.object(BUCKET, KEY).unwrap().size, 1002 * PART as u64);
}

#[tokio::test]
async fn a_list_of_ten_thousand_parts_is_read_to_its_end() {
    let world = World::new();
    let path = zeros(&world, 10_000 * PART);
    interrupted_after(&world, request(&path), 1).await;
    let (id, _) = upload_on_server(&world);
    // One byte each, of which the last one only fits.
    for number in 2..10_000 {
        put_part(&world, &id, number, vec![0]).await;
    }
    put_part(&world, &id, 10_000, vec![0; PART]).await;
    assert_eq!(listed(&world, &path).await, 2);
    assert_eq!(world.requests(LIST_PARTS).len(), 10);
}

#[tokio::test]
async fn a_server_that_gives_no_crc_is_proved_by_md5_against_its_etags() {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    world.emulator.add_fault(Rule::any().always(), Fault::NoCrc);
    let run = watch(&world, request(&path)).await;
    run.done();
    assert!(run.said(|notice| *notice == Notice::ObjectHasNoCrc));
    world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
}

#[tokio::test]
async fn a_server_without_crc_whose_etag_is_of_other_bytes_is_sent_the_part_again() {
    let odd = Odd::new(Oddity::NoCrc);
    odd.world.emulator.add_fault(Rule::on(Operation::UploadPart).part(2), Fault::ChangeStored);
    odd.upload(4 * PART, false).await.unwrap();
    assert_eq!(odd.world.parts_sent(0), [1, 2, 2, 3, 4]);
    odd.world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
}

#[tokio::test]
async fn a_server_that_proves_no_part_is_refused_as_unproven_and_nothing_is_published() {
    let odd = Odd::new(Oddity::NoProof);
    let error = odd.upload(4 * PART, false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unproven, "{error:?}");
    assert_eq!(odd.world.requests(COMPLETE), []);
    assert_eq!(odd.world.emulator.object(BUCKET, KEY), None);
}

#[tokio::test]
async fn a_small_file_that_the_server_does_not_prove_is_no_success_unless_that_is_waived() {
    let odd = Odd::new(Oddity::NoProof);
    let error = odd.upload(1000, false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unproven, "{error:?}");
    odd.upload(1000, true).await.unwrap();
    odd.world.assert_published(KEY, &bytes(1000), &["a.bin"]);
}
