//! Callbacks: to a function, and over a socket to a server on this machine.

use crate::client::{Answer, Client, builder, complete, put, refused};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oss_emulator::{CallbackRequest, Fault, Rule};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const FORM: &str =
    r#"{"callbackUrl": "http://127.0.0.1:9/notify", "callbackBody": "o=${object}&s=${size}&n=${x:order}&?=${nobody}"}"#;
const JSON: &str = r#"{"callbackUrl": "http://127.0.0.1:9/", "callbackBodyType": "application/json",
    "callbackBody": "{\"object\":${object},\"size\":${size},\"etag\":${etag},\"mime\":${mimeType},\"n\":${x:order}}"}"#;
const VARIABLES: &str = r#"{"x:order": "a&b"}"#;

type Seen = Arc<Mutex<Vec<CallbackRequest>>>;

/// A client of an emulator whose callbacks are answered so, and what they were.
fn answering(status: u16, body: &'static str) -> (Client, Seen) {
    let seen = Seen::default();
    let calls = seen.clone();
    let serve = move |request: &CallbackRequest| {
        calls.lock().unwrap().push(request.clone());
        (status, body.to_owned())
    };
    (Client::new(builder().callbacks(serve)), seen)
}

/// Stores `a b.txt` with a callback, in one piece or by parts.
async fn store(client: &Client, callback: &str, parts: bool) -> Answer {
    let publish = if parts {
        let id = client.initiate("a b.txt").await;
        let etag = client.part("a b.txt", &id, 1, b"12345").await.etag();
        complete("a b.txt", &id, &[(1, etag)])
    } else {
        put("a b.txt", "12345").header("content-type", "text/plain")
    };
    let publish = publish.header("x-oss-callback", &STANDARD.encode(callback));
    client.send(publish.header("x-oss-callback-var", &STANDARD.encode(VARIABLES))).await
}

#[tokio::test]
async fn the_answer_takes_the_place_of_osss_own_and_the_variables_are_filled_in() {
    for parts in [false, true] {
        let (client, seen) = answering(200, r#"{"Status":"OK"}"#);
        let answer = store(&client, FORM, parts).await;
        assert_eq!((answer.status, &answer.body[..]), (200, br#"{"Status":"OK"}"#.as_slice()));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.etag(), format!("\"{}\"", client.emulator.object("media", "a b.txt").unwrap().etag));
        let call = seen.lock().unwrap().pop().unwrap();
        assert_eq!(
            (call.url.as_str(), call.body.as_str()),
            ("http://127.0.0.1:9/notify", "o=a%20b%2Etxt&s=5&n=a%26b&?=")
        );
        assert_eq!(call.content_type, "application/x-www-form-urlencoded");
    }
    let (client, seen) = answering(200, "{}");
    store(&client, JSON, false).await;
    let body: serde_json::Value = serde_json::from_str(&seen.lock().unwrap()[0].body).unwrap();
    let etag = client.emulator.object("media", "a b.txt").unwrap().etag;
    let expected = serde_json::json!({"object": "a b.txt", "size": 5, "etag": etag, "mime": "text/plain", "n": "a&b"});
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_callback_that_fails_is_203_and_the_object_stands() {
    for (status, body) in [(500, "{}"), (200, "not json"), (200, ""), (301, "{}")] {
        for parts in [false, true] {
            let (client, _) = answering(status, body);
            let answer = store(&client, FORM, parts).await;
            assert_eq!(answer.refusal(), refused(203, "CallbackFailed"), "{status} {body}");
            assert_eq!(client.emulator.object_bytes("media", "a b.txt").unwrap(), "12345");
            assert!(client.emulator.uploads("media").is_empty());
            let last = client.emulator.ledger().pop().unwrap();
            assert_eq!((last.status, last.code.as_deref(), last.applied), (Some(203), Some("CallbackFailed"), true));
        }
    }
}

#[tokio::test]
async fn a_callback_that_cannot_be_understood_is_refused_before_anything_is_stored() {
    let (client, seen) = answering(200, "{}");
    for callback in ["{}", "[]", "not json", r#"{"callbackUrl": "http://127.0.0.1/"}"#] {
        assert_eq!(store(&client, callback, false).await.refusal(), refused(400, "InvalidArgument"), "{callback}");
    }
    assert_eq!(client.send(put("k", "x").header("x-oss-callback", "?")).await.refusal().1, "InvalidArgument");
    assert!(client.emulator.keys("media").is_empty() && seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_lost_reply_has_called_back_and_a_refused_request_has_not() {
    let (client, seen) = answering(200, "{}");
    client.emulator.add_fault(Rule::any(), Fault::DropAfterApplied);
    let publish = put("k", "x").header("x-oss-callback", &STANDARD.encode(FORM));
    assert!(client.try_send(publish.clone()).await.is_err());
    assert_eq!(seen.lock().unwrap().len(), 1);
    client.send(publish.header("content-md5", "XrY7u+Ae7tCTyyK7j1rNww==")).await;
    assert_eq!(seen.lock().unwrap().len(), 1);
}

/// A server for one request: its address, and what came.
async fn server(reply: &'static str) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = String::new();
        while !request.ends_with("done") {
            let mut buffer = [0; 1024];
            let read = stream.read(&mut buffer).await.unwrap();
            assert!(read > 0, "{request}");
            request.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        }
        stream.write_all(reply.as_bytes()).await.unwrap();
        request
    });
    (address, task)
}

#[tokio::test]
async fn a_server_on_this_machine_is_asked_over_a_socket() {
    let client = Client::new(builder());
    let reply = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Type: application/json\r\n\r\n{\"ok\": 1}";
    let (address, request) = server(reply).await;
    // No scheme, as in the API reference's example; the first URL has nobody behind it.
    let nobody = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    let callback =
        format!(r#"{{"callbackUrl": "http://{nobody}/;{address}/path?q=1", "callbackBody": "size=${{size}}&done"}}"#);
    let answer = store(&client, &callback, false).await;
    assert_eq!((answer.status, &answer.body[..]), (200, br#"{"ok": 1}"#.as_slice()), "{answer:?}");
    let request = request.await.unwrap().to_lowercase();
    assert!(request.starts_with("post /path?q=1 http/1.1\r\n") && request.ends_with("size=5&done"), "{request}");
    assert!(
        request.contains(&format!("host: {address}\r\n")) && request.contains("x-www-form-urlencoded"),
        "{request}"
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_or_not_on_this_machine_is_a_failure() {
    let client = Client::new(builder());
    let nobody = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap().to_string();
    for (url, words) in [(nobody.as_str(), "reached"), ("192.0.2.1", "loopback"), ("https://127.0.0.1/", "loopback")] {
        let callback = format!(r#"{{"callbackUrl": "{url}", "callbackBody": "b"}}"#);
        let answer = store(&client, &callback, false).await;
        assert_eq!(answer.refusal(), refused(203, "CallbackFailed"), "{url}");
        assert!(answer.text("Message").contains(words), "{url}: {answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_waited_for_five_seconds() {
    let client = Client::new(builder());
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let callback = format!(r#"{{"callbackUrl": "http://{address}", "callbackBody": "b"}}"#);
    let began = tokio::time::Instant::now();
    let answer = store(&client, &callback, false).await;
    assert_eq!(answer.refusal(), refused(203, "CallbackFailed"));
    assert!(answer.text("Message").contains("time out"), "{answer:?}");
    assert_eq!(began.elapsed().as_secs(), 5);
}
