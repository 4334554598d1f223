//! A server on a loopback socket that does exactly what a test says, byte by byte.

use bytes::Bytes;
use http::{Method, Request, Response};
use oss_http::{
    BandwidthLimit, HyperTransport, Payload, ReplyBody, ResponseTimeout, Timeouts, Transport, TransportError,
    TransportOptions,
};
use std::future::Future;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

pub(crate) struct Server {
    listener: TcpListener,
    pub(crate) address: String,
}

/// One accepted connection.
pub(crate) struct Connection {
    pub(crate) socket: TcpStream,
}

/// A request as it stood on the wire.
pub(crate) struct Received {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    /// Its kernel takes only a few kilobytes that the server does not read: the client's has to keep the rest.
    pub(crate) fn with_small_buffers() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(8 << 10).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self::on(socket.listen(16).unwrap())
    }

    fn on(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap().to_string();
        Self { listener, address }
    }

    pub(crate) async fn accept(&self) -> Connection {
        Connection { socket: self.listener.accept().await.unwrap().0 }
    }

    pub(crate) fn request(&self, method: Method, payload: Payload) -> Request<Payload> {
        let uri = format!("http://{}/bucket/a%20b?x=1", self.address);
        Request::builder().method(method).uri(uri).header("host", &self.address).body(payload).unwrap()
    }

    pub(crate) fn get(&self) -> Request<Payload> {
        self.request(Method::GET, Payload::empty())
    }
}

impl Connection {
    /// The head of the next request; `None` when the connection ends first.
    pub(crate) async fn head(&mut self) -> Option<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.socket.read_u8().await.ok()?);
        }
        Some(String::from_utf8(head).unwrap())
    }

    /// The next request, whole.
    pub(crate) async fn request(&mut self) -> Option<Received> {
        let head = self.head().await?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.socket.read_exact(&mut body).await.ok()?;
        Some(Received { head, body })
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.socket.write_all(text.as_bytes()).await.unwrap();
    }

    pub(crate) async fn answer(&mut self, body: &str) {
        self.send(&format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await;
    }

    /// Waits for the client to close; gives what it sent until then.
    pub(crate) async fn rest(mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // A reset is an end as well.
        let _ = self.socket.read_to_end(&mut rest).await;
        rest
    }
}

/// Limits that no test reaches unless it sets them lower.
pub(crate) fn patient() -> Timeouts {
    let long = Duration::from_secs(60);
    Timeouts { connect: long, no_progress: long, response: long, complete_response: long }
}

pub(crate) fn transport(timeouts: Timeouts) -> HyperTransport {
    HyperTransport::new(TransportOptions { timeouts, ..TransportOptions::default() }).unwrap()
}

pub(crate) fn limited(timeouts: Timeouts, bandwidth: &BandwidthLimit) -> HyperTransport {
    let options = TransportOptions { timeouts, bandwidth: bandwidth.clone(), ..TransportOptions::default() };
    HyperTransport::new(options).unwrap()
}

pub(crate) async fn send(
    transport: &HyperTransport,
    request: Request<Payload>,
) -> Result<Response<ReplyBody>, TransportError> {
    transport.send(request, ResponseTimeout::Usual).await
}

pub(crate) async fn read(reply: Result<Response<ReplyBody>, TransportError>) -> Result<Bytes, TransportError> {
    reply?.into_body().read_whole(1 << 20).await
}

/// Both sides at once, and an end to it when one of them hangs.
pub(crate) async fn both<A, B>(client: impl Future<Output = A>, server: impl Future<Output = B>) -> (A, B) {
    let both = async { tokio::join!(client, server) };
    tokio::time::timeout(Duration::from_secs(30), both).await.expect("the test hangs")
}
