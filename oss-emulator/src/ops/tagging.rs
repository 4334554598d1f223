//! An object's tags: in `x-oss-tagging`, and by PutObjectTagging, GetObjectTagging, DeleteObjectTagging.

use super::no_content;
use crate::call::Call;
use crate::emulator::Shared;
use crate::refusal::Refusal;
use crate::reply::{Reply, document};
use crate::store::Received;
use oss_proto::{ObjectHeaders, xml};
use percent_encoding::percent_decode_str;

pub(super) const TAGGING: &str = "x-oss-tagging";

/// The pairs of a header that was checked.
pub(super) fn pairs(header: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = header.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.map(|(key, value)| (decoded(key), decoded(value))).collect()
}

pub(super) fn check(header: &str) -> Result<(), Refusal> {
    let set = ObjectHeaders::new().set(TAGGING, header);
    set.map_err(|error| Refusal::argument(TAGGING, header, format!("The header is invalid: {error}")))
}

/// Replaces all tags by those of the body, and moves Last-Modified.
pub(super) fn put(shared: &Shared, call: &Call, received: Received) -> Result<Reply, Refusal> {
    let header = read(&received.sink.into_bytes())?;
    change(shared, call, header)
}

pub(super) fn delete(shared: &Shared, call: &Call) -> Result<Reply, Refusal> {
    change(shared, call, None).map(|reply| Reply { status: no_content().status, ..reply })
}

pub(super) fn get(shared: &Shared, call: &Call) -> Result<Reply, Refusal> {
    shared.shelf.read(call.bucket(), |bucket| {
        let object = bucket.find(call.key(), call.parameter("versionId"))?;
        let header = object.record.headers.get(TAGGING);
        let body = document("Tagging", |xml| {
            xml.element("TagSet", |xml| {
                for (key, value) in header.into_iter().flat_map(|header| pairs(header)) {
                    xml.element("Tag", |xml| {
                        xml.text("Key", &key);
                        xml.text("Value", &value);
                    });
                }
            });
        });
        Ok(Reply::ok().maybe("x-oss-version-id", bucket.version_id(&object.record)).with_xml(body))
    })
}

fn change(shared: &Shared, call: &Call, header: Option<String>) -> Result<Reply, Refusal> {
    let now = shared.clock.seconds();
    let version = call.parameter("versionId");
    let object = shared.shelf.amend_object(call.bucket(), call.key(), version, |record| {
        record.modified = now;
        match header {
            Some(header) => record.headers.insert(TAGGING.to_owned(), header),
            None => record.headers.remove(TAGGING),
        };
    })?;
    let version_id = shared.shelf.read(call.bucket(), |bucket| Ok(bucket.version_id(&object.record)))?;
    Ok(Reply::ok().maybe("x-oss-version-id", version_id))
}

/// The body as the header has it; `None` for no tags.
fn read(body: &[u8]) -> Result<Option<String>, Refusal> {
    let malformed = |reason: String| Refusal::malformed_xml(&reason);
    let root = xml::parse(body).map_err(|error| malformed(error.to_string()))?;
    let set = root.children_named("TagSet").next().filter(|_| root.name == "Tagging");
    let set = set.ok_or_else(|| malformed("the root is not Tagging with a TagSet".to_owned()))?;
    let mut headers = ObjectHeaders::new();
    for tag in set.children_named("Tag") {
        let text = |name: &str| tag.children_named(name).next().map(|element| element.text.clone());
        let (key, value) = (text("Key").unwrap_or_default(), text("Value").unwrap_or_default());
        let added = headers.add_tag(&key, &value);
        added.map_err(|error| Refusal::new(400, "InvalidTag", format!("The tag is invalid: {error}")))?;
    }
    Ok(headers.get(TAGGING).map(str::to_owned))
}
