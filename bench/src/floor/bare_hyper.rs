//! Signed PUTs over hyper, a connection each task: no retry, no lock, no checkpoint, no proof but the reply's CRC-64.

use super::head::Heads;
use super::wrong;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use clap::Args;
use http::{HeaderMap, Request, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use md5::{Digest as _, Md5};
use oss_proto::Crc64;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tokio::net::TcpStream;

/// What to send where.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// A folder whose files are objects, or a file whose parts are sent
    #[arg(long)]
    source: PathBuf,
    /// Bytes of a part, when it is a file
    #[arg(long, default_value_t = 100 * 1024)]
    part_size: usize,
    #[arg(long)]
    connections: usize,
    #[arg(long)]
    port: u16,
}

enum Work {
    Files(Vec<PathBuf>),
    Parts { file: File, count: usize, part_size: usize },
}

/// Sends everything once.
pub(crate) fn run(options: &Options) -> io::Result<()> {
    let work = Arc::new(if options.source.is_dir() {
        Work::Files(crate::files::listed(&options.source)?)
    } else {
        let file = File::open(&options.source)?;
        let size = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        Work::Parts { file, count: size.div_ceil(options.part_size), part_size: options.part_size }
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let next = Arc::new(AtomicUsize::new(0));
    runtime.block_on(async {
        let tasks: Vec<_> = (0..options.connections)
            .map(|_| tokio::spawn(send_all(Arc::clone(&work), Arc::clone(&next), options.port)))
            .collect();
        for task in tasks {
            task.await.map_err(io::Error::other)??;
        }
        Ok(())
    })
}

async fn send_all(work: Arc<Work>, next: Arc<AtomicUsize>, port: u16) -> io::Result<()> {
    let socket = TcpStream::connect(("127.0.0.1", port)).await?;
    socket.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    let heads = Heads::new(true, port);
    while let Some((target, headers, bytes)) = work.make(next.fetch_add(1, Relaxed), &heads)? {
        let crc64 = Crc64::of(&bytes);
        send(&mut sender, &target, headers, bytes, crc64).await?;
    }
    Ok(())
}

async fn send(
    sender: &mut SendRequest<Full<Bytes>>,
    target: &str,
    headers: HeaderMap,
    bytes: Vec<u8>,
    crc64: Crc64,
) -> io::Result<()> {
    let mut request = Request::put(target.parse::<Uri>().map_err(io::Error::other)?)
        .body(Full::new(Bytes::from(bytes)))
        .map_err(io::Error::other)?;
    *request.headers_mut() = headers;
    sender.ready().await.map_err(io::Error::other)?;
    let reply = sender.send_request(request).await.map_err(io::Error::other)?;
    let theirs = reply.headers().get("x-oss-hash-crc64ecma").and_then(|value| Crc64::parse(value.to_str().ok()?));
    reply.into_body().collect().await.map_err(io::Error::other)?;
    if theirs == Some(crc64) { Ok(()) } else { Err(wrong("the server has another CRC-64")) }
}

impl Work {
    /// The request with this index: where to, its head, its bytes.
    fn make(&self, index: usize, heads: &Heads) -> io::Result<Option<(String, HeaderMap, Vec<u8>)>> {
        match self {
            Self::Files(paths) => {
                let Some(path) = paths.get(index) else { return Ok(None) };
                let bytes = std::fs::read(path)?;
                let md5 = STANDARD.encode(Md5::digest(&bytes));
                let (target, headers) = heads.object(name(path), bytes.len(), &md5);
                Ok(Some((target, headers, bytes)))
            }
            Self::Parts { file, count, part_size } => {
                if index >= *count {
                    return Ok(None);
                }
                let mut bytes = vec![0; *part_size];
                let mut len = 0;
                while len < bytes.len() {
                    match file.read_at(&mut bytes[len..], (index * part_size + len) as u64)? {
                        0 => break,
                        read => len += read,
                    }
                }
                bytes.truncate(len);
                let (target, headers) = heads.part(index + 1, len);
                Ok(Some((target, headers, bytes)))
            }
        }
    }
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or("file")
}
