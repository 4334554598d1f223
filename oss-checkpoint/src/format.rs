//! The frame around the payload, see `FORMAT.md`: magic, version, length, payload, checksum.

use crate::checkpoint::Checkpoint;
use crate::compare::Unverified;
use crate::wire;

/// First bytes of every checkpoint file. The high bit and both line ends show damage by text-mode copies.
pub const MAGIC: [u8; 8] = *b"\x89OSSCK\r\n";
/// The version that is written.
pub const VERSION: u32 = 1;
/// Largest file that is read: 16 MiB. 10,000 parts with the longest ETags fit.
pub const MAX_FILE_LEN: usize = 16 * 1024 * 1024;

pub(crate) const VERSION_AT: usize = MAGIC.len();
pub(crate) const LENGTH_AT: usize = VERSION_AT + size_of::<u32>();
pub(crate) const PAYLOAD_AT: usize = LENGTH_AT + size_of::<u64>();
pub(crate) const CHECKSUM_LEN: usize = size_of::<u32>();
const MIN_FILE_LEN: usize = PAYLOAD_AT + CHECKSUM_LEN;

/// Why a file is not a checkpoint that can be used. Set it aside ([`Store::set_aside`](crate::Store::set_aside)) and
/// start again; reading it once more will not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Something is there that cannot be read as a file: a directory, a pipe, a link, a file without permission.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// Larger than any checkpoint.
    #[error("it is larger than the 16 MiB a checkpoint can have")]
    TooLarge,
    /// Shorter than the smallest checkpoint.
    #[error("it is cut short after {0} bytes")]
    TooShort(usize),
    /// It begins with other bytes.
    #[error("it is not a checkpoint of this program")]
    Magic,
    /// The length it states is not the length it has.
    #[error("it has {found} bytes and says it has {stated}: cut short, or appended to")]
    Length {
        /// Bytes it says it has.
        stated: u64,
        /// Bytes it has.
        found: u64,
    },
    /// Its checksum is not the one of its bytes.
    #[error("its checksum does not match: it is damaged")]
    Checksum,
    /// It is whole, but written by a later release: use that one to go on.
    #[error("it has format version {0}, written by a later release; this one reads up to version {VERSION}")]
    Newer(u32),
    /// Whole, but not a checkpoint's content.
    #[error("its content is not a checkpoint: {0}")]
    Content(String),
}

/// The bytes of a checkpoint file, in the present [`VERSION`].
pub fn encode(checkpoint: &Checkpoint) -> Vec<u8> {
    frame(VERSION, &wire::payload(checkpoint))
}

/// Reads the bytes of a checkpoint file of any released version: bounds first, checksum second, content third.
///
/// Whatever the bytes, it does not panic, and it allocates at most a small multiple of their number.
///
/// # Errors
/// [`DecodeError`], which says what is wrong with the file.
pub fn decode(image: &[u8]) -> Result<Unverified, DecodeError> {
    let (version, payload) = unframe(image)?;
    match version {
        VERSION => Ok(Unverified(Box::new(wire::checkpoint(payload)?))),
        0 => Err(DecodeError::Content("format version 0 was never written".into())),
        newer => Err(DecodeError::Newer(newer)),
    }
}

/// A payload in its frame. Every version has this frame, so that an older release can tell *newer* from *damaged*.
pub(crate) fn frame(version: u32, payload: &[u8]) -> Vec<u8> {
    let mut image = Vec::with_capacity(MIN_FILE_LEN + payload.len());
    image.extend_from_slice(&MAGIC);
    image.extend_from_slice(&version.to_le_bytes());
    image.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    image.extend_from_slice(payload);
    let checksum = crc32fast::hash(&image);
    image.extend_from_slice(&checksum.to_le_bytes());
    image
}

fn unframe(image: &[u8]) -> Result<(u32, &[u8]), DecodeError> {
    if image.len() > MAX_FILE_LEN {
        return Err(DecodeError::TooLarge);
    }
    let short = || DecodeError::TooShort(image.len());
    if !image.starts_with(&MAGIC) {
        return Err(if MAGIC.starts_with(image) { short() } else { DecodeError::Magic });
    }
    let (_, rest) = image.split_at(VERSION_AT);
    let (version, rest) = rest.split_first_chunk().ok_or_else(short)?;
    let (length, rest) = rest.split_first_chunk().ok_or_else(short)?;
    let (payload, checksum) = rest.split_last_chunk().ok_or_else(short)?;
    let stated = u64::from_le_bytes(*length).saturating_add(MIN_FILE_LEN as u64);
    let found = image.len() as u64;
    if stated != found {
        return Err(DecodeError::Length { stated, found });
    }
    if crc32fast::hash(&image[..image.len() - CHECKSUM_LEN]) != u32::from_le_bytes(*checksum) {
        return Err(DecodeError::Checksum);
    }
    Ok((u32::from_le_bytes(*version), payload))
}
