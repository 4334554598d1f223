use super::listing::written;
use super::stored_headers::{ACL, check_acl, echo_encryption};
use crate::call::Call;
use crate::emulator::Shared;
use crate::refusal::Refusal;
use crate::reply::{Reply, document};
use crate::store::{Object, ObjectRecord, Part, Received, Upload};
use oss_proto::limits::{MAX_PARTS, MIN_PART_SIZE};
use oss_proto::{Crc64, Crc64Combiner, ETag, xml};

/// The parts the client wants, as it listed them.
enum Wish {
    All,
    Listed(Vec<(u32, String)>),
}

pub(super) fn complete(shared: &Shared, call: &Call, received: Received) -> Result<Reply, Refusal> {
    if let Some(acl) = call.header(ACL) {
        check_acl(acl)?;
    }
    let encode = call.encodes()?;
    let id = call.upload_id().unwrap_or_default();
    // An unknown upload is said first, whatever the body is.
    shared.shelf.read(call.bucket(), |bucket| bucket.upload(call.key(), id).map(|_| ()))?;
    let wish = Wish::read(call, received)?;
    let object = shared.shelf.complete(
        call.bucket(),
        call.key(),
        id,
        call.forbids_overwrite(),
        |upload| wish.choose(upload),
        |upload, parts| describe(shared, call, upload, parts),
    )?;
    let version_id = shared.shelf.read(call.bucket(), |bucket| Ok(bucket.version_id(&object.record)))?;
    Ok(reply(call, &object, encode).maybe("x-oss-version-id", version_id))
}

impl Wish {
    fn read(call: &Call, received: Received) -> Result<Self, Refusal> {
        let body = received.sink.into_bytes();
        match call.header("x-oss-complete-all") {
            Some("yes") if body.is_empty() => return Ok(Wish::All),
            Some("yes") => {
                return Err(Refusal::argument(
                    "x-oss-complete-all",
                    "yes",
                    "The request body must be empty when x-oss-complete-all is yes.",
                ));
            }
            Some(other) => {
                return Err(Refusal::argument("x-oss-complete-all", other, "x-oss-complete-all must be yes."));
            }
            None => {}
        }
        let root = xml::parse(&body).map_err(|error| Refusal::malformed_xml(&error.to_string()))?;
        if root.name != "CompleteMultipartUpload" {
            return Err(Refusal::malformed_xml("the root is not CompleteMultipartUpload"));
        }
        let listed: Vec<_> = root.children_named("Part").map(listed_part).collect::<Result<_, _>>()?;
        if listed.is_empty() { Err(Refusal::malformed_xml("no part is listed")) } else { Ok(Wish::Listed(listed)) }
    }

    fn choose(self, upload: &Upload) -> Result<Vec<Part>, Refusal> {
        let parts = match self {
            Wish::All if upload.parts.is_empty() => return Err(invalid_part(0, "")),
            Wish::All => upload.parts.values().cloned().collect(),
            Wish::Listed(listed) => {
                check_order(&listed)?;
                listed.iter().map(|(number, etag)| find(upload, *number, etag)).collect::<Result<Vec<_>, _>>()?
            }
        };
        check_sizes(&parts)?;
        Ok(parts)
    }
}

fn listed_part(part: &xml::Element) -> Result<(u32, String), Refusal> {
    let number = part.text_of("PartNumber").and_then(|text| text.parse().ok());
    let etag = part.text_of("ETag").map(|text| text.trim_matches('"').to_owned());
    number.zip(etag).ok_or_else(|| Refusal::malformed_xml("a part lacks its number or its ETag"))
}

fn check_order(listed: &[(u32, String)]) -> Result<(), Refusal> {
    let in_bounds = listed.iter().all(|(number, _)| (1..=MAX_PARTS).contains(number));
    let ascending = listed.iter().zip(listed.iter().skip(1)).all(|(a, b)| a.0 < b.0);
    if in_bounds && ascending {
        return Ok(());
    }
    let message = "The list of parts was not in ascending order. Parts list must specified in order by part number.";
    Err(Refusal::new(400, "InvalidPartOrder", message))
}

fn find(upload: &Upload, number: u32, etag: &str) -> Result<Part, Refusal> {
    let part = upload.parts.get(&number).filter(|part| part.facts.etag().eq_ignore_ascii_case(etag));
    part.cloned().ok_or_else(|| invalid_part(number, etag).with("UploadId", &upload.record.id))
}

/// Every part but the last must have 100 KiB; a part alone is the last one.
fn check_sizes(parts: &[Part]) -> Result<(), Refusal> {
    let Some((_, all_but_last)) = parts.split_last() else { return Ok(()) };
    match all_but_last.iter().find(|part| part.blob.len() < MIN_PART_SIZE) {
        None => Ok(()),
        Some(part) => Err(Refusal::new(
            400,
            "EntityTooSmall",
            "Your proposed upload smaller than the minimum allowed object size.",
        )
        .with("MinSizeAllowed", MIN_PART_SIZE.to_string())
        .with("ProposedSize", part.blob.len().to_string())
        .with("PartNumber", part.facts.number.to_string())
        .with("ETag", part.facts.etag())),
    }
}

fn describe(shared: &Shared, call: &Call, upload: &Upload, parts: &[Part]) -> ObjectRecord {
    let etags: Vec<ETag> = parts.iter().map(|part| ETag::from_md5(part.facts.md5)).collect();
    let mut combiner = Crc64Combiner::new();
    let crc64 =
        parts.iter().fold(Crc64::EMPTY, |crc64, part| combiner.combine(crc64, part.facts.crc64, part.blob.len()));
    let mut headers = upload.record.headers.clone();
    if let Some(acl) = call.header(ACL) {
        headers.insert(ACL.to_owned(), acl.to_owned());
    }
    ObjectRecord {
        key: call.key().to_owned(),
        etag: ETag::of_multipart(&etags).as_str().to_owned(),
        crc64: crc64.get(),
        size: parts.iter().map(|part| part.blob.len()).sum(),
        modified: shared.clock.seconds(),
        multipart: true,
        content_md5: None,
        headers,
        data: upload.record.id.clone(),
        files: Vec::new(),
        version: None,
        sequence: 0,
        delete_marker: false,
    }
}

fn reply(call: &Call, object: &Object, encode: bool) -> Reply {
    let record = &object.record;
    let etag = call.etag(&record.etag);
    let body = document("CompleteMultipartUploadResult", |xml| {
        if encode {
            xml.text("EncodingType", "url");
        }
        xml.text("Location", format!("http://{}/{}", call.authority, written(call.key(), true)));
        xml.text("Bucket", call.bucket());
        xml.text("Key", written(call.key(), encode));
        if let Some(etag) = &etag {
            xml.text("ETag", etag);
        }
    });
    let reply = Reply::ok().maybe("etag", etag).maybe("x-oss-hash-crc64ecma", call.crc64(record.crc64));
    echo_encryption(&record.headers, reply).with_xml(body)
}

fn invalid_part(number: u32, etag: &str) -> Refusal {
    let message = "One or more of the specified parts could not be found or the specified entity tag might not have matched the part's entity tag.";
    Refusal::new(400, "InvalidPart", message).with("PartNumber", number.to_string()).with("ETag", etag)
}
