//! A server that means harm, met by a whole caller over a real socket: every case ends in an error that says what was
//! wrong, in bounded memory and time.

use crate::server::{Server, both, patient, transport};
use bytes::Bytes;
use http::Method;
use oss_http::{CallCause, CallError, Caller, Credentials, Endpoint, Fault, Payload, Signer, StaticCredentials};
use oss_http::{Timeouts, TransportError, Waiting};
use oss_proto::ops::{ListParts, PutObject};
use oss_proto::{Bucket, Key, ObjectHeaders, UploadId};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

const SHORT: Duration = Duration::from_secs(1);
const OK: &str = "HTTP/1.1 200 OK\r\n";

fn caller(server: &Server) -> Caller {
    let endpoint = Endpoint::parse(&format!("http://{}", server.address), None).unwrap();
    let timeouts = Timeouts { no_progress: SHORT, response: SHORT, ..patient() };
    let keys = StaticCredentials::new(Credentials::new("id", "secret"));
    Caller::builder(endpoint, Signer::V1, Arc::new(keys), Arc::new(transport(timeouts))).build()
}

fn list() -> ListParts {
    let (bucket, key) = (Bucket::new("bucket").unwrap(), Key::new("key").unwrap());
    let upload_id = UploadId::new("0004B989").unwrap();
    ListParts { bucket, key, upload_id, part_number_marker: None, max_parts: None }
}

fn put() -> PutObject {
    let (bucket, key) = (Bucket::new("bucket").unwrap(), Key::new("key").unwrap());
    PutObject { bucket, key, headers: ObjectHeaders::new(), content_md5: None }
}

/// What a ListParts comes to when it is answered by `first` and then by `again`, again and again.
async fn listed(first: &[u8], again: &[u8]) -> CallError {
    let server = Server::start().await;
    let caller = caller(&server);
    let client = async {
        let error = caller.attempt(&list(), Payload::empty()).await.unwrap_err();
        drop(caller);
        error
    };
    let served = async {
        let mut connection = server.accept().await;
        connection.request().await.unwrap();
        let again = again.repeat(1 + (64 << 10) / again.len().max(1));
        // The client hangs up in the middle of it.
        let mut open = connection.socket.write_all(first).await.is_ok();
        while open && !again.is_empty() {
            open = connection.socket.write_all(&again).await.is_ok();
        }
        connection.rest().await;
    };
    both(client, served).await.0
}

fn words(error: &CallError) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        words = format!("{words}: {error}");
        next = error.source();
    }
    words
}

#[tokio::test]
async fn a_head_without_end_or_sense_is_not_http() {
    for (first, again) in [
        (OK, "x-more: and more\r\n"),
        (OK, "x-one-line-without-an-end"),
        ("HTTP/1.1 200 ", "so it is "),
        ("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", ""),
        ("HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n", ""),
        ("HTTP/1.1 2000 OK\r\n\r\n", ""),
        ("HTTP/2 200\r\n\r\n", ""),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nxxxxxx", ""),
        ("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", ""),
        ("HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\n", ""),
        ("<html>captive portal</html>\r\n\r\n", ""),
        ("\0\0\0\0", "\0"),
    ] {
        let error = listed(first.as_bytes(), again.as_bytes()).await;
        let not_http = matches!(&error.cause, CallCause::Transport(TransportError::NotHttp(_)));
        assert!(not_http && error.fault() == Fault::OutcomeUnknown, "{first:?}: {error:?}");
        assert!(words(&error).contains("the reply is not HTTP"), "{}", words(&error));
    }
}

#[tokio::test]
async fn a_body_without_end_is_read_up_to_16_mib() {
    for (first, again) in [
        ("HTTP/1.1 200 OK\r\n\r\n", "<and>"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "5\r\n<and>\r\n"),
        ("HTTP/1.1 500 Oh\r\n\r\n", "<and>"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\nsmall", ""),
    ] {
        let error = listed(first.as_bytes(), again.as_bytes()).await;
        let limit = 16 << 20;
        let too_large =
            matches!(&error.cause, CallCause::Transport(TransportError::ReplyTooLarge { limit: l }) if *l == limit);
        assert!(too_large, "{first:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_body_shorter_than_it_says_or_with_chunks_that_are_none_is_lost_or_late() {
    let late = listed(b"HTTP/1.1 200 OK\r\ncontent-length: 9999999\r\n\r\nsmall", b"").await;
    let is_late =
        matches!(&late.cause, CallCause::Transport(TransportError::Timeout { waiting: Waiting::ReplyBody, .. }));
    assert!(is_late, "{late:?}");
    for chunk in ["5\r\nfour\r\n", "zz\r\n", "fffffffffffffffff\r\n", "-1\r\n", "\r\n", "5;ext", "0\r\nx: y\r\n"] {
        let answer = format!("{OK}transfer-encoding: chunked\r\n\r\n{chunk}");
        // What keeps to the form, but goes on without an end, is ended by the limits of extensions and trailers.
        let again = if chunk.ends_with("ext") || chunk.starts_with("0\r") { chunk.as_bytes() } else { b"!" };
        let error = listed(answer.as_bytes(), again).await;
        let broken = matches!(&error.cause, CallCause::Transport(TransportError::NotHttp(_)));
        assert!(broken && error.fault() == Fault::OutcomeUnknown, "{chunk:?}: {error:?}");
    }
}

#[tokio::test]
async fn xml_without_end_or_bottom_is_refused_whether_it_is_a_success_or_an_error() {
    let deep = "<Error>".repeat(200_000);
    let wide = format!("<ListPartsResult>{}</ListPartsResult>", "<Part/>".repeat(500_000));
    let bomb =
        "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]><ListPartsResult>&b;</ListPartsResult>";
    for body in [deep.as_str(), &wide, bomb] {
        for status in ["200 OK", "403 Forbidden"] {
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            let error = listed(answer.as_bytes(), b"").await;
            match &error.cause {
                CallCause::Malformed { .. } if status.starts_with("200") => {}
                CallCause::Service(error) if error.code.as_str() == "BadErrorResponse" => {}
                other => panic!("{status} {:.40}: {other:?}", body),
            }
        }
    }
}

#[tokio::test]
async fn a_compressed_reply_that_nobody_asked_for_is_said_to_be_one() {
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xb3\x01\x00\x00\x00";
    for status in ["200 OK", "502 Bad Gateway"] {
        let head = format!("HTTP/1.1 {status}\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", gzip.len());
        let error = listed(&[head.as_bytes(), gzip].concat(), b"").await;
        assert!(words(&error).contains("gzip"), "{}", words(&error));
        assert_eq!(error.fault(), Fault::OutcomeUnknown, "{status}");
    }
}

#[tokio::test]
async fn a_flood_of_interim_replies_ends_in_time() {
    for interim in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"] {
        let error = listed(b"", interim.as_bytes()).await;
        let late =
            matches!(&error.cause, CallCause::Transport(TransportError::Timeout { waiting: Waiting::Reply, .. }));
        assert!(late, "{error:?}");
    }
}

#[tokio::test]
async fn what_comes_meanwhile_is_no_progress_of_a_request_that_nobody_reads() {
    let server = Server::with_small_buffers();
    let caller = caller(&server);
    let client = async {
        let error = caller.attempt(&put(), Payload::bytes(vec![7; 16 << 20])).await.unwrap_err();
        drop(caller);
        error
    };
    let (error, ()) = both(client, async {
        let mut connection = server.accept().await;
        connection.head().await.unwrap();
        while connection.socket.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.is_ok() {
            tokio::time::sleep(SHORT / 20).await;
        }
    })
    .await;
    let stalled = matches!(&error.cause, CallCause::Transport(TransportError::Timeout { waiting: Waiting::Send, .. }));
    assert!(stalled, "{error:?}");
}

#[tokio::test]
async fn a_redirect_in_a_circle_is_refused_after_one_request() {
    for status in [301, 302, 303, 307, 308] {
        let server = Server::start().await;
        let caller = caller(&server);
        let client = async {
            let error = caller.call(&list(), Bytes::new()).await.unwrap_err();
            drop(caller);
            error
        };
        let answer =
            format!("HTTP/1.1 {status} Go\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n", server.address);
        let (error, rest) = both(client, async {
            let mut connection = server.accept().await;
            connection.request().await.unwrap();
            connection.send(&answer).await;
            connection.rest().await
        })
        .await;
        assert_eq!((error.fault(), rest.as_slice()), (Fault::Rejected, &b""[..]), "{error:?}");
        assert!(words(&error).contains(&status.to_string()), "{}", words(&error));
    }
}

#[tokio::test]
async fn a_reply_before_the_request_was_read_is_the_reply() {
    let server = Server::start().await;
    let caller = caller(&server);
    let body = "<Error><Code>AccessDenied</Code><Message>no</Message><RequestId>R1</RequestId></Error>";
    let op = put();
    let client = caller.attempt(&op, Payload::bytes(vec![7; 16 << 20]));
    let (outcome, ()) = both(client, async {
        let mut connection = server.accept().await;
        connection.head().await.unwrap();
        let head = format!("HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
        connection.send(&(head + body)).await;
    })
    .await;
    let error = outcome.unwrap_err();
    assert_eq!((error.fault(), error.request_id()), (Fault::Rejected, Some("R1")), "{error:?}");
}

/// A second reply behind the first would otherwise be taken for the answer to the next request.
#[tokio::test]
async fn a_reply_that_nobody_asked_for_is_not_the_answer_to_the_next_request() {
    for together in [true, false] {
        let server = Server::start().await;
        let transport = transport(patient());
        let sent = tokio::sync::Notify::new();
        let client = async {
            use crate::server::{read, send};
            let first = read(send(&transport, server.get()).await).await.unwrap();
            sent.notified().await;
            let second = read(send(&transport, server.request(Method::GET, Payload::empty())).await).await.unwrap();
            (first, second)
        };
        let smuggled = "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nsmuggled";
        let ((first, second), ()) = both(client, async {
            let mut connection = server.accept().await;
            connection.request().await.unwrap();
            let first = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfirst";
            if together {
                connection.send(&format!("{first}{smuggled}")).await;
            } else {
                connection.send(first).await;
                tokio::time::sleep(Duration::from_millis(50)).await;
                connection.send(smuggled).await;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            sent.notify_one();
            let mut next = server.accept().await;
            next.request().await.unwrap();
            next.answer("second").await;
        })
        .await;
        assert_eq!((first.as_ref(), second.as_ref()), (&b"first"[..], &b"second"[..]), "{together}");
    }
}
