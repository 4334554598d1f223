use super::{BandwidthLimit, Proxies, TlsOptions};
use crate::Timeouts;

/// What a [`HyperTransport`](crate::HyperTransport) can be told; everything has a default.
///
/// ```
/// use oss_http::{HyperTransport, Timeouts, TransportOptions};
/// use std::time::Duration;
///
/// let timeouts = Timeouts { connect: Duration::from_secs(3), ..Timeouts::default() };
/// let transport = HyperTransport::new(TransportOptions { timeouts, ..TransportOptions::default() })?;
/// # Ok::<(), oss_http::TlsError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct TransportOptions {
    /// How long to wait for a connection, a byte, a reply.
    pub timeouts: Timeouts,
    /// How many bytes a second all connections of the transport may move together.
    pub bandwidth: BandwidthLimit,
    /// Whose certificates are trusted.
    pub tls: TlsOptions,
    /// Through which proxy a server is reached; none when not said.
    pub proxies: Proxies,
}
