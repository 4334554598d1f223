//! `--debug`: what the libraries tell of their work, on stderr.

use tracing::Level;

/// From here on. Without it nothing is formatted and nothing written.
pub(crate) fn to_stderr() {
    tracing_subscriber::fmt().with_max_level(Level::DEBUG).with_writer(std::io::stderr).with_ansi(false).init();
}

pub(crate) fn is_on() -> bool {
    tracing::enabled!(Level::DEBUG)
}
