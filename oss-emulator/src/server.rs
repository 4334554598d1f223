//! The emulator on a socket.

use crate::Emulator;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

/// How long requests under way may take to end once the server was asked to.
const GRACE: Duration = Duration::from_secs(2);

impl Emulator {
    /// Serves HTTP/1.1 with keep-alive on `listener` until `shutdown` ends; requests under way then have 2 seconds to end.
    ///
    /// A scripted drop closes the connection without a reply.
    ///
    /// # Cancel safety
    /// A dropped future closes all connections at once, like a killed server.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()> + Send) {
        let shutdown = async {
            shutdown.await;
            End::Graceful
        };
        self.serve_until(listener, shutdown).await;
    }

    async fn serve_until(self, listener: TcpListener, end: impl Future<Output = End> + Send) {
        let (stop, stopped) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut end = pin!(end);
        let end = loop {
            tokio::select! {
                end = &mut end => break end,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(self.clone().connection(stream, stopped.clone()));
                    }
                    // Out of file descriptors, most likely: nothing tells when there are some again.
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                },
                Some(_) = connections.join_next() => {}
            }
        };
        drop(listener);
        if end == End::Graceful {
            stop.send_replace(true);
            let all_ended = async { while connections.join_next().await.is_some() {} };
            let _ = tokio::time::timeout(GRACE, all_ended).await;
        }
        connections.shutdown().await;
    }

    async fn connection(self, stream: TcpStream, stopped: watch::Receiver<bool>) {
        // Only a delay is lost without it.
        let _ = stream.set_nodelay(true);
        match self.shared.shaping.clone() {
            Some(shaping) => self.exchange(shaping.connect(stream), stopped).await,
            None => self.exchange(stream, stopped).await,
        }
    }

    async fn exchange(self, stream: impl AsyncRead + AsyncWrite + Unpin, mut stopped: watch::Receiver<bool>) {
        let service = service_fn(|request| {
            let emulator = self.clone();
            async move { emulator.handle(request).await }
        });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).half_close(false);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        // A connection's error is the client's to see; the ledger has what was asked.
        tokio::select! {
            _ = connection.as_mut() => return,
            _ = stopped.wait_for(|stopped| *stopped) => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }

    /// Serves on a free port of 127.0.0.1, in a task of the current tokio runtime.
    ///
    /// # Errors
    /// No port can be had.
    ///
    /// # Cancel safety
    /// Nothing runs unless it returned.
    pub async fn spawn(&self) -> io::Result<Serving> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let addr = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let emulator = self.clone();
        let task = tokio::spawn(async move {
            // Without a handle nobody can ask for more.
            emulator.serve_until(listener, async { stopped.await.unwrap_or(End::Killed) }).await;
        });
        Ok(Serving { addr, stop: Some(stop), task })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Graceful,
    Killed,
}

/// A server that runs in a task; dropped, it ends like [`kill`](Serving::kill), a moment later.
#[derive(Debug)]
pub struct Serving {
    addr: SocketAddr,
    stop: Option<oneshot::Sender<End>>,
    task: JoinHandle<()>,
}

impl Serving {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:PORT`, as an endpoint for clients.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Takes no more requests, and waits up to 2 seconds for those under way.
    ///
    /// # Cancel safety
    /// The server ends in any case.
    pub async fn shutdown(self) {
        self.end(End::Graceful).await;
    }

    /// Closes the port and every connection at once, as a killed server does; it has happened a moment later, when the
    /// server's task had its turn.
    pub fn kill(self) {
        drop(self);
    }

    /// [`kill`](Serving::kill), and on return it has happened: a store on disk is free as soon as the last [`Emulator`] is
    /// dropped, and what a connection was writing is gone.
    ///
    /// # Cancel safety
    /// The server ends in any case.
    pub async fn kill_and_wait(self) {
        self.end(End::Killed).await;
    }

    async fn end(mut self, end: End) {
        if let Some(stop) = self.stop.take() {
            // Only a server that has ended does not listen.
            let _ = stop.send(end);
        }
        // An error is a panic in the server: over in any case.
        let _ = self.task.await;
    }
}
