use super::listing::written;
use crate::call::Call;
use crate::emulator::Shared;
use crate::refusal::Refusal;
use crate::reply::{Reply, document};
use crate::store::Part;
use oss_proto::format_iso8601;
use oss_proto::limits::MAX_PARTS;
use oss_proto::xml::Writer;

pub(super) fn list(shared: &Shared, call: &Call) -> Result<Reply, Refusal> {
    let max = call.number("max-parts", 1..=1000, 1000)?;
    let marker = call.number("part-number-marker", 0..=MAX_PARTS, 0)?;
    let encode = call.encodes()?;
    shared.shelf.read(call.bucket(), |bucket| {
        let upload = bucket.upload(call.key(), call.upload_id().unwrap_or_default())?;
        let mut parts = upload.parts.range(marker + 1..).map(|(_, part)| part);
        let listed: Vec<&Part> = parts.by_ref().take(max as usize).collect();
        let truncated = parts.next().is_some();
        let body = document("ListPartsResult", |xml| {
            if encode {
                xml.text("EncodingType", "url");
            }
            xml.text("Bucket", call.bucket());
            xml.text("Key", written(call.key(), encode));
            xml.text("UploadId", &upload.record.id);
            xml.text("StorageClass", upload.record.storage_class());
            xml.text("PartNumberMarker", marker);
            xml.text("NextPartNumberMarker", listed.last().map_or(marker, |part| part.facts.number));
            xml.text("MaxParts", max);
            xml.text("IsTruncated", truncated);
            listed.iter().for_each(|part| entry(xml, call, part));
        });
        Ok(Reply::ok().with_xml(body))
    })
}

fn entry(xml: &mut Writer, call: &Call, part: &Part) {
    xml.element("Part", |xml| {
        xml.text("PartNumber", part.facts.number);
        xml.text("LastModified", format_iso8601(part.facts.modified));
        if let Some(etag) = call.etag(&part.facts.etag()) {
            xml.text("ETag", etag);
        }
        xml.text("Size", part.blob.len());
        if let Some(crc64) = call.crc64(part.facts.crc64.get()) {
            xml.text("HashCrc64ecma", crc64);
        }
    });
}
