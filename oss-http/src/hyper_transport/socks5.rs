//! SOCKS5, RFC 1928, with user name and password, RFC 1929. Names are looked up by the proxy.

use crate::ProxyRefusal;
use std::io;
use std::net::IpAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
/// User name, password and host name each have their length in one byte.
pub(super) const MAX_TEXT: usize = 255;

/// Asks the proxy at the other end of `socket` for a connection to `host` (a name or an address, without brackets).
/// Of its replies no more than 262 bytes are read, and none beyond its last.
pub(super) async fn open<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut S,
    host: &str,
    port: u16,
    credentials: Option<(&str, &str)>,
) -> Result<(), ProxyRefusal> {
    let target = target(host, port).ok_or(ProxyRefusal::Reply(8))?;
    let methods: &[u8] = match credentials {
        Some(_) => &[VERSION, 2, NO_AUTHENTICATION, USER_AND_PASSWORD],
        None => &[VERSION, 1, NO_AUTHENTICATION],
    };
    write(socket, methods).await?;
    match (read(socket).await?, credentials) {
        ([VERSION, NO_AUTHENTICATION], _) => {}
        ([VERSION, USER_AND_PASSWORD], Some(credentials)) => authenticate(socket, credentials).await?,
        ([VERSION, _], _) => return Err(ProxyRefusal::Credentials),
        _ => return Err(ProxyRefusal::NotAProxy),
    }
    write(socket, &target).await?;
    let [VERSION, code, _, address] = read(socket).await? else { return Err(ProxyRefusal::NotAProxy) };
    if code != 0 {
        return Err(ProxyRefusal::Reply(code));
    }
    skip_bound_address(socket, address).await
}

async fn authenticate<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut S,
    (user, password): (&str, &str),
) -> Result<(), ProxyRefusal> {
    let mut message = vec![1];
    for text in [user, password] {
        message.push(length(text).ok_or(ProxyRefusal::Credentials)?);
        message.extend_from_slice(text.as_bytes());
    }
    write(socket, &message).await?;
    let [_, status] = read(socket).await?;
    if status == 0 { Ok(()) } else { Err(ProxyRefusal::Credentials) }
}

/// The CONNECT request; `None` for a name that is too long to be asked for.
fn target(host: &str, port: u16) -> Option<Vec<u8>> {
    let mut message = vec![VERSION, 1, 0];
    match host.parse() {
        Ok(IpAddr::V4(address)) => {
            message.push(1);
            message.extend_from_slice(&address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            message.push(4);
            message.extend_from_slice(&address.octets());
        }
        Err(_) => {
            message.extend_from_slice(&[3, length(host)?]);
            message.extend_from_slice(host.as_bytes());
        }
    }
    message.extend_from_slice(&port.to_be_bytes());
    Some(message)
}

/// Where the proxy's own side of the connection is: nobody here needs to know, but it stands before the server's bytes.
async fn skip_bound_address<S: AsyncRead + Unpin>(socket: &mut S, kind: u8) -> Result<(), ProxyRefusal> {
    let address = match kind {
        1 => 4,
        4 => 16,
        3 => {
            let [length] = read(socket).await?;
            usize::from(length)
        }
        _ => return Err(ProxyRefusal::NotAProxy),
    };
    let mut rest = vec![0; address + 2];
    socket.read_exact(&mut rest).await.map(|_| ()).map_err(lost)
}

fn length(text: &str) -> Option<u8> {
    u8::try_from(text.len()).ok()
}

async fn write<S: AsyncWrite + Unpin>(socket: &mut S, bytes: &[u8]) -> Result<(), ProxyRefusal> {
    socket.write_all(bytes).await.map_err(lost)
}

async fn read<const N: usize, S: AsyncRead + Unpin>(socket: &mut S) -> Result<[u8; N], ProxyRefusal> {
    let mut bytes = [0; N];
    socket.read_exact(&mut bytes).await.map_err(lost)?;
    Ok(bytes)
}

fn lost(error: io::Error) -> ProxyRefusal {
    ProxyRefusal::Lost(error.kind())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The client's outcome and all it sent, when the proxy sends `replies` and ends.
    async fn talk(
        host: &str,
        credentials: Option<(&str, &str)>,
        replies: &[u8],
    ) -> (Result<(), ProxyRefusal>, Vec<u8>, usize) {
        let (mut client, mut proxy) = tokio::io::duplex(4096);
        proxy.write_all(replies).await.unwrap();
        proxy.shutdown().await.unwrap();
        let outcome = open(&mut client, host, 443, credentials).await;
        let mut unread = Vec::new();
        client.read_to_end(&mut unread).await.unwrap();
        drop(client);
        let mut sent = Vec::new();
        proxy.read_to_end(&mut sent).await.unwrap();
        (outcome, sent, unread.len())
    }

    #[tokio::test]
    async fn a_name_is_looked_up_by_the_proxy_and_an_address_is_sent_as_one() {
        let opened = [5, 0, 5, 0, 0, 1, 127, 0, 0, 1, 0, 80, b'x'];
        for (host, target) in [
            ("h.example", &b"\x03\x09h.example"[..]),
            ("127.0.0.9", &[1, 127, 0, 0, 9]),
            ("::1", &[4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        ] {
            let (outcome, sent, unread) = talk(host, None, &opened).await;
            assert_eq!((outcome, unread), (Ok(()), 1), "the server's first byte is left where it is");
            assert_eq!(sent, [&[5, 1, 0, 5, 1, 0], target, &443_u16.to_be_bytes()].concat());
        }
    }

    #[tokio::test]
    async fn user_and_password_are_sent_only_when_they_are_asked_for() {
        let credentials = Some(("me", "pw"));
        let named = [5, 0, 0, 3, 2, b'h', b'h', 0, 80];
        let (outcome, sent, _) = talk("1.2.3.4", credentials, &[&[5, 2, 1, 0][..], &named].concat()).await;
        assert_eq!(outcome, Ok(()));
        assert!(sent.starts_with(b"\x05\x02\x00\x02\x01\x02me\x02pw\x05\x01\x00\x01"), "{sent:?}");
        let (outcome, sent, _) = talk("1.2.3.4", credentials, &[&[5, 0][..], &named].concat()).await;
        assert_eq!(outcome, Ok(()));
        assert!(!sent.windows(2).any(|bytes| bytes == b"pw"));
    }

    #[tokio::test]
    async fn every_refusal_has_its_kind() {
        let eof = ProxyRefusal::Lost(io::ErrorKind::UnexpectedEof);
        let credentials = Some(("me", "pw"));
        for (replies, credentials, expected) in [
            (&[5, 0xff][..], None, ProxyRefusal::Credentials),
            (&[5, 2], None, ProxyRefusal::Credentials),
            (&[5, 2, 1, 1], credentials, ProxyRefusal::Credentials),
            (&[5, 0, 5, 2, 0, 1], None, ProxyRefusal::Reply(2)),
            (&[5, 0, 5, 4, 0, 1], None, ProxyRefusal::Reply(4)),
            (&[5, 0, 5, 0, 0, 9], None, ProxyRefusal::NotAProxy),
            (&[5, 0, 4, 0, 0, 1], None, ProxyRefusal::NotAProxy),
            (b"HTTP/1.1 400 Bad Request\r\n", None, ProxyRefusal::NotAProxy),
            (&[], None, eof),
            (&[5], None, eof),
            (&[5, 0, 5, 0], None, eof),
            (&[5, 0, 5, 0, 0, 3, 200, 1], None, eof),
        ] {
            assert_eq!(talk("h", credentials, replies).await.0, Err(expected), "{replies:?}");
        }
        let long = "h".repeat(256);
        assert_eq!(talk(&long, None, &[5, 0]).await.0, Err(ProxyRefusal::Reply(8)));
        assert_eq!(talk("h", Some(("me", &long)), &[5, 2]).await.0, Err(ProxyRefusal::Credentials));
    }
}
