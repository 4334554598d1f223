use crate::NameError;
use std::fmt;
use std::sync::Arc;

/// The id of a multipart upload, as the server gave it: 1 to 1,024 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UploadId(Arc<str>);

impl UploadId {
    /// Checks an id.
    ///
    /// # Errors
    /// [`NameError::UploadId`] when it is empty, long, or holds other characters.
    pub fn new(id: impl Into<String>) -> Result<Self, NameError> {
        let id = id.into();
        if (1..=1024).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(id.into()))
        } else {
            Err(NameError::UploadId)
        }
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
