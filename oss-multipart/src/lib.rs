//! Resumable, verified multipart upload to Alibaba Cloud OSS.
//!
//! - [`machine`]: the transfer as a pure state machine: no clock, disk, socket or randomness of its own. All decisions
//!   (what to send, what to prove, when to save, when to try again, when to publish) are here.
//! - [`plan`]: how a file is cut.
//! - [`upload`]: the driver that executes the machine's actions with `oss-http` and `oss-checkpoint`.
//!
//! **Guarantee**: [`upload`] returns `Ok` only for an object that is byte for byte the file, proven by CRC-64 before it
//! was published. Anything else is finished by the same call again, and only what the server cannot prove it has is sent.
//!
//! **Limits**: regular files up to 48.8 TiB; a change to the file must show in its mtime or ctime, else see
//! [`UploadObjectRequest::verify_source`].
//!
//! ```no_run
//! # async fn example(caller: oss_http::Caller) -> Result<(), oss_multipart::UploadError> {
//! use oss_multipart::{UploadObjectRequest, upload};
//!
//! let request = UploadObjectRequest::new("bucket", "big.iso", "/data/big.iso").parallel(3);
//! let done = upload(&caller, "cn-hangzhou", request).await?;
//! println!("verified crc64={}", done.crc64);
//! # Ok(()) }
//! ```

mod calls;
mod content_type;
mod driver;
mod error;
mod flights;
pub mod machine;
mod memory;
pub mod plan;
mod prepare;
mod request;
mod saver;
mod settled;
mod source;
mod span;

pub use driver::upload;
pub use error::{Cause, ErrorKind, UploadError};
pub use machine::{Callback, Completed, Event, Failure, Notice, Parallel, Published, Why};
pub use memory::Memory;
pub use request::{Observer, Progress, UploadObjectRequest};
pub use span::{Span, SpanEnd, SpanKind, SpanObserver};
pub use tokio_util::sync::CancellationToken;
