//! A real link: the kernel's own shaping of the loopback, and the loopback taken away. Root only: each test runs itself
//! again in a network namespace of its own, so that nobody else's loopback is touched.

use crate::{PART, request};
use oss_emulator::{Fault, Hook, Operation, Rule};
use oss_http::{Signer, Timeouts};
use oss_multipart::{Event, upload};
use oss_tests::{REGION, World, bytes};
use std::process::Command;
use std::time::Duration;

const INSIDE: &str = "OSS_TEST_NETWORK_NAMESPACE";
const LIMIT: Duration = Duration::from_millis(2500);

/// Whether this is the run inside; outside, it has happened on return, or was skipped in words.
#[expect(clippy::print_stderr, reason = "why a test was skipped is for whoever runs it")]
fn inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let up = "ip link set lo mtu 1500 up";
    let possible = Command::new("unshare").args(["--net", "sh", "-c", up]).output();
    if !possible.as_ref().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no network namespace can be made here ({possible:?})");
        return false;
    }
    let script = format!("{up} && exec \"$0\" --exact link::{test} --nocapture");
    let this = std::env::current_exe().unwrap();
    let run = Command::new("unshare").args(["--net", "sh", "-c", &script]).arg(this).env(INSIDE, "1").output().unwrap();
    let words = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && words.contains("1 passed"), "{words}");
    if let Some(skipped) = words.lines().find(|line| line.starts_with("skipped: ")) {
        eprintln!("{skipped}");
    }
    false
}

fn does(program: &str, line: &str) -> bool {
    Command::new(program).args(line.split(' ')).status().is_ok_and(|status| status.success())
}

fn impatient() -> Timeouts {
    Timeouts { no_progress: LIMIT, response: LIMIT, ..Timeouts::default() }
}

#[tokio::test]
async fn a_link_of_256_kbit_behind_the_kernels_buffer_costs_no_retry() {
    if !inside("a_link_of_256_kbit_behind_the_kernels_buffer_costs_no_retry") {
        return;
    }
    if !does("tc", "qdisc add dev lo root tbf rate 256kbit burst 4kb latency 1s") {
        eprintln!("skipped: this kernel shapes no traffic");
        return;
    }
    let world = World::new();
    let (caller, _serving) = world.socket(Signer::v4(REGION), impatient()).await;
    let content = bytes(2 * PART);
    let file = world.file("data.bin", &content);
    let begun = tokio::time::Instant::now();
    let done = upload(&caller, REGION, request("key", &file)).await.unwrap();
    assert_eq!((done.parts_sent, done.retries), (2, 0));
    assert!(begun.elapsed() > LIMIT * 2, "the link was not slow: {:?}", begun.elapsed());
    world.assert_published("key", &content, &["data.bin"]);
}

#[tokio::test]
async fn a_network_that_goes_away_is_noticed_and_the_upload_goes_on_when_it_is_back() {
    if !inside("a_network_that_goes_away_is_noticed_and_the_upload_goes_on_when_it_is_back") {
        return;
    }
    let world = World::new();
    let (caller, _serving) = world.socket(Signer::v4(REGION), impatient()).await;
    let content = bytes(10 * PART);
    let file = world.file("data.bin", &content);
    let away = Hook::new(|_| assert!(does("ip", "link set lo down")));
    world.emulator.add_fault(Rule::on(Operation::UploadPart).nth(4), Fault::Hook(away));
    let watched = request("key", &file).on_event(|event, _| {
        if matches!(event, Event::Retry { .. }) {
            assert!(does("ip", "link set lo up"));
        }
    });
    let begun = tokio::time::Instant::now();
    let done = upload(&caller, REGION, watched).await.unwrap();
    assert!(done.retries > 0 && begun.elapsed() >= LIMIT, "{done:?}");
    world.assert_published("key", &content, &["data.bin"]);
}
