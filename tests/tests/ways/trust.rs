//! Certificates: each fault has its words and its command, and the server sees no request.

use crate::rig::Rig;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

const INSECURE: &str = "--insecure-skip-verify: the server's certificate is not checked";

/// TLS before the emulator: what is decrypted is handed on.
struct Front {
    address: SocketAddr,
    _task: JoinSet<()>,
}

impl Front {
    async fn before(rig: &Rig, certificate: CertificateDer<'static>, key: &KeyPair) -> Self {
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (acceptor, server) = (TlsAcceptor::from(Arc::new(config)), rig.address());
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                connections.spawn(async move {
                    let Ok(mut inside) = acceptor.accept(socket).await else { return };
                    let mut outside = TcpStream::connect(server).await.unwrap();
                    // Either side may end it.
                    let _ = tokio::io::copy_bidirectional(&mut inside, &mut outside).await;
                });
            }
        });
        Self { address, _task: task }
    }

    fn url(&self) -> String {
        format!("https://{}", self.address)
    }
}

fn ca(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn named(name: &str) -> CertificateParams {
    CertificateParams::new([name.to_owned()]).unwrap()
}

/// A server whose certificate a private CA has signed; that CA's own is in `ca.pem`.
async fn signed(rig: &Rig, params: &CertificateParams) -> Front {
    let (ca, key) = (ca("a private CA"), KeyPair::generate().unwrap());
    std::fs::write(rig.path("ca.pem"), ca.pem()).unwrap();
    Front::before(rig, params.signed_by(&key, &ca).unwrap().der().clone(), &key).await
}

#[tokio::test]
async fn a_private_ca_is_trusted_by_option_or_variable_and_refused_without() {
    let rig = Rig::new().await;
    let front = signed(&rig, &named("127.0.0.1")).await;
    let url = front.url();
    let endpoint = ["--endpoint", &url];
    let ended = rig.cp(&[&endpoint[..], &["--ca-file", "ca.pem", "--debug"]].concat(), &[]).await;
    rig.assert_stored(&ended);
    ended.assert_says(0, &["connected", "TLS13_AES_128_GCM_SHA256"]);
    rig.assert_stored(&rig.cp(&endpoint, &[("SSL_CERT_FILE", "ca.pem")]).await);

    let asked = rig.emulator.ledger().len();
    std::fs::write(rig.path("other.pem"), ca("another CA").pem()).unwrap();
    for options in [vec![], vec!["--ca-file", "other.pem"]] {
        let ended = rig.cp(&[&endpoint[..], &options].concat(), &[]).await;
        ended.assert_says(1, &["certificate of 127.0.0.1", "its issuer is unknown"]);
        assert!(ended.last_line().contains("--ca-file CA.pem"), "{}", ended.err);
        assert_eq!(rig.emulator.ledger().len(), asked, "the server saw a request");
    }
}

#[tokio::test]
async fn without_any_roots_of_the_system_the_bundled_ones_still_judge() {
    let rig = Rig::new().await;
    let front = signed(&rig, &named("127.0.0.1")).await;
    // As in a container without certificates: the variable is what says where they are.
    let ended = rig.cp(&["--endpoint", &front.url()], &[("SSL_CERT_DIR", "state")]).await;
    ended.assert_says(1, &["its issuer is unknown"]);
    rig.assert_unasked(&ended);
}

#[tokio::test]
async fn expired_wrongly_named_and_self_signed_certificates_are_refused_in_their_own_words() {
    let rig = Rig::new().await;
    let mut expired = named("127.0.0.1");
    (expired.not_before, expired.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
    for (params, words) in
        [(expired, "has expired"), (named("oss-cn-hangzhou.aliyuncs.com"), "is for another host name")]
    {
        let front = signed(&rig, &params).await;
        let ended = rig.cp(&["--endpoint", &front.url(), "--ca-file", "ca.pem"], &[]).await;
        ended.assert_says(1, &["certificate of 127.0.0.1", words]);
        rig.assert_unasked(&ended);
    }
    let key = KeyPair::generate().unwrap();
    let own = named("127.0.0.1").self_signed(&key).unwrap();
    let front = Front::before(&rig, own.der().clone(), &key).await;
    let ended = rig.cp(&["--endpoint", &front.url()], &[]).await;
    ended.assert_says(1, &["certificate of 127.0.0.1", "it is self-signed"]);
    assert!(ended.last_line().contains("--ca-file CA.pem"), "{}", ended.err);
    rig.assert_unasked(&ended);
}

#[tokio::test]
async fn insecure_takes_any_certificate_and_warns_at_every_run_even_a_quiet_one() {
    let rig = Rig::new().await;
    let front = signed(&rig, &named("elsewhere.example")).await;
    let url = front.url();
    for _ in 0..2 {
        let ended = rig.cp(&["--endpoint", &url, "--insecure-skip-verify", "--quiet"], &[]).await;
        ended.assert_says(0, &["warning", INSECURE]);
        rig.assert_stored(&ended);
    }
    let asked = rig.emulator.ledger().len();
    let variables = [("OSS_INSECURE_SKIP_VERIFY", "1"), ("INSECURE_SKIP_VERIFY", "true")];
    let ended = rig.cp(&["--endpoint", &url], &variables).await;
    ended.assert_says(1, &["certificate of 127.0.0.1"]);
    assert!(!ended.err.contains(INSECURE), "no variable switches it on");
    assert_eq!(rig.emulator.ledger().len(), asked, "the server saw a request");
}

#[tokio::test]
async fn a_server_without_tls_is_not_asked_again_and_http_is_not_tried_by_itself() {
    let rig = Rig::new().await;
    // A bare host is https.
    for endpoint in [rig.url().replace("http://", "https://"), rig.address().to_string()] {
        let ended = rig.cp(&["--endpoint", &endpoint], &[]).await;
        ended.assert_says(1, &["does not speak TLS 1.2 or 1.3", "http://"]);
        rig.assert_unasked(&ended);
    }
}

#[tokio::test]
async fn a_variable_that_names_no_ca_file_is_refused_before_any_connection() {
    let rig = Rig::new().await;
    let front = signed(&rig, &named("127.0.0.1")).await;
    let missing = [("SSL_CERT_FILE", "missing.pem")];
    let ended = rig.cp(&["--endpoint", &front.url()], &missing).await;
    ended.assert_says(2, &["SSL_CERT_FILE", "missing.pem"]);
    rig.assert_unasked(&ended);
    // Plain http asks nobody for a certificate.
    rig.assert_stored(&rig.cp(&["--endpoint", &rig.url()], &missing).await);
}
