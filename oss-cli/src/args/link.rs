//! A slower way to `oss serve` than loopback, to see what an upload does on one.

use crate::quantity;
use oss_emulator::Link;
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub(crate) struct LinkArgs {
    /// Bytes a second that each connection carries, as over a far link
    #[arg(long, value_name = "SIZE", value_parser = quantity::rate)]
    pub(crate) connection_bandwidth: Option<u64>,
    /// Bytes a second that all connections carry together
    #[arg(long, value_name = "SIZE", value_parser = quantity::rate)]
    pub(crate) bandwidth: Option<u64>,
    /// Milliseconds that a round trip takes
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=10_000))]
    pub(crate) latency: u16,
}

impl LinkArgs {
    /// `None` where nothing is to be slower.
    pub(crate) fn link(&self) -> Option<Link> {
        let link = Link {
            connection_bandwidth: self.connection_bandwidth,
            bandwidth: self.bandwidth,
            round_trip: Duration::from_millis(self.latency.into()),
        };
        (link != Link::default()).then_some(link)
    }
}
