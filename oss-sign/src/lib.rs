#![doc = include_str!("../README.md")]

mod canonical;
mod credentials;
mod percent;
mod rpc;
mod signer;
mod timestamp;
mod v1;
mod v4;
pub mod verify;

pub use credentials::Credentials;
pub use percent::{encode_path, encode_query};
pub use rpc::sign_rpc;
pub use signer::{PresignError, Resource, Signer};
