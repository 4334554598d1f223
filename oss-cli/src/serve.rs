//! `oss serve`: the embedded server for any client.

use crate::args::Serve;
use crate::connection::variable;
use crate::embedded::{DEMO_ID, DEMO_SECRET, refused};
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use anyhow::Context;
use oss_emulator::{Emulator, Store};
use std::io::{self, Write};
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// The key pair that may sign, and where it came from.
enum Key {
    Given(String, String),
    Environment(String, String),
    Demo,
}

pub(crate) async fn run(args: Serve) -> Result<(), Failure> {
    let key = Key::choose(&args)?;
    let mut interrupts = Interrupts::new().context("Ctrl-C cannot be handled").map_err(Failure::again)?;
    let (id, secret) = key.pair();
    let store = args.dir.clone().map_or(Store::Memory, Store::Disk);
    let mut builder =
        Emulator::builder().region(&args.region).credentials(id, secret).auto_create_buckets(true).store(store);
    if let Some(link) = args.link.link() {
        builder = builder.link(link);
    }
    let emulator = builder.build().map_err(refused)?;
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("--listen: {} cannot be listened on", args.listen))
        .map_err(Failure::usage)?;
    let address = listener.local_addr().context("the socket has no address").map_err(Failure::again)?;

    announce(&args, &key, address).context("stdout is gone").map_err(Failure::again)?;
    emulator.serve(listener, async move { interrupts.next().await }).await;
    Ok(())
}

impl Key {
    fn choose(args: &Serve) -> Result<Self, Failure> {
        let given = args.access_key_id.clone().zip(args.access_key_secret.clone());
        let variables = (variable("OSS_ACCESS_KEY_ID"), variable("OSS_ACCESS_KEY_SECRET"));
        match (given, variables) {
            (Some((id, secret)), _) => Ok(Self::Given(id, secret.0)),
            (None, (Some(id), Some(secret))) => Ok(Self::Environment(id, secret)),
            (None, (None, None)) => Ok(Self::Demo),
            (None, _) => Err(Failure::usage(anyhow::anyhow!(
                "of OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET only one is set: set both, or none for the demo key"
            ))),
        }
    }

    fn pair(&self) -> (&str, &str) {
        match self {
            Self::Given(id, secret) | Self::Environment(id, secret) => (id, secret),
            Self::Demo => (DEMO_ID, DEMO_SECRET),
        }
    }
}

/// The address for programs on stdout; how to use it, for people, on stderr. Only the demo key is printed: it is none.
fn announce(args: &Serve, key: &Key, address: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "listening on http://{address}")?;
    out.flush()?;
    let data = args.dir.as_ref().map_or("in memory, gone with this process".into(), |dir| dir.display().to_string());
    let keys = match key {
        Key::Demo => format!("export OSS_ACCESS_KEY_ID={DEMO_ID} OSS_ACCESS_KEY_SECRET={DEMO_SECRET}"),
        Key::Environment(..) => "# OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET of this environment sign".to_owned(),
        Key::Given(..) => "# export OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET as given here".to_owned(),
    };
    let mut err = io::stderr();
    writeln!(err, "region {}, data {data}, buckets are made when first used, Ctrl-C ends it; to use it:", args.region)?;
    writeln!(err, "  {keys}\n  export OSS_REGION={} OSS_ENDPOINT=http://{address}", args.region)?;
    writeln!(err, "  oss cp FILE oss://demo/")?;
    if !address.ip().is_loopback() {
        writeln!(err, "warning: {} is reachable from other machines, and this is plain HTTP", address.ip())?;
    }
    Ok(())
}
