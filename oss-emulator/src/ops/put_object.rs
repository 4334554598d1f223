use super::stored_headers::{echo_encryption, stored_headers};
use crate::call::Call;
use crate::emulator::{Shared, random_hex};
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::store::{ObjectRecord, Received};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oss_proto::ETag;

pub(super) fn put(shared: &Shared, call: &Call, received: Received) -> Result<Reply, Refusal> {
    for conditional in ["if-modified-since", "if-unmodified-since", "if-match", "if-none-match"] {
        if call.header(conditional).is_some() {
            return Err(Refusal::not_implemented(Some(conditional)));
        }
    }
    let content_md5 = STANDARD.encode(received.md5);
    let record = ObjectRecord {
        key: call.key().to_owned(),
        etag: ETag::from_md5(received.md5).as_str().to_owned(),
        crc64: received.crc64.get(),
        size: received.size,
        modified: shared.clock.seconds(),
        multipart: false,
        content_md5: Some(content_md5.clone()),
        headers: stored_headers(call)?,
        data: random_hex(32),
        files: Vec::new(),
        version: None,
        sequence: 0,
        delete_marker: false,
    };
    let object = shared.shelf.put_object(call.bucket(), received, record, call.forbids_overwrite())?;
    let version_id = shared.shelf.read(call.bucket(), |bucket| Ok(bucket.version_id(&object.record)))?;
    let reply = Reply::ok()
        .maybe("etag", call.etag(&object.record.etag))
        .maybe("x-oss-hash-crc64ecma", call.crc64(object.record.crc64))
        .maybe("x-oss-version-id", version_id)
        .with("content-md5", &content_md5);
    Ok(echo_encryption(&object.record.headers, reply))
}
