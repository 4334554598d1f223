//! CRC-64/XZ, the checksum OSS calls crc64ecma.

use crc_fast::{CrcAlgorithm, Digest};
use std::fmt;

/// A CRC-64/XZ as in `x-oss-hash-crc64ecma`: `Display` is the decimal text of the header.
///
/// Of no bytes it is 0; of `123456789` it is `0x995dc9bbdf1939fa`. It finds damage, it does not resist forgery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Crc64(u64);

impl Crc64 {
    /// Of no bytes.
    pub const EMPTY: Crc64 = Crc64(0);

    /// From its value.
    pub fn new(value: u64) -> Self {
        Self(value)
    }

    /// Its value.
    pub fn get(self) -> u64 {
        self.0
    }

    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Crc64Hasher::new();
        hasher.update(bytes);
        hasher.finish()
    }

    /// From the header's decimal text: 1 to 20 digits of an unsigned 64-bit number, white space around it allowed.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim();
        // `u64::from_str` would take a sign as well.
        let only_digits = (1..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if only_digits { digits.parse().ok().map(Self) } else { None }
    }

    /// The CRC of A followed by B, from theirs and B's length in bytes.
    ///
    /// Costs up to 128 modular multiplications; [`Crc64Combiner`] needs one where the length repeats.
    #[must_use]
    pub fn combine(self, b: Crc64, len_b: u64) -> Crc64 {
        Crc64Combiner::new().combine(self, b, len_b)
    }
}

impl fmt::Display for Crc64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// CRC-64 of bytes that come in pieces.
#[derive(Debug, Clone)]
pub struct Crc64Hasher {
    digest: Digest,
}

impl Crc64Hasher {
    /// Before the first byte.
    pub fn new() -> Self {
        Self { digest: Digest::new(CrcAlgorithm::Crc64Xz) }
    }

    /// The next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
    }

    /// Of all bytes so far; more may follow.
    pub fn finish(&self) -> Crc64 {
        Crc64(self.digest.finalize())
    }
}

impl Default for Crc64Hasher {
    fn default() -> Self {
        Self::new()
    }
}

/// Joins the CRCs of many pieces, remembering the factor of the last length: the parts of an upload are all alike.
///
/// ```
/// use oss_proto::{Crc64, Crc64Combiner};
///
/// let mut combiner = Crc64Combiner::new();
/// let whole = [&b"part1"[..], b"part2", b"end"]
///     .into_iter()
///     .fold(Crc64::EMPTY, |crc, part| combiner.combine(crc, Crc64::of(part), part.len() as u64));
/// assert_eq!(whole, Crc64::of(b"part1part2end"));
/// ```
#[derive(Debug, Clone)]
pub struct Crc64Combiner {
    len: u64,
    factor: u64,
}

impl Crc64Combiner {
    /// With nothing remembered.
    pub fn new() -> Self {
        Self { len: 0, factor: ONE }
    }

    /// The CRC of A followed by B, from theirs and B's length in bytes.
    #[must_use]
    pub fn combine(&mut self, a: Crc64, b: Crc64, len_b: u64) -> Crc64 {
        if len_b != self.len {
            self.factor = shift_factor(len_b);
            self.len = len_b;
        }
        Crc64(multiply(self.factor, a.0) ^ b.0)
    }
}

impl Default for Crc64Combiner {
    fn default() -> Self {
        Self::new()
    }
}

// Polynomials over GF(2) modulo P, reflected as the CRC is: the highest bit is x^0, the lowest x^63.
// Appending n bytes to A multiplies A's CRC by x^(8n); the initial and final inversions cancel out (Mark Adler's
// derivation in zlib's crc32_combine).

/// P without x^64, reflected (ECMA-182).
const POLYNOMIAL: u64 = 0xc96c_5795_d787_0f42;
/// x^0.
const ONE: u64 = 1 << 63;
/// x^8: one byte.
const BYTE: u64 = ONE >> 8;

/// x^(8·len) mod P, by squaring.
fn shift_factor(mut len: u64) -> u64 {
    let mut factor = ONE;
    let mut power = BYTE;
    while len != 0 {
        if len & 1 == 1 {
            factor = multiply(power, factor);
        }
        power = multiply(power, power);
        len >>= 1;
    }
    factor
}

/// a·b mod P.
fn multiply(a: u64, mut b: u64) -> u64 {
    let mut product = 0;
    for exponent in 0..64 {
        // Masks instead of branches: the bits of a CRC cannot be predicted.
        product ^= b & 0u64.wrapping_sub((a >> (63 - exponent)) & 1);
        b = (b >> 1) ^ (POLYNOMIAL & 0u64.wrapping_sub(b & 1));
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_check_value_of_the_catalogue_holds() {
        assert_eq!(Crc64::of(b"123456789").get(), 0x995d_c9bb_df19_39fa);
        assert_eq!(Crc64::of(b""), Crc64::EMPTY);
    }

    #[test]
    fn only_plain_decimal_text_is_a_crc() {
        assert_eq!(Crc64::parse(" 18446744073709551615\n"), Some(Crc64::new(u64::MAX)));
        assert_eq!(Crc64::parse("0"), Some(Crc64::EMPTY));
        for wrong in ["", " ", "+5", "-1", "0x10", "18446744073709551616", "1 2", "000000000000000000001", "１"] {
            assert_eq!(Crc64::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn combining_with_nothing_changes_nothing() {
        let crc = Crc64::of(b"something");
        assert_eq!(crc.combine(Crc64::EMPTY, 0), crc);
        assert_eq!(Crc64::EMPTY.combine(crc, 9), crc);
    }

    #[test]
    fn lengths_beyond_any_file_still_combine_associatively() {
        // A, then zeros of length m, then of length n, must equal A, then zeros of length m + n.
        let zeros = |len| Crc64::new(!multiply(shift_factor(len), u64::MAX));
        let a = Crc64::of(b"a");
        let (m, n) = (5u64 << 40, (1 << 62) + 12345);
        let stepwise = a.combine(zeros(m), m).combine(zeros(n), n);
        assert_eq!(stepwise, a.combine(zeros(m + n), m + n));
        assert_eq!(zeros(1000), Crc64::of(&[0; 1000]), "the formula for zeros is right");
    }

    proptest! {
        #[test]
        fn combined_crcs_equal_the_crc_of_the_whole(bytes in proptest::collection::vec(any::<u8>(), 0..3000), cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6)) {
            let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            ends.push(bytes.len());
            ends.sort_unstable();
            let (mut start, mut combined, mut hasher, mut combiner) = (0, Crc64::EMPTY, Crc64Hasher::new(), Crc64Combiner::new());
            for end in ends {
                let piece = &bytes[start..end];
                hasher.update(piece);
                let (crc, len) = (Crc64::of(piece), piece.len() as u64);
                prop_assert_eq!(combiner.combine(combined, crc, len), combined.combine(crc, len));
                combined = combined.combine(crc, len);
                start = end;
            }
            prop_assert_eq!(combined, Crc64::of(&bytes));
            prop_assert_eq!(hasher.finish(), combined);
        }
    }
}
