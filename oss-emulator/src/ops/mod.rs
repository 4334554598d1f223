//! One file per operation, or per family that shares its rules.

mod abort_multipart_upload;
mod bucket;
mod bucket_versioning;
mod complete_multipart_upload;
mod conditions;
mod delete_object;
mod get_object;
mod initiate_multipart_upload;
mod list_buckets;
mod list_multipart_uploads;
mod list_object_versions;
mod list_objects;
mod list_parts;
mod listing;
mod object_acl;
mod put_object;
mod range;
mod request_headers;
mod stored_headers;
mod tagging;
mod upload_part;

use crate::Operation;
use crate::call::Call;
use crate::emulator::Shared;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::store::Received;
use oss_proto::{Bucket, Key};

/// Does the work. Beside the reply: the id of an upload that was opened.
pub(crate) fn apply(shared: &Shared, call: &Call, received: Received) -> Result<(Reply, Option<String>), Refusal> {
    check_names(shared, call)?;
    request_headers::check(call)?;
    if call.operation == Operation::InitiateMultipartUpload {
        return initiate_multipart_upload::initiate(shared, call).map(|(reply, id)| (reply, Some(id)));
    }
    let reply = match call.operation {
        Operation::ListBuckets => list_buckets::list(shared, call),
        Operation::PutBucket => bucket::put(shared, call),
        Operation::DeleteBucket => shared.shelf.delete_bucket(call.bucket()).map(|()| no_content()),
        Operation::GetBucketInfo => bucket::info(shared, call),
        Operation::GetBucketLocation => bucket::location(shared, call),
        Operation::GetBucketAcl => bucket::acl(shared, call),
        Operation::PutBucketVersioning => bucket_versioning::put(shared, call, received),
        Operation::GetBucketVersioning => bucket_versioning::get(shared, call),
        Operation::ListObjects => list_objects::version_one(shared, call),
        Operation::ListObjectsV2 => list_objects::version_two(shared, call),
        Operation::ListObjectVersions => list_object_versions::list(shared, call),
        Operation::ListMultipartUploads => list_multipart_uploads::list(shared, call),
        Operation::PutObject => put_object::put(shared, call, received),
        Operation::GetObject | Operation::HeadObject => get_object::get(shared, call),
        Operation::GetObjectMeta => get_object::meta(shared, call),
        Operation::DeleteObject => delete_object::delete(shared, call),
        Operation::PutObjectAcl => object_acl::put(shared, call),
        Operation::GetObjectAcl => object_acl::get(shared, call),
        Operation::PutObjectTagging => tagging::put(shared, call, received),
        Operation::GetObjectTagging => tagging::get(shared, call),
        Operation::DeleteObjectTagging => tagging::delete(shared, call),
        Operation::UploadPart => upload_part::upload(shared, call, received),
        Operation::ListParts => list_parts::list(shared, call),
        Operation::CompleteMultipartUpload => complete_multipart_upload::complete(shared, call, received),
        Operation::AbortMultipartUpload => abort_multipart_upload::abort(shared, call),
        Operation::InitiateMultipartUpload | Operation::Other => Err(Refusal::not_implemented(None)),
    };
    reply.map(|reply| (reply, None))
}

/// Names must be good, and the bucket there, unless it is to be made.
fn check_names(shared: &Shared, call: &Call) -> Result<(), Refusal> {
    let Some(name) = &call.bucket else { return Ok(()) };
    Bucket::new(name).map_err(|_| {
        Refusal::new(400, "InvalidBucketName", "The specified bucket is not valid.").with("BucketName", name)
    })?;
    if let Some(key) = &call.key {
        Key::new(key).map_err(|_| {
            Refusal::new(400, "InvalidObjectName", "The specified object is not valid.").with("ObjectName", key)
        })?;
    }
    if shared.auto_create_buckets && call.operation != Operation::DeleteBucket {
        return shared.shelf.create_bucket(name, shared.clock.seconds());
    }
    match call.operation {
        Operation::PutBucket => Ok(()),
        _ => shared.shelf.read(name, |_| Ok(())),
    }
}

fn no_content() -> Reply {
    Reply::new(http::StatusCode::NO_CONTENT)
}
