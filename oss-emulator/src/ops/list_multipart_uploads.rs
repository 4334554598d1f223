use super::listing::{Found, Page, page, written};
use crate::call::Call;
use crate::emulator::Shared;
use crate::refusal::Refusal;
use crate::reply::{Reply, document};
use crate::store::Upload;
use oss_proto::format_iso8601;
use oss_proto::xml::Writer;

/// Sorted by key and then by upload id. `upload-id-marker` counts only with `key-marker`.
pub(super) fn list(shared: &Shared, call: &Call) -> Result<Reply, Refusal> {
    let max = call.number("max-uploads", 1..=1000, 1000)?;
    let encode = call.encodes()?;
    let parameter = |name| call.parameter(name).unwrap_or_default();
    let (prefix, delimiter, marker) = (parameter("prefix"), parameter("delimiter"), parameter("key-marker"));
    let id_marker = if marker.is_empty() { "" } else { parameter("upload-id-marker") };
    shared.shelf.read(call.bucket(), |bucket| {
        let mut uploads: Vec<&Upload> = bucket.uploads.values().collect();
        uploads.sort_by_key(|upload| order(upload));
        // Uploads of the marker's own key are still to come when their id lies behind the id marker.
        let (same_key, further): (Vec<&Upload>, Vec<&Upload>) = uploads
            .into_iter()
            .filter(|upload| order(upload) > (marker, id_marker))
            .partition(|upload| upload.record.key == marker);
        let waiting = if id_marker.is_empty() { Vec::new() } else { same_key };
        let page = join(&waiting, &further, prefix, delimiter, marker, max);
        let last_id = page.found.last().map_or("", |found| match found {
            Found::Item(_, upload) => upload.record.id.as_str(),
            Found::Prefix(_) => "",
        });
        let body = document("ListMultipartUploadsResult", |xml| {
            xml.text("Bucket", call.bucket());
            if encode {
                xml.text("EncodingType", "url");
            }
            xml.text("KeyMarker", written(marker, encode));
            xml.text("UploadIdMarker", id_marker);
            xml.text("NextKeyMarker", written(page.last, encode));
            xml.text("NextUploadIdMarker", last_id);
            xml.text("Delimiter", written(delimiter, encode));
            xml.text("Prefix", written(prefix, encode));
            xml.text("MaxUploads", max);
            xml.text("IsTruncated", page.truncated);
            page.found.iter().for_each(|found| entry(xml, found, encode));
        });
        Ok(Reply::ok().with_xml(body))
    })
}

fn order(upload: &Upload) -> (&str, &str) {
    (&upload.record.key, &upload.record.id)
}

/// The rest of the marker's key, then the keys after it.
fn join<'a>(
    waiting: &[&'a Upload],
    further: &[&'a Upload],
    prefix: &str,
    delimiter: &str,
    marker: &str,
    max: u32,
) -> Page<'a, &'a Upload> {
    let named = |upload: &&'a Upload| (upload.record.key.as_str(), *upload);
    // The marker excludes its own key, whose uploads were chosen by their id already.
    let mut first = page(waiting.iter().map(named), prefix, "", "", max);
    let left = max - u32::try_from(first.found.len()).unwrap_or(max);
    let second = page(further.iter().map(named), prefix, delimiter, marker, left);
    if !second.found.is_empty() {
        first.last = second.last;
    }
    first.truncated |= second.truncated;
    first.found.extend(second.found);
    first
}

fn entry(xml: &mut Writer, found: &Found<'_, &Upload>, encode: bool) {
    match found {
        Found::Item(key, upload) => xml.element("Upload", |xml| {
            xml.text("Key", written(key, encode));
            xml.text("UploadId", &upload.record.id);
            xml.text("StorageClass", upload.record.storage_class());
            xml.text("Initiated", format_iso8601(upload.record.initiated));
        }),
        Found::Prefix(prefix) => xml.element("CommonPrefixes", |xml| xml.text("Prefix", written(prefix, encode))),
    }
}
