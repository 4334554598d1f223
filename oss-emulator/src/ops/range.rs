//! `Range`, with OSS's own way with ranges that are none.

use crate::call::Call;
use crate::refusal::Refusal;

/// First and last byte, both within the object; `None` for the whole object.
///
/// OSS answers a range it does not like with the whole object, unless `x-oss-range-behavior: standard` came along.
pub(super) fn requested(call: &Call, size: u64) -> Result<Option<(u64, u64)>, Refusal> {
    let standard = call.header("x-oss-range-behavior") == Some("standard");
    let Some(range) = call.header("range").and_then(parse) else { return Ok(None) };
    let last = size.saturating_sub(1);
    let (satisfiable, exact) = match range {
        Asked::FromTo(from, to) => (from < size, (from, to)),
        Asked::From(from) => (from < size, (from, last)),
        Asked::Last(0) => (false, (0, 0)),
        Asked::Last(count) => (size > 0, (size.wrapping_sub(count), last)),
    };
    let within = exact.0 <= exact.1 && exact.1 <= last;
    match (satisfiable, within, range) {
        (true, true, _) => Ok(Some(exact)),
        (true, false, Asked::FromTo(from, _)) if standard => Ok(Some((from, last))),
        (true, false, Asked::Last(_)) if standard => Ok(Some((0, last))),
        (false, ..) if standard => Err(unsatisfiable(size)),
        _ => Ok(None),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    FromTo(u64, u64),
    From(u64),
    Last(u64),
}

/// `None` for anything that is not one well-formed range, which HTTP says to ignore.
fn parse(header: &str) -> Option<Asked> {
    let (from, to) = header.strip_prefix("bytes=")?.split_once('-')?;
    match (from.trim(), to.trim()) {
        ("", last) => last.parse().ok().map(Asked::Last),
        (from, "") => from.parse().ok().map(Asked::From),
        (from, to) => {
            let (from, to) = (from.parse().ok()?, to.parse().ok()?);
            (from <= to).then_some(Asked::FromTo(from, to))
        }
    }
}

fn unsatisfiable(size: u64) -> Refusal {
    Refusal::new(416, "InvalidRange", "The requested range cannot be satisfied.")
        .with("ActualObjectSize", size.to_string())
}
