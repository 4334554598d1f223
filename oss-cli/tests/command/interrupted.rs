//! Uploads that are stopped half-way, and go on.

use crate::bench::{Bench, Ended, Running};

const SIZE: usize = 400 * 100 * 1024 - 7;
const LINE: [&str; 9] =
    ["cp", "big.bin", "oss://demo/", "--endpoint", "embedded", "--part-size", "100KiB", "--parallel=2", "--json"];

/// Uploads until so many parts are acknowledged, and kills the process and the server in it.
fn killed_after(bench: &Bench, parts: usize) {
    let mut running = Running::start(bench.command(&LINE));
    running.await_parts(parts);
    running.kill();
}

/// The object is the file, and nothing else is left anywhere.
fn assert_finished(bench: &Bench, bytes: &[u8]) {
    let stored = bench.stored();
    assert!(stored.object_bytes("demo", "big.bin").unwrap() == bytes, "the object is the file");
    assert!(stored.uploads("demo").is_empty());
    assert!(bench.left_behind(&["big.bin"]).is_empty(), "{:?}", bench.left_behind(&["big.bin"]));
}

fn number(ended: &Ended, field: &str) -> u64 {
    ended.event("completed")[field].as_u64().unwrap()
}

#[test]
fn an_upload_killed_twice_sends_only_what_the_server_does_not_hold() {
    let bench = Bench::new();
    let bytes = bench.file("big.bin", SIZE);
    killed_after(&bench, 40);
    let held = bench.stored().uploads("demo").remove(0).parts.len();
    assert!((40..400).contains(&held), "{held} parts were held after the first kill");
    // Reused parts are announced too: these are all there were, and more.
    killed_after(&bench, held + 40);

    let held: u64 = bench.stored().uploads("demo").remove(0).parts.iter().map(|(_, size)| size).sum();
    let ended = bench.run(&LINE);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let resumed = ended.event("resumed");
    assert_eq!((&resumed["bytes_listed"], &resumed["parts"]), (&held.into(), &400.into()));
    assert!(ended.err.contains("resuming upload"), "{}", ended.err);
    assert_eq!(number(&ended, "bytes_reused"), held, "everything the server held is reused");
    assert_eq!(number(&ended, "bytes_sent"), SIZE as u64 - held);
    assert_finished(&bench, &bytes);
}

#[test]
fn restart_gives_the_earlier_upload_up() {
    let bench = Bench::new();
    let bytes = bench.file("big.bin", SIZE);
    killed_after(&bench, 10);
    let ended = bench.run(&[&LINE[..], &["--restart"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("starting afresh"), "{}", ended.err);
    assert_eq!(number(&ended, "bytes_sent"), SIZE as u64);
    assert_finished(&bench, &bytes);
}

#[test]
fn an_upload_that_nobody_wants_any_more_can_be_deleted_by_its_id() {
    let bench = Bench::new();
    bench.file("big.bin", SIZE);
    killed_after(&bench, 5);
    let id = bench.stored().uploads("demo").remove(0).upload_id;
    let ended = bench.run(&["abort", "oss://demo/big.bin", "--upload-id", &id, "--endpoint", "embedded"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains(&id) && ended.err.contains("deleted"), "{}", ended.err);
    assert!(bench.stored().uploads("demo").is_empty());
}

#[cfg(unix)]
#[test]
fn an_interrupt_stops_in_order_and_names_the_command_that_continues() {
    for signal in ["-INT", "-TERM"] {
        let bench = Bench::new();
        let bytes = bench.file("big.bin", SIZE);
        let mut running = Running::start(bench.command(&[&LINE[..], &["--restart"]].concat()));
        running.await_parts(20);
        running.signal(signal);
        let ended = running.end();
        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert!(ended.err.contains("interrupted"), "{}", ended.err);
        assert!(ended.last_line().ends_with(&LINE.join(" ")), "without --restart: {}", ended.err);
        assert_eq!(ended.event("failed")["kind"], "resumable");

        let ended = bench.run(&LINE);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(number(&ended, "parts_reused") >= 20);
        assert_finished(&bench, &bytes);
    }
}
