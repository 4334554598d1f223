use super::activity::{Activity, Watched};
use super::proxies::{self, Proxies};
use super::trust::{TlsError, TlsOptions, Trust, certificate_problem, speaks_no_tls};
use super::wire::{MAX_BUFFER, Wire};
use super::{socks5, tunnel};
use crate::transport::Cause;
use crate::{CertificateProblem, ProxyRefusal, TransportError};
use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tower_service::Service;

/// A connection's socket: plain or TLS, over a TCP socket whose activity is noted.
pub(super) type Socket = MaybeHttpsStream<TokioIo<Watched>>;

/// Opens connections.
#[derive(Debug)]
pub(super) struct Dialer {
    limit: Duration,
    tcp: HttpConnector,
    trust: Trust,
    proxies: Matcher,
}

impl Dialer {
    pub(super) fn new(limit: Duration, tls: &TlsOptions, proxies: &Proxies) -> Result<Self, TlsError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(limit));
        Ok(Self { limit, tcp, trust: Trust::new(tls)?, proxies: proxies.matcher() })
    }

    pub(super) async fn dial(&self, uri: &Uri) -> Result<Box<Wire>, TransportError> {
        let proxy = self.proxies.intercept(uri);
        let place = Place::of(uri, proxy.as_ref());
        let began = Instant::now();
        let dialled = tokio::time::timeout(self.limit, self.connect(uri, proxy, &place));
        let Ok(socket) = dialled.await else {
            return Err(TransportError::ConnectTimeout { host: place.both(), limit: self.limit });
        };
        let socket = match socket {
            // The connector has the limit too, and may be the first to see it: "deadline has elapsed" tells nobody which.
            Err(TransportError::Connect { host, .. }) if began.elapsed() >= self.limit => {
                return Err(TransportError::ConnectTimeout { host, limit: self.limit });
            }
            socket => socket?,
        };
        place.connected(&socket, began);
        let activity = Arc::clone(activity_of(&socket));
        let opened = Wire::open(socket, activity).await.map(Box::new);
        opened.map_err(|error| TransportError::Connect { host: place.both(), source: Arc::new(error) })
    }

    async fn connect(&self, uri: &Uri, proxy: Option<Intercept>, place: &Place) -> Result<Socket, TransportError> {
        let mut way = Way { tcp: self.tcp.clone(), proxy };
        if uri.scheme_str() != Some("https") {
            let socket = way.call(uri.clone()).await;
            return socket.map(MaybeHttpsStream::Http).map_err(|error| place.refused(error));
        }
        let config = self.trust.config().map_err(|source| TransportError::Certificate {
            host: place.host.clone(),
            problem: CertificateProblem::Other,
            source,
        })?;
        let socket = HttpsConnector::from((way, config)).call(uri.clone()).await;
        let mut socket = socket.map_err(|error| place.refused(error))?;
        if let MaybeHttpsStream::Https(tls) = &mut socket {
            tls.inner_mut().get_mut().1.set_buffer_limit(Some(MAX_BUFFER));
        }
        Ok(socket)
    }
}

/// Who is dialled, in words.
struct Place {
    /// Host and port.
    host: String,
    proxy: Option<String>,
}

impl Place {
    fn of(uri: &Uri, proxy: Option<&Intercept>) -> Self {
        let host = uri.authority().map_or_else(String::new, ToString::to_string);
        Self { host, proxy: proxy.map(proxies::name) }
    }

    fn both(&self) -> String {
        match &self.proxy {
            Some(proxy) => format!("{} through the proxy {proxy}", self.host),
            None => self.host.clone(),
        }
    }

    fn connected(&self, socket: &Socket, began: Instant) {
        let tls = match socket {
            MaybeHttpsStream::Http(_) => None,
            MaybeHttpsStream::Https(tls) => tls.inner().get_ref().1.negotiated_cipher_suite(),
        };
        let suite = tls.map(|suite| tracing::field::debug(suite.suite()));
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(host = self.host, proxy = self.proxy, tls = suite, ms, "connected");
    }

    fn refused(&self, error: Box<dyn Error + Send + Sync>) -> TransportError {
        if let (Some(refusal), Some(proxy)) = (error.downcast_ref::<ProxyRefusal>(), &self.proxy) {
            return TransportError::Proxy { proxy: proxy.clone(), host: self.host.clone(), source: *refusal };
        }
        let (problem, no_tls) = (certificate_problem(&*error), speaks_no_tls(&*error));
        let source: Cause = Arc::from(error);
        match problem {
            Some(problem) => TransportError::Certificate { host: self.host.clone(), problem, source },
            None if no_tls => TransportError::NoTls { host: self.both(), source },
            None => TransportError::Connect { host: self.both(), source },
        }
    }
}

/// hyper-util's TCP connector (name lookup, happy eyeballs), to the server or to the proxy before it, with sockets that
/// note their activity from the first byte of the server's on.
#[derive(Clone)]
struct Way {
    tcp: HttpConnector,
    proxy: Option<Intercept>,
}

impl Service<Uri> for Way {
    type Response = TokioIo<Watched>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let proxy = self.proxy.take();
        let connecting = self.tcp.call(proxy.as_ref().map_or_else(|| uri.clone(), |proxy| proxy.uri().clone()));
        Box::pin(async move {
            let socket = connecting.await?;
            let socket = match proxy {
                Some(proxy) => through(&proxy, socket, &uri).await?,
                None => socket,
            };
            Ok(TokioIo::new(Watched::new(socket.into_inner())))
        })
    }
}

async fn through(
    proxy: &Intercept,
    mut socket: TokioIo<TcpStream>,
    uri: &Uri,
) -> Result<TokioIo<TcpStream>, ProxyRefusal> {
    let host = uri.host().unwrap_or_default();
    let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    let port = uri.port_u16().unwrap_or(default);
    if proxy.uri().scheme_str() == Some("http") {
        return tunnel::open(socket, &format!("{host}:{port}"), proxy.basic_auth()).await;
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    socks5::open(socket.inner_mut(), host, port, proxy.raw_auth()).await?;
    Ok(socket)
}

fn activity_of(socket: &Socket) -> &Arc<Activity> {
    match socket {
        MaybeHttpsStream::Http(tcp) => tcp.inner().activity(),
        MaybeHttpsStream::Https(tls) => tls.inner().get_ref().0.inner().inner().activity(),
    }
}
