//! ListObjectVersions: every version of every key, the newest of a key first.

use super::bucket::owner;
use super::listing::{Found, page, written};
use crate::call::Call;
use crate::emulator::Shared;
use crate::refusal::Refusal;
use crate::reply::{Reply, document};
use crate::store::{Bucket, Object};
use oss_proto::format_iso8601;
use oss_proto::xml::Writer;

/// One version, and whether it is the current one.
type Entry<'b> = (&'b Object, bool);

pub(super) fn list(shared: &Shared, call: &Call) -> Result<Reply, Refusal> {
    let text = |name: &str| call.parameter(name).unwrap_or_default();
    let (prefix, delimiter, key_marker) = (text("prefix"), text("delimiter"), text("key-marker"));
    let version_marker = call.parameter("version-id-marker").filter(|_| !key_marker.is_empty());
    let max = call.number("max-keys", 1..=1000, 100)?;
    let encode = call.encodes()?;
    shared.shelf.read(call.bucket(), |bucket| {
        let mut seen_marker = false;
        let rest = entries(bucket).filter(|(key, (object, _))| match version_marker {
            Some(version) if *key == key_marker => {
                let after = seen_marker;
                seen_marker |= object.record.version_id() == version;
                after
            }
            _ => *key > key_marker,
        });
        let page = page(rest, prefix, delimiter, "", max);
        let body = document("ListVersionsResult", |xml| {
            xml.text("Name", call.bucket());
            xml.text("Prefix", written(prefix, encode));
            xml.text("KeyMarker", written(key_marker, encode));
            xml.text("VersionIdMarker", version_marker.unwrap_or_default());
            xml.text("MaxKeys", max);
            xml.text("Delimiter", written(delimiter, encode));
            if encode {
                xml.text("EncodingType", "url");
            }
            xml.text("IsTruncated", page.truncated);
            if page.truncated {
                xml.text("NextKeyMarker", written(page.last, encode));
                if let Some(Found::Item(_, (object, _))) = page.found.last() {
                    xml.text("NextVersionIdMarker", object.record.version_id());
                }
            }
            for found in &page.found {
                match found {
                    Found::Item(key, entry) => describe(xml, call, &written(key, encode), *entry),
                    Found::Prefix(common) => {
                        xml.element("CommonPrefixes", |xml| xml.text("Prefix", written(common, encode)));
                    }
                }
            }
        });
        Ok(Reply::ok().with_xml(body))
    })
}

fn entries(bucket: &Bucket) -> impl Iterator<Item = (&str, Entry<'_>)> {
    bucket.versions.iter().flat_map(|(key, versions)| {
        let newest_first = versions.iter().rev().enumerate();
        newest_first.map(|(age, object)| (key.as_str(), (object.as_ref(), age == 0)))
    })
}

fn describe(xml: &mut Writer, call: &Call, key: &str, (object, latest): Entry<'_>) {
    let record = &object.record;
    let name = if record.delete_marker { "DeleteMarker" } else { "Version" };
    xml.element(name, |xml| {
        xml.text("Key", key);
        xml.text("VersionId", record.version_id());
        xml.text("IsLatest", latest);
        xml.text("LastModified", format_iso8601(record.modified));
        if !record.delete_marker {
            if let Some(etag) = call.etag(&record.etag) {
                xml.text("ETag", etag);
            }
            xml.text("Type", record.object_type());
            xml.text("Size", record.size);
            xml.text("StorageClass", record.storage_class());
        }
        owner(xml);
    });
}
