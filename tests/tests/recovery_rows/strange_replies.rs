//! Replies that are not what they seem: retried or refused, never taken for success.

use crate::watched::{KEY, NO_PART, PART, interrupted_after, request, requests_so_far, watch};
use oss_emulator::{Fault, Operation, Rule};
use oss_multipart::{ErrorKind, Why};
use oss_proto::ErrorCode;
use oss_tests::{BUCKET, World, bytes};

/// The calls of an upload that is resumed, and of a small file.
const CALLS: [Operation; 5] = [
    Operation::InitiateMultipartUpload,
    Operation::ListParts,
    Operation::UploadPart,
    Operation::CompleteMultipartUpload,
    Operation::PutObject,
];

fn strange() -> Vec<Fault> {
    vec![
        Fault::ErrorIn200("InternalError".into()),
        Fault::ErrorIn200("SlowDown".into()),
        Fault::EmptyBody200,
        Fault::TruncatedXml,
        Fault::CutReplyAfter(30),
        Fault::Html(200),
        Fault::Html(403),
        Fault::Html(502),
        Fault::WrongCrc,
        Fault::WrongETag,
        Fault::NoCrc,
        Fault::NoETag,
        Fault::ChangeStored,
        Fault::CutRequestBodyAt(10),
    ]
}

/// One run that meets the fault once, after an earlier one left two parts where the operation is ListParts.
async fn meets(operation: Operation, fault: &Fault) {
    let world = World::new();
    let size = if operation == Operation::PutObject { 1000 } else { 4 * PART };
    let path = world.file("a.bin", bytes(size));
    if operation == Operation::ListParts {
        interrupted_after(&world, request(&path), 2).await;
    }
    world.emulator.add_fault(Rule::on(operation), fault.clone());

    let run = watch(&world, request(&path)).await;

    assert_eq!(world.emulator.fault_counts()[0].1, 1, "{operation:?} did not meet {fault:?}");
    match &run.result {
        Ok(done) => assert_eq!(done.crc64, world.emulator.object(BUCKET, KEY).unwrap().crc64),
        Err(error) => assert!(!matches!(error.kind(), ErrorKind::InvalidInput), "{operation:?} {fault:?}: {error:?}"),
    }
    if run.result.is_err() {
        watch(&world, request(&path)).await.done();
    }
    let stored = world.emulator.object_bytes(BUCKET, KEY).expect("the object is there");
    assert!(stored == bytes(size), "{operation:?} {fault:?}");
}

#[tokio::test(start_paused = true)]
async fn any_strange_reply_is_retried_or_refused_and_the_object_is_the_file_in_the_end() {
    for operation in CALLS {
        for fault in strange() {
            meets(operation, &fault).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_only_answers_strangely_never_makes_a_success() {
    let never = [Fault::ErrorIn200("InternalError".into()), Fault::Html(200), Fault::Html(403), Fault::Html(502)];
    for operation in CALLS.into_iter().filter(|operation| *operation != Operation::ListParts) {
        for fault in &never {
            let world = World::new();
            let path = world.file("a.bin", bytes(if operation == Operation::PutObject { 1000 } else { 3 * PART }));
            world.emulator.add_fault(Rule::on(operation).always(), fault.clone());
            for waived in [false, true] {
                let run = watch(&world, request(&path).allow_unproven(waived)).await;
                assert!(run.result.is_err(), "{operation:?} {fault:?}");
            }
            assert_eq!(world.emulator.object(BUCKET, KEY), None, "{operation:?} {fault:?}");
            world.emulator.clear_faults();
            watch(&world, request(&path)).await.done();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_always_arrives_damaged_is_given_up_as_corrupted_and_nothing_is_published() {
    for fault in [Fault::ChangeStored, Fault::WrongCrc] {
        let world = World::new();
        let path = world.file("a.bin", bytes(3 * PART));
        world.emulator.add_fault(Rule::on(Operation::UploadPart).part(2).always(), fault.clone());
        let run = watch(&world, request(&path)).await;
        assert_eq!(run.why(), Why::Corrupted, "{fault:?}");
        let of_part_2 = world.requests(Operation::UploadPart).iter().filter(|sent| sent.part_number == Some(2)).count();
        assert!((2..=8).contains(&of_part_2), "{of_part_2} attempts");
        assert_eq!(world.emulator.object(BUCKET, KEY), None);
        world.emulator.clear_faults();
        watch(&world, request(&path)).await.done();
        world.assert_published(KEY, &bytes(3 * PART), &["a.bin"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_reply_with_a_wrong_etag_is_found_at_complete_and_mended() {
    let world = World::new();
    let path = world.file("a.bin", bytes(3 * PART));
    world.emulator.add_fault(Rule::on(Operation::UploadPart).part(2), Fault::WrongETag);
    watch(&world, request(&path)).await.done();
    assert_eq!(world.parts_sent(0), [1, 2, 2, 3]);
    world.assert_published(KEY, &bytes(3 * PART), &["a.bin"]);
}

#[tokio::test(start_paused = true)]
async fn an_object_the_server_describes_with_another_crc_is_no_success() {
    let world = World::new();
    let path = world.file("a.bin", bytes(3 * PART));
    world.emulator.add_fault(Rule::on(Operation::CompleteMultipartUpload), Fault::WrongCrc);
    assert_eq!(watch(&world, request(&path)).await.why(), Why::Corrupted);
    let before = requests_so_far(&world);
    watch(&world, request(&path)).await.done();
    assert_eq!(world.parts_sent(before), NO_PART);
    world.assert_published(KEY, &bytes(3 * PART), &["a.bin"]);
}

/// It acknowledged every part with the right CRC-64 and made another object of them; it does not hide that.
#[tokio::test]
async fn a_server_that_makes_another_object_of_proven_parts_is_no_success_and_no_dead_end() {
    let world = World::new();
    let path = world.file("a.bin", bytes(3 * PART));
    for operation in [Operation::CompleteMultipartUpload, Operation::HeadObject] {
        world.emulator.add_fault(Rule::on(operation).always(), Fault::WrongCrc);
    }
    for _ in 0..3 {
        assert_eq!(watch(&world, request(&path)).await.why(), Why::Corrupted);
    }
    assert!(world.emulator.uploads(BUCKET).is_empty(), "every attempt was completed, none is left to be billed");
    world.emulator.clear_faults();
    watch(&world, request(&path)).await.done();
    world.assert_published(KEY, &bytes(3 * PART), &["a.bin"]);
}

#[tokio::test]
async fn an_error_inside_a_200_is_told_by_its_code() {
    let world = World::new();
    let path = world.file("a.bin", bytes(3 * PART));
    world.emulator.add_fault(Rule::on(Operation::CompleteMultipartUpload), Fault::ErrorIn200("AccessDenied".into()));
    let error = watch(&world, request(&path)).await.result.unwrap_err();
    assert_eq!(error.service().unwrap().code, ErrorCode::ACCESS_DENIED);
    assert_eq!(world.emulator.object(BUCKET, KEY), None);
}
