//! How the network is used.

use crate::quantity;
use oss_client::{BandwidthLimit, Timeouts};
use std::num::NonZeroU64;
use std::time::Duration;

const HEADING: &str = "Network";

/// What is waited for and for how long; there is no limit on a whole transfer.
#[derive(Debug, clap::Args)]
pub(crate) struct NetworkLimits {
    /// How long name lookup, TCP, a proxy's answer and TLS may take together
    #[arg(long, help_heading = HEADING, value_name = "DURATION", default_value = "10s", value_parser = quantity::timeout)]
    pub(crate) connect_timeout: Duration,
    /// How long no byte may leave or arrive while there is something to send or a reply to read
    #[arg(long, help_heading = HEADING, value_name = "DURATION", default_value = "30s", value_parser = quantity::timeout)]
    pub(crate) no_progress_timeout: Duration,
    /// How long a reply may take once the last byte of the request has left
    #[arg(long, help_heading = HEADING, value_name = "DURATION", default_value = "60s", value_parser = quantity::timeout)]
    pub(crate) response_timeout: Duration,
    /// The same for the call that puts the parts together
    #[arg(long, help_heading = HEADING, value_name = "DURATION", default_value = "10m", value_parser = quantity::timeout)]
    pub(crate) complete_timeout: Duration,
    /// How long to go on trying without any progress; waiting for a reply that comes does not count
    #[arg(long, help_heading = HEADING, value_name = "DURATION", default_value = "5m", value_parser = quantity::timeout)]
    pub(crate) retry_budget: Duration,
    /// Bytes a second over all connections, 1KiB or more; K, M and G are binary [default: no limit]
    #[arg(long, help_heading = HEADING, value_name = "SIZE", value_parser = quantity::bandwidth)]
    pub(crate) bandwidth_limit: Option<NonZeroU64>,
}

impl NetworkLimits {
    pub(crate) fn bandwidth(&self) -> BandwidthLimit {
        BandwidthLimit::new(self.bandwidth_limit)
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        Timeouts {
            connect: self.connect_timeout,
            no_progress: self.no_progress_timeout,
            response: self.response_timeout,
            complete_response: self.complete_timeout,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        limits: NetworkLimits,
    }

    #[test]
    fn what_is_not_said_is_the_librarys_default() {
        assert_eq!(Line::parse_from(["oss"]).limits.timeouts(), Timeouts::default());
    }

    #[test]
    fn a_bandwidth_is_bytes_a_second_and_no_limit_when_not_said() {
        assert_eq!(Line::parse_from(["oss"]).limits.bandwidth().bytes_per_second(), None);
        let limited = Line::parse_from(["oss", "--bandwidth-limit", "5MiB"]);
        assert_eq!(limited.limits.bandwidth().bytes_per_second(), NonZeroU64::new(5 << 20));
    }

    #[test]
    fn each_timeout_is_its_own() {
        let line = "oss --connect-timeout 1s --no-progress-timeout 200ms --response-timeout 3m --complete-timeout 4h";
        let expected = Timeouts {
            connect: Duration::from_secs(1),
            no_progress: Duration::from_millis(200),
            response: Duration::from_secs(180),
            complete_response: Duration::from_secs(14_400),
        };
        assert_eq!(Line::parse_from(line.split(' ')).limits.timeouts(), expected);
    }
}
