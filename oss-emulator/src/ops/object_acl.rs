//! PutObjectACL and GetObjectACL.

use super::bucket::owner;
use super::stored_headers::{ACL, check_acl};
use crate::call::Call;
use crate::emulator::Shared;
use crate::refusal::Refusal;
use crate::reply::{Reply, document};

pub(super) fn put(shared: &Shared, call: &Call) -> Result<Reply, Refusal> {
    let missing = || Refusal::new(400, "MissingArgument", "Missing Some Required Arguments.").with("ArgumentName", ACL);
    let acl = call.header(ACL).ok_or_else(missing)?;
    check_acl(acl)?;
    let version = call.parameter("versionId");
    let object = shared.shelf.amend_object(call.bucket(), call.key(), version, |record| {
        record.headers.insert(ACL.to_owned(), acl.to_owned());
    })?;
    let version_id = shared.shelf.read(call.bucket(), |bucket| Ok(bucket.version_id(&object.record)))?;
    Ok(Reply::ok().maybe("x-oss-version-id", version_id))
}

pub(super) fn get(shared: &Shared, call: &Call) -> Result<Reply, Refusal> {
    shared.shelf.read(call.bucket(), |bucket| {
        let object = bucket.find(call.key(), call.parameter("versionId"))?;
        let acl = object.record.headers.get(ACL).map_or("default", String::as_str);
        let body = document("AccessControlPolicy", |xml| {
            owner(xml);
            xml.element("AccessControlList", |xml| xml.text("Grant", acl));
        });
        Ok(Reply::ok().maybe("x-oss-version-id", bucket.version_id(&object.record)).with_xml(body))
    })
}
