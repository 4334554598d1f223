//! What is said with single requests: who pays, how fast data may move. Both also in the query of a presigned URL.

use crate::call::Call;
use crate::refusal::Refusal;
use oss_proto::TrafficLimit;

/// Accepted and, as nobody is billed and the link shapes the traffic, without effect.
pub(super) fn check(call: &Call) -> Result<(), Refusal> {
    let said = |name: &str| call.header(name).or_else(|| call.parameter(name)).map(str::to_owned);
    if let Some(payer) = said("x-oss-request-payer").filter(|payer| payer != "requester") {
        return Err(Refusal::argument("x-oss-request-payer", payer, "The request payer must be requester."));
    }
    let Some(limit) = said("x-oss-traffic-limit") else { return Ok(()) };
    match limit.parse().ok().and_then(|bits| TrafficLimit::new(bits).ok()) {
        Some(_) => Ok(()),
        None => Err(Refusal::argument(
            "x-oss-traffic-limit",
            limit,
            "The traffic limit must be between 819200 and 838860800 bit/s.",
        )),
    }
}
