use super::bandwidth::BandwidthLimit;
use super::meter::Meter;
use super::unsent::SendQueue;
use hyper_util::client::legacy::connect::{Connected, Connection};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// When bytes last moved at the socket, each way. Below TLS, so that buffered bytes are not taken for sent ones.
#[derive(Debug)]
pub(super) struct Activity {
    base: Instant,
    /// Microseconds since `base`.
    read_at: AtomicU64,
    wrote_at: AtomicU64,
    touched_at: AtomicU64,
    read: AtomicU64,
    written: AtomicU64,
    /// The socket takes no more bytes, at the moment or for good.
    blocked: AtomicBool,
    /// A bandwidth limit holds bytes back, each way.
    held_write: AtomicBool,
    held_read: AtomicBool,
    queue: SendQueue,
    limit: OnceLock<BandwidthLimit>,
}

impl Activity {
    fn new(queue: SendQueue) -> Arc<Self> {
        let zero = || AtomicU64::new(0);
        let no = || AtomicBool::new(false);
        Arc::new(Self {
            base: Instant::now(),
            read_at: zero(),
            wrote_at: zero(),
            touched_at: zero(),
            read: zero(),
            written: zero(),
            blocked: no(),
            held_write: no(),
            held_read: no(),
            queue,
            limit: OnceLock::new(),
        })
    }

    /// From now on the connection shares this limit.
    pub(super) fn limit_by(&self, limit: &BandwidthLimit) {
        self.limit.get_or_init(|| limit.clone());
    }

    /// The request is held back by our own limit.
    pub(super) fn is_held(&self) -> bool {
        self.held_write.load(Relaxed)
    }

    /// The reply is held back by our own limit.
    pub(super) fn is_reading_held(&self) -> bool {
        self.held_read.load(Relaxed)
    }

    /// Bytes written that the other side has not acknowledged, where the system tells. Not for the hot path.
    pub(super) fn unsent(&self) -> Option<u64> {
        self.queue.bytes()
    }

    /// The last successful write, or [`touch`](Self::touch).
    pub(super) fn last_write(&self) -> Instant {
        self.base + Duration::from_micros(self.wrote_at.load(Relaxed))
    }

    pub(super) fn last_touch(&self) -> Instant {
        self.base + Duration::from_micros(self.touched_at.load(Relaxed))
    }

    /// The last successful read or write, or [`touch`](Self::touch).
    pub(super) fn last(&self) -> Instant {
        self.last_write().max(self.base + Duration::from_micros(self.read_at.load(Relaxed)))
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.blocked.load(Relaxed)
    }

    /// Bytes read and written since [`begin`](Self::begin).
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.read.load(Relaxed), self.written.load(Relaxed))
    }

    /// A new exchange starts on the connection.
    pub(super) fn begin(&self) {
        self.read.store(0, Relaxed);
        self.written.store(0, Relaxed);
        self.blocked.store(false, Relaxed);
        self.touch();
    }

    /// Starts the clocks anew, though nothing moved: the wait before was not the network's.
    pub(super) fn touch(&self) {
        let now = self.now();
        self.read_at.store(now, Relaxed);
        self.wrote_at.store(now, Relaxed);
        self.touched_at.store(now, Relaxed);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.base.elapsed().as_micros()).expect("584,000 years of microseconds fit")
    }

    fn note_read(&self, bytes: usize) {
        if bytes > 0 {
            self.read.fetch_add(bytes as u64, Relaxed);
            self.read_at.store(self.now(), Relaxed);
        }
    }

    fn note_write(&self, bytes: usize) {
        self.written.fetch_add(bytes as u64, Relaxed);
        self.wrote_at.store(self.now(), Relaxed);
    }
}

/// A socket that notes its activity. It forwards vectored writes: without them hyper copies every byte of a body.
#[derive(Debug)]
pub(super) struct Watched {
    socket: TcpStream,
    activity: Arc<Activity>,
    /// A write has failed.
    broken: bool,
    writing: Meter,
    reading: Meter,
}

impl Watched {
    pub(super) fn new(socket: TcpStream) -> Self {
        let activity = Activity::new(SendQueue::of(&socket));
        Self { socket, activity, broken: false, writing: Meter::default(), reading: Meter::default() }
    }

    pub(super) fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }

    /// How many of these bytes may be written now.
    fn poll_room(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<usize> {
        let Some(limit) = self.activity.limit.get() else { return Poll::Ready(wanted) };
        let room = self.writing.poll_grant(cx, limit, wanted);
        if self.activity.held_write.load(Relaxed) != room.is_pending() {
            self.activity.held_write.store(room.is_pending(), Relaxed);
        }
        room
    }

    /// Notes a write.
    ///
    /// A server may refuse a request before it has read all of it, and close. The reply then waits in the receive
    /// buffer, but hyper would report the failed write instead of reading it. So a broken pipe only blocks: the next
    /// read, which is due at once, brings the reply, or the end or error that is the real outcome.
    fn wrote(&mut self, cx: &Context<'_>, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match outcome {
            Poll::Ready(Ok(bytes)) => {
                self.activity.blocked.store(false, Relaxed);
                self.activity.note_write(bytes);
                self.writing.used(bytes);
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) if is_broken(&error) => {
                self.activity.blocked.store(true, Relaxed);
                // Once: a socket that fails writes and has nothing to read must not spin.
                if !std::mem::replace(&mut self.broken, true) {
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.activity.blocked.store(true, Relaxed);
                Poll::Pending
            }
        }
    }
}

fn is_broken(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let pause = this.reading.poll_pause(cx);
        if this.activity.held_read.load(Relaxed) != pause.is_pending() {
            this.activity.held_read.store(pause.is_pending(), Relaxed);
        }
        ready!(pause);
        let before = buf.filled().len();
        let outcome = Pin::new(&mut this.socket).poll_read(cx, buf);
        let bytes = buf.filled().len() - before;
        this.activity.note_read(bytes);
        if let Some(limit) = this.activity.limit.get() {
            this.reading.charge(limit, bytes);
        }
        outcome
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let room = ready!(self.poll_room(cx, buf.len()));
        let outcome = Pin::new(&mut self.socket).poll_write(cx, &buf[..room]);
        self.wrote(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wanted = bufs.iter().map(|buf| buf.len()).sum();
        let room = ready!(self.poll_room(cx, wanted));
        let outcome = match bufs.iter().find(|buf| !buf.is_empty()) {
            Some(first) if room < wanted => Pin::new(&mut self.socket).poll_write(cx, &first[..room.min(first.len())]),
            _ => Pin::new(&mut self.socket).poll_write_vectored(cx, bufs),
        };
        self.wrote(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

impl Connection for Watched {
    fn connected(&self) -> Connected {
        self.socket.connected()
    }
}

#[cfg(test)]
mod tests {
    use super::Watched;
    use hyper::rt::Write;
    use hyper_util::rt::TokioIo;
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};
    use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    async fn pair() -> (Watched, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
        (Watched::new(client.unwrap()), server.unwrap().0)
    }

    /// Without it hyper copies every byte of a body into its own buffer.
    #[tokio::test]
    async fn vectored_writes_reach_the_socket() {
        assert!(TokioIo::new(Watched::new(pair().await.0.socket)).is_write_vectored());
    }

    #[tokio::test]
    async fn a_failed_write_blocks_and_the_reply_before_it_can_be_read() {
        let (mut client, mut server) = pair().await;
        client.write_all(b"unread").await.unwrap();
        server.readable().await.unwrap();
        server.write_all(b"refused").await.unwrap();
        // Closing with unread bytes resets the connection.
        drop(server);
        let mut cx = Context::from_waker(Waker::noop());
        // The reset may still be under way: until it is there, writes succeed.
        while let Poll::Ready(outcome) = Pin::new(&mut client).poll_write(&mut cx, b"more") {
            outcome.unwrap();
            tokio::task::yield_now().await;
        }
        assert!(client.broken && client.activity.is_blocked());
        let mut reply = [0; 7];
        client.read_exact(&mut reply).await.unwrap();
        assert_eq!(&reply, b"refused");
    }
}
