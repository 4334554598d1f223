use super::no_content;
use crate::call::Call;
use crate::emulator::Shared;
use crate::refusal::Refusal;
use crate::reply::Reply;

/// 204 also when there is no such object or version.
pub(super) fn delete(shared: &Shared, call: &Call) -> Result<Reply, Refusal> {
    let version = call.parameter("versionId");
    let deleted = shared.shelf.delete_object(call.bucket(), call.key(), version, shared.clock.seconds())?;
    let marker = deleted.delete_marker.then(|| "true".to_owned());
    Ok(no_content().maybe("x-oss-delete-marker", marker).maybe("x-oss-version-id", deleted.version_id))
}
