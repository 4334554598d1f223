use super::no_content;
use crate::call::Call;
use crate::emulator::Shared;
use crate::refusal::Refusal;
use crate::reply::Reply;

pub(super) fn abort(shared: &Shared, call: &Call) -> Result<Reply, Refusal> {
    shared.shelf.abort(call.bucket(), call.key(), call.upload_id().unwrap_or_default())?;
    Ok(no_content())
}
