use crate::{NameError, limits::MAX_PARTS};
use std::fmt;

/// A part's number: 1 to 10,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartNumber(u16);

impl PartNumber {
    /// Checks a number.
    ///
    /// # Errors
    /// [`NameError::PartNumber`] outside 1 to 10,000.
    pub fn new(number: u32) -> Result<Self, NameError> {
        match u16::try_from(number) {
            Ok(small) if (1..=MAX_PARTS).contains(&number) => Ok(Self(small)),
            _ => Err(NameError::PartNumber(number)),
        }
    }

    /// The number.
    pub fn get(self) -> u32 {
        u32::from(self.0)
    }
}

impl fmt::Display for PartNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
