use crate::NameError;
use md5::{Digest, Md5};
use std::fmt;
use std::sync::Arc;

/// An ETag without its quotes: 1 to 256 printable ASCII characters, no quote.
///
/// Of a part or a PutObject it is the upper-case hex MD5 of the bytes; of a multipart object it ends in `-n`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ETag(Arc<str>);

impl ETag {
    /// Takes an ETag with or without its quotes.
    ///
    /// # Errors
    /// [`NameError::ETag`] when nothing is left or a character cannot stand in an ETag.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let bare = text.trim().trim_matches('"');
        if (1..=256).contains(&bare.len()) && bare.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'"') {
            Ok(Self(bare.into()))
        } else {
            Err(NameError::ETag)
        }
    }

    /// The ETag of content whose MD5 is `digest`.
    pub fn from_md5(digest: [u8; 16]) -> Self {
        let digit = |nibble: u8| char::from(b"0123456789ABCDEF"[usize::from(nibble)]);
        Self(digest.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect::<String>().into())
    }

    /// The ETag OSS gives an object made of parts with these ETags: the MD5 of their upper-case hex texts, one after the
    /// other, and their number. The service does not document the rule: a difference is worth a word, not a failure.
    ///
    /// ```
    /// use oss_proto::ETag;
    ///
    /// let parts = ["4DE8075FB607DF4D13FBC480EA488EFA", "AF947EC157726CEA88ED83B3C989063B"];
    /// let parts = parts.map(|part| ETag::new(part).expect("a valid ETag"));
    /// assert_eq!(ETag::of_multipart(&parts).as_str(), "1C787C506EABFB9B45EAAA8DB039F4B2-2");
    /// ```
    pub fn of_multipart(parts: &[ETag]) -> Self {
        let mut md5 = Md5::new();
        for part in parts {
            md5.update(part.0.to_ascii_uppercase());
        }
        Self(format!("{}-{}", Self::from_md5(md5.finalize().into()), parts.len()).into())
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

    /// As it stands in a header or in XML, with its quotes.
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quotes_are_dropped_and_given_back() {
        for text in ["\"A-2\"", "A-2", " \"A-2\"\n"] {
            let etag = ETag::new(text).unwrap();
            assert_eq!((etag.as_str(), etag.quoted().as_str()), ("A-2", "\"A-2\""));
        }
        for wrong in ["", "\"\"", "a\"b", "é", "a\nb", &"a".repeat(257)] {
            assert_eq!(ETag::new(wrong), Err(NameError::ETag), "{wrong:?}");
        }
    }

    #[test]
    fn only_32_hex_digits_are_an_md5() {
        for other in [
            "null",
            "B864DB6A936D376F9F8D3ED3BBE540DD-3",
            "+864DB6A936D376F9F8D3ED3BBE540DD",
            "X864DB6A936D376F9F8D3ED3BBE540DD",
        ] {
            assert_eq!(ETag::new(other).unwrap().md5(), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_digest_survives_its_etag(digest in any::<[u8; 16]>()) {
            let etag = ETag::from_md5(digest);
            prop_assert_eq!(etag.md5(), Some(digest));
            prop_assert_eq!(ETag::new(&etag.as_str().to_lowercase()).unwrap().md5(), Some(digest));
        }
    }
}
