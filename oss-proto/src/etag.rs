use crate::NameError;
use std::fmt;

/// An ETag without its quotes: 1 to 256 printable ASCII characters, no quote.
///
/// Of a part or a PutObject it is the upper-case hex MD5 of the bytes; of a multipart object it ends in `-n`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ETag(String);

impl ETag {
    /// Takes an ETag with or without its quotes.
    ///
    /// # Errors
    /// [`NameError::ETag`] when nothing is left or a character cannot stand in an ETag.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let bare = text.trim().trim_matches('"');
        if (1..=256).contains(&bare.len()) && bare.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'"') {
            Ok(Self(bare.to_owned()))
        } else {
            Err(NameError::ETag)
        }
    }

    /// The ETag of content whose MD5 is `digest`.
    pub fn from_md5(digest: [u8; 16]) -> Self {
        Self(digest.iter().map(|byte| format!("{byte:02X}")).collect())
    }

    /// The MD5 digest when the ETag has the form of one (32 hex digits).
    pub fn md5(&self) -> Option<[u8; 16]> {
        if self.0.len() != 32 || !self.0.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let mut digest = [0; 16];
        for (byte, pair) in digest.iter_mut().zip(self.0.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(digest)
    }

    /// Without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
