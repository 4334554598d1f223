//! If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since.

use crate::call::Call;
use crate::clock::parse_http_date;
use crate::refusal::Refusal;
use crate::store::ObjectRecord;

/// 412 or 304, as a refusal, when a condition does not hold.
pub(super) fn check(call: &Call, record: &ObjectRecord) -> Result<(), Refusal> {
    let names = |header: &str| call.header(header).map(|value| names_etag(value, &record.etag));
    let date = |header: &str| call.header(header).and_then(parse_http_date);
    if names("if-match") == Some(false) {
        return Err(failed("If-Match"));
    }
    if date("if-unmodified-since").is_some_and(|date| record.modified > date) {
        return Err(failed("If-Unmodified-Since"));
    }
    if names("if-none-match") == Some(true) {
        return Err(not_modified());
    }
    // With If-None-Match the date is not looked at (RFC 9110, 13.1.3).
    let unchanged = date("if-modified-since").is_some_and(|date| record.modified <= date);
    if unchanged && call.header("if-none-match").is_none() {
        return Err(not_modified());
    }
    Ok(())
}

fn names_etag(value: &str, etag: &str) -> bool {
    value.split(',').map(|one| one.trim().trim_matches('"')).any(|one| one == "*" || one.eq_ignore_ascii_case(etag))
}

fn failed(condition: &str) -> Refusal {
    Refusal::new(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold.")
        .with("Condition", condition)
}

fn not_modified() -> Refusal {
    Refusal::new(304, "NotModified", "Not Modified.")
}
