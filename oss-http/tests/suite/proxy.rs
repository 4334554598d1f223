//! Through a proxy: what it is asked, and what is said of it when it says no.

use crate::server::{Connection, Server, both, patient, read, send};
use bytes::Bytes;
use http::{Method, Request};
use oss_http::{
    CallCause, CallError, Fault, HyperTransport, Payload, Proxies, ProxyRefusal, Timeouts, TransportError,
    TransportOptions,
};
use std::error::Error;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const OPEN: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

fn through(url: &str, timeouts: Timeouts) -> HyperTransport {
    let proxies = Proxies::parse(url).unwrap();
    HyperTransport::new(TransportOptions { timeouts, proxies, ..TransportOptions::default() }).unwrap()
}

/// To a server that no name service knows.
fn request(uri: &str) -> Request<Payload> {
    let host = uri.split('/').nth(2).unwrap();
    Request::builder().method(Method::PUT).uri(uri).header("host", host).body(Payload::bytes("payload")).unwrap()
}

/// The outcome of a request to `uri`, when the proxy behaves like this.
async fn ask<F: Future<Output = ()>>(
    scheme_and_user: &str,
    uri: &str,
    proxy: impl FnOnce(Connection) -> F,
) -> Result<Bytes, TransportError> {
    let server = Server::start().await;
    let transport = through(&format!("{scheme_and_user}{}", server.address), patient());
    let client = async { read(send(&transport, request(uri)).await).await };
    let served = async { proxy(server.accept().await).await };
    both(client, served).await.0
}

async fn refusal(scheme_and_user: &str, answer: &'static [u8]) -> TransportError {
    let outcome = ask(scheme_and_user, "http://oss.invalid/x", |mut proxy| async move {
        proxy.socket.write_all(answer).await.unwrap();
        proxy.rest().await;
    });
    outcome.await.unwrap_err()
}

#[tokio::test]
async fn a_plain_request_goes_through_connect_and_the_tunnel_is_used_again() {
    let server = Server::start().await;
    let transport = through(&format!("http://me:pw@{}", server.address), patient());
    let client = async {
        for _ in 0..2 {
            assert_eq!(read(send(&transport, request("http://oss.invalid/x")).await).await.unwrap(), "fine");
        }
    };
    let served = async {
        let mut proxy = server.accept().await;
        let head = proxy.head().await.unwrap();
        assert!(head.starts_with("CONNECT oss.invalid:80 HTTP/1.1\r\nhost: oss.invalid:80\r\n"), "{head}");
        assert!(head.contains("proxy-authorization: Basic bWU6cHc=\r\n"), "{head}");
        proxy.send(OPEN).await;
        for _ in 0..2 {
            let inner = proxy.request().await.unwrap();
            assert!(inner.head.starts_with("PUT /x HTTP/1.1\r\n") && inner.body == b"payload", "{}", inner.head);
            assert!(!inner.head.contains("proxy-authorization"), "the server is not told the proxy's password");
            proxy.answer("fine").await;
        }
    };
    both(client, served).await;
}

#[tokio::test]
async fn a_socks5_proxy_looks_the_name_up() {
    let outcome = ask("socks5h://", "http://oss.invalid:8080/x", |mut proxy| async move {
        let mut greeting = [0; 3];
        proxy.socket.read_exact(&mut greeting).await.unwrap();
        assert_eq!(greeting, [5, 1, 0]);
        proxy.socket.write_all(&[5, 0]).await.unwrap();
        let mut target = [0; 18];
        proxy.socket.read_exact(&mut target).await.unwrap();
        assert_eq!(target, *b"\x05\x01\x00\x03\x0boss.invalid\x1f\x90");
        proxy.socket.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
        assert_eq!(proxy.request().await.unwrap().body, b"payload");
        proxy.answer("fine").await;
    });
    assert_eq!(outcome.await.unwrap(), "fine");
}

#[tokio::test]
async fn tls_is_spoken_to_the_server_inside_the_tunnel() {
    let outcome = ask("http://", "https://oss.invalid/x", |mut proxy| async move {
        assert!(proxy.head().await.unwrap().starts_with("CONNECT oss.invalid:443 "));
        proxy.send(OPEN).await;
        // A TLS handshake record, and the server's name in it.
        let mut hello = vec![0; 5];
        proxy.socket.read_exact(&mut hello).await.unwrap();
        assert_eq!(hello[0], 22);
        hello.resize(usize::from(u16::from_be_bytes([hello[3], hello[4]])), 0);
        proxy.socket.read_exact(&mut hello).await.unwrap();
        assert!(hello.windows(11).any(|bytes| bytes == b"oss.invalid"));
    });
    let error = outcome.await.unwrap_err();
    assert!(matches!(error, TransportError::Connect { .. }), "{error:?}");
}

#[tokio::test]
async fn a_refusal_names_the_proxy_its_answer_and_what_to_do_but_no_password() {
    for (proxy, answer, expected, words, fault) in [
        (
            "http://me:top-secret@",
            &b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"[..],
            ProxyRefusal::Credentials,
            "USER:PASSWORD@",
            Fault::Rejected,
        ),
        (
            "http://me:top-secret@",
            b"HTTP/1.1 403 Forbidden\r\n\r\n",
            ProxyRefusal::Status(403),
            "403: its rules allow no CONNECT",
            Fault::Rejected,
        ),
        (
            "http://",
            b"HTTP/1.1 503 Service Unavailable\r\n\r\n",
            ProxyRefusal::Status(503),
            "answered 503",
            Fault::Transient,
        ),
        ("socks5://me:top-secret@", &[5, 2, 1, 1], ProxyRefusal::Credentials, "user name", Fault::Rejected),
        ("socks5://", &[5, 0, 5, 2, 0, 1], ProxyRefusal::Reply(2), "do not allow that host", Fault::Rejected),
        ("socks5://", &[5, 0, 5, 4, 0, 1], ProxyRefusal::Reply(4), "cannot be reached", Fault::Transient),
        ("socks5://", b"HTTP/1.1 400 Bad Request\r\n\r\n", ProxyRefusal::NotAProxy, "correct its", Fault::Rejected),
    ] {
        let error = refusal(proxy, answer).await;
        let TransportError::Proxy { proxy: name, host, source } = &error else { panic!("{error:?}") };
        assert_eq!((*source, host.as_str()), (expected, "oss.invalid"));
        assert!(name.starts_with(&proxy[..proxy.find("://").unwrap()]) && name.contains("://127.0.0.1:"), "{name}");
        let chain = format!("{error}: {}", error.source().unwrap());
        assert!(chain.contains(name) && chain.contains(words), "{chain}");
        let error = CallError::new("PutObject", "oss.invalid", CallCause::Transport(error));
        assert_eq!(error.fault(), fault, "{chain}");
        assert!(!format!("{chain} {error:?}").contains("top-secret"));
    }
}

#[tokio::test]
async fn a_proxy_that_does_not_answer_is_given_up_within_the_connect_timeout() {
    let limit = Duration::from_millis(100);
    for scheme in ["http", "socks5"] {
        let server = Server::start().await;
        let transport = through(&format!("{scheme}://{}", server.address), Timeouts { connect: limit, ..patient() });
        let client = async { send(&transport, request("http://oss.invalid/x")).await.map(drop).unwrap_err() };
        let (error, asked) = both(client, async { server.accept().await.rest().await }).await;
        assert!(!asked.is_empty());
        let words = error.to_string();
        let expected = format!("oss.invalid through the proxy {scheme}://{} within 100ms", server.address);
        assert!(matches!(error, TransportError::ConnectTimeout { .. }) && words.ends_with(&expected), "{words}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named() {
    let server = Server::start().await;
    let address = server.address.clone();
    drop(server);
    let transport = through(&format!("http://{address}"), patient());
    let error = send(&transport, request("http://oss.invalid/x")).await.map(drop).unwrap_err();
    let expected = format!("no connection to oss.invalid through the proxy http://{address}");
    assert!(matches!(error, TransportError::Connect { .. }) && error.to_string() == expected, "{error}");
}

#[tokio::test]
async fn a_spared_host_is_reached_directly() {
    let server = Server::start().await;
    let proxies = Proxies::parse("http://127.0.0.1:1").unwrap().except("127.0.0.0/8");
    let options = TransportOptions { timeouts: patient(), proxies, ..TransportOptions::default() };
    let transport = HyperTransport::new(options).unwrap();
    let client = async { read(send(&transport, server.get()).await).await.unwrap() };
    let served = async {
        let mut connection = server.accept().await;
        connection.request().await.unwrap();
        connection.answer("direct").await;
    };
    assert_eq!(both(client, served).await.0, "direct");
}
