//! An Alibaba Cloud OSS server to test and try clients against: in process or on a socket, in memory or on disk.
//!
//! # Model
//! An [`Emulator`] holds buckets, objects and multipart uploads. A request comes in by [`Emulator::handle`] (any
//! `http::Request`) or over TCP ([`Emulator::serve`], [`Emulator::spawn`]), is signature-checked like at OSS (V1 and V4,
//! header and presigned, security tokens), and answered by OSS's own rules: its status codes, error codes, XML, ETags, CRC-64
//! headers, pagination and oddities.
//!
//! A [`FaultScript`] says what goes wrong: "the second UploadPart of part 3 is stored, and its reply is lost". The ledger
//! ([`Emulator::ledger`]) says what was asked, and [`Emulator::object`], [`Emulator::uploads`] what is stored. A [`Link`]
//! makes the way over sockets slower: bandwidth of a connection and of all, latency.
//!
//! # Guarantee
//! Nothing is ever visible in part. With [`Store::Disk`] that holds for every moment the process may be killed at: parts,
//! objects and uploads are synced and renamed into place before they are acknowledged, a part is never written in place, and
//! CompleteMultipartUpload is one rename of a list of parts, which are not copied. A body never sits in memory whole.
//!
//! # Limits
//! One region and one owner: ACLs are stored and told, not enforced. No copies, policies, lifecycle, append or
//! image processing: what is missing is refused with `NotImplemented` rather than taken for something else.
//! Callbacks are posted to loopback addresses only ([`Builder::callbacks`] answers them in process). Every operation on
//! metadata takes one lock: this is a server for tests and demos.
//!
//! # Example
//! ```
//! use bytes::Bytes;
//! use http_body_util::{BodyExt as _, Full};
//! use oss_emulator::{Emulator, Fault, FaultScript, Operation, Rule};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let emulator = Emulator::builder()
//!     .anonymous(true)
//!     .bucket("media")
//!     .faults(FaultScript::new().fault(Rule::on(Operation::PutObject), Fault::Status(503, "SlowDown".to_owned())))
//!     .build()?;
//! let put = || {
//!     http::Request::put("http://media.localhost/hello.txt").header("content-length", "5").body(Full::new(Bytes::from("hello")))
//! };
//! assert_eq!(emulator.handle(put()?).await?.status(), 503);
//! assert_eq!(emulator.handle(put()?).await?.status(), 200);
//!
//! let get = http::Request::get("http://media.localhost/hello.txt").body(Full::<Bytes>::default())?;
//! let body = emulator.handle(get).await?.into_body().collect().await?.to_bytes();
//! assert_eq!(body, "hello");
//! assert_eq!(emulator.ledger().iter().filter(|entry| entry.applied).count(), 2);
//! # Ok(())
//! # }
//! ```

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
