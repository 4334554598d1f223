//! What one exchange over a real socket does when the other side misbehaves.

use crate::server::{Server, both, patient, read, send, transport};
use bytes::Bytes;
use http::{Method, StatusCode};
use oss_http::{Payload, ReplyBody, TransportError};
use std::time::Duration;

#[tokio::test]
async fn the_request_stands_on_the_wire_as_it_was_given() {
    let server = Server::start().await;
    let transport = transport(patient());
    let client = async { read(send(&transport, server.request(Method::PUT, Payload::bytes("data"))).await).await };
    let (reply, received) = both(client, async {
        let mut connection = server.accept().await;
        let received = connection.request().await.unwrap();
        connection.answer("fine").await;
        received
    })
    .await;
    assert_eq!(reply.unwrap(), "fine");
    assert!(received.head.starts_with("PUT /bucket/a%20b?x=1 HTTP/1.1\r\n"), "{}", received.head);
    assert_eq!(received.body, b"data");
}

#[tokio::test]
async fn a_connection_is_used_again_once_its_reply_was_read() {
    let server = Server::start().await;
    let transport = transport(patient());
    let client = async {
        for expected in ["one", "", "three"] {
            assert_eq!(read(send(&transport, server.get()).await).await.unwrap(), expected);
        }
    };
    both(client, async {
        let mut connection = server.accept().await;
        for answer in ["one", "", "three"] {
            connection.request().await.unwrap();
            connection.answer(answer).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_idle_connection_is_dropped_after_25_seconds() {
    let server = Server::start().await;
    let transport = transport(patient());
    let client = async {
        read(send(&transport, server.get()).await).await.unwrap();
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(26)).await;
        tokio::time::resume();
        read(send(&transport, server.get()).await).await.unwrap();
    };
    both(client, async {
        let mut first = server.accept().await;
        first.request().await.unwrap();
        first.answer("").await;
        let mut second = server.accept().await;
        second.request().await.unwrap();
        second.answer("").await;
        assert_eq!(first.rest().await, b"");
    })
    .await;
}

#[tokio::test]
async fn a_connection_the_server_closed_while_idle_is_not_used() {
    let server = Server::start().await;
    let transport = transport(patient());
    let client = async {
        read(send(&transport, server.get()).await).await.unwrap();
        // The end has to reach this side: one more loopback round trip comes after it.
        let other = tokio::net::TcpStream::connect(&server.address).await.unwrap();
        other.readable().await.unwrap();
        read(send(&transport, server.request(Method::POST, Payload::empty())).await).await
    };
    let (reply, ()) = both(client, async {
        let mut first = server.accept().await;
        first.request().await.unwrap();
        first.answer("").await;
        drop(first);
        server.accept().await.send("x").await;
        let mut second = server.accept().await;
        assert!(second.request().await.unwrap().head.starts_with("POST "));
        second.answer("new").await;
    })
    .await;
    assert_eq!(reply.unwrap(), "new");
}

/// A second request on a connection that dies under it. Gives the client's outcome and the requests seen after that.
async fn dies_when_reused(method: Method, payload: Payload) -> (Result<Bytes, TransportError>, usize) {
    let server = Server::start().await;
    let transport = transport(patient());
    let client = async {
        read(send(&transport, server.get()).await).await.unwrap();
        let reply = read(send(&transport, server.request(method, payload)).await).await;
        drop(transport);
        reply
    };
    let done = tokio::sync::Notify::new();
    let client = async {
        let reply = client.await;
        done.notify_one();
        reply
    };
    both(client, async {
        let mut first = server.accept().await;
        first.request().await.unwrap();
        first.answer("").await;
        first.head().await.unwrap();
        drop(first);
        let mut requests = 0;
        loop {
            tokio::select! {
                () = done.notified() => return requests,
                mut next = server.accept() => {
                    next.request().await.unwrap();
                    requests += 1;
                    next.answer("again").await;
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn an_idempotent_request_without_payload_survives_a_stale_connection() {
    let (reply, requests) = dies_when_reused(Method::GET, Payload::empty()).await;
    assert_eq!((reply.unwrap().as_ref(), requests), (&b"again"[..], 1));
}

#[tokio::test]
async fn a_post_or_a_payload_is_not_sent_twice() {
    for (method, payload) in [(Method::POST, Payload::empty()), (Method::PUT, Payload::bytes("data"))] {
        let (reply, requests) = dies_when_reused(method.clone(), payload).await;
        assert!(matches!(reply, Err(TransportError::Lost(_))), "{method}: {reply:?}");
        assert_eq!(requests, 0, "{method}");
    }
}

#[tokio::test]
async fn a_new_connection_that_dies_is_not_tried_again() {
    let server = Server::start().await;
    let transport = transport(patient());
    let client = async {
        let reply = read(send(&transport, server.get()).await).await;
        assert!(matches!(reply, Err(TransportError::Lost(_))), "{reply:?}");
    };
    both(client, async {
        let mut connection = server.accept().await;
        connection.request().await.unwrap();
    })
    .await;
}

/// The outcome of a request that is answered with `answer` and then the end of the connection.
async fn answered_with(answer: &str) -> Result<Bytes, TransportError> {
    let server = Server::start().await;
    let transport = transport(patient());
    let client = async { read(send(&transport, server.get()).await).await };
    let served = async {
        let mut connection = server.accept().await;
        connection.request().await.unwrap();
        // The client may hang up in the middle of it.
        let _ = tokio::io::AsyncWriteExt::write_all(&mut connection.socket, answer.as_bytes()).await;
    };
    both(client, served).await.0
}

#[tokio::test]
async fn a_reply_that_is_cut_is_lost() {
    for answer in [
        "",
        "HTTP/1.1 200 OK\r\ncont",
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort\r\n",
    ] {
        let outcome = answered_with(answer).await;
        assert!(matches!(outcome, Err(TransportError::Lost(_))), "{answer:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn what_is_not_http_or_has_a_huge_head_is_refused() {
    let huge = format!("HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 0\r\n\r\n", "y".repeat(80 * 1024));
    let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(600 * 1024));
    let many = format!("HTTP/1.1 200 OK\r\n{}content-length: 0\r\n\r\n", "a: b\r\n".repeat(300));
    for answer in ["SSH-2.0-OpenSSH\r\n\r\n", &huge, &endless, &many] {
        let outcome = answered_with(answer).await;
        assert!(matches!(outcome, Err(TransportError::NotHttp(_))), "{:.40}: {outcome:?}", answer);
    }
}

#[tokio::test]
async fn an_endless_body_is_read_up_to_the_limit_only() {
    let announced = answered_with("HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\nx").await;
    assert!(matches!(announced, Err(TransportError::ReplyTooLarge { limit: 1_048_576 })), "{announced:?}");
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let answer = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}", chunk.repeat(20));
    let outcome = answered_with(&answer).await;
    assert!(matches!(outcome, Err(TransportError::ReplyTooLarge { limit: 1_048_576 })), "{outcome:?}");
}

#[tokio::test]
async fn a_redirect_is_a_reply_like_any_other() {
    let server = Server::start().await;
    let transport = transport(patient());
    let client = async { send(&transport, server.get()).await.unwrap().status() };
    let (status, ()) = both(client, async {
        let mut connection = server.accept().await;
        connection.request().await.unwrap();
        connection.send("HTTP/1.1 301 Moved\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").await;
    })
    .await;
    assert_eq!(status, StatusCode::MOVED_PERMANENTLY);
}

#[tokio::test]
async fn a_refusal_is_read_though_the_server_did_not_take_the_payload() {
    let server = Server::start().await;
    let transport = transport(patient());
    let payload = Payload::bytes(vec![0; 64 << 20]);
    let client = async {
        let reply = send(&transport, server.request(Method::PUT, payload)).await.unwrap();
        (reply.status(), read(Ok(reply)).await.unwrap())
    };
    let (reply, ()) = both(client, async {
        let mut connection = server.accept().await;
        connection.head().await.unwrap();
        connection.send("HTTP/1.1 403 Forbidden\r\ncontent-length: 6\r\nconnection: close\r\n\r\ndenied").await;
        // Closing with unread bytes resets the connection.
    })
    .await;
    assert_eq!(reply, (StatusCode::FORBIDDEN, Bytes::from("denied")));
}

#[tokio::test]
async fn a_connection_with_half_a_request_on_it_is_not_used_again() {
    let server = Server::start().await;
    let transport = transport(patient());
    let payload = Payload::bytes(vec![0; 64 << 20]);
    let client = async {
        assert_eq!(read(send(&transport, server.request(Method::PUT, payload)).await).await.unwrap(), "early");
        assert_eq!(read(send(&transport, server.get()).await).await.unwrap(), "new");
    };
    both(client, async {
        let mut first = server.accept().await;
        first.head().await.unwrap();
        first.answer("early").await;
        let mut second = server.accept().await;
        second.request().await.unwrap();
        second.answer("new").await;
    })
    .await;
}

#[tokio::test]
async fn no_connection_is_said_with_the_host() {
    let server = Server::start().await;
    let request = server.get();
    let address = server.address.clone();
    drop(server);
    let error = send(&transport(patient()), request).await.unwrap_err();
    assert!(matches!(&error, TransportError::Connect { host, .. } if *host == address), "{error:?}");
}

#[tokio::test]
async fn dropping_an_exchange_closes_its_connection() {
    let server = Server::start().await;
    let transport = transport(patient());
    let begun = tokio::sync::Notify::new();
    let client = async {
        tokio::select! {
            reply = send(&transport, server.get()) => panic!("{reply:?}"),
            () = begun.notified() => {}
        }
    };
    both(client, async {
        let mut connection = server.accept().await;
        connection.request().await.unwrap();
        begun.notify_one();
        assert_eq!(connection.rest().await, b"");
    })
    .await;
}

#[tokio::test]
async fn dropping_a_reply_before_its_end_closes_its_connection() {
    let server = Server::start().await;
    let transport = transport(patient());
    let client = async {
        let mut body: ReplyBody = send(&transport, server.get()).await.unwrap().into_body();
        assert_eq!(body.chunk().await.unwrap().unwrap(), "half");
    };
    both(client, async {
        let mut connection = server.accept().await;
        connection.request().await.unwrap();
        connection.send("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf").await;
        assert_eq!(connection.rest().await, b"");
    })
    .await;
}
