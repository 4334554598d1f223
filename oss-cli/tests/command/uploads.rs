//! `oss cp` to the embedded server, undisturbed.

use crate::bench::Bench;
use oss_client::Crc64;

#[test]
fn a_file_is_uploaded_in_parts_and_verified() {
    let bench = Bench::new();
    let bytes = bench.file("big.iso", 9 * 1024 * 1024 + 1);
    let line =
        ["cp", "big.iso", "oss://demo/dir/a b+%3F.iso", "--endpoint", "embedded", "--part-size", "1MiB", "--json"];
    let ended = bench.run(&line);
    assert_eq!(ended.code, Some(0), "{ended:?}");

    let started = ended.event("started");
    assert_eq!((&started["bucket"], &started["key"]), (&"demo".into(), &"dir/a b+%3F.iso".into()));
    assert_eq!(
        (&started["size"], &started["part_size"], &started["parts"]),
        (&9_437_185.into(), &1_048_576.into(), &10.into())
    );
    assert!(started["upload_id"].is_string());
    assert_eq!(ended.json().iter().filter(|line| line["event"] == "part").count(), 10);
    let done = ended.event("completed");
    assert_eq!(done["crc64"], Crc64::of(&bytes).to_string());
    assert_eq!((&done["bytes_sent"], &done["bytes_reused"]), (&9_437_185.into(), &0.into()));
    assert_eq!((&done["parts_sent"], &done["parts_reused"], &done["retries"]), (&10.into(), &0.into(), &0.into()));
    for field in ["etag", "request_id"] {
        assert!(done[field].is_string(), "{field}: {done}");
    }
    assert!(done["elapsed_ms"].is_u64() && done["version_id"].is_null());
    assert!(ended.err.contains(&format!("verified crc64={}", Crc64::of(&bytes))), "{}", ended.err);

    assert_eq!(bench.stored().object_bytes("demo", "dir/a b+%3F.iso").unwrap(), bytes);
    assert!(bench.left_behind(&["big.iso"]).is_empty(), "{:?}", bench.left_behind(&["big.iso"]));
}

#[test]
fn a_second_file_joins_the_first_and_keys_come_from_file_names() {
    let bench = Bench::new();
    let first = bench.file("first.bin", 1);
    let second = bench.file("sub/second file.bin", 200 * 1024);
    bench.file("empty", 0);
    for (file, target) in
        [("first.bin", "oss://demo"), ("sub/second file.bin", "oss://demo/in/"), ("./empty", "oss://demo/")]
    {
        let ended = bench.run(&["cp", file, target, "--endpoint", "embedded", "--quiet"]);
        assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (Some(0), "", ""), "{file}");
    }
    let stored = bench.stored();
    assert_eq!(stored.keys("demo"), ["empty", "first.bin", "in/second file.bin"]);
    assert_eq!(stored.object_bytes("demo", "first.bin").unwrap(), first);
    assert_eq!(stored.object_bytes("demo", "in/second file.bin").unwrap(), second);
    assert!(bench.left_behind(&["first.bin", "sub", "empty"]).is_empty());
}

#[test]
fn v1_signatures_and_a_store_elsewhere_work_too() {
    let bench = Bench::new();
    let bytes = bench.file("f", 150 * 1024);
    let line = [
        "cp",
        "f",
        "oss://demo/",
        "--endpoint",
        "embedded:deep/store",
        "--sign-version",
        "v1",
        "--region",
        "cn-beijing",
    ];
    let ended = bench.run(&line);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let store = oss_emulator::Store::Disk(bench.path().join("deep/store"));
    let stored = oss_emulator::Emulator::builder().store(store).build().unwrap();
    assert_eq!(stored.object_bytes("demo", "f").unwrap(), bytes);
}

#[test]
fn a_store_in_use_is_no_reason_to_change_the_command() {
    let bench = Bench::new();
    bench.file("f", 10);
    let holder = bench.stored();
    let ended = bench.run(&["cp", "f", "oss://demo/", "--endpoint", "embedded", "--json"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.err.contains("in use"), "{}", ended.err);
    assert!(ended.last_line().ends_with("cp f oss://demo/ --endpoint embedded --json"), "{}", ended.err);
    assert_eq!(ended.event("failed")["exit_code"], 3);
    drop(holder);
}

#[test]
fn the_version_is_told() {
    let ended = Bench::new().run(&["--version"]);
    assert_eq!((ended.code, ended.out.trim()), (Some(0), concat!("oss ", env!("CARGO_PKG_VERSION"))));
}
