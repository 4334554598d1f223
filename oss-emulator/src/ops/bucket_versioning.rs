//! PutBucketVersioning and GetBucketVersioning.

use crate::call::Call;
use crate::emulator::Shared;
use crate::refusal::Refusal;
use crate::reply::{Reply, document};
use crate::store::{Received, Versioning};
use oss_proto::xml;

pub(super) fn put(shared: &Shared, call: &Call, received: Received) -> Result<Reply, Refusal> {
    let body = received.sink.into_bytes();
    let root = xml::parse(&body).map_err(|error| Refusal::malformed_xml(&error.to_string()))?;
    let versioning = match root.text_of("Status").filter(|_| root.name == "VersioningConfiguration") {
        Some("Enabled") => Versioning::Enabled,
        Some("Suspended") => Versioning::Suspended,
        _ => return Err(Refusal::malformed_xml("Status is neither Enabled nor Suspended")),
    };
    shared.shelf.set_versioning(call.bucket(), versioning)?;
    Ok(Reply::ok())
}

pub(super) fn get(shared: &Shared, call: &Call) -> Result<Reply, Refusal> {
    let versioning = shared.shelf.read(call.bucket(), |bucket| Ok(bucket.versioning))?;
    let body = document("VersioningConfiguration", |xml| {
        if let Some(versioning) = versioning {
            xml.text("Status", status(versioning));
        }
    });
    Ok(Reply::ok().with_xml(body))
}

pub(super) fn status(versioning: Versioning) -> &'static str {
    match versioning {
        Versioning::Enabled => "Enabled",
        Versioning::Suspended => "Suspended",
    }
}
