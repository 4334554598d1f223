//! What an upload tells of itself when it has ended.

use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct Report {
    /// A table at the end: CPU, memory, connections, retries, and what was waited for; with --json also in its last line
    #[arg(long)]
    pub(crate) stats: bool,
    /// Writes what happened when, for Perfetto or chrome://tracing; also when the upload fails
    #[arg(long, value_name = "FILE.json")]
    pub(crate) trace: Option<PathBuf>,
    /// Draws what happened when; also when the upload fails
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) timeline: Option<PathBuf>,
}
