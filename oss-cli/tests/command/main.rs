//! The `oss` binary as its users run it.

mod bad_input;
mod bench;
mod interrupted;
mod served;
mod uploads;
