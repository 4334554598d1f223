//! Every way in, by the `oss` command itself: TLS and proxies before an emulator on loopback.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it, as the test itself does")]

mod proxy;
mod rig;
mod trust;
