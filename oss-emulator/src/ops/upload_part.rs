use super::stored_headers::{ENCRYPTION, echo_encryption};
use crate::call::Call;
use crate::emulator::Shared;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::store::Received;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oss_proto::limits::MAX_PARTS;

/// Any size: it is checked at Complete only.
pub(super) fn upload(shared: &Shared, call: &Call, received: Received) -> Result<Reply, Refusal> {
    let number = part_number(call)?;
    let id = call.upload_id().ok_or_else(|| {
        Refusal::new(400, "MissingArgument", "Missing Some Required Arguments.").with("ArgumentName", "uploadId")
    })?;
    for name in ENCRYPTION {
        if let Some(value) = call.header(name) {
            return Err(Refusal::argument(name, value, format!("{name} belongs to InitiateMultipartUpload.")));
        }
    }
    let headers = shared
        .shelf
        .read(call.bucket(), |bucket| bucket.upload(call.key(), id).map(|upload| upload.record.headers.clone()))?;
    let facts = shared.shelf.put_part(call.bucket(), call.key(), id, number, received, shared.clock.seconds())?;
    let reply = Reply::ok()
        .maybe("etag", call.etag(&facts.etag()))
        .maybe("x-oss-hash-crc64ecma", call.crc64(facts.crc64.get()))
        .with("content-md5", &STANDARD.encode(facts.md5));
    Ok(echo_encryption(&headers, reply))
}

fn part_number(call: &Call) -> Result<u32, Refusal> {
    let number = call.part_number().filter(|number| (1..=MAX_PARTS).contains(number));
    number.ok_or_else(|| {
        let message = "Part number must be an integer between 1 and 10000, inclusive.";
        Refusal::argument("PartNumber", call.parameter("partNumber").unwrap_or_default(), message)
    })
}
