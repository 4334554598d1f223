//! CRC-64/XZ, the checksum OSS calls crc64ecma.

use std::fmt;

/// A CRC-64/XZ as in `x-oss-hash-crc64ecma`: `Display` is the decimal text of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Crc64(u64);

impl Crc64 {
    /// Of no bytes.
    pub const EMPTY: Crc64 = Crc64(0);

    /// From its value.
    pub fn new(value: u64) -> Self { Self(value) }
    /// Its value.
    pub fn get(self) -> u64 { self.0 }
    /// Of these bytes.
    pub fn of(_bytes: &[u8]) -> Self { todo!() }
    /// From the header's decimal text.
    pub fn parse(text: &str) -> Option<Self> { text.trim().parse().ok().map(Self) }
    /// The CRC of A followed by B, from theirs and B's length (zlib's method, x^(8n) mod P; cached for the last length).
    #[must_use]
    pub fn combine(self, _b: Crc64, _len_b: u64) -> Crc64 { todo!() }
}

impl fmt::Display for Crc64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
}

/// CRC-64 of bytes that come in pieces.
#[derive(Debug, Clone)]
pub struct Crc64Hasher {}
impl Crc64Hasher {
    /// Before the first byte.
    pub fn new() -> Self { todo!() }
    /// The next bytes.
    pub fn update(&mut self, _bytes: &[u8]) { todo!() }
    /// Of all bytes so far.
    pub fn finish(&self) -> Crc64 { todo!() }
}
impl Default for Crc64Hasher { fn default() -> Self { Self::new() } }
