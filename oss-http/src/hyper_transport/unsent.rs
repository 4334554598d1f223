//! How much of a connection the kernel still holds: taken from us, not yet acknowledged by the other side.
//!
//! A send buffer of megabytes behind a slow link takes a part at once and then drains for minutes. Only this number
//! tells that from a server that reads nothing.

use std::net::SocketAddr;
use tokio::net::TcpStream;

/// A connection whose queue can be asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct SendQueue {
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "no way to ask there"))]
    ends: Option<(SocketAddr, SocketAddr)>,
}

impl SendQueue {
    pub(super) fn of(socket: &TcpStream) -> Self {
        Self { ends: socket.local_addr().ok().zip(socket.peer_addr().ok()) }
    }

    /// Bytes not yet acknowledged; `None` where the system does not tell. Four system calls, none of which waits.
    pub(super) fn bytes(&self) -> Option<u64> {
        #[cfg(target_os = "linux")]
        return self.ends.and_then(|(local, peer)| sock_diag::ask(local, peer));
        #[cfg(not(target_os = "linux"))]
        None
    }
}

/// The `SIOCOUTQ` of one connection, without an ioctl: the kernel's socket diagnostics over netlink, as in
/// `linux/sock_diag.h` and `linux/inet_diag.h`.
#[cfg(target_os = "linux")]
mod sock_diag {
    #![expect(clippy::host_endian_bytes, reason = "netlink speaks the machine's own byte order")]

    use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with};
    use std::net::{IpAddr, SocketAddr};

    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    const NLM_F_REQUEST: u16 = 1;
    const AF_INET: u8 = 2;
    const AF_INET6: u8 = 10;
    const IPPROTO_TCP: u8 = 6;
    /// Header and `inet_diag_req_v2`.
    const REQUEST: usize = 16 + 56;
    /// Of the header's type, and of `idiag_wqueue` in the `inet_diag_msg` behind it.
    const TYPE_AT: usize = 4;
    const QUEUE_AT: usize = 16 + 60;

    pub(super) fn ask(local: SocketAddr, peer: SocketAddr) -> Option<u64> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let protocol = Some(netlink::SOCK_DIAG);
        let netlink = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, protocol).ok()?;
        send(&netlink, &request(local, peer), SendFlags::empty()).ok()?;
        let mut reply = [0; 1024];
        let (length, _) = recv(&netlink, &mut reply[..], RecvFlags::DONTWAIT).ok()?;
        queue_in(reply.get(..length)?)
    }

    fn request(local: SocketAddr, peer: SocketAddr) -> Vec<u8> {
        let (family, scope) = match local {
            SocketAddr::V4(_) => (AF_INET, 0),
            SocketAddr::V6(local) => (AF_INET6, local.scope_id()),
        };
        let mut request = Vec::with_capacity(REQUEST);
        request.extend(u32::try_from(REQUEST).expect("72 fits").to_ne_bytes());
        request.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
        request.extend(NLM_F_REQUEST.to_ne_bytes());
        // Sequence number and sender: the kernel's answer comes to the one who asked.
        request.extend([0; 8]);
        // No extensions, a byte of padding, any state.
        request.extend([family, IPPROTO_TCP, 0, 0]);
        request.extend([0xff; 4]);
        request.extend(local.port().to_be_bytes());
        request.extend(peer.port().to_be_bytes());
        push_address(&mut request, local.ip());
        push_address(&mut request, peer.ip());
        request.extend(scope.to_ne_bytes());
        // No cookie: whichever connection has these two ends.
        request.extend([0xff; 8]);
        request
    }

    fn push_address(request: &mut Vec<u8>, address: IpAddr) {
        let mut bytes = [0; 16];
        match address {
            IpAddr::V4(address) => bytes[..4].copy_from_slice(&address.octets()),
            IpAddr::V6(address) => bytes.copy_from_slice(&address.octets()),
        }
        request.extend(bytes);
    }

    fn queue_in(reply: &[u8]) -> Option<u64> {
        let kind = u16::from_ne_bytes(reply.get(TYPE_AT..TYPE_AT + 2)?.try_into().ok()?);
        let queue = u32::from_ne_bytes(reply.get(QUEUE_AT..QUEUE_AT + 4)?.try_into().ok()?);
        // Anything else is an error: no such connection, or a kernel without socket diagnostics.
        (kind == SOCK_DIAG_BY_FAMILY).then_some(queue.into())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_request_has_the_length_it_says() {
            for (local, peer) in [("127.0.0.1:1", "127.0.0.2:2"), ("[::1]:1", "[::1]:2")] {
                assert_eq!(request(local.parse().unwrap(), peer.parse().unwrap()).len(), REQUEST);
            }
        }

        #[test]
        fn a_reply_that_is_short_or_an_error_tells_nothing() {
            let mut reply = [0; 96];
            assert_eq!(queue_in(&reply), None);
            reply[TYPE_AT..TYPE_AT + 2].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
            reply[QUEUE_AT..QUEUE_AT + 4].copy_from_slice(&77_u32.to_ne_bytes());
            assert_eq!(queue_in(&reply), Some(77));
            assert_eq!(queue_in(&reply[..QUEUE_AT + 3]), None);
            assert_eq!(queue_in(&[]), None);
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn the_queue_is_what_the_other_side_has_not_taken_and_shrinks_as_it_reads() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address).await else { continue };
            let address = listener.local_addr().unwrap();
            let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
            let (mut client, mut server) = (client.unwrap(), accepted.unwrap().0);
            let queue = SendQueue::of(&client);
            assert_eq!(queue.bytes(), Some(0));

            let mut written = 0;
            client.writable().await.unwrap();
            while let Ok(bytes) = client.try_write(&[0; 64 << 10]) {
                written += bytes;
            }
            let full = queue.bytes().unwrap();
            assert!(full > 0 && full <= written as u64, "{full} of {written}");

            server.read_exact(&mut vec![0; written]).await.unwrap();
            while queue.bytes() != Some(0) {
                tokio::task::yield_now().await;
            }
            client.shutdown().await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_connection_that_is_gone_tells_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let queue = SendQueue::of(&TcpStream::connect(listener.local_addr().unwrap()).await.unwrap());
        drop(listener);
        // Its end lingers in the kernel for a moment, without a queue.
        assert!(queue.bytes().is_none_or(|bytes| bytes <= 1));
    }
}
