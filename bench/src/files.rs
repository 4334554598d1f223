//! Many small files through one client of the library.

use clap::Args;
use oss_client::{Client, Credentials, UploadObjectRequest};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What to send where.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The folder
    #[arg(long)]
    source: PathBuf,
    #[arg(long)]
    connections: usize,
    #[arg(long)]
    endpoint: String,
}

/// Uploads every file of the folder, so many at once.
pub(crate) fn run(options: &Options) -> io::Result<()> {
    let client = Client::builder()
        .endpoint(&options.endpoint)
        .region("cn-hangzhou")
        .credentials(Credentials::new("bench", "bench-secret"))
        .build()
        .map_err(io::Error::other)?;
    let paths = Arc::new(listed(&options.source)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let next = Arc::new(AtomicUsize::new(0));
    runtime.block_on(async {
        let tasks: Vec<_> = (0..options.connections)
            .map(|_| tokio::spawn(upload_all(client.clone(), Arc::clone(&paths), Arc::clone(&next))))
            .collect();
        for task in tasks {
            task.await.map_err(io::Error::other)??;
        }
        Ok(())
    })
}

async fn upload_all(client: Client, paths: Arc<Vec<PathBuf>>, next: Arc<AtomicUsize>) -> io::Result<()> {
    while let Some(path) = paths.get(next.fetch_add(1, Relaxed)) {
        let key = path.file_name().and_then(|name| name.to_str()).unwrap_or("file");
        let request = UploadObjectRequest::new("bench", key, path);
        client.resumable_upload_object(request).await.map_err(io::Error::other)?;
    }
    Ok(())
}

/// The folder's files, in order.
pub(crate) fn listed(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    paths.sort();
    Ok(paths)
}
