use crate::{CertificateProblem, Payload, ProxyRefusal, ReplyBody};
use http::{Request, Response};
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// A boxed future, as traits behind `dyn` need it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Sends one request and gives its reply. It does not sign, retry, follow redirects or judge a status.
pub trait Transport: Send + Sync + 'static {
    /// Sends `request` (absolute URL, `Host` set, signed) and returns once the reply's head is there.
    ///
    /// # Errors
    /// [`TransportError`] when no reply came; every status is a reply.
    ///
    /// # Cancel safety
    /// Dropping the future, or the reply's body before its end, closes the connection. What the server had received
    /// by then it may still act on.
    fn send(
        &self,
        request: Request<Payload>,
        timeout: ResponseTimeout,
    ) -> BoxFuture<'_, Result<Response<ReplyBody>, TransportError>>;
}

/// Which of the [`Timeouts`] bounds the wait for the reply's head, once the request has been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseTimeout {
    /// [`Timeouts::response`].
    Usual,
    /// [`Timeouts::complete_response`]: CompleteMultipartUpload takes long for many parts.
    Complete,
}

/// How long a transport waits. There is no limit on a whole transfer: as long as bytes move, it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Name lookup, TCP, a proxy's answer and TLS together. 10 s.
    pub connect: Duration,
    /// No byte left the machine or came in while the request is sent or the reply's body is read. 30 s.
    ///
    /// On Linux a byte has left when the other side acknowledged it: a slow link that still drains a large send buffer
    /// is no stall, and a server that reads nothing is one, whatever the kernel has taken. It is looked at four times
    /// within the limit, so that a stall is seen a quarter late at most. Elsewhere a byte has left when the kernel took
    /// it. Time during which the payload has nothing to give, or the reply is not asked for, does not count.
    pub no_progress: Duration,
    /// From when the last byte of the request has left (as above) to the reply's head. 60 s.
    pub response: Duration,
    /// The same for CompleteMultipartUpload. 600 s.
    pub complete_response: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            no_progress: Duration::from_secs(30),
            response: Duration::from_secs(60),
            complete_response: Duration::from_secs(600),
        }
    }
}

/// What a [`Timeouts`] limit was waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// For the request's bytes to be taken.
    Send,
    /// For the reply's head.
    Reply,
    /// For the reply's body.
    ReplyBody,
    /// For the end of a reply that came bit by bit.
    WholeReply,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Send => "the server took no byte of the request",
            Self::Reply => "no reply came",
            Self::ReplyBody => "no more of the reply came",
            Self::WholeReply => "the reply did not come to its end",
        })
    }
}

pub(crate) type Cause = Arc<dyn Error + Send + Sync>;

/// Why there is no (whole) reply. [`CallError::fault`](crate::CallError::fault) says what it means for the call.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The request cannot be sent by HTTP as it is. Mend it; nothing was sent.
    #[error("the request cannot be put on the wire")]
    Request(#[source] Cause),
    /// No connection: name lookup, TCP or the TLS handshake failed. Nothing was sent; try again.
    #[error("no connection to {host}")]
    Connect {
        /// Host and port.
        host: String,
        /// The layer below.
        #[source]
        source: Cause,
    },
    /// No connection within [`Timeouts::connect`]. Nothing was sent; try again.
    #[error("no connection to {host} within {limit:?}")]
    ConnectTimeout {
        /// Host and port.
        host: String,
        /// The limit.
        limit: Duration,
    },
    /// The server's certificate is not trusted (issuer, name or date). Nothing was sent; trying again does not help.
    #[error("the certificate of {host} {problem}")]
    Certificate {
        /// Host and port.
        host: String,
        /// What is wrong with it.
        problem: CertificateProblem,
        /// The layer below.
        #[source]
        source: Cause,
    },
    /// What answers speaks no TLS, or none as new as 1.2. Nothing was sent; trying again does not help.
    #[error("{host} does not speak TLS 1.2 or 1.3; a server without TLS is given as http://HOST")]
    NoTls {
        /// Host and port.
        host: String,
        /// The layer below.
        #[source]
        source: Cause,
    },
    /// The proxy opened no connection to the server. Nothing was sent to the server; [`ProxyRefusal::is_final`] says
    /// whether trying again may help.
    #[error("the proxy {proxy} opens no connection to {host}")]
    Proxy {
        /// Scheme, host and port of the proxy.
        proxy: String,
        /// Host and port of the server.
        host: String,
        /// Why.
        source: ProxyRefusal,
    },
    /// The connection broke after the request was begun: what the server did is unknown.
    #[error("the connection was lost before the whole reply came")]
    Lost(#[source] Cause),
    /// Nothing came for too long after the request was begun: what the server did is unknown.
    #[error("{waiting} for {limit:?}")]
    Timeout {
        /// What was waited for.
        waiting: Waiting,
        /// The limit.
        limit: Duration,
    },
    /// What came is not HTTP, or its head is too large: what the server did is unknown.
    #[error("the reply is not HTTP as a server of OSS speaks it")]
    NotHttp(#[source] Cause),
    /// The reply's body is larger than any reply of this kind may be.
    #[error("the reply's body exceeds {limit} bytes")]
    ReplyTooLarge {
        /// In bytes.
        limit: usize,
    },
    /// The payload stream failed; the request was broken off.
    #[error("the payload cannot be read")]
    Payload(#[source] Arc<io::Error>),
}
