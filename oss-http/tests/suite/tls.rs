//! Whom the transport trusts.

use crate::server::{Server, both, patient, read, send};
use http::Method;
use oss_http::{
    CallCause, CallError, CertificateProblem, Fault, HyperTransport, Payload, TlsError, TlsOptions, TransportError,
    TransportOptions,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{CipherSuite, ServerConfig, SupportedProtocolVersion};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

const BODY: usize = 300_000;

/// A private CA, and its certificate in a file.
struct Ca {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: NamedTempFile,
}

impl Ca {
    fn new() -> Self {
        Self::named("a private CA")
    }

    fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let file = pem_file(&issuer.pem());
        Self { issuer, file }
    }

    fn sign(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        Identity { certificate: params.signed_by(&key, &self.issuer).unwrap().der().clone(), key }
    }

    fn options(&self) -> TlsOptions {
        trusting(&self.file)
    }
}

/// What a server shows, and its key.
struct Identity {
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

impl Identity {
    fn acceptor(&self, versions: &[&'static SupportedProtocolVersion], provider: CryptoProvider) -> TlsAcceptor {
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

fn pem_file(pem: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(pem.as_bytes()).unwrap();
    file
}

fn trusting(file: &NamedTempFile) -> TlsOptions {
    TlsOptions { ca_file: Some(file.path().to_owned()), ..TlsOptions::default() }
}

fn named(name: &str) -> CertificateParams {
    CertificateParams::new([name.to_owned()]).unwrap()
}

/// A server is asked by its address, 127.0.0.1. The reply's body, and what the server saw: the cipher suite when the
/// handshake came to its end, without which it cannot have seen a byte of the request.
async fn ask(
    acceptor: TlsAcceptor,
    options: TlsOptions,
) -> (Result<bytes::Bytes, TransportError>, Option<CipherSuite>) {
    let server = Server::start().await;
    let transport =
        HyperTransport::new(TransportOptions { timeouts: patient(), tls: options, ..TransportOptions::default() })
            .unwrap();
    let mut request = server.request(Method::PUT, Payload::bytes(vec![7; BODY]));
    *request.uri_mut() = format!("https://{}/x", server.address).parse().unwrap();
    let client = async { read(send(&transport, request).await).await };
    let served = async {
        let mut tls = acceptor.accept(server.accept().await.socket).await.ok()?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(tls.read_u8().await.ok()?);
        }
        let mut body = vec![0; BODY];
        tls.read_exact(&mut body).await.unwrap();
        assert!(body.iter().all(|byte| *byte == 7));
        tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine").await.unwrap();
        tls.flush().await.unwrap();
        Some(tls.get_ref().1.negotiated_cipher_suite().unwrap().suite())
    };
    both(client, served).await
}

async fn ask_identity(
    identity: &Identity,
    options: TlsOptions,
) -> (Result<bytes::Bytes, TransportError>, Option<CipherSuite>) {
    ask(identity.acceptor(rustls::ALL_VERSIONS, aws_lc_rs::default_provider()), options).await
}

/// Refused for this reason, in these words, before the handshake was over; and the same again does not help.
async fn refuses(identity: &Identity, options: TlsOptions, expected: CertificateProblem, words: &str) {
    let (outcome, seen) = ask_identity(identity, options).await;
    let error = outcome.unwrap_err();
    let TransportError::Certificate { problem, .. } = &error else { panic!("{expected:?}: {error:?}") };
    assert_eq!(*problem, expected, "{error:?}");
    let text = error.to_string();
    assert!(text.contains("the certificate of 127.0.0.1:") && text.contains(words), "{text}");
    assert_eq!(seen, None, "{expected:?}: the server saw the request");
    assert_eq!(CallError::new("PutObject", "host", CallCause::Transport(error)).fault(), Fault::Rejected);
}

#[tokio::test]
async fn a_certificate_of_a_ca_in_the_ca_file_is_trusted_over_tls_1_2_and_1_3() {
    let ca = Ca::new();
    let identity = ca.sign(&named("127.0.0.1"));
    for (version, suite) in [
        (&rustls::version::TLS13, CipherSuite::TLS13_AES_128_GCM_SHA256),
        (&rustls::version::TLS12, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ] {
        let acceptor = identity.acceptor(&[version], aws_lc_rs::default_provider());
        let (outcome, seen) = ask(acceptor, ca.options()).await;
        assert_eq!(outcome.unwrap(), "fine");
        assert_eq!(seen, Some(suite), "AES-128-GCM is asked for first");
    }
}

#[tokio::test]
async fn a_server_without_aes_128_is_spoken_to_with_what_it_has() {
    let ca = Ca::new();
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|suite| suite.suite() == CipherSuite::TLS13_CHACHA20_POLY1305_SHA256);
    let acceptor = ca.sign(&named("127.0.0.1")).acceptor(&[&rustls::version::TLS13], provider);
    assert_eq!(ask(acceptor, ca.options()).await.0.unwrap(), "fine");
}

#[tokio::test]
async fn an_unknown_ca_is_refused_before_a_byte_of_the_request() {
    let identity = Ca::new().sign(&named("127.0.0.1"));
    for trusted in [Ca::named("another CA"), Ca::new()] {
        refuses(&identity, trusted.options(), CertificateProblem::UnknownIssuer, "with a CA file").await;
    }
    refuses(&identity, TlsOptions::default(), CertificateProblem::UnknownIssuer, "issuer is unknown").await;
}

#[tokio::test]
async fn an_expired_certificate_and_one_of_the_future_are_refused() {
    let ca = Ca::new();
    let mut params = named("127.0.0.1");
    (params.not_before, params.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
    refuses(&ca.sign(&params), ca.options(), CertificateProblem::Expired, "has expired").await;
    (params.not_before, params.not_after) = (date_time_ymd(2999, 1, 1), date_time_ymd(3000, 1, 1));
    refuses(&ca.sign(&params), ca.options(), CertificateProblem::NotYetValid, "clock").await;
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    let ca = Ca::new();
    for name in ["127.0.0.2", "oss-cn-hangzhou.aliyuncs.com"] {
        refuses(&ca.sign(&named(name)), ca.options(), CertificateProblem::OtherName, "another host name").await;
    }
}

#[tokio::test]
async fn a_self_signed_certificate_is_refused_unless_it_is_in_the_ca_file() {
    for is_ca in [IsCa::NoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let plain = matches!(is_ca, IsCa::NoCa);
        let mut params = named("127.0.0.1");
        params.is_ca = is_ca;
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let own_file = pem_file(&certificate.pem());
        let identity = Identity { certificate: certificate.der().clone(), key };
        refuses(&identity, Ca::new().options(), CertificateProblem::SelfSigned, "self-signed").await;
        if plain {
            assert_eq!(ask_identity(&identity, trusting(&own_file)).await.0.unwrap(), "fine");
        }
    }
}

#[tokio::test]
async fn insecure_takes_any_certificate() {
    let mut params = named("elsewhere");
    (params.not_before, params.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
    let identity = Ca::new().sign(&params);
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let acceptor = identity.acceptor(&[version], aws_lc_rs::default_provider());
        let options = TlsOptions { insecure_skip_verify: true, ..TlsOptions::default() };
        assert_eq!(ask(acceptor, options).await.0.unwrap(), "fine");
    }
}

#[test]
fn a_ca_file_that_cannot_serve_is_refused_at_once() {
    let open = |path: PathBuf| {
        let tls = TlsOptions { ca_file: Some(path), ..TlsOptions::default() };
        HyperTransport::new(TransportOptions { timeouts: patient(), tls, ..TransportOptions::default() })
    };
    assert!(matches!(open("/nowhere/ca.pem".into()), Err(TlsError::Read { .. })));
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for content in ["", "no PEM", broken, "-----BEGIN CERTIFICATE-----\nAAAA"] {
        let file = pem_file(content);
        assert!(matches!(open(file.path().to_owned()), Err(TlsError::Content { .. })), "{content:?}");
    }
    // As in bundles that carry one or the other odd certificate.
    let bundle = pem_file(&format!("{broken}{}", Ca::new().issuer.pem()));
    assert!(open(bundle.path().to_owned()).is_ok());
}
