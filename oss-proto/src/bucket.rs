use crate::NameError;
use std::fmt;
use std::sync::Arc;

/// A bucket's name: 3 to 63 characters of `[a-z0-9-]`, not starting or ending with `-` (OSS: "Bucket naming").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket(Arc<str>);

impl Bucket {
    /// Checks a name.
    ///
    /// # Errors
    /// [`NameError::Bucket`], with the rule that is broken.
    pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
        let name = name.into();
        let reason = if !(3..=63).contains(&name.len()) {
            "must have 3 to 63 characters"
        } else if !name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')) {
            "may hold only a-z, 0-9 and -"
        } else if name.starts_with('-') || name.ends_with('-') {
            "must not start or end with -"
        } else {
            return Ok(Self(name.into()));
        };
        Err(NameError::Bucket { name, reason })
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
