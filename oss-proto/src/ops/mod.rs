//! One file per operation of the OSS API, named as there.
//!
//! Each operation is a struct of owned values with public fields: fill them in, send what
//! [`Operation::request`](crate::Operation::request) asks for, and give the reply to
//! [`Operation::parse`](crate::Operation::parse). The same rules hold for all of them:
//!
//! - Every status but the documented success is a [`ServiceError`](crate::ServiceError), and so is an `<Error>` body
//!   inside a success and the 203 of a failed callback.
//! - A success that is not what OSS sends (a field missing or double, another bucket's or key's answer, a proxy's
//!   page, XML that ends early) is [`ReplyError::Malformed`](crate::ReplyError::Malformed) and names the field.
//! - Listings ask for `encoding-type=url`, because XML cannot carry every key, and decode exactly when the reply says
//!   it is encoded. A page that claims more must also say where they start, and that place must be further on.

mod abort_multipart_upload;
mod complete_multipart_upload;
mod delete_object;
mod get_object;
mod head_object;
mod initiate_multipart_upload;
mod list_multipart_uploads;
mod list_objects_v2;
mod list_parts;
mod put_object;
mod upload_part;

pub use abort_multipart_upload::AbortMultipartUpload;
pub use complete_multipart_upload::{CompleteMultipartUpload, CompleteMultipartUploadOutput};
pub use delete_object::{DeleteObject, DeleteObjectOutput};
pub use get_object::GetObject;
pub use head_object::{HeadObject, ObjectHead};
pub use initiate_multipart_upload::{InitiateMultipartUpload, InitiateMultipartUploadOutput};
pub use list_multipart_uploads::{ListMultipartUploads, ListMultipartUploadsOutput, ListedUpload};
pub use list_objects_v2::{ListObjectsV2, ListObjectsV2Output, ObjectSummary};
pub use list_parts::{ListParts, ListPartsOutput, ListedPart};
pub use put_object::{PutObject, PutObjectOutput};
pub use upload_part::{UploadPart, UploadPartOutput};
