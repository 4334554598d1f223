//! A bandwidth limit over real sockets. Only lower bounds of time are asserted: a busy machine is slower, never faster.

use crate::server::{Server, both, limited, patient, read, send};
use http::Method;
use oss_http::{BandwidthLimit, HyperTransport, Payload, Timeouts, TransportError, Waiting};
use std::num::NonZeroU64;
use std::time::Duration;
use tokio::time::Instant;

const REPLY: &str = match std::str::from_utf8(&[b'x'; 1000]) {
    Ok(text) => text,
    Err(_) => unreachable!(),
};

fn per_second(bytes: u64) -> BandwidthLimit {
    BandwidthLimit::new(NonZeroU64::new(bytes))
}

async fn put(transport: &HyperTransport, server: &Server, size: usize) -> Result<(), TransportError> {
    let request = server.request(Method::PUT, Payload::bytes(vec![7; size]));
    read(send(transport, request).await).await.map(drop)
}

/// Takes one request whole and answers it.
async fn take(server: &Server) {
    let mut connection = server.accept().await;
    connection.request().await.unwrap();
    connection.answer("").await;
}

#[tokio::test]
async fn all_connections_share_one_limit() {
    let server = Server::start().await;
    let transport = limited(patient(), &per_second(256 << 10));
    let begun = Instant::now();
    let one = || put(&transport, &server, 64 << 10);
    let client = async { tokio::join!(one(), one(), one()) };
    let (outcomes, _) = both(client, async { tokio::join!(take(&server), take(&server), take(&server)) }).await;
    assert!(matches!(outcomes, (Ok(()), Ok(()), Ok(()))), "{outcomes:?}");
    // 192 KiB at 256 KiB a second, less one burst.
    assert!(begun.elapsed() > Duration::from_millis(650), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn what_is_sent_again_counts_again_and_what_comes_counts_too() {
    let server = Server::start().await;
    let transport = limited(patient(), &per_second(256 << 10));
    let begun = Instant::now();
    let client = async {
        let lost = put(&transport, &server, 64 << 10).await;
        assert!(matches!(lost, Err(TransportError::Lost(_))), "{lost:?}");
        put(&transport, &server, 64 << 10).await.unwrap();
        read(send(&transport, server.get()).await).await.unwrap();
        // The limit makes up for what has come before more is sent.
        put(&transport, &server, 1).await.unwrap();
    };
    both(client, async {
        server.accept().await.request().await.unwrap();
        let mut connection = server.accept().await;
        connection.request().await.unwrap();
        connection.answer("").await;
        connection.request().await.unwrap();
        connection.answer(&"x".repeat(64 << 10)).await;
        connection.request().await.unwrap();
        connection.answer("").await;
    })
    .await;
    assert!(begun.elapsed() > Duration::from_millis(650), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_limit_is_changed_while_bytes_move() {
    let server = Server::start().await;
    let limit = per_second(1024);
    let transport = limited(patient(), &limit);
    // A quarter of an hour at the first limit.
    let client = put(&transport, &server, 1 << 20);
    let (outcome, ()) = both(client, async {
        let mut connection = server.accept().await;
        connection.head().await.unwrap();
        limit.set(None);
        assert_eq!(limit.bytes_per_second(), None);
        let mut body = vec![0; 1 << 20];
        tokio::io::AsyncReadExt::read_exact(&mut connection.socket, &mut body).await.unwrap();
        connection.answer("").await;
    })
    .await;
    outcome.unwrap();
}

#[tokio::test]
async fn a_low_limit_is_no_stall_whichever_way_it_holds() {
    let server = Server::start().await;
    let short = Duration::from_millis(200);
    // A piece each 50 ms, and each connection has its turn after seven others; the pause after a reply of a kilobyte
    // is a second.
    let transport = limited(Timeouts { no_progress: short, ..patient() }, &per_second(1000));
    let client = async {
        let one = || put(&transport, &server, 100);
        let puts = tokio::join!(one(), one(), one(), one(), one(), one(), one(), one());
        let body = read(send(&transport, server.get()).await).await;
        (puts, body)
    };
    let ((puts, body), ()) = both(client, async {
        let mut serving = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let mut connection = server.accept().await;
            serving.spawn(async move {
                while let Some(request) = connection.request().await {
                    if !request.body.is_empty() {
                        connection.answer("").await;
                        continue;
                    }
                    connection.send(&format!("HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n{REPLY}")).await;
                    // A read of its own.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    connection.send("x").await;
                }
            });
        }
        // They end with the client's connections.
        serving.detach_all();
    })
    .await;
    assert!(matches!(puts, (Ok(()), Ok(()), Ok(()), Ok(()), Ok(()), Ok(()), Ok(()), Ok(()))), "{puts:?}");
    body.unwrap();
}

#[tokio::test]
async fn a_server_that_reads_nothing_is_a_stall_under_a_limit_too() {
    let server = Server::with_small_buffers();
    let short = Duration::from_millis(300);
    // What is let through in the meantime is far from filling the kernel's buffer.
    let transport = limited(Timeouts { no_progress: short, ..patient() }, &per_second(64 << 10));
    let client = put(&transport, &server, 8 << 20);
    let (outcome, _connection) = both(client, async {
        let mut connection = server.accept().await;
        connection.head().await.unwrap();
        connection
    })
    .await;
    let stalled = matches!(outcome, Err(TransportError::Timeout { waiting: Waiting::Send, .. }));
    assert!(stalled || cfg!(not(target_os = "linux")), "{outcome:?}");
}
