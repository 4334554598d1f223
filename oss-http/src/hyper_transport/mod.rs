//! [`Transport`] by hyper (HTTP/1.1) and rustls.
//!
//! A connection belongs to one exchange at a time: it is taken from the idle list (or dialled), driven by the future
//! of that exchange (no task is spawned), handed on to the reply's body, and given back once that has been read.

mod activity;
mod bandwidth;
mod dial;
mod idle;
mod incoming;
mod meter;
mod options;
mod outgoing;
mod proxies;
mod socks5;
mod trust;
mod tunnel;
mod unsent;
mod verifier;
mod watch;
mod wire;

use crate::transport::Cause;
use crate::{BoxFuture, Payload, ReplyBody, ResponseTimeout, Timeouts, Transport, TransportError};
pub use bandwidth::BandwidthLimit;
use dial::Dialer;
use http::{Method, Request, Response, Uri, request};
use idle::{Idle, Origin};
pub use options::TransportOptions;
use outgoing::Outgoing;
pub use proxies::{Proxies, ProxyError};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
pub use trust::{TlsError, TlsOptions};
use wire::{Failure, Wire};

/// HTTP/1.1 over TCP or TLS 1.2 and 1.3, with a list of idle connections.
///
/// One call of [`send`](Transport::send) sends one request, with one exception: when a *reused* connection turns out
/// to be dead, no byte of a reply has come, and no byte of the payload was taken, the request goes once more over a
/// new connection (a POST only when not even its head had been written). Idle connections are dropped after 25 s,
/// also when the machine slept meanwhile. Redirects are not followed: OSS sends none that could be followed signed.
#[derive(Debug)]
pub struct HyperTransport {
    timeouts: Timeouts,
    bandwidth: BandwidthLimit,
    dialer: Dialer,
    idle: Arc<Idle>,
    opened: AtomicU64,
}

impl HyperTransport {
    /// A transport without connections yet. The system's root certificates are loaded at the first `https` request.
    ///
    /// # Errors
    /// [`TlsError`] when the CA file cannot be read or holds no certificate.
    pub fn new(options: TransportOptions) -> Result<Self, TlsError> {
        let TransportOptions { timeouts, bandwidth, tls, proxies } = options;
        let dialer = Dialer::new(timeouts.connect, &tls, &proxies)?;
        Ok(Self { timeouts, bandwidth, dialer, idle: Arc::default(), opened: AtomicU64::default() })
    }

    /// Connections opened so far.
    pub fn connections_opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    async fn exchange(
        &self,
        request: Request<Payload>,
        timeout: ResponseTimeout,
    ) -> Result<Response<ReplyBody>, TransportError> {
        let (head, payload) = request.into_parts();
        let origin = Origin::of(&head.uri).ok_or_else(|| unusable("the URL has no host"))?;
        let limits = wire::Limits {
            no_progress: self.timeouts.no_progress,
            response: match timeout {
                ResponseTimeout::Usual => self.timeouts.response,
                ResponseTimeout::Complete => self.timeouts.complete_response,
            },
        };
        let mut payload = payload;
        if let Some(wire) = self.idle.take(&origin) {
            match self.over(wire, &origin, &head, payload, limits).await {
                Err(failure) => payload = failure.stale(&head.method)?,
                Ok(reply) => return Ok(reply),
            }
        }
        // Rare beside the requests, and large: every request would carry its room.
        let wire = Box::pin(self.dialer.dial(&head.uri)).await?;
        self.opened.fetch_add(1, Ordering::Relaxed);
        wire.activity.limit_by(&self.bandwidth);
        let reply = Box::pin(self.over(wire, &origin, &head, payload, limits)).await;
        reply.map_err(|failure| failure.error)
    }

    async fn over(
        &self,
        mut wire: Box<Wire>,
        origin: &Origin,
        head: &request::Parts,
        payload: Payload,
        limits: wire::Limits,
    ) -> Result<Response<ReplyBody>, Failure> {
        let (outgoing, upload) = Outgoing::new(payload, Arc::clone(&wire.activity));
        let mut request = Request::new(outgoing);
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = origin_form(&head.uri);
        *request.headers_mut() = head.headers.clone();
        let reply = wire.exchange(request, &upload, limits).await?;
        let idle = incoming::Home { idle: Arc::clone(&self.idle), origin: origin.clone() };
        Ok(reply.map(|body| incoming::reply_body(body, wire, upload, limits.no_progress, idle)))
    }
}

impl Transport for HyperTransport {
    fn send(
        &self,
        request: Request<Payload>,
        timeout: ResponseTimeout,
    ) -> BoxFuture<'_, Result<Response<ReplyBody>, TransportError>> {
        Box::pin(self.exchange(request, timeout))
    }
}

impl Failure {
    /// The payload to send again over a new connection, when this failure only says that the reused one was dead.
    fn stale(self, method: &Method) -> Result<Payload, TransportError> {
        let harmless = !self.wrote || *method != Method::POST;
        match self.untouched {
            Some(payload) if self.closed && harmless => Ok(payload),
            _ => Err(self.error),
        }
    }
}

/// The host is in a header; HTTP/1.1 wants the path and query alone on the request line.
fn origin_form(uri: &Uri) -> Uri {
    uri.path_and_query().cloned().map_or_else(Uri::default, Uri::from)
}

fn unusable(reason: &'static str) -> TransportError {
    let cause: Cause = Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(reason));
    TransportError::Request(cause)
}
