//! The least that the work can cost: programs without retries, checkpoints, progress or choices.

pub(crate) mod bare_hyper;
mod head;
pub(crate) mod openssl;
pub(crate) mod raw;
pub(crate) mod read;

/// Bytes read, summed and written at once, as the product does.
const PIECE: usize = 256 * 1024;

/// The CRC-64 in the reply differs, or the reply is none: the floor is not right, and not worth measuring.
fn wrong(what: &str) -> std::io::Error {
    std::io::Error::other(format!("the floor program is wrong: {what}"))
}
