use crate::client::{Client, builder, complete, get, part, put, refused};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use oss_emulator::{Emulator, Fault, FaultScript, Gate, Hook, Operation, Rule, Until};
use oss_proto::Crc64;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

fn client(operation: Operation, fault: Fault) -> Client {
    Client::new(builder().faults(FaultScript::new().fault(Rule::on(operation), fault)))
}

fn applied(emulator: &Emulator) -> Vec<bool> {
    emulator.ledger().iter().map(|entry| entry.applied).collect()
}

#[tokio::test]
async fn a_dropped_request_is_not_applied_and_a_dropped_reply_is() {
    let client = client(Operation::PutObject, Fault::DropBefore);
    client.emulator.add_fault(Rule::on(Operation::PutObject).nth(2), Fault::DropAfterApplied);
    assert!(client.try_send(put("k", "1")).await.is_err());
    assert!(client.emulator.object("media", "k").is_none());
    assert!(client.try_send(put("k", "2")).await.is_err());
    assert_eq!(client.emulator.object_bytes("media", "k").unwrap(), "2");
    assert_eq!(client.send(put("k", "3")).await.status, 200);
    assert_eq!(applied(&client.emulator), [false, true, true]);
    assert_eq!(client.emulator.fault_counts(), [(3, 1), (3, 1)]);
}

#[tokio::test]
async fn statuses_come_with_and_without_effect() {
    let client = client(Operation::PutObject, Fault::Status(403, "SecurityTokenExpired".into()));
    client
        .emulator
        .add_fault(Rule::on(Operation::PutObject).nth(2), Fault::StatusAfterApplied(500, "InternalError".into()));
    client.emulator.add_fault(Rule::on(Operation::PutObject).nth(3), Fault::Throttle(Duration::from_secs(7)));
    assert_eq!(client.send(put("k", "1")).await.refusal(), refused(403, "SecurityTokenExpired"));
    assert_eq!(client.send(put("k", "2")).await.refusal(), refused(500, "InternalError"));
    let throttled = client.send(put("k", "3")).await;
    assert_eq!((throttled.refusal(), throttled.header("retry-after")), (refused(503, "SlowDown"), Some("7")));
    assert_eq!(applied(&client.emulator), [false, true, false]);
}

#[tokio::test]
async fn the_request_body_is_cut_where_asked() {
    let client = client(Operation::PutObject, Fault::CutRequestBodyAt(3));
    assert!(client.try_send(put("k", "12345")).await.is_err());
    let entry = &client.emulator.ledger()[0];
    assert_eq!((entry.bytes_received, entry.status, entry.applied, entry.finished), (3, None, false, true));
    assert!(client.emulator.object("media", "k").is_none());
}

#[tokio::test]
async fn the_reply_is_cut_where_asked() {
    let client = client(Operation::GetObject, Fault::CutReplyAfter(3));
    client.put("k", b"12345").await;
    let mut body = client.emulator.handle(client.sign(get("k")).request()).await.unwrap().into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), Bytes::from("123"));
    assert!(body.frame().await.unwrap().is_err());
    client.emulator.add_fault(Rule::on(Operation::PutObject), Fault::CutReplyAfter(0));
    assert!(client.try_send(put("k", "new")).await.is_err(), "a reply without body is lost whole");
    assert_eq!(client.emulator.object_bytes("media", "k").unwrap(), "new");
}

#[tokio::test]
async fn checksums_lie_or_are_missing_in_headers_and_listings() {
    let client = Client::new(builder());
    let id = client.initiate("k").await;
    let honest = client.part("k", &id, 1, b"x").await;
    for (fault, crc64, etag) in [
        (Fault::NoCrc, None, Some(true)),
        (Fault::WrongCrc, Some(false), Some(true)),
        (Fault::NoETag, Some(true), None),
        (Fault::WrongETag, Some(true), Some(false)),
    ] {
        client.emulator.clear_faults();
        client.emulator.add_fault(Rule::any().always(), fault.clone());
        let answer = client.part("k", &id, 1, b"x").await;
        let same = |name| answer.header(name).map(|value| Some(value) == honest.header(name));
        assert_eq!((same("x-oss-hash-crc64ecma"), same("etag")), (crc64, etag), "{fault:?}");
        let answer = client.send(get("k").query("uploadId", &id)).await;
        let listed = answer.xml();
        let entry = listed.child("Part").unwrap();
        let crc = entry.text_of("HashCrc64ecma").map(|value| value == honest.crc64().to_string());
        assert_eq!((crc, entry.text_of("ETag").map(|value| value == honest.etag())), (crc64, etag), "{fault:?}");
    }
}

#[tokio::test]
async fn a_complete_may_be_answered_by_nonsense() {
    for (fault, done) in [
        (Fault::EmptyBody200, true),
        (Fault::TruncatedXml, true),
        (Fault::ErrorIn200("InternalError".into()), false),
        (Fault::Html(200), false),
        (Fault::StatusAfterApplied(203, "CallbackFailed".into()), true),
    ] {
        let client = client(Operation::CompleteMultipartUpload, fault.clone());
        let id = client.initiate("k").await;
        let etag = client.part("k", &id, 1, b"x").await.etag();
        let answer = client.complete("k", &id, &[(1, etag)]).await;
        assert!(matches!(answer.status, 200 | 203), "{fault:?}");
        assert_eq!(answer.header("content-length").unwrap(), answer.body.len().to_string());
        let read = oss_proto::xml::parse(&answer.body).map(|root| root.name).ok();
        assert_ne!(read, Some("CompleteMultipartUploadResult"), "{fault:?}");
        assert_eq!(client.emulator.object("media", "k").is_some(), done, "{fault:?}");
    }
}

#[tokio::test]
async fn bytes_changed_on_their_way_show_in_the_reply_and_break_a_digest() {
    let client = client(Operation::PutObject, Fault::ChangeStored);
    let answer = client.send(put("k", "hello")).await;
    assert_eq!(client.emulator.object_bytes("media", "k").unwrap(), "iello");
    assert_eq!(answer.crc64(), Crc64::of(b"iello").get());
    client.emulator.add_fault(Rule::on(Operation::PutObject), Fault::ChangeStored);
    let answer = client.send(put("k", "hello").header("content-md5", "XUFAKrxLKna5cZ2REBfFkg==")).await;
    assert_eq!(answer.refusal(), refused(400, "InvalidDigest"));
}

#[tokio::test]
async fn a_stalled_request_goes_on_when_its_gate_opens() {
    let gate = Gate::new();
    let client = client(Operation::PutObject, Fault::StallAfterApplied(Until::Opened(gate.clone())));
    let emulator = client.emulator.clone();
    let request = client.sign(put("k", "x")).request();
    let waiting = tokio::spawn(async move { emulator.handle(request).await.unwrap().status() });
    gate.arrived(1).await;
    assert!(client.emulator.object("media", "k").is_some());
    assert_eq!(client.emulator.ledger()[0].status, None);
    gate.open();
    assert_eq!(waiting.await.unwrap(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_stall_of_a_minute_takes_a_minute_of_tokios_clock() {
    let client = client(Operation::GetObject, Fault::Stall(Until::Elapsed(Duration::from_secs(60))));
    let before = tokio::time::Instant::now();
    assert_eq!(client.send(get("k")).await.status, 404);
    assert_eq!(before.elapsed(), Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_comes_is_a_request_timeout() {
    let client = Client::new(builder().body_timeout(Duration::from_secs(30)));
    let (head, _) = client.sign(put("k", "data")).request().into_parts();
    let response = client.emulator.handle(http::Request::from_parts(head, Silent)).await.unwrap();
    assert_eq!(response.status(), 400);
    assert_eq!(client.emulator.ledger()[0].code.as_deref(), Some("RequestTimeout"));
}

/// A body that never has anything.
struct Silent;

impl http_body::Body for Silent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

#[tokio::test]
async fn the_clock_changes_in_the_middle() {
    let client = client(Operation::UploadPart, Fault::ClockOffset(-7200));
    let id = client.initiate("k").await;
    for _ in 0..2 {
        assert_eq!(client.send(part("k", &id, 1, b"x")).await.refusal(), refused(403, "RequestTimeTooSkewed"));
    }
    client.emulator.set_clock_offset(0);
    assert_eq!(client.send(part("k", &id, 1, b"x")).await.status, 200);
}

#[tokio::test]
async fn a_hook_acts_behind_the_clients_back() {
    let client = Client::new(builder());
    let id = client.initiate("k").await;
    let etag = client.part("k", &id, 1, b"x").await.etag();
    let doomed = id.clone();
    let hook = Hook::new(move |emulator| assert!(emulator.remove_part("media", &doomed, 1)));
    client.emulator.add_fault(Rule::on(Operation::CompleteMultipartUpload).key("k"), Fault::Hook(hook));
    let answer = client.send(complete("k", &id, &[(1, etag)])).await;
    assert_eq!(answer.refusal(), refused(400, "InvalidPart"));
}

#[tokio::test]
async fn a_damaged_part_keeps_its_checksums() {
    let client = Client::new(builder());
    let id = client.initiate("k").await;
    let etag = client.part("k", &id, 1, b"good").await.etag();
    assert!(client.emulator.damage_part("media", &id, 1, b"evil").unwrap());
    assert!(!client.emulator.damage_part("media", &id, 2, b"evil").unwrap());
    assert_eq!(client.complete("k", &id, &[(1, etag)]).await.crc64(), Crc64::of(b"good").get());
    assert_eq!(client.emulator.object_bytes("media", "k").unwrap(), "evil");
}

#[tokio::test]
async fn the_ledger_has_what_was_sent() {
    let client = Client::new(builder());
    let id = client.initiate("k").await;
    client.part("k", &id, 4, b"12345").await;
    client.send(get("missing")).await;
    let ledger = client.emulator.ledger();
    assert_eq!(
        ledger.iter().map(|entry| entry.operation).collect::<Vec<_>>(),
        [Operation::InitiateMultipartUpload, Operation::UploadPart, Operation::GetObject]
    );
    assert_eq!((ledger[0].upload_id.as_deref(), ledger[0].status), (Some(id.as_str()), Some(200)));
    assert_eq!((ledger[1].part_number, ledger[1].bytes_received, ledger[1].sequence), (Some(4), 5, 2));
    assert_eq!((ledger[2].key.as_deref(), ledger[2].code.as_deref()), (Some("missing"), Some("NoSuchKey")));
    client.emulator.wait_for(|entries| entries.iter().all(|entry| entry.finished)).await;
}
