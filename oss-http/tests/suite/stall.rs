//! What one exchange does when nothing moves, and when the payload fails under it.

use crate::server::{Server, both, patient, read, send, transport};
use bytes::Bytes;
use http::Method;
use http_body::{Body, Frame, SizeHint};
use oss_http::{Payload, SourceChanged, Timeouts, TransportError, Waiting};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;

const SHORT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn no_reply_in_time_is_a_timeout() {
    let server = Server::start().await;
    let transport = transport(Timeouts { response: SHORT, ..patient() });
    let client = async {
        let error = send(&transport, server.request(Method::PUT, Payload::bytes("x"))).await.unwrap_err();
        assert!(matches!(error, TransportError::Timeout { waiting: Waiting::Reply, limit: SHORT }), "{error:?}");
    };
    both(client, async {
        let mut connection = server.accept().await;
        connection.request().await.unwrap();
        assert_eq!(connection.rest().await, b"");
    })
    .await;
}

#[tokio::test]
async fn a_reply_that_stalls_is_a_timeout() {
    let server = Server::start().await;
    let transport = transport(Timeouts { no_progress: SHORT, ..patient() });
    let client = async {
        let error = read(send(&transport, server.get()).await).await.unwrap_err();
        assert!(matches!(error, TransportError::Timeout { waiting: Waiting::ReplyBody, .. }), "{error:?}");
    };
    both(client, async {
        let mut connection = server.accept().await;
        connection.request().await.unwrap();
        connection.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
        assert_eq!(connection.rest().await, b"");
    })
    .await;
}

#[tokio::test]
async fn a_server_that_takes_no_bytes_is_a_timeout() {
    let server = Server::start().await;
    let transport = transport(Timeouts { no_progress: SHORT, ..patient() });
    let payload = Payload::bytes(vec![0; 64 << 20]);
    let client = async {
        let error = send(&transport, server.request(Method::PUT, payload)).await.unwrap_err();
        assert!(matches!(error, TransportError::Timeout { waiting: Waiting::Send, limit: SHORT }), "{error:?}");
        drop(transport);
    };
    let finished = tokio::sync::Notify::new();
    let client = async {
        client.await;
        finished.notify_one();
    };
    both(client, async {
        let mut connection = server.accept().await;
        connection.head().await.unwrap();
        finished.notified().await;
    })
    .await;
}

/// Gives one byte after a while, `left` times; then fails when `error` is set.
struct Slow {
    pause: Pin<Box<Sleep>>,
    every: Duration,
    left: u64,
    error: Option<io::Error>,
}

impl Slow {
    fn payload(every: Duration, left: u64, error: Option<io::Error>) -> Payload {
        let slow = Self { pause: Box::pin(tokio::time::sleep(every)), every, left, error };
        Payload::stream(3, Box::pin(slow))
    }
}

impl Body for Slow {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        std::task::ready!(self.pause.as_mut().poll(cx));
        if self.left == 0 {
            return Poll::Ready(self.error.take().map(Err));
        }
        self.left -= 1;
        let next = tokio::time::Instant::now() + self.every;
        self.pause.as_mut().reset(next);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[tokio::test]
async fn a_payload_that_has_nothing_to_give_is_not_a_stall_of_the_network() {
    let server = Server::start().await;
    let transport = transport(Timeouts { no_progress: SHORT, ..patient() });
    let payload = Slow::payload(SHORT * 3, 3, None);
    let client = async { read(send(&transport, server.request(Method::PUT, payload)).await).await };
    let (reply, ()) = both(client, async {
        let mut connection = server.accept().await;
        assert_eq!(connection.request().await.unwrap().body, b"xxx");
        connection.answer("fine").await;
    })
    .await;
    assert_eq!(reply.unwrap(), "fine");
}

#[tokio::test]
async fn a_failing_payload_breaks_the_request_off_with_its_own_error() {
    for (given, error, is_marker) in [
        (1, Some(io::Error::other(SourceChanged)), true),
        (1, Some(io::Error::other("disk")), false),
        // Too few bytes, then too many.
        (2, None, false),
    ] {
        let server = Server::start().await;
        let transport = transport(patient());
        let payload = Slow::payload(Duration::ZERO, given, error);
        let client = async {
            match send(&transport, server.request(Method::PUT, payload)).await {
                Err(TransportError::Payload(error)) => assert_eq!(SourceChanged::is_in(&error), is_marker),
                other => panic!("{other:?}"),
            }
        };
        let (_, received) = both(client, async { server.accept().await.request().await }).await;
        assert!(received.is_none(), "the request must not look whole");
    }
}

#[tokio::test]
async fn a_payload_that_is_longer_than_announced_fails() {
    let server = Server::start().await;
    let transport = transport(patient());
    let payload = Payload::stream(
        2,
        Box::pin(http_body_util::BodyExt::map_err(http_body_util::Full::new(Bytes::from_static(b"three")), |never| {
            match never {}
        })),
    );
    let client = async { send(&transport, server.request(Method::PUT, payload)).await };
    let (outcome, received) = both(client, async { server.accept().await.request().await }).await;
    assert!(matches!(outcome, Err(TransportError::Payload(_))), "{outcome:?}");
    assert!(received.is_none());
}
