//! HTTP CONNECT, RFC 9110, section 9.3.6.

use crate::ProxyRefusal;
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::rt::{Read, Write};
use std::io;
use std::pin::pin;

/// More than a proxy has to say.
const MAX_HEAD: usize = 16 * 1024;

/// Asks the proxy at the other end of `socket` for a connection to `target` (`HOST:PORT`). No more than [`MAX_HEAD`]
/// bytes of its reply are read, and a body not at all.
pub(super) async fn open<S: Read + Write + Unpin>(
    socket: S,
    target: &str,
    authorization: Option<&HeaderValue>,
) -> Result<S, ProxyRefusal> {
    let mut request = Request::connect(target).header(header::HOST, target);
    if let Some(value) = authorization {
        request = request.header(header::PROXY_AUTHORIZATION, value);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|_| ProxyRefusal::NotAProxy)?;
    let (mut sender, connection) =
        http1::Builder::new().max_header_size(MAX_HEAD).handshake(socket).await.map_err(refusal)?;
    let mut connection = pin!(connection.without_shutdown());
    let mut reply = pin!(sender.send_request(request));
    // With the last byte of the reply the connection may be at its end, before the reply has been taken.
    let mut ended = None;
    let reply = tokio::select! {
        biased;
        reply = &mut reply => reply,
        parts = &mut connection => {
            ended = Some(parts);
            reply.await
        }
    };
    let reply = reply.map_err(refusal)?;
    match reply.status() {
        status if status.is_success() => {}
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => return Err(ProxyRefusal::Credentials),
        status => return Err(ProxyRefusal::Status(status.as_u16())),
    }
    let parts = match ended {
        Some(parts) => parts,
        None => connection.await,
    };
    let parts = parts.map_err(refusal)?;
    // The server speaks after us: bytes that are here already are the proxy's own.
    if parts.read_buf.is_empty() { Ok(parts.io) } else { Err(ProxyRefusal::NotAProxy) }
}

fn refusal(error: hyper::Error) -> ProxyRefusal {
    if error.is_parse() { ProxyRefusal::NotAProxy } else { ProxyRefusal::Lost(kind(&error)) }
}

fn kind(error: &hyper::Error) -> io::ErrorKind {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.map_or(io::ErrorKind::UnexpectedEof, io::Error::kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// The client's outcome and all it sent, when the proxy sends `reply` and ends.
    async fn talk(reply: &str, authorization: Option<&HeaderValue>) -> (Result<(), ProxyRefusal>, String) {
        let (client, mut proxy) = tokio::io::duplex(64 * 1024);
        let client = async { open(TokioIo::new(client), "[::1]:443", authorization).await.map(drop) };
        let served = async {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(proxy.read_u8().await.unwrap());
            }
            // It may have read enough.
            let _ = proxy.write_all(reply.as_bytes()).await;
            let _ = proxy.shutdown().await;
            String::from_utf8(head).unwrap()
        };
        tokio::join!(client, served)
    }

    #[tokio::test]
    async fn the_target_is_asked_for_with_the_credentials_when_there_are_any() {
        let (outcome, head) = talk("HTTP/1.1 200 Connection established\r\n\r\n", None).await;
        assert_eq!((outcome, head.as_str()), (Ok(()), "CONNECT [::1]:443 HTTP/1.1\r\nhost: [::1]:443\r\n\r\n"));
        let basic = HeaderValue::from_static("Basic bWU6cHc=");
        let (outcome, head) = talk("HTTP/1.0 204 fine\r\nx: y\r\n\r\n", Some(&basic)).await;
        assert_eq!(outcome, Ok(()));
        assert!(head.contains("\r\nproxy-authorization: Basic bWU6cHc=\r\n"), "{head}");
    }

    #[tokio::test]
    async fn every_refusal_has_its_kind() {
        let huge = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(2 * MAX_HEAD));
        for (reply, expected) in [
            (
                "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 9\r\n\r\n<html/>..",
                ProxyRefusal::Credentials,
            ),
            ("HTTP/1.1 403 Forbidden\r\n\r\n<html>", ProxyRefusal::Status(403)),
            ("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n", ProxyRefusal::Status(502)),
            ("HTTP/1.1 302 Found\r\nlocation: http://login/\r\n\r\n", ProxyRefusal::Status(302)),
            ("SSH-2.0-OpenSSH_9.9\r\n", ProxyRefusal::NotAProxy),
            ("HTTP/1.1 200 OK\r\n\r\nhello", ProxyRefusal::NotAProxy),
            (&huge, ProxyRefusal::NotAProxy),
        ] {
            assert_eq!(talk(reply, None).await.0, Err(expected), "{reply:.60}");
        }
        for reply in ["", "HTTP/1.1 200 O"] {
            assert!(matches!(talk(reply, None).await.0, Err(ProxyRefusal::Lost(_))), "{reply}");
        }
    }
}
