//! `--debug`: what the libraries tell of their work, on stderr.

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// From here on. Without it nothing is formatted and nothing written. Only our own crates are heard: what others tell is
/// not ours to promise anything about.
pub(crate) fn to_stderr() {
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let ours = Targets::new().with_target("oss_", Level::DEBUG);
    tracing_subscriber::registry().with(lines).with(ours).init();
}

pub(crate) fn is_on() -> bool {
    tracing::enabled!(target: "oss_cli", Level::DEBUG)
}
