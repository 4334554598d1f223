#![doc = include_str!("../README.md")]

mod calls;
mod content_type;
mod directories;
mod dispatch;
mod driver;
mod error;
mod flights;
pub mod machine;
mod memory;
mod opening;
mod part_body;
pub mod plan;
mod prepare;
mod prepare_at_once;
mod request;
mod saver;
mod settled;
mod source;
mod span;

pub use directories::Directories;
pub use driver::upload;
pub use error::{Cause, ErrorKind, UploadError};
pub use machine::{Callback, Completed, Event, Failure, Notice, Parallel, Published, Why};
pub use memory::Memory;
pub use request::{Observer, Progress, UploadObjectRequest};
pub use span::{Span, SpanEnd, SpanKind, SpanObserver};
pub use tokio_util::sync::CancellationToken;
