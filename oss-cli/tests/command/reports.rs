//! `--stats`, `--trace`, `--timeline`.

use crate::bench::Bench;
use serde_json::Value;

fn trace(bench: &Bench, name: &str) -> Vec<Value> {
    let read: Value = serde_json::from_slice(&std::fs::read(bench.path().join(name)).unwrap()).unwrap();
    assert_eq!(read["displayTimeUnit"], "ms");
    let events = read["traceEvents"].as_array().unwrap().clone();
    for event in &events {
        assert!(event["name"].is_string() && event["pid"] == 1 && event["tid"].is_u64(), "{event}");
        match event["ph"].as_str().unwrap() {
            "M" => assert!(event["args"].is_object(), "{event}"),
            "X" => assert!(event["ts"].is_u64() && event["dur"].is_u64() && event["cat"].is_string(), "{event}"),
            other => panic!("{other}"),
        }
    }
    events
}

fn count(events: &[Value], name: &str) -> usize {
    events.iter().filter(|event| event["name"] == name).count()
}

/// Two actions of one lane never overlap: it would not be a lane.
fn assert_lanes(events: &[Value]) {
    let outer: Vec<_> = events.iter().filter(|event| event["args"]["bytes"].is_u64()).collect();
    for (index, one) in outer.iter().enumerate() {
        for other in outer[..index].iter().filter(|other| other["tid"] == one["tid"]) {
            let span = |event: &Value| (event["ts"].as_u64().unwrap(), event["dur"].as_u64().unwrap());
            let ((a, long), (b, wide)) = (span(one), span(other));
            assert!(a + long <= b + 1 || b + wide <= a + 1, "{one} {other}");
        }
    }
}

#[test]
fn an_upload_says_what_it_cost_and_draws_what_it_did() {
    let bench = Bench::new();
    let size = 10 * 100 * 1024;
    bench.file("big.bin", size);
    let line =
        ["cp", "big.bin", "oss://demo/k", "--endpoint", "embedded", "--part-size", "100KiB", "--json", "--stats"];
    let ended = bench.run(&[&line[..], &["--trace", "t.json", "--timeline", "t.svg"]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.err);

    let stats = ended.event("completed")["stats"].clone();
    assert_eq!((stats["parts"].as_u64(), stats["requests"].as_u64()), (Some(10), Some(12)));
    assert_eq!(
        (stats["bytes_given"].as_u64(), stats["failed_attempts"].as_object().unwrap().len()),
        (Some(size as u64), 0)
    );
    assert!((1..=4).contains(&stats["connections_opened"].as_u64().unwrap()), "{stats}");
    assert!(stats["peak_buffer_bytes"].as_u64().unwrap() > 0 && stats["saves"].as_u64().unwrap() >= 4, "{stats}");
    if cfg!(target_os = "linux") {
        assert!(stats["peak_resident_bytes"].as_u64().unwrap() > 1 << 20 && stats["cpu_ms"].is_u64(), "{stats}");
    }
    for words in ["wall", "peak memory", "connections", "failed attempts  none", "waiting for"] {
        assert!(ended.err.contains(words), "{words}: {}", ended.err);
    }

    let events = trace(&bench, "t.json");
    assert_lanes(&events);
    for part in 1..=10 {
        assert_eq!(count(&events, &format!("part {part}")), 1);
    }
    let (sent, replied) = (count(&events, "send"), count(&events, "reply"));
    assert_eq!((sent, replied, count(&events, "InitiateMultipartUpload")), (10, 10, 1));
    assert!(count(&events, "Save") >= 3 && count(&events, "Discard") == 1);

    let svg = std::fs::read_to_string(bench.path().join("t.svg")).unwrap();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && svg.contains("oss://demo/k"));
    assert!(svg.contains(">connection 1<") && svg.contains(">checkpoint<") && !svg.contains("NaN"), "{svg}");
}

#[test]
fn an_upload_that_fails_leaves_its_trace_too_and_no_secret_in_it() {
    let bench = Bench::new();
    bench.file("big.bin", 300 * 1024);
    let line =
        ["cp", "big.bin", "oss://demo/k", "--endpoint", "embedded", "--part-size", "100KiB", "--forbid-overwrite"];
    assert_eq!(bench.run(&line).code, Some(0));
    let ended = bench.run(&[&line[..], &["--stats", "--trace", "t.json", "--timeline", "t.svg"]].concat());
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains("already_exists 1"), "{}", ended.err);
    let events = trace(&bench, "t.json");
    let failed: Vec<_> = events.iter().filter(|event| event["args"]["end"] == "already_exists").collect();
    assert_eq!(failed.len(), 1);
    for name in ["t.json", "t.svg"] {
        let text = std::fs::read_to_string(bench.path().join(name)).unwrap();
        assert!(!text.contains("demo-access-key") && !text.contains("Signature"), "{text}");
    }
}

#[test]
fn a_report_that_cannot_be_written_is_refused_before_anything_is_sent() {
    let bench = Bench::new();
    bench.file("big.bin", 10);
    let line = ["cp", "big.bin", "oss://demo/k", "--endpoint", "embedded", "--trace", "nowhere/t.json"];
    let ended = bench.run(&line);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(ended.err.contains("--trace") && ended.err.contains("nowhere"), "{}", ended.err);
    assert!(bench.stored().object("demo", "k").is_none());
}
