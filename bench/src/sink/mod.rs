//! A server that costs next to nothing: it throws away what it gets and answers what a client of OSS demands.
//!
//! It computes no MD5, and no CRC-64 either: it is told the file beforehand, so that it knows the CRC-64 of every part,
//! and discards bytes inside the kernel. With `--check` it computes the CRC-64 of what really came, answers with that,
//! and counts what differs: each way of uploading is shown to be right once before it is measured.

mod answer;
mod chunked;
mod exchange;
mod known;
mod ledger;
mod pace;
mod process;

pub(crate) use ledger::micros;
pub(crate) use pace::Far;
pub(crate) use process::{Process, ProcessOptions};

use clap::Args;
use exchange::{Connection, Stream};
use known::Known;
use ledger::Ledger;
use pace::Pace;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// What the sink knows and does.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The file that will be uploaded
    #[arg(long)]
    file: Option<PathBuf>,
    /// Instead of a file: so many zeros
    #[arg(long)]
    zeros: Option<u64>,
    /// Bytes of its parts
    #[arg(long, default_value_t = 8 << 20)]
    part_size: u64,
    /// Compute the CRC-64 of what comes
    #[arg(long)]
    check: bool,
    /// Speak TLS, and write the certificate to this file
    #[arg(long)]
    tls: Option<PathBuf>,
    /// Answer no part after this many, until told to
    #[arg(long)]
    hold_after: Option<u64>,
    /// Count the parts that are not answered among those that are here
    #[arg(long)]
    keep_held: bool,
    #[command(flatten)]
    far: Far,
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    known: Known,
    check: bool,
    ledger: Ledger,
    far: Far,
    pace: Arc<Mutex<Pace>>,
}

/// Listens on a free port of 127.0.0.1, says which on stdout, and serves until it is ended.
pub(crate) fn serve(options: &Options) -> io::Result<()> {
    let known = Known::new(options.file.as_deref(), options.zeros, options.part_size)?;
    let shared = Arc::new(Shared {
        known,
        check: options.check,
        ledger: Ledger::new(options.hold_after, options.keep_held),
        far: options.far,
        pace: Arc::default(),
    });
    let tls = options.tls.as_ref().map(certificate).transpose()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut stdout = io::stdout();
    writeln!(stdout, "{}", listener.local_addr()?.port())?;
    stdout.flush()?;
    loop {
        let socket = listener.accept()?.0;
        socket.set_nodelay(true)?;
        let stream = match &tls {
            None => Stream::Plain(socket),
            Some(config) => {
                let session = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
                Stream::Tls(Box::new(StreamOwned::new(session, socket)))
            }
        };
        let shared = Arc::clone(&shared);
        // A connection that fails is its client's business.
        std::thread::spawn(move || Connection::new(stream, shared).serve());
    }
}

/// A certificate for 127.0.0.1 that is its own root.
fn certificate(path: &PathBuf) -> io::Result<Arc<ServerConfig>> {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["127.0.0.1".to_owned()]).map_err(io::Error::other)?;
    std::fs::write(path, cert.pem())?;
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).map_err(io::Error::other)?;
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .map_err(io::Error::other)?;
    Ok(Arc::new(config))
}
