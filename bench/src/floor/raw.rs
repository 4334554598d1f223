//! Read, CRC-64, write: a thread a connection, over TCP or TLS.

use super::head::Heads;
use super::{PIECE, wrong};
use clap::Args;
use oss_proto::{Crc64, Crc64Hasher};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CipherSuite, ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What to send where.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[arg(long)]
    pub(crate) file: PathBuf,
    #[arg(long)]
    pub(crate) part_size: u64,
    #[arg(long)]
    pub(crate) connections: usize,
    #[arg(long)]
    pub(crate) port: u16,
    /// Speak TLS, and trust this certificate
    #[arg(long)]
    pub(crate) ca: Option<PathBuf>,
    /// Sign every request
    #[arg(long)]
    pub(crate) signed: bool,
}

/// Sends every part once, and compares the CRC-64 of every reply.
pub(crate) fn run(options: &Options) -> io::Result<()> {
    let tls = options.ca.as_ref().map(config).transpose()?;
    let file = File::open(&options.file)?;
    let size = file.metadata()?.len();
    let next = AtomicUsize::new(0);
    let worker = || -> io::Result<()> {
        let socket = TcpStream::connect(("127.0.0.1", options.port))?;
        socket.set_nodelay(true)?;
        let heads = Heads::new(options.signed, options.port);
        let parts = Parts { file: &file, size, part_size: options.part_size, next: &next, heads };
        match &tls {
            None => parts.send(socket),
            Some(config) => {
                let name = ServerName::try_from("127.0.0.1").map_err(io::Error::other)?;
                let mut session = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
                session.set_buffer_limit(Some(PIECE));
                parts.send(StreamOwned::new(session, socket))
            }
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..options.connections).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| wrong("it panicked"))?)
    })
}

fn config(ca: &PathBuf) -> io::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(ca).map_err(io::Error::other)?;
    roots.add(certificate).map_err(io::Error::other)?;
    let mut provider = aws_lc_rs::default_provider();
    // The cheapest suite, as the command asks for: the floor must not be dearer by a choice.
    provider.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

struct Parts<'a> {
    file: &'a File,
    size: u64,
    part_size: u64,
    next: &'a AtomicUsize,
    heads: Heads,
}

impl Parts<'_> {
    fn send(&self, mut stream: impl Read + Write) -> io::Result<()> {
        let mut buffer = vec![0; PIECE];
        loop {
            let index = self.next.fetch_add(1, Relaxed);
            let offset = index as u64 * self.part_size;
            if offset >= self.size {
                return Ok(());
            }
            let len = self.part_size.min(self.size - offset);
            let sent = self.send_one(&mut stream, &mut buffer, index + 1, offset, len)?;
            if read_reply(&mut stream, &mut buffer)? != sent {
                return Err(wrong("the server has another CRC-64"));
            }
        }
    }

    fn send_one(
        &self,
        stream: &mut (impl Read + Write),
        buffer: &mut [u8],
        number: usize,
        offset: u64,
        len: u64,
    ) -> io::Result<Crc64> {
        let (target, headers) = self.heads.part(number, usize::try_from(len).map_err(io::Error::other)?);
        let mut head = format!("PUT {target} HTTP/1.1\r\n").into_bytes();
        for (name, value) in &headers {
            head.extend_from_slice(name.as_str().as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        let (mut hasher, mut done) = (Crc64Hasher::new(), 0);
        while done < len {
            let piece = usize::try_from(len - done).map_or(PIECE, |left| left.min(PIECE));
            let piece = &mut buffer[..piece];
            self.file.read_exact_at(piece, offset + done)?;
            hasher.update(piece);
            done += piece.len() as u64;
            write_both(stream, &head, piece)?;
            head.clear();
        }
        stream.flush()?;
        Ok(hasher.finish())
    }
}

/// Head and first piece in one system call, as far as the socket takes them.
fn write_both(stream: &mut impl Write, head: &[u8], piece: &[u8]) -> io::Result<()> {
    if head.is_empty() {
        return stream.write_all(piece);
    }
    let written = stream.write_vectored(&[IoSlice::new(head), IoSlice::new(piece)])?;
    if let Some(rest) = head.get(written..) {
        stream.write_all(rest)?;
    }
    stream.write_all(&piece[written.saturating_sub(head.len())..])
}

/// The CRC-64 of a reply without a body.
fn read_reply(stream: &mut impl Read, buffer: &mut [u8]) -> io::Result<Crc64> {
    let mut filled = 0;
    while !buffer[..filled].ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer[filled..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => filled += read,
        }
    }
    let head = std::str::from_utf8(&buffer[..filled]).map_err(io::Error::other)?;
    let crc64 = head.lines().find_map(|line| line.strip_prefix("x-oss-hash-crc64ecma:"));
    crc64.and_then(Crc64::parse).ok_or_else(|| wrong("no CRC-64 in the reply"))
}
