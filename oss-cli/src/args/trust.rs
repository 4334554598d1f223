//! Whose certificates are trusted.

use std::path::PathBuf;

const HEADING: &str = "TLS";

/// What is trusted beside the system's and the bundled roots.
#[derive(Debug, clap::Args)]
pub(crate) struct Trust {
    /// PEM certificates to trust beside the system's and the bundled ones [default: SSL_CERT_FILE]
    #[arg(long, help_heading = HEADING, value_name = "PEM")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Takes any certificate: whoever is in the way can read and change what is sent. For tests only
    #[arg(long, help_heading = HEADING)]
    pub(crate) insecure_skip_verify: bool,
}
