//! The emulator on a port of its own, which may go down and come back.

use bytes::Bytes;
use http_body_util::Full;
use oss_emulator::{Emulator, Store};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) const BUCKET: &str = "chaos";
pub(crate) const KEY: &str = "some folder/object+1";
pub(crate) const REGION: &str = "cn-hangzhou";
/// Of the run itself.
pub(crate) const ID: &str = "chaos-id";
/// Of the second process beside it: the ledger tells the two apart.
pub(crate) const RIVAL: &str = "rival-id";
pub(crate) const SECRET: &str = "chaos-secret";

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) emulator: Emulator,
    addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// In memory, or on disk under the folder; its clock is so many seconds ahead of this machine's.
    pub(crate) async fn start(folder: Option<PathBuf>, ahead: i64) -> Result<Self, String> {
        let store = folder.map_or(Store::Memory, Store::Disk);
        let builder = Emulator::builder().region(REGION).credentials(ID, SECRET).credentials(RIVAL, SECRET);
        // Whoever else writes to the bucket does not sign.
        let builder = builder.bucket(BUCKET).store(store).clock_offset(ahead).anonymous(true);
        let emulator = builder.build().map_err(|error| format!("the emulator cannot start: {error}"))?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| error.to_string())?;
        let addr = listener.local_addr().map_err(|error| error.to_string())?;
        Ok(Self { task: serve(&emulator, listener), emulator, addr })
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Cuts every connection, refuses new ones for a while, and comes back with everything it had acknowledged.
    pub(crate) async fn outage(&mut self, length: Duration) -> io::Result<()> {
        self.task.abort();
        // Cancelled, as asked: only that it has ended matters, for the port.
        let _ = (&mut self.task).await;
        tokio::time::sleep(length).await;
        self.task = serve(&self.emulator, TcpListener::bind(self.addr).await?);
        Ok(())
    }

    /// Somebody else stores an object under the key, unless one is there; whether it is theirs now.
    pub(crate) async fn intrude(&self, content: Vec<u8>) -> bool {
        let put = http::Request::put(format!("/{BUCKET}/{}", KEY.replace(' ', "%20").replace('+', "%2B")))
            .header("host", "127.0.0.1")
            .header("content-length", content.len())
            .header("x-oss-forbid-overwrite", "true")
            .body(Full::new(Bytes::from(content)));
        let Ok(put) = put else { return false };
        self.emulator.handle(put).await.is_ok_and(|reply| reply.status().is_success())
    }

    /// Waits until no request is under way.
    pub(crate) async fn quiet(&self) {
        self.emulator.wait_for(|entries| entries.iter().all(|entry| entry.finished)).await;
    }

    /// The number of the last request so far.
    pub(crate) fn mark(&self) -> u64 {
        self.emulator.ledger().last().map_or(0, |entry| entry.sequence)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn serve(emulator: &Emulator, listener: TcpListener) -> JoinHandle<()> {
    tokio::spawn(emulator.clone().serve(listener, std::future::pending()))
}
