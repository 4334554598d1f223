use super::verifier::{Anyone, Trusted};
use crate::CertificateProblem;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, CipherSuite, ClientConfig, RootCertStore};
use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// Whose certificates are trusted.
///
/// Always the system's, and beside them a bundled copy of Mozilla's list: a container without certificates works, and so
/// does a network whose own CA is in the system's store. Where the system keeps its roots in files, `SSL_CERT_FILE` and
/// `SSL_CERT_DIR` say which. TLS 1.2 and 1.3 are spoken, AES-128-GCM first.
#[derive(Debug, Clone, Default)]
pub struct TlsOptions {
    /// A file of PEM certificates that are trusted as roots as well. Those in it that cannot be one are passed over, as
    /// long as one is left.
    pub ca_file: Option<PathBuf>,
    /// Takes any certificate: whoever is in the way can read and change everything, the signed requests too. For tests;
    /// a program that offers this to its users should warn them each time.
    pub insecure_skip_verify: bool,
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
    /// It is not PEM, or holds no certificate that can be a root.
    #[error("the CA file {path} is not usable: {reason}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// What a TLS connection begins with.
pub(super) struct Trust {
    extra_roots: Vec<CertificateDer<'static>>,
    anyone: bool,
    /// Made at the first `https` connection: loading the system's roots takes time, and a plain one needs none.
    config: OnceLock<Result<Arc<ClientConfig>, Arc<rustls::Error>>>,
}

impl Trust {
    pub(super) fn new(options: &TlsOptions) -> Result<Self, TlsError> {
        let extra_roots = options.ca_file.as_deref().map_or_else(|| Ok(Vec::new()), read_roots)?;
        Ok(Self { extra_roots, anyone: options.insecure_skip_verify, config: OnceLock::new() })
    }

    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, Arc<rustls::Error>> {
        self.config.get_or_init(|| self.make().map_err(Arc::new)).clone()
    }

    fn make(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        let provider = Arc::new(provider());
        let verifier: Arc<dyn ServerCertVerifier> = if self.anyone {
            Arc::new(Anyone::new(&provider))
        } else {
            let bundled = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned();
            Arc::new(Trusted::new(self.extra_roots.iter().cloned().chain(bundled), Arc::clone(&provider))?)
        };
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            // "Dangerous" is any verifier that rustls does not bring itself; ours asks the operating system's.
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extra = self.extra_roots.len();
        f.debug_struct("Trust").field("extra_roots", &extra).field("anyone", &self.anyone).finish_non_exhaustive()
    }
}

/// What the layers below say of the certificate, when it is the certificate that they refused.
pub(super) fn certificate_problem(error: &(dyn Error + 'static)) -> Option<CertificateProblem> {
    let Some(rustls::Error::InvalidCertificate(problem)) = find_tls_error(error) else { return None };
    Some(match problem {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => CertificateProblem::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => CertificateProblem::NotYetValid,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateProblem::OtherName
        }
        // A trusted CA of the same name did not sign it: a private CA that was made anew, for one.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => CertificateProblem::UnknownIssuer,
        CertificateError::Other(other) if other.0.is::<super::verifier::SelfSigned>() => CertificateProblem::SelfSigned,
        _ => CertificateProblem::Other,
    })
}

/// What answers speaks no TLS at all, or only what is too old.
pub(super) fn speaks_no_tls(error: &(dyn Error + 'static)) -> bool {
    use rustls::{AlertDescription, InvalidMessage};
    matches!(
        find_tls_error(error),
        Some(
            rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)
                | rustls::Error::PeerIncompatible(_)
                | rustls::Error::AlertReceived(
                    AlertDescription::ProtocolVersion
                        | AlertDescription::HandshakeFailure
                        | AlertDescription::InsufficientSecurity
                )
        )
    )
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

/// AES-128-GCM before AES-256-GCM before the rest: a server that follows the client's order then spends the least on
/// each byte, and so do we.
fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.sort_by_key(|suite| match suite.suite() {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => 0,
        CipherSuite::TLS13_AES_256_GCM_SHA384 | CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => 1,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => 2,
        _ => 3,
    });
    provider
}

fn read_roots(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let path = path.to_owned();
    let pem = match std::fs::read(&path) {
        Ok(pem) => pem,
        Err(error) => return Err(TlsError::Read { path, source: Arc::new(error) }),
    };
    let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let unusable = |reason: String| TlsError::Content { path: path.clone(), reason };
    let mut roots = roots.map_err(|error| unusable(error.to_string()))?;
    let mut refusal = "it holds no PEM certificate".to_owned();
    roots.retain(|root: &CertificateDer<'_>| match RootCertStore::empty().add(root.clone().into_owned()) {
        Ok(()) => true,
        Err(error) => {
            refusal = error.to_string();
            false
        }
    });
    if roots.is_empty() { Err(unusable(refusal)) } else { Ok(roots) }
}
