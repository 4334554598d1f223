use super::activity::{Activity, Watched};
use super::trust::{TlsError, TlsOptions, Trust, certificate_problem};
use super::wire::{MAX_BUFFER, Wire};
use crate::transport::Cause;
use crate::{CertificateProblem, TransportError};
use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tower_service::Service;

/// A connection's socket: plain or TLS, over a TCP socket whose activity is noted.
pub(super) type Socket = MaybeHttpsStream<TokioIo<Watched>>;

/// Opens connections.
#[derive(Debug)]
pub(super) struct Dialer {
    limit: Duration,
    tcp: Tcp,
    trust: Trust,
}

impl Dialer {
    pub(super) fn new(limit: Duration, tls: &TlsOptions) -> Result<Self, TlsError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(limit));
        Ok(Self { limit, tcp: Tcp(tcp), trust: Trust::new(tls)? })
    }

    pub(super) async fn dial(&self, uri: &Uri) -> Result<Wire, TransportError> {
        let host = uri.authority().map_or_else(String::new, ToString::to_string);
        let dialled = tokio::time::timeout(self.limit, self.connect(uri, &host));
        let Ok(socket) = dialled.await else {
            return Err(TransportError::ConnectTimeout { host, limit: self.limit });
        };
        let socket = socket?;
        let activity = Arc::clone(activity_of(&socket));
        let opened = Wire::open(socket, activity).await;
        opened.map_err(|error| TransportError::Connect { host, source: Arc::new(error) })
    }

    async fn connect(&self, uri: &Uri, host: &str) -> Result<Socket, TransportError> {
        let mut tcp = self.tcp.clone();
        if uri.scheme_str() != Some("https") {
            let socket = tcp.call(uri.clone()).await;
            return socket.map(MaybeHttpsStream::Http).map_err(|error| refused(host, error.into()));
        }
        let config = self.trust.config().map_err(|source| TransportError::Certificate {
            host: host.to_owned(),
            problem: CertificateProblem::Other,
            source,
        })?;
        let socket = HttpsConnector::from((tcp, config)).call(uri.clone()).await;
        let mut socket = socket.map_err(|error| refused(host, error))?;
        if let MaybeHttpsStream::Https(tls) = &mut socket {
            tls.inner_mut().get_mut().1.set_buffer_limit(Some(MAX_BUFFER));
        }
        Ok(socket)
    }
}

fn refused(host: &str, error: Box<dyn Error + Send + Sync>) -> TransportError {
    let host = host.to_owned();
    let problem = certificate_problem(&*error);
    let source: Cause = Arc::from(error);
    match problem {
        Some(problem) => TransportError::Certificate { host, problem, source },
        None => TransportError::Connect { host, source },
    }
}

fn activity_of(socket: &Socket) -> &Arc<Activity> {
    match socket {
        MaybeHttpsStream::Http(tcp) => tcp.inner().activity(),
        MaybeHttpsStream::Https(tls) => tls.inner().get_ref().0.inner().inner().activity(),
    }
}

/// hyper-util's TCP connector (name lookup, happy eyeballs), with sockets that note their activity.
#[derive(Debug, Clone)]
struct Tcp(HttpConnector);

impl Service<Uri> for Tcp {
    type Response = TokioIo<Watched>;
    type Error = <HttpConnector as Service<Uri>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.0.call(uri);
        Box::pin(async move { Ok(TokioIo::new(Watched::new(connecting.await?.into_inner()))) })
    }
}
