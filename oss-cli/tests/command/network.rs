//! `oss cp` over a bad network.

use crate::bench::{Bench, Ended, Running};
use crate::served::Server;
use oss_client::Crc64;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// A server process that stands still takes bytes into its kernel's buffers and answers nothing.
#[cfg(unix)]
#[test]
fn a_server_that_is_frozen_is_noticed_and_the_upload_goes_on_once_it_thaws() {
    let bench = Bench::new();
    let server = Server::start(&bench);
    let bytes = bench.file("f", 30 * 100 * 1024);
    let line = "cp f oss://demo/k --part-size 100KiB --json --bandwidth-limit 2MiB \
                --no-progress-timeout 300ms --response-timeout 300ms";
    let words: Vec<_> = line.split_whitespace().collect();
    let mut cp = Running::start(server.client(&bench, &words, "top-secret"));
    cp.await_parts(3);
    server.running.signal("-STOP");
    let retry = loop {
        let event: Value = serde_json::from_str(&cp.line()).unwrap();
        if event["event"] == "retry" {
            break event;
        }
    };
    server.running.signal("-CONT");
    assert_eq!(retry["operation"], "UploadPart", "{retry}");
    let ended = cp.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.event("completed")["crc64"], Crc64::of(&bytes).to_string());
}

#[test]
fn a_bandwidth_limit_holds_for_the_whole_command() {
    let bench = Bench::new();
    bench.file("f", 10 * 100 * 1024);
    let line = "cp f oss://demo/k --part-size 100KiB --parallel 8 --endpoint embedded --bandwidth-limit 1MiB";
    let begun = Instant::now();
    let ended = bench.run(&line.split(' ').collect::<Vec<_>>());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(begun.elapsed() > Duration::from_millis(900), "{:?}", begun.elapsed());
}

/// Answers every connection with the same: the first part once, the second again and again until the client is gone.
fn hostile(first: &'static str, again: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        // Bounded, and over with the test's process.
        for connection in listener.incoming().take(1000).flatten() {
            std::thread::spawn(move || answer(connection, first, &again.repeat(1024)));
        }
    });
    endpoint
}

fn answer(mut connection: TcpStream, first: &str, again: &str) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if connection.read_exact(&mut byte).is_err() {
            return;
        }
        head.push(byte[0]);
    }
    let _ = connection.write_all(first.as_bytes());
    let deadline = Instant::now() + Duration::from_secs(20);
    while !again.is_empty() && Instant::now() < deadline && connection.write_all(again.as_bytes()).is_ok() {}
}

fn meets(endpoint: &str) -> Ended {
    let bench = Bench::new();
    bench.file("f", 200 * 1024);
    let line = "cp f oss://demo/k --part-size 100KiB --response-timeout 500ms --no-progress-timeout 500ms \
                --retry-budget 500ms --json";
    let mut command = bench.command(&line.split_whitespace().collect::<Vec<_>>());
    command.env("OSS_ENDPOINT", endpoint).env("OSS_REGION", "cn-hangzhou");
    command.env("OSS_ACCESS_KEY_ID", "id").env("OSS_ACCESS_KEY_SECRET", "top-secret");
    Ended::of(command.output().unwrap())
}

#[test]
fn a_server_that_floods_is_given_up_in_time_with_words_and_the_command_to_type() {
    for (first, again, words) in [
        ("HTTP/1.1 200 OK\r\n", "x-more: and more\r\n", "the reply is not HTTP as a server of OSS speaks it"),
        ("HTTP/1.1 200 OK\r\n\r\n", "<and><more>", "the reply's body exceeds 16777216 bytes"),
        ("", "HTTP/1.1 100 Continue\r\n\r\n", "no reply came for 500ms"),
    ] {
        let begun = Instant::now();
        let ended = meets(&hostile(first, again));
        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert!(ended.err.contains(words), "{words}: {}", ended.err);
        assert!(ended.last_line().contains("oss cp f oss://demo/k"), "{}", ended.err);
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    }
}

#[test]
fn a_redirect_is_refused_at_once_and_not_followed() {
    let ended = meets(&hostile("HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n", ""));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("302"), "{}", ended.err);
    assert!(!ended.json().iter().any(|line| line["event"] == "retry"), "{}", ended.out);
}
