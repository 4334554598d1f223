#![doc = include_str!("../README.md")]

mod bucket;
mod crc64;
mod date;
mod error;
mod etag;
mod fields;
mod key;
pub mod limits;
mod object_headers;
mod operation;
pub mod ops;
mod part_number;
mod reply;
mod service_error;
mod traffic_limit;
mod upload_id;
pub mod xml;

pub use bucket::Bucket;
pub use crc64::{Crc64, Crc64Combiner, Crc64Hasher};
pub use date::{format_iso8601, parse_iso8601};
pub use error::{ErrorCode, NameError, ReplyError};
pub use etag::ETag;
pub use key::Key;
pub use object_headers::ObjectHeaders;
pub use operation::{Operation, Reply, Request};
pub use part_number::PartNumber;
pub use service_error::ServiceError;
pub use traffic_limit::TrafficLimit;
pub use upload_id::UploadId;
