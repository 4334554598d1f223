//! What a bad network does to a whole upload.

use crate::{PART, request};
use oss_emulator::{Fault, Gate, Operation, Rule, Until};
use oss_http::{Signer, Timeouts};
use oss_multipart::upload;
use oss_proto::ErrorCode;
use oss_tests::{BUCKET, REGION, World, bytes};
use std::time::Duration;

const PARALLEL: usize = 8;

/// Parts asked for so far, answered or not.
fn parts_asked_for(world: &World) -> u64 {
    world.emulator.fault_counts().last().unwrap().0
}

/// No reply comes to any part but the one that is refused.
fn refuse_one_of_many(world: &World, status: u16, code: &str) {
    world.emulator.add_fault(Rule::on(Operation::UploadPart).part(5), Fault::Status(status, code.to_owned()));
    let never = Until::Opened(Gate::new());
    world.emulator.add_fault(Rule::on(Operation::UploadPart).always(), Fault::Stall(never));
}

#[tokio::test]
async fn the_first_refusal_stops_what_is_in_flight_and_no_more_is_sent() {
    for (status, code) in [(403, "AccessDenied"), (403, "SignatureDoesNotMatch"), (404, "NoSuchBucket")] {
        for socket in [false, true] {
            let world = World::new();
            let (caller, _serving) = world.socket(Signer::v4(REGION), Timeouts::default()).await;
            let caller = if socket { caller } else { world.caller() };
            let file = world.file("data.bin", bytes(50 * PART));
            refuse_one_of_many(&world, status, code);
            let run = upload(&caller, REGION, request("key", &file).parallel(PARALLEL));
            let error = tokio::time::timeout(Duration::from_secs(20), run).await.expect("it hangs").unwrap_err();
            assert_eq!(error.service().map(|service| &service.code), Some(&ErrorCode::new(code)), "{error}");
            // Whatever had been begun has reached the server by the time it answers another request.
            assert_eq!(world.emulator.uploads(BUCKET).len(), 1, "what was sent is kept");
            let asked = parts_asked_for(&world);
            assert!((5..=PARALLEL as u64).contains(&asked), "{code}: {asked} parts were asked for");
        }
    }
}

/// The server asks eight parts at once to slow down: that is one reason to halve, not eight.
#[tokio::test(start_paused = true)]
async fn throttled_parts_wait_as_long_as_they_are_told_and_all_arrive() {
    let world = World::new();
    let content = bytes(40 * PART);
    let file = world.file("data.bin", &content);
    let pause = Duration::from_secs(7);
    world.emulator.add_fault(Rule::on(Operation::UploadPart).times(PARALLEL as u64), Fault::Throttle(pause));
    let begun = tokio::time::Instant::now();
    let done = world.upload(request("key", &file).parallel(PARALLEL)).await.unwrap();
    assert_eq!((done.retries as usize, done.parts_sent), (PARALLEL, 40));
    assert!(begun.elapsed() >= pause && begun.elapsed() < pause + Duration::from_secs(30), "{:?}", begun.elapsed());
    world.assert_published("key", &content, &["data.bin"]);
}

/// A network that answers nothing at all: the run ends within its budget, in words, and can be continued.
#[tokio::test(start_paused = true)]
async fn a_server_that_drops_every_part_uses_the_budget_up_and_the_next_run_goes_on() {
    let world = World::new();
    let content = bytes(20 * PART);
    let file = world.file("data.bin", &content);
    world.emulator.add_fault(Rule::on(Operation::UploadPart).nth(6).always(), Fault::DropBefore);
    let begun = tokio::time::Instant::now();
    let error = world.upload(request("key", &file)).await.unwrap_err();
    assert!(error.is_resumable(), "{error}");
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(280) && took < Duration::from_secs(400), "{took:?}");
    world.emulator.clear_faults();
    let before = world.emulator.ledger().len();
    let done = world.upload(request("key", &file)).await.unwrap();
    assert_eq!((done.parts_reused, world.parts_sent(before).len()), (5, 15));
    world.assert_published("key", &content, &["data.bin"]);
}
