//! What a bucket says of itself, as far as the SDKs ask.

use super::bucket_versioning::status;
use crate::call::Call;
use crate::emulator::Shared;
use crate::refusal::Refusal;
use crate::reply::{Reply, document};
use oss_proto::format_iso8601;
use oss_proto::xml::{Writer, escape};

/// The one account there is.
pub(super) const OWNER: &str = "1234567890";

pub(super) fn put(shared: &Shared, call: &Call) -> Result<Reply, Refusal> {
    shared.shelf.create_bucket(call.bucket(), shared.clock.seconds())?;
    Ok(Reply::ok().with("location", &format!("/{}", call.bucket())))
}

pub(super) fn info(shared: &Shared, call: &Call) -> Result<Reply, Refusal> {
    let (created, versioning) = shared.shelf.read(call.bucket(), |bucket| Ok((bucket.created, bucket.versioning)))?;
    let body = document("BucketInfo", |xml| {
        xml.element("Bucket", |xml| {
            describe(xml, call.bucket(), created, &shared.access.region);
            owner(xml);
            xml.element("AccessControlList", |xml| xml.text("Grant", "private"));
            xml.text("DataRedundancyType", "LRS");
            xml.text("AccessMonitor", "Disabled");
            xml.text("TransferAcceleration", "Disabled");
            xml.text("CrossRegionReplication", "Disabled");
            if let Some(versioning) = versioning {
                xml.text("Versioning", status(versioning));
            }
        });
    });
    Ok(Reply::ok().with_xml(body))
}

pub(super) fn location(shared: &Shared, _: &Call) -> Result<Reply, Refusal> {
    // The root itself holds the text, which the writer has no call for.
    let place = escape(&format!("oss-{}", shared.access.region));
    let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<LocationConstraint>{place}</LocationConstraint>");
    Ok(Reply::ok().with_xml(body.into()))
}

pub(super) fn acl(_: &Shared, _: &Call) -> Result<Reply, Refusal> {
    let body = document("AccessControlPolicy", |xml| {
        owner(xml);
        xml.element("AccessControlList", |xml| xml.text("Grant", "private"));
    });
    Ok(Reply::ok().with_xml(body))
}

pub(super) fn owner(xml: &mut Writer) {
    xml.element("Owner", |xml| {
        xml.text("ID", OWNER);
        xml.text("DisplayName", OWNER);
    });
}

/// What ListBuckets and GetBucketInfo both say.
pub(super) fn describe(xml: &mut Writer, name: &str, created: u64, region: &str) {
    xml.text("Name", name);
    xml.text("CreationDate", format_iso8601(created));
    xml.text("Location", format!("oss-{region}"));
    xml.text("Region", region);
    xml.text("ExtranetEndpoint", format!("oss-{region}.aliyuncs.com"));
    xml.text("IntranetEndpoint", format!("oss-{region}-internal.aliyuncs.com"));
    xml.text("StorageClass", "Standard");
}
