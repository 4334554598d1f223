//! Whom the transport trusts.

use crate::server::{Server, both, patient, read, send};
use http::Method;
use oss_http::{
    CallCause, CallError, Fault, HyperTransport, Payload, TlsError, TlsOptions, TransportError, TransportOptions,
};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use std::io::Write as _;
use std::sync::Arc;
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

/// A server's certificate for `name`, as its own root.
fn certificate(name: &str) -> (TlsAcceptor, NamedTempFile) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(cert.pem().as_bytes()).unwrap();
    (TlsAcceptor::from(Arc::new(config)), file)
}

/// A server with a certificate for `name` is asked as 127.0.0.1; `trust`: its certificate is in the CA file.
async fn ask(name: &str, trust: bool) -> Result<bytes::Bytes, TransportError> {
    let server = Server::start().await;
    let (acceptor, own) = certificate(name);
    let (_, another) = certificate("elsewhere");
    let ca_file = Some(if trust { own.path() } else { another.path() }.to_owned());
    let transport = HyperTransport::new(TransportOptions { timeouts: patient(), tls: TlsOptions { ca_file } }).unwrap();
    let mut request = server.request(Method::PUT, Payload::bytes(vec![7; 300_000]));
    *request.uri_mut() = format!("https://{}/x", server.address).parse().unwrap();
    let client = async { read(send(&transport, request).await).await };
    let served = async {
        let Ok(mut tls) = acceptor.accept(server.accept().await.socket).await else { return };
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let Ok(byte) = tls.read_u8().await else { return };
            head.push(byte);
        }
        let mut body = vec![0; 300_000];
        tls.read_exact(&mut body).await.unwrap();
        assert!(body.iter().all(|byte| *byte == 7));
        tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine").await.unwrap();
        tls.flush().await.unwrap();
    };
    both(client, served).await.0
}

#[tokio::test]
async fn a_certificate_in_the_ca_file_is_trusted() {
    assert_eq!(ask("127.0.0.1", true).await.unwrap(), "fine");
}

#[tokio::test]
async fn an_unknown_issuer_or_a_wrong_name_is_final() {
    for (name, trust) in [("127.0.0.1", false), ("127.0.0.2", true)] {
        let error = ask(name, trust).await.unwrap_err();
        assert!(matches!(error, TransportError::Certificate { .. }), "{name}: {error:?}");
        assert_eq!(CallError::new("PutObject", "host", CallCause::Transport(error)).fault(), Fault::Rejected);
    }
}

#[test]
fn a_ca_file_that_cannot_serve_is_refused_at_once() {
    let open = |path: &std::path::Path| {
        let tls = TlsOptions { ca_file: Some(path.to_owned()) };
        HyperTransport::new(TransportOptions { timeouts: patient(), tls })
    };
    assert!(matches!(open("/nowhere/ca.pem".as_ref()), Err(TlsError::Read { .. })));
    let mut file = NamedTempFile::new().unwrap();
    assert!(matches!(open(file.path()), Err(TlsError::Content { .. })));
    file.write_all(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    assert!(matches!(open(file.path()), Err(TlsError::Content { .. })));
}
