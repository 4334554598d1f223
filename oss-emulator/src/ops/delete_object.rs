use super::{get_object, no_content};
use crate::call::Call;
use crate::emulator::Shared;
use crate::refusal::Refusal;
use crate::reply::Reply;

/// 204 also when there is no such object.
pub(super) fn delete(shared: &Shared, call: &Call) -> Result<Reply, Refusal> {
    get_object::check_version(call)?;
    shared.shelf.delete_object(call.bucket(), call.key())?;
    Ok(no_content())
}
