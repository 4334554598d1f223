use super::activity::{Activity, Watched};
use super::wire::Wire;
use crate::TransportError;
use crate::transport::Cause;
use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;
use tower_service::Service;

/// A connection's socket: plain or TLS, over a TCP socket whose activity is noted.
pub(super) type Socket = MaybeHttpsStream<TokioIo<Watched>>;

/// Whom to trust beside the certificates of the system.
#[derive(Debug, Clone, Default)]
pub struct TlsOptions {
    /// A file of PEM certificates that are trusted as roots as well.
    pub ca_file: Option<PathBuf>,
}

/// The CA file cannot be used. Mend the file or its path.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// It cannot be read.
    #[error("the CA file {path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<io::Error>,
    },
    /// It is not PEM, holds no certificate, or one that cannot be a root.
    #[error("the CA file {path} is not usable: {reason}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Opens connections.
pub(super) struct Dialer {
    limit: Duration,
    tcp: Tcp,
    extra_roots: Vec<CertificateDer<'static>>,
    /// Made at the first `https` connection: loading the system's roots takes time, and a plain one needs none.
    tls: OnceLock<Result<Arc<ClientConfig>, Arc<rustls::Error>>>,
}

impl Dialer {
    pub(super) fn new(limit: Duration, tls: &TlsOptions) -> Result<Self, TlsError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(limit));
        let extra_roots = tls.ca_file.as_deref().map_or_else(|| Ok(Vec::new()), read_roots)?;
        Ok(Self { limit, tcp: Tcp(tcp), extra_roots, tls: OnceLock::new() })
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
        let config = self.tls.get_or_init(|| trusting(&self.extra_roots)).clone();
        let config = config.map_err(|source| TransportError::Certificate { host: host.to_owned(), source })?;
        let socket = HttpsConnector::from((tcp, config)).call(uri.clone()).await;
        socket.map_err(|error| refused(host, error))
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extra = self.extra_roots.len();
        f.debug_struct("Dialer").field("limit", &self.limit).field("extra_roots", &extra).finish_non_exhaustive()
    }
}

fn read_roots(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let path = path.to_owned();
    let pem = match std::fs::read(&path) {
        Ok(pem) => pem,
        Err(error) => return Err(TlsError::Read { path, source: Arc::new(error) }),
    };
    let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let unusable = |reason: String| TlsError::Content { path: path.clone(), reason };
    let roots = roots.map_err(|error| unusable(error.to_string()))?;
    if roots.is_empty() {
        return Err(unusable("it holds no PEM certificate".to_owned()));
    }
    let mut store = RootCertStore::empty();
    for root in &roots {
        store.add(root.clone()).map_err(|error| unusable(error.to_string()))?;
    }
    Ok(roots)
}

/// TLS 1.2 and 1.3 that trusts the system's roots and `extra`.
fn trusting(extra: &[CertificateDer<'static>]) -> Result<Arc<ClientConfig>, Arc<rustls::Error>> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Verifier::new_with_extra_roots(extra.iter().cloned(), Arc::clone(&provider))?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        // "Dangerous" is any verifier that rustls does not bring itself; this one is the operating system's.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn refused(host: &str, error: Box<dyn Error + Send + Sync>) -> TransportError {
    let host = host.to_owned();
    let untrusted = matches!(find_tls_error(&*error), Some(rustls::Error::InvalidCertificate(_)));
    let source: Cause = Arc::from(error);
    if untrusted { TransportError::Certificate { host, source } } else { TransportError::Connect { host, source } }
}

/// An [`io::Error`] hides the error it wraps from `source()`, hence the second way down.
fn find_tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source());
    }
    None
}

fn activity_of(socket: &Socket) -> &Arc<Activity> {
    match socket {
        MaybeHttpsStream::Http(tcp) => tcp.inner().activity(),
        MaybeHttpsStream::Https(tls) => tls.inner().get_ref().0.inner().inner().activity(),
    }
}

/// hyper-util's TCP connector (name lookup, happy eyeballs), with sockets that note their activity.
#[derive(Clone)]
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
