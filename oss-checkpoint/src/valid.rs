//! What holds in every checkpoint beyond the types of its fields: checked before a save and after a load.

use crate::checkpoint::Checkpoint;
use crate::format::DecodeError;
use oss_proto::limits::{MAX_PART_SIZE, MAX_PARTS, MIN_PART_SIZE};

/// Longest endpoint, region, host and path in bytes: 64 KiB.
const MAX_TEXT_LEN: usize = 64 * 1024;
/// Most uploads waiting for their abort.
const MAX_ABANDONED: usize = 1_024;
const MAX_NANOS: u32 = 999_999_999;

pub(crate) fn check(checkpoint: &Checkpoint) -> Result<(), DecodeError> {
    let fail = |words: String| Err(DecodeError::Content(words));
    let (job, source) = (&checkpoint.job, &checkpoint.source);
    let path_len = source.path.as_os_str().len();
    for (name, len) in [
        ("endpoint", job.endpoint.len()),
        ("region", job.region.len()),
        ("host", source.host.len()),
        ("path", path_len),
    ] {
        if len > MAX_TEXT_LEN {
            return fail(format!("the {name} has {len} bytes"));
        }
    }
    if path_len == 0 {
        return fail("the path is empty".into());
    }
    let print = &source.fingerprint;
    if print.mtime.nanos > MAX_NANOS || print.ctime.nanos > MAX_NANOS {
        return fail("a time has more than 999,999,999 nanoseconds".into());
    }
    if checkpoint.abandoned.len() > MAX_ABANDONED {
        return fail(format!("there are more than {MAX_ABANDONED} abandoned uploads"));
    }
    check_plan(checkpoint)
}

fn check_plan(checkpoint: &Checkpoint) -> Result<(), DecodeError> {
    let fail = |words: String| Err(DecodeError::Content(words));
    let (size, part_size) = (checkpoint.source.fingerprint.size, checkpoint.part_size);
    if !(MIN_PART_SIZE..=MAX_PART_SIZE).contains(&part_size) {
        return fail(format!("a part size of {part_size} bytes is outside what OSS takes"));
    }
    // An empty file is one empty part.
    let count = size.div_ceil(part_size).max(1);
    if count > u64::from(MAX_PARTS) {
        return fail(format!("{size} bytes in parts of {part_size} are {count} parts"));
    }
    for (&number, part) in &checkpoint.parts {
        let number = u64::from(number.get());
        let expected = if number == count { size - (count - 1) * part_size } else { part_size };
        if number > count || part.size != expected {
            return fail(format!("part {number} with {} bytes is not in the plan", part.size));
        }
    }
    Ok(())
}
