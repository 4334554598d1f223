//! What only sockets show: presigned URLs as any HTTP client uses them, connections that break, servers that fall silent.

use crate::{PART, request};
use http::Method;
use oss_emulator::{Fault, Gate, Operation, Rule, Until};
use oss_http::{Caller, HyperTransport, Payload, ResponseTimeout, Signer, Timeouts, Transport as _, TransportOptions};
use oss_multipart::upload;
use oss_proto::{Bucket, Key};
use oss_tests::{BUCKET, REGION, World, bytes};
use std::time::Duration;

/// Short enough that a silent server costs a test little; no transfer on loopback is this slow.
fn impatient() -> Timeouts {
    let short = Duration::from_millis(700);
    Timeouts { connect: short, no_progress: short, response: short, complete_response: short }
}

#[tokio::test]
async fn both_signature_versions_upload_over_a_socket() {
    for signer in [Signer::v4(REGION), Signer::V1] {
        let world = World::new();
        let (caller, _serving) = world.socket(signer, Timeouts::default()).await;
        let content = bytes(20 * PART + 1);
        let file = world.file("data.bin", &content);
        let done = upload(&caller, REGION, request("folder/data.bin", &file)).await.unwrap();
        assert_eq!((done.parts_sent, done.retries), (21, 0));
        world.assert_published("folder/data.bin", &content, &["data.bin"]);
    }
}

#[tokio::test]
async fn presigned_urls_put_and_get_without_credentials() {
    for signer in [Signer::v4(REGION), Signer::V1] {
        let world = World::new();
        let (caller, _serving) = world.socket(signer, Timeouts::default()).await;
        let content = bytes(300_000);
        let url = presign(&caller, Method::PUT).await;
        let (status, _) = plain(Method::PUT, &url, content.clone()).await;
        assert_eq!(status, 200);
        assert_eq!(world.emulator.object_bytes(BUCKET, "a b+c/%41?").unwrap(), content);

        let (status, _) = plain(Method::GET, &url, Vec::new()).await;
        assert_eq!(status, 403, "a URL for PUT must not read");
        let url = presign(&caller, Method::GET).await;
        let (status, body) = plain(Method::GET, &url, Vec::new()).await;
        assert_eq!(status, 200);
        assert!(body == content);
        let (status, _) = plain(Method::GET, &url.replace("a%20b", "a%20c"), Vec::new()).await;
        assert_eq!(status, 403, "a URL of one object must not read another");
        world.emulator.set_clock_offset(2 * 3600);
        let (status, _) = plain(Method::GET, &url, Vec::new()).await;
        assert_eq!(status, 403, "the URL has expired");
    }
}

async fn presign(caller: &Caller, method: Method) -> String {
    let (bucket, key) = (Bucket::new(BUCKET).unwrap(), Key::new("a b+c/%41?").unwrap());
    caller.presign(method, &bucket, &key, Duration::from_secs(3600)).await.unwrap()
}

/// One request with nothing in it but the URL.
async fn plain(method: Method, url: &str, body: Vec<u8>) -> (u16, Vec<u8>) {
    let transport = HyperTransport::new(TransportOptions::default()).unwrap();
    let uri: http::Uri = url.parse().unwrap();
    let host = uri.authority().unwrap().to_string();
    let request = http::Request::builder().method(method).uri(uri).header("host", host);
    let request = request.header("content-length", body.len()).body(Payload::bytes(body)).unwrap();
    let reply = transport.send(request, ResponseTimeout::Usual).await.unwrap();
    (reply.status().as_u16(), reply.into_body().read_whole(1 << 20).await.unwrap().to_vec())
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up_and_asked_again() {
    let operations = [
        (Operation::PutObject, 1000),
        (Operation::InitiateMultipartUpload, 5 * PART),
        (Operation::UploadPart, 5 * PART),
        (Operation::CompleteMultipartUpload, 5 * PART),
    ];
    for (operation, size) in operations {
        for applied in [false, true] {
            let world = World::new();
            let (caller, _serving) = world.socket(Signer::v4(REGION), impatient()).await;
            let content = bytes(size);
            let file = world.file("data.bin", &content);
            // Never opened: the reply of the first request never comes.
            let for_ever = Until::Opened(Gate::new());
            let fault = if applied { Fault::StallAfterApplied(for_ever) } else { Fault::Stall(for_ever) };
            world.emulator.add_fault(Rule::on(operation), fault);
            let done = upload(&caller, REGION, request("key", &file)).await;
            let done = done.unwrap_or_else(|error| panic!("{operation:?}, applied {applied}: {error}"));
            assert!(done.retries >= 1, "{operation:?}, applied {applied}");
            assert_eq!(world.emulator.object_bytes(BUCKET, "key").unwrap(), content);
            assert_eq!(world.files(), ["data.bin"]);
        }
    }
}

#[tokio::test]
async fn connections_that_break_anywhere_cost_the_parts_in_flight_only() {
    let world = World::new();
    let (caller, _serving) = world.socket(Signer::v4(REGION), Timeouts::default()).await;
    let content = bytes(30 * PART);
    let file = world.file("data.bin", &content);
    let faults = [Fault::DropBefore, Fault::CutRequestBodyAt(50_000), Fault::DropAfterApplied, Fault::CutReplyAfter(0)];
    let parts = (3..).step_by(5);
    for (part, fault) in parts.zip(faults) {
        world.emulator.add_fault(Rule::on(Operation::UploadPart).part(part), fault);
    }
    let done = upload(&caller, REGION, request("key", &file)).await.unwrap();
    let repeated = world.parts_sent(0).windows(2).filter(|pair| pair[0] == pair[1]).count();
    assert_eq!((repeated, done.retries), (4, 4));
    world.assert_published("key", &content, &["data.bin"]);
}

#[tokio::test]
async fn a_server_that_is_killed_and_comes_back_is_resumed() {
    let world = World::new();
    let (caller, serving) = world.socket(Signer::v4(REGION), impatient()).await;
    let content = bytes(12 * PART);
    let file = world.file("data.bin", &content);
    let gate = crate::stop_at(&world.emulator, Operation::UploadPart, 5);
    let run = request("key", &file).retry_budget(Duration::ZERO).endpoint_name("the same server");
    let (ended, ()) = tokio::join!(upload(&caller, REGION, run), async {
        gate.arrived(1).await;
        serving.kill();
    });
    assert!(ended.unwrap_err().is_resumable());
    world.emulator.clear_faults();

    let held = world.emulator.uploads(BUCKET)[0].parts.len();
    let before = world.emulator.ledger().len();
    let (caller, _serving) = world.socket(Signer::v4(REGION), Timeouts::default()).await;
    let run = request("key", &file).endpoint_name("the same server");
    let done = upload(&caller, REGION, run).await.unwrap();
    assert_eq!((done.parts_reused as usize, world.parts_sent(before).len()), (held, 12 - held));
    world.assert_published("key", &content, &["data.bin"]);
}
