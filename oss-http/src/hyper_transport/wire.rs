use super::activity::Activity;
use super::dial::Socket;
use super::outgoing::{Outgoing, Upload};
use super::watch::{self, Watch};
use crate::{Payload, TransportError};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::Sleep;

/// One frame of 256 KiB on its way: with hyper's default of about 408 KiB two would be buffered before a flush, with
/// that of rustls (64 KiB) one would take four writes.
pub(super) const MAX_BUFFER: usize = 256 * 1024;
/// Far more than OSS sends (8 KiB of user metadata at most).
const MAX_HEAD: usize = 64 * 1024;
const MAX_HEADERS: usize = 256;

/// One connection. Whoever holds it drives it; dropping it closes the socket.
pub(super) struct Wire {
    sender: SendRequest<Outgoing>,
    connection: Option<Connection<Socket, Outgoing>>,
    alarm: Pin<Box<Sleep>>,
    pub(super) activity: Arc<Activity>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) no_progress: Duration,
    pub(super) response: Duration,
}

/// An exchange without a reply, and what is known about how far it came.
pub(super) struct Failure {
    pub(super) error: TransportError,
    /// The connection was closed (not too slow, not something else than HTTP) before any byte of a reply.
    pub(super) closed: bool,
    /// Some byte of the request was written.
    pub(super) wrote: bool,
    /// The payload, when nothing of it was taken.
    pub(super) untouched: Option<Payload>,
}

impl Wire {
    pub(super) async fn open(socket: Socket, activity: Arc<Activity>) -> hyper::Result<Self> {
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(MAX_BUFFER)
            .max_header_size(MAX_HEAD)
            .max_headers(MAX_HEADERS)
            .handshake(socket)
            .await?;
        Ok(Self { sender, connection: Some(connection), alarm: watch::alarm(), activity })
    }

    /// Drives the connection; ready once it is at its end. hyper gives an error to the exchange first, so that one
    /// that comes back here has no other taker.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) -> Poll<Option<hyper::Error>> {
        let Some(connection) = &mut self.connection else { return Poll::Ready(None) };
        let outcome = Pin::new(connection).poll(cx);
        if outcome.is_ready() {
            self.connection = None;
        }
        outcome.map(Result::err)
    }

    /// The connection is open and between two exchanges, as far as can be known without waiting.
    pub(super) fn is_idle(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        self.drive(&mut cx).is_pending() && self.sender.is_ready()
    }

    /// Sends one request; returns with the reply's head.
    pub(super) async fn exchange(
        &mut self,
        request: Request<Outgoing>,
        upload: &Upload,
        limits: Limits,
    ) -> Result<Response<Incoming>, Failure> {
        self.activity.begin();
        let mut reply = pin!(self.sender.send_request(request));
        let mut watch = Watch::new(limits, &mut self.alarm);
        let activity = Arc::clone(&self.activity);
        let connection = &mut self.connection;
        let outcome = poll_fn(|cx| {
            let mut ended = None;
            if let Some(open) = connection
                && let Poll::Ready(outcome) = Pin::new(open).poll(cx)
            {
                *connection = None;
                ended = Some(outcome.err());
            }
            if let Poll::Ready(outcome) = reply.as_mut().poll(cx) {
                return Poll::Ready(outcome.map_err(Broken::Hyper));
            }
            match ended {
                Some(Some(error)) => return Poll::Ready(Err(Broken::Hyper(error))),
                Some(None) => return Poll::Ready(Err(Broken::Closed)),
                None => {}
            }
            watch.poll(cx, &activity, upload).map(|error| Err(Broken::Slow(error)))
        });
        outcome.await.map_err(|broken| broken.into_failure(&activity, upload))
    }
}

/// Why an exchange ended without a reply.
enum Broken {
    Hyper(hyper::Error),
    Closed,
    Slow(TransportError),
}

impl Broken {
    fn into_failure(self, activity: &Activity, upload: &Upload) -> Failure {
        let (read, written) = activity.counts();
        let slow = matches!(self, Self::Slow(_));
        let error = match self {
            Self::Slow(error) => error,
            Self::Hyper(error) => from_hyper(error, upload),
            Self::Closed => TransportError::Lost(Arc::new(io::Error::from(io::ErrorKind::ConnectionAborted))),
        };
        let closed = !slow && read == 0 && matches!(error, TransportError::Lost(_));
        Failure { error, closed, wrote: written > 0, untouched: upload.take_untouched() }
    }
}

/// hyper's error in our words; the payload's own error when that was the cause.
pub(super) fn from_hyper(error: hyper::Error, upload: &Upload) -> TransportError {
    if let Some(failure) = upload.failure() {
        TransportError::Payload(failure)
    } else if error.is_parse() || breaks_the_form(&error) {
        TransportError::NotHttp(Arc::new(error))
    } else {
        TransportError::Lost(Arc::new(error))
    }
}

/// Chunks that are none: hyper reports them as an IO error of the body. TLS reports damaged records in the same way;
/// those are the connection's fault.
fn breaks_the_form(error: &hyper::Error) -> bool {
    let io = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    io.is_some_and(|error| {
        let form = matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData);
        form && !error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
    })
}
