//! The vocabulary of Alibaba Cloud OSS and its operations, without any input or output.
//!
//! Every operation is a file: what it asks ([`Operation::request`]) and what its reply means ([`Operation::parse`]).
//! Names ([`Bucket`], [`Key`], [`UploadId`], [`PartNumber`], [`ETag`], [`Crc64`]) are types that cannot hold a wrong value.

mod bucket;
mod crc64;
mod error;
mod etag;
mod key;
mod object_headers;
pub mod ops;
mod operation;
mod part_number;
mod upload_id;
pub mod limits;
pub mod xml;

pub use bucket::Bucket;
pub use crc64::{Crc64, Crc64Hasher};
pub use error::{ErrorCode, NameError, ReplyError, ServiceError};
pub use etag::ETag;
pub use key::Key;
pub use object_headers::ObjectHeaders;
pub use operation::{Operation, Reply, Request};
pub use part_number::PartNumber;
pub use upload_id::UploadId;
