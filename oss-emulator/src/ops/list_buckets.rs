use super::bucket::{describe, owner};
use super::listing::{Found, page};
use crate::call::Call;
use crate::emulator::Shared;
use crate::refusal::Refusal;
use crate::reply::{Reply, document};

pub(super) fn list(shared: &Shared, call: &Call) -> Result<Reply, Refusal> {
    let max = call.number("max-keys", 1..=1000, 100)?;
    let (prefix, marker) = (call.parameter("prefix").unwrap_or_default(), call.parameter("marker").unwrap_or_default());
    let buckets = shared.shelf.lock();
    let page = page(buckets.iter().map(|(name, bucket)| (name.as_str(), bucket)), prefix, "", marker, max);
    let body = document("ListAllMyBucketsResult", |xml| {
        owner(xml);
        if page.truncated {
            xml.text("Prefix", prefix);
            xml.text("Marker", marker);
            xml.text("MaxKeys", max);
            xml.text("IsTruncated", true);
            xml.text("NextMarker", page.last);
        }
        xml.element("Buckets", |xml| {
            for found in &page.found {
                if let Found::Item(name, bucket) = found {
                    xml.element("Bucket", |xml| describe(xml, name, bucket.created, &shared.access.region));
                }
            }
        });
    });
    Ok(Reply::ok().with_xml(body))
}
