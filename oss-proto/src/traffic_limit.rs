use crate::NameError;
use std::fmt;

/// `x-oss-traffic-limit`: how fast OSS lets one request move data, in bits a second, 819,200 to 838,860,800 (OSS:
/// "Single-connection bandwidth throttling"). Several requests at once have it each.
///
/// ```
/// use oss_proto::TrafficLimit;
///
/// assert_eq!(TrafficLimit::new(8 * 1024 * 1024)?.bits_per_second(), 8_388_608);
/// assert!(TrafficLimit::new(1000).is_err());
/// # Ok::<(), oss_proto::NameError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrafficLimit(u32);

impl TrafficLimit {
    /// 100 KiB a second.
    pub const MIN: u32 = 819_200;
    /// 100 MiB a second.
    pub const MAX: u32 = 838_860_800;

    /// Takes bits a second.
    ///
    /// # Errors
    /// [`NameError::TrafficLimit`] outside the range.
    pub fn new(bits_per_second: u64) -> Result<Self, NameError> {
        let number = u32::try_from(bits_per_second).ok().filter(|bits| (Self::MIN..=Self::MAX).contains(bits));
        number.map(Self).ok_or(NameError::TrafficLimit(bits_per_second))
    }

    /// The limit.
    pub fn bits_per_second(self) -> u32 {
        self.0
    }
}

/// As it stands in the header.
impl fmt::Display for TrafficLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
