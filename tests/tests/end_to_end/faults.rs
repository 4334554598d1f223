//! What goes wrong on the way is repeated, settled or refused; nothing wrong is published.

use crate::{Events, PART, before, request};
use oss_emulator::{Fault, Operation, Rule};
use oss_multipart::{ErrorKind, Event, Notice};
use oss_proto::ObjectHeaders;
use oss_tests::{BUCKET, World, bytes};
use std::time::Duration;

/// Faults that pass by themselves: the run must survive each of them, wherever it comes.
fn passing_faults() -> Vec<Fault> {
    let code = |text: &str| text.to_owned();
    vec![
        Fault::DropBefore,
        Fault::DropAfterApplied,
        Fault::CutRequestBodyAt(10),
        Fault::CutReplyAfter(20),
        Fault::Status(500, code("InternalError")),
        Fault::Status(502, code("BadGateway")),
        Fault::Status(503, code("ServiceUnavailable")),
        Fault::Status(429, code("TooManyRequests")),
        Fault::Status(400, code("RequestTimeout")),
        Fault::StatusAfterApplied(500, code("InternalError")),
        Fault::Throttle(Duration::from_secs(2)),
        Fault::Html(502),
        Fault::EmptyBody200,
        Fault::TruncatedXml,
        Fault::ErrorIn200(code("InternalError")),
        Fault::ClockOffset(-3600),
        Fault::ClockOffset(3600),
    ]
}

async fn survives(operation: Operation, size: usize, fault: Fault, times: u64) {
    let name = format!("{operation:?} {} x{times}", fault.name());
    let world = World::new();
    let content = bytes(size);
    let file = world.file("data.bin", &content);
    world.emulator.add_fault(Rule::on(operation).times(times), fault);
    let done = world.upload(request("key", &file)).await;
    let done = done.unwrap_or_else(|error| panic!("{name}: {error}: {:?}", std::error::Error::source(&error)));
    assert_eq!(done.size, size as u64, "{name}");
    assert!(world.emulator.fault_counts()[0].1 >= 1, "{name}: the fault never happened");
    assert_eq!(world.emulator.object_bytes(BUCKET, "key").unwrap(), content, "{name}");
    assert_eq!(world.files(), ["data.bin"], "{name}");
}

#[tokio::test(start_paused = true)]
async fn every_passing_fault_of_a_put_is_survived() {
    for fault in passing_faults() {
        survives(Operation::PutObject, 5000, fault.clone(), 1).await;
        survives(Operation::PutObject, 5000, fault, 3).await;
    }
}

#[tokio::test(start_paused = true)]
async fn every_passing_fault_of_a_part_is_survived() {
    for fault in passing_faults() {
        survives(Operation::UploadPart, 4 * PART, fault.clone(), 1).await;
        survives(Operation::UploadPart, 4 * PART, fault, 3).await;
    }
}

#[tokio::test(start_paused = true)]
async fn every_passing_fault_of_an_initiate_is_survived() {
    for fault in passing_faults() {
        survives(Operation::InitiateMultipartUpload, 2 * PART, fault, 1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn every_passing_fault_of_a_complete_is_survived() {
    for fault in passing_faults() {
        survives(Operation::CompleteMultipartUpload, 2 * PART, fault.clone(), 1).await;
        survives(Operation::CompleteMultipartUpload, 2 * PART, fault, 2).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_to_complete_is_settled_by_head() {
    let world = World::new();
    let content = bytes(3 * PART);
    let file = world.file("data.bin", &content);
    world.emulator.add_fault(Rule::on(Operation::CompleteMultipartUpload), Fault::DropAfterApplied);
    let events = Events::default();
    world.upload(events.watch(request("key", &file))).await.unwrap();
    assert!(events.any(|event| *event == Event::Notice(Notice::SettledByHead)));
    assert_eq!(world.requests(Operation::CompleteMultipartUpload).len(), 2);
    assert_eq!(world.requests(Operation::HeadObject).len(), 1);
    assert_eq!(world.requests(Operation::UploadPart).len(), 3);
    world.assert_published("key", &content, &["data.bin"]);
}

#[tokio::test(start_paused = true)]
async fn an_upload_whose_id_was_never_received_is_neither_adopted_nor_aborted_but_told() {
    let world = World::new();
    let content = bytes(3 * PART);
    let file = world.file("data.bin", &content);
    world.emulator.add_fault(Rule::on(Operation::InitiateMultipartUpload), Fault::DropAfterApplied);
    let events = Events::default();
    world.upload(events.watch(request("key", &file))).await.unwrap();
    assert_eq!(world.emulator.object_bytes(BUCKET, "key").unwrap(), content);
    assert_eq!(world.requests(Operation::AbortMultipartUpload).len(), 0);
    let left = world.emulator.uploads(BUCKET);
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].parts, []);
    let told = |event: &Event| matches!(event, Event::Notice(Notice::Orphan(id)) if id.as_str() == left[0].upload_id);
    assert!(events.any(told));
    assert_eq!(world.files(), ["data.bin"]);
}

#[tokio::test(start_paused = true)]
async fn an_upload_the_server_forgets_on_the_way_starts_afresh() {
    let world = World::new();
    let content = bytes(6 * PART);
    let file = world.file("data.bin", &content);
    let forget = |emulator: &oss_emulator::Emulator| {
        let upload = emulator.uploads(BUCKET).remove(0).upload_id;
        assert!(emulator.remove_upload(BUCKET, &upload));
    };
    before(&world.emulator, Operation::UploadPart, forget);
    before(&world.emulator, Operation::CompleteMultipartUpload, forget);
    world.upload(request("key", &file)).await.unwrap();
    assert_eq!(world.requests(Operation::InitiateMultipartUpload).len(), 3);
    world.assert_published("key", &content, &["data.bin"]);
}

#[tokio::test(start_paused = true)]
async fn a_part_complete_calls_invalid_is_sent_again() {
    let world = World::new();
    let content = bytes(4 * PART);
    let file = world.file("data.bin", &content);
    before(&world.emulator, Operation::CompleteMultipartUpload, |emulator| {
        let upload = emulator.uploads(BUCKET).remove(0).upload_id;
        assert!(emulator.remove_part(BUCKET, &upload, 3));
    });
    world.upload(request("key", &file)).await.unwrap();
    assert_eq!(world.parts_sent(0), [1, 2, 3, 3, 4]);
    world.assert_published("key", &content, &["data.bin"]);
}

#[tokio::test(start_paused = true)]
async fn parts_acknowledged_with_other_bytes_are_sent_again() {
    for fault in [Fault::WrongCrc, Fault::ChangeStored] {
        let world = World::new();
        let content = bytes(4 * PART);
        let file = world.file("data.bin", &content);
        world.emulator.add_fault(Rule::on(Operation::UploadPart).part(2), fault);
        let done = world.upload(request("key", &file)).await.unwrap();
        assert_eq!(world.parts_sent(0), [1, 2, 2, 3, 4]);
        assert_eq!(done.retries, 1);
        world.assert_published("key", &content, &["data.bin"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_small_file_damaged_on_the_way_is_refused_by_its_md5_and_sent_again() {
    let world = World::new();
    let content = bytes(5000);
    let file = world.file("data.bin", &content);
    world.emulator.add_fault(Rule::on(Operation::PutObject), Fault::ChangeStored);
    world.upload(request("key", &file)).await.unwrap();
    assert_eq!(world.requests(Operation::PutObject).iter().filter(|entry| entry.applied).count(), 1);
    world.assert_published("key", &content, &["data.bin"]);
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_damaged_every_time_are_never_published() {
    let world = World::new();
    let file = world.file("data.bin", bytes(3 * PART));
    world.emulator.add_fault(Rule::on(Operation::UploadPart).part(2).always(), Fault::ChangeStored);
    let error = world.upload(request("key", &file)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unproven, "{error}");
    assert_eq!(world.emulator.object(BUCKET, "key"), None);
    assert_eq!(world.requests(Operation::CompleteMultipartUpload).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_a_crc_the_etag_proves_a_part() {
    let world = World::new();
    let content = bytes(3 * PART);
    let file = world.file("data.bin", &content);
    world.emulator.add_fault(Rule::any().always(), Fault::NoCrc);
    world.upload(request("key", &file)).await.unwrap();
    world.assert_published("key", &content, &["data.bin"]);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_must_not_be_overwritten_stays_as_it_is() {
    for size in [5000, 3 * PART] {
        let world = World::new();
        let first = world.file("first.bin", bytes(100));
        world.upload(request("key", &first)).await.unwrap();
        let file = world.file("data.bin", bytes(size));
        let mut headers = ObjectHeaders::new();
        headers.set("x-oss-forbid-overwrite", "true").unwrap();
        let error = world.upload(request("key", &file).headers(headers)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert!(error.to_string().contains("exists"), "{error}");
        assert_eq!(world.emulator.object_bytes(BUCKET, "key").unwrap(), bytes(100));
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_stays_down_ends_the_run_resumable_and_the_next_one_finishes() {
    let world = World::new();
    let content = bytes(4 * PART);
    let file = world.file("data.bin", &content);
    world.emulator.add_fault(Rule::on(Operation::UploadPart).nth(3).always(), Fault::Status(503, "Down".to_owned()));
    let error = world.upload(request("key", &file)).await.unwrap_err();
    assert!(error.is_resumable(), "{error}");
    assert!(error.upload_id().is_some());
    assert_eq!(error.service().map(|service| service.code.as_str()), Some("Down"));

    world.emulator.clear_faults();
    let done = world.upload(request("key", &file)).await.unwrap();
    assert_eq!(done.parts_reused, 2);
    world.assert_published("key", &content, &["data.bin"]);
}
