use crate::{NameError, limits::MAX_KEY_LEN};
use std::fmt;
use std::sync::Arc;

/// An object's key: 1 to 1,023 bytes of UTF-8, taken literally (never decoded or normalised).
///
/// OSS refuses a leading `/` or `\` ("Object naming").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

impl Key {
    /// Checks a key.
    ///
    /// # Errors
    /// [`NameError::Key`], with the rule that is broken.
    pub fn new(key: impl Into<String>) -> Result<Self, NameError> {
        let key = key.into();
        let reason = if key.is_empty() || key.len() > MAX_KEY_LEN {
            "must have 1 to 1,023 bytes"
        } else if key.starts_with('/') || key.starts_with('\\') {
            "must not start with / or \\"
        } else {
            return Ok(Self(key.into()));
        };
        Err(NameError::Key { key, reason })
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
