//! The `oss` binary as its users run it.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it, as the test itself does")]

mod bad_input;
mod bench;
mod credentials;
mod interrupted;
mod issuer;
mod network;
mod objects;
mod reports;
mod secrecy;
mod served;
mod tap;
mod uploads;
mod ways;
