#![doc = include_str!("../README.md")]

mod addressing;
mod authenticate;
mod builder;
mod call;
mod callback;
mod clock;
mod emulator;
mod faults;
mod inspect;
mod ledger;
mod link;
mod operation;
mod ops;
mod receive;
mod refusal;
mod reply;
mod server;
mod store;

pub use builder::{BuildError, Builder};
pub use callback::CallbackRequest;
pub use emulator::{Dropped, Emulator};
pub use faults::{Fault, FaultScript, Gate, Hook, Rule, Until};
pub use inspect::{StoredObject, StoredUpload};
pub use ledger::LedgerEntry;
pub use link::Link;
pub use operation::Operation;
pub use reply::{ReplyBody, ReplyCut};
pub use server::Serving;
pub use store::{Store, StoreError, Versioning};
