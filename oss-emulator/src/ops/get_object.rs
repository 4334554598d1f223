//! GetObject, HeadObject and GetObjectMeta.

use super::{conditions, range, tagging};
use crate::Operation;
use crate::call::Call;
use crate::clock::http_date;
use crate::emulator::Shared;
use crate::refusal::Refusal;
use crate::reply::{Reply, ReplyBody};
use crate::store::Object;
use http::StatusCode;
use std::sync::Arc;

/// Query names that replace a header of the reply.
const OVERRIDES: &[(&str, &str)] = &[
    ("response-content-type", "content-type"),
    ("response-content-language", "content-language"),
    ("response-expires", "expires"),
    ("response-cache-control", "cache-control"),
    ("response-content-disposition", "content-disposition"),
    ("response-content-encoding", "content-encoding"),
];

/// The object, or the part of it that `Range` names; of HEAD the body is left out later.
pub(super) fn get(shared: &Shared, call: &Call) -> Result<Reply, Refusal> {
    let (object, version_id) = find(shared, call)?;
    conditions::check(call, &object.record)?;
    if call.operation == Operation::GetObject && object.record.is_archived() {
        return Err(Refusal::new(403, "InvalidObjectState", "The operation is not valid for the object's state."));
    }
    let reply = overridden(call, describe(call, &object))?.maybe("x-oss-version-id", version_id);
    let size = object.record.size;
    match range::requested(call, size)? {
        Some((from, to)) => {
            let mut part = reply.with("content-range", &format!("bytes {from}-{to}/{size}"));
            part.status = StatusCode::PARTIAL_CONTENT;
            Ok(part.with_body(ReplyBody::stored(&object.blobs, from, to - from + 1)))
        }
        None => Ok(reply.with_body(ReplyBody::stored(&object.blobs, 0, size))),
    }
}

/// Only what is cheap: ETag, length, date, CRC-64.
pub(super) fn meta(shared: &Shared, call: &Call) -> Result<Reply, Refusal> {
    let (object, version_id) = find(shared, call)?;
    let record = &object.record;
    Ok(Reply::ok()
        .maybe("etag", call.etag(&record.etag))
        .maybe("x-oss-hash-crc64ecma", call.crc64(record.crc64))
        .maybe("x-oss-version-id", version_id)
        .with("last-modified", &http_date(record.modified))
        .with("content-length", &record.size.to_string()))
}

/// The object, and its version as a reply names it.
fn find(shared: &Shared, call: &Call) -> Result<(Arc<Object>, Option<String>), Refusal> {
    shared.shelf.read(call.bucket(), |bucket| {
        let object = bucket.find(call.key(), call.parameter("versionId"))?;
        let version_id = bucket.version_id(&object.record);
        Ok((object, version_id))
    })
}

fn describe(call: &Call, object: &Object) -> Reply {
    let record = &object.record;
    let reply = Reply::ok()
        .maybe("etag", call.etag(&record.etag))
        .maybe("x-oss-hash-crc64ecma", call.crc64(record.crc64))
        .maybe("content-md5", record.content_md5.clone())
        .with("last-modified", &http_date(record.modified))
        .with("accept-ranges", "bytes")
        .with("x-oss-object-type", record.object_type())
        .with("x-oss-storage-class", record.storage_class());
    let reply = record.shown_headers().fold(reply, |reply, (name, value)| reply.with(name, value));
    match record.headers.get("x-oss-tagging") {
        Some(tags) => reply.with("x-oss-tagging-count", &tagging::pairs(tags).len().to_string()),
        None => reply,
    }
}

fn overridden(call: &Call, mut reply: Reply) -> Result<Reply, Refusal> {
    for (parameter, header) in OVERRIDES {
        if let Some(value) = call.parameter(parameter) {
            if !call.signed {
                let message = "Request specific response headers cannot be used for anonymous GET requests.";
                return Err(Refusal::new(400, "InvalidRequest", message));
            }
            reply = reply.with(header, value);
        }
    }
    Ok(reply)
}
