//! Progress is bytes that leave the machine: a slow peer is waited for, a silent one is not, however much the kernel
//! has taken from us.

use crate::server::{Connection, Server, both, patient, read, send, transport};
use http::Method;
use oss_http::{Payload, Timeouts, TransportError, Waiting};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpSocket, TcpStream};

const LIMIT: Duration = Duration::from_secs(1);
/// The kernel takes it from the client at once.
const SIZE: usize = 256 << 10;

/// Reads a body in small bites, over three times as long as anything may stand still.
async fn sip(connection: &mut Connection, mut left: usize) {
    let mut bite = vec![0; left / 32];
    while left > 0 {
        tokio::time::sleep(LIMIT / 10).await;
        let most = left.min(bite.len());
        left -= connection.socket.read(&mut bite[..most]).await.unwrap();
    }
}

#[tokio::test]
async fn a_slow_link_is_no_stall_and_no_late_reply() {
    let server = Server::with_small_buffers();
    let transport = transport(Timeouts { no_progress: LIMIT, response: LIMIT, ..patient() });
    let begun = tokio::time::Instant::now();
    let client = async {
        let payload = Payload::bytes(vec![7; SIZE]);
        read(send(&transport, server.request(Method::PUT, payload)).await).await
    };
    let (reply, ()) = both(client, async {
        let mut connection = server.accept().await;
        connection.head().await.unwrap();
        sip(&mut connection, SIZE).await;
        connection.answer("all of it").await;
    })
    .await;
    assert_eq!(reply.unwrap(), "all of it");
    assert!(begun.elapsed() > LIMIT * 2, "the link was not slow: {:?}", begun.elapsed());
}

#[tokio::test]
async fn what_the_kernel_took_has_not_left_and_a_server_that_reads_nothing_is_a_stall() {
    let server = Server::with_small_buffers();
    let short = Duration::from_millis(300);
    let transport = transport(Timeouts { no_progress: short, ..patient() });
    let client = async {
        let payload = Payload::bytes(vec![7; SIZE]);
        send(&transport, server.request(Method::PUT, payload)).await.unwrap_err()
    };
    let (error, _connection) = both(client, async {
        let mut connection = server.accept().await;
        connection.head().await.unwrap();
        connection
    })
    .await;
    let stalled = matches!(error, TransportError::Timeout { waiting: Waiting::Send, .. });
    assert!(stalled || cfg!(not(target_os = "linux")), "{error:?}");
}

#[tokio::test]
async fn a_peer_of_a_byte_now_and_then_may_take_its_time_for_a_body_but_not_for_a_head() {
    let server = Server::start().await;
    let transport = transport(Timeouts { no_progress: LIMIT, response: LIMIT, ..patient() });
    let client = async {
        let whole = read(send(&transport, server.get()).await).await;
        let head = send(&transport, server.get()).await;
        (whole, head)
    };
    let ((whole, head), ()) = both(client, async {
        let mut connection = server.accept().await;
        connection.request().await.unwrap();
        connection.send("HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n").await;
        for byte in "byte by byte".chars() {
            tokio::time::sleep(LIMIT / 6).await;
            connection.send(&byte.to_string()).await;
        }
        connection.request().await.unwrap();
        for byte in "HTTP/1.1 200 OK\r\n".chars().cycle() {
            tokio::time::sleep(LIMIT / 6).await;
            if tokio::io::AsyncWriteExt::write_all(&mut connection.socket, &[byte as u8]).await.is_err() {
                break;
            }
        }
    })
    .await;
    assert_eq!(whole.unwrap(), "byte by byte");
    assert!(matches!(head, Err(TransportError::Timeout { waiting: Waiting::Reply, limit: LIMIT })), "{head:?}");
}

/// The other end of an idle connection is gone without a word, as behind a router that forgot it: it takes bytes no more.
#[tokio::test]
async fn a_half_open_connection_is_given_up_and_the_next_attempt_has_a_new_one() {
    let server = Server::with_small_buffers();
    let short = Duration::from_millis(300);
    let transport = transport(Timeouts { no_progress: short, ..patient() });
    let client = async {
        read(send(&transport, server.get()).await).await.unwrap();
        let payload = || Payload::bytes(vec![7; SIZE]);
        let lost = send(&transport, server.request(Method::PUT, payload())).await;
        let again = read(send(&transport, server.request(Method::PUT, payload())).await).await;
        (lost, again)
    };
    let ((lost, again), _half_open) = both(client, async {
        let mut first = server.accept().await;
        first.request().await.unwrap();
        first.answer("").await;
        let mut second = server.accept().await;
        assert_eq!(second.request().await.unwrap().body.len(), SIZE);
        second.answer("new").await;
        first
    })
    .await;
    assert!(matches!(lost, Err(TransportError::Timeout { waiting: Waiting::Send, .. })), "{lost:?}");
    assert_eq!(again.unwrap(), "new");
}

#[tokio::test]
async fn a_connect_that_nobody_answers_ends_in_time() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    // Until the backlog is full: then the kernel drops what knocks.
    let mut knocked = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(LIMIT / 4, TcpStream::connect(address)).await {
        knocked.push(stream);
        assert!(knocked.len() < 64, "the backlog is never full");
    }
    let transport = transport(Timeouts { connect: LIMIT / 4, ..patient() });
    let request = http::Request::get(format!("http://{address}/")).body(Payload::empty()).unwrap();
    let error = tokio::time::timeout(LIMIT * 20, send(&transport, request)).await.expect("it hangs").unwrap_err();
    let TransportError::ConnectTimeout { host, limit } = &error else { panic!("{error:?}") };
    assert_eq!((host, *limit), (&address.to_string(), LIMIT / 4));
}
