//! A raw client over a socket.

use crate::client::{Client, builder, get, part, put};
use http_body_util::BodyExt as _;
use oss_emulator::{Fault, Link, Operation, Rule, Store};
use oss_proto::Crc64;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

fn open_to_all() -> Client {
    Client::new(builder().anonymous(true))
}

async fn connect(client: &Client) -> (TcpStream, oss_emulator::Serving) {
    let serving = client.emulator.spawn().await.unwrap();
    (TcpStream::connect(serving.addr()).await.unwrap(), serving)
}

/// Reads one reply: the head, and as much body as it announces.
async fn reply(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(bytes).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    (head, body)
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let client = open_to_all();
    let (mut stream, serving) = connect(&client).await;
    for number in 0..3 {
        let request = format!("PUT /media/k{number} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n\r\nhello");
        stream.write_all(request.as_bytes()).await.unwrap();
        let (head, _) = reply(&mut stream).await;
        assert!(head.starts_with("http/1.1 200") && head.contains("x-oss-hash-crc64ecma: "), "{head}");
    }
    stream.write_all(b"GET /k1 HTTP/1.1\r\nHost: media.localhost\r\n\r\n").await.unwrap();
    assert_eq!(reply(&mut stream).await.1, b"hello");
    drop(stream);
    serving.shutdown().await;
}

#[tokio::test]
async fn a_refused_upload_is_read_to_its_end_and_answered() {
    let client = Client::new(builder());
    let (mut stream, _serving) = connect(&client).await;
    let body = vec![0; 4 << 20];
    let head = format!("PUT /media/k HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    assert!(reply(&mut stream).await.0.starts_with("http/1.1 403"));
    assert_eq!(client.emulator.ledger()[0].bytes_received, body.len() as u64);
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_nothing() {
    let client = open_to_all();
    let (mut stream, _serving) = connect(&client).await;
    stream
        .write_all(b"PUT /media/k HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nonly this")
        .await
        .unwrap();
    client.emulator.wait_for(|entries| entries.iter().any(|entry| entry.bytes_received == 9)).await;
    drop(stream);
    client.emulator.wait_for(|entries| entries.iter().all(|entry| entry.finished)).await;
    assert!(client.emulator.object("media", "k").is_none());
    assert!(!client.emulator.ledger()[0].applied);
}

#[tokio::test]
async fn scripted_drops_close_the_connection() {
    let client = open_to_all();
    client.emulator.add_fault(Rule::on(Operation::PutObject), Fault::DropAfterApplied);
    client.emulator.add_fault(Rule::on(Operation::GetObject), Fault::CutReplyAfter(2));
    let (mut stream, serving) = connect(&client).await;
    stream.write_all(b"PUT /media/k HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n\r\nhello").await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty());
    assert!(client.emulator.object("media", "k").is_some());

    let mut stream = TcpStream::connect(serving.addr()).await.unwrap();
    stream.write_all(b"GET /media/k HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await.unwrap();
    // A reset is as good as an end.
    let _ = stream.read_to_end(&mut rest).await;
    let text = String::from_utf8(rest).unwrap().to_lowercase();
    assert!(text.contains("content-length: 5") && text.ends_with("\r\n\r\nhe"), "{text}");
}

#[tokio::test]
async fn head_says_the_length_over_the_wire() {
    let client = open_to_all();
    client.put("k", b"12345").await;
    let (mut stream, _serving) = connect(&client).await;
    stream.write_all(b"HEAD /media/k HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.to_lowercase().contains("content-length: 5") && text.ends_with("\r\n\r\n"), "{text}");
}

#[tokio::test]
async fn a_large_object_streams_through_a_store_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let client = Client::new(builder().anonymous(true).store(Store::Disk(dir.path().to_owned())));
    let (stream, _serving) = connect(&client).await;
    let (mut read, mut write) = stream.into_split();
    const PIECES: usize = 64;
    let piece = vec![42; 1 << 20];
    let whole = piece.len() * PIECES;
    let head = format!("PUT /media/k HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {whole}\r\n\r\n");
    write.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..PIECES {
        write.write_all(&piece).await.unwrap();
    }
    write.write_all(b"GET /media/k HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    read.read_to_end(&mut answer).await.unwrap();
    let body = &answer[answer.len() - whole..];
    assert_eq!(client.emulator.object("media", "k").unwrap().crc64, Crc64::of(body));
}

#[tokio::test]
async fn a_killed_server_takes_its_connections_along() {
    let client = open_to_all();
    let (mut stream, serving) = connect(&client).await;
    stream.write_all(b"GET /media/k HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await.unwrap();
    reply(&mut stream).await;
    serving.kill();
    assert!(matches!(stream.read(&mut [0]).await, Ok(0) | Err(_)));
}

#[tokio::test]
async fn a_killed_server_leaves_its_store_to_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let store = || builder().anonymous(true).store(Store::Disk(dir.path().to_owned()));
    let client = Client::new(store());
    let (mut stream, serving) = connect(&client).await;
    stream
        .write_all(b"PUT /media/k HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nonly this")
        .await
        .unwrap();
    client.emulator.wait_for(|entries| entries.iter().any(|entry| entry.bytes_received == 9)).await;
    drop(client);
    serving.kill_and_wait().await;
    let client = Client::new(store());
    assert!(client.emulator.object("media", "k").is_none());
    assert_eq!(std::fs::read_dir(dir.path().join("tmp")).unwrap().count(), 0);
}

#[tokio::test]
async fn one_frame_of_a_stored_reply_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let client = Client::new(builder().store(Store::Disk(dir.path().to_owned())));
    let id = client.initiate("k").await;
    let etag = client.send(part("k", &id, 1, &vec![1; 1 << 20])).await.etag();
    client.complete("k", &id, &[(1, etag)]).await;
    client.send(put("other", "x")).await;
    let mut body = client.emulator.handle(client.sign(get("k")).request()).await.unwrap().into_body();
    let mut total = 0;
    while let Some(frame) = body.frame().await {
        let data = frame.unwrap().into_data().unwrap();
        assert!(data.len() <= 256 * 1024);
        total += data.len();
    }
    assert_eq!(total, 1 << 20);
}

/// Only lower bounds: a loaded machine may be slower than the link.
#[tokio::test]
async fn a_link_paces_each_connection_and_all_together_and_delays_the_answers() {
    const BODY: usize = 500_000;
    let round_trip = Duration::from_millis(50);
    let link = Link { connection_bandwidth: Some(5_000_000), bandwidth: Some(5_000_000), round_trip };
    let client = Client::new(builder().anonymous(true).link(link));
    let serving = client.emulator.spawn().await.unwrap();
    let put = async |key: &str| {
        let began = Instant::now();
        let mut stream = TcpStream::connect(serving.addr()).await.unwrap();
        let head = format!("PUT /media/{key} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {BODY}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![7; BODY]).await.unwrap();
        assert!(reply(&mut stream).await.0.starts_with("http/1.1 200"));
        began.elapsed()
    };
    // 50 ms to be heard, 100 ms less 20 ms of catching up for the body, 50 ms to be answered.
    let alone = put("alone").await;
    assert!(alone >= Duration::from_millis(175), "{alone:?}");
    let (first, second) = tokio::join!(put("first"), put("second"));
    assert!(first.max(second) >= Duration::from_millis(240), "{first:?} {second:?}");
    serving.shutdown().await;
}
