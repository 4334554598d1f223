//! One binary: every test of the crate's public face.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it, as the test itself does")]

mod bandwidth;
mod cached;
mod call;
mod endpoint;
#[cfg(feature = "hyper")]
mod exchange;
mod hostile;
mod log;
#[cfg(feature = "hyper")]
mod proxy;
mod server;
mod slow_link;
#[cfg(feature = "hyper")]
mod stall;
#[cfg(feature = "hyper")]
mod tls;
