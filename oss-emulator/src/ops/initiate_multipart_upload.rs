use super::listing::written;
use super::stored_headers::{echo_encryption, refuse_callback, stored_headers};
use crate::call::Call;
use crate::emulator::{Shared, random_hex};
use crate::refusal::Refusal;
use crate::reply::{Reply, document};
use crate::store::UploadRecord;

/// Not idempotent: every call opens an upload.
pub(super) fn initiate(shared: &Shared, call: &Call) -> Result<(Reply, String), Refusal> {
    refuse_callback(call)?;
    let encode = call.encodes()?;
    let id = random_hex(32);
    let record = UploadRecord {
        id: id.clone(),
        key: call.key().to_owned(),
        initiated: shared.clock.seconds(),
        headers: stored_headers(call)?,
    };
    let reply = echo_encryption(&record.headers, Reply::ok());
    shared.shelf.initiate(call.bucket(), record, call.forbids_overwrite())?;
    let body = document("InitiateMultipartUploadResult", |xml| {
        if encode {
            xml.text("EncodingType", "url");
        }
        xml.text("Bucket", call.bucket());
        xml.text("Key", written(call.key(), encode));
        xml.text("UploadId", &id);
    });
    Ok((reply.with_xml(body), id))
}
