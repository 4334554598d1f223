//! `oss presign`: a URL for somebody without keys.

use crate::args::Presign;
use crate::failure::Failure;
use std::io::{self, Write};

pub(crate) async fn run(args: Presign) -> Result<(), Failure> {
    if args.connection.embedded_dir().is_some() {
        return Err(Failure::usage(anyhow::anyhow!(
            "endpoint: an embedded server ends with its command, so a URL of it would work for nobody; run `oss serve` and give its address as --endpoint"
        )));
    }
    let key = args.target.key().map_err(Failure::usage)?;
    let connected = args.connection.connect().await?;
    let url = connected.client.presign(args.method.into(), &args.target.bucket, &key, args.expires).await;
    let url = url.map_err(Failure::of_call)?;
    writeln!(io::stdout(), "{url}").map_err(|error| Failure::again(anyhow::Error::new(error).context("stdout is gone")))
}
