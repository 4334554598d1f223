//! `oss cp`.

use super::{Connection, Object, Report};
use crate::quantity;
use crate::target::Target;
use oss_client::Parallel;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct Cp {
    /// The regular file to upload
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Where to: oss://BUCKET/KEY, taken literally; a KEY that is empty or ends in / takes the file's name
    #[arg(value_name = "oss://BUCKET/KEY")]
    pub(crate) target: Target,
    /// Bytes of a part, 100KiB to 5GiB; K, M and G are binary [default: 8MiB]
    #[arg(long, value_name = "SIZE", value_parser = quantity::part_size)]
    pub(crate) part_size: Option<u64>,
    /// Parts in flight at once, 1 to 1024, or auto: as many as make it faster, found by measuring
    #[arg(long, value_name = "N|auto", default_value = "3", value_parser = quantity::parallel)]
    pub(crate) parallel: Parallel,
    /// The most bytes that its buffers take, 8MiB or more [default: 14MiB, and 0.5MiB for each of --parallel over 8]
    #[arg(long, value_name = "SIZE", value_parser = quantity::memory)]
    pub(crate) max_memory: Option<u64>,
    /// Where the checkpoint is kept [default: beside the file]
    #[arg(long, value_name = "DIR")]
    pub(crate) checkpoint_dir: Option<PathBuf>,
    /// One JSON object a line on stdout: started, resumed, part, retry, notice, completed, failed
    #[arg(long)]
    pub(crate) json: bool,
    /// No progress on stderr
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Gives up an earlier attempt (aborts its upload) and starts afresh
    #[arg(long)]
    pub(crate) restart: bool,
    /// Waits for another process that uploads the same file to the same place
    #[arg(long)]
    pub(crate) wait: bool,
    /// Fails when no checkpoint can be written
    #[arg(long)]
    pub(crate) require_checkpoint: bool,
    /// Reads the file once more before it is published
    #[arg(long)]
    pub(crate) verify_source: bool,
    /// Accepts parts for which the server gives no checksum
    #[arg(long)]
    pub(crate) allow_unproven: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(flatten)]
    pub(crate) object: Object,
    #[command(flatten)]
    pub(crate) report: Report,
}
