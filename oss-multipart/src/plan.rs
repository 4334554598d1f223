//! How a file is cut into parts.

use oss_proto::PartNumber;
use oss_proto::limits::{MAX_OBJECT_SIZE, MAX_PART_SIZE, MAX_PARTS, MIN_PART_SIZE};

/// The documented default part size: 8 MiB.
pub const DEFAULT_PART_SIZE: u64 = 8 * 1024 * 1024;

/// A file of at most this many bytes that fits one part goes by one PutObject: 8 MiB.
pub const SMALL_FILE: u64 = 8 * 1024 * 1024;

/// How a file is cut into parts: part `n` is `part_size` bytes at `(n - 1) * part_size`, the last one what remains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    size: u64,
    part_size: u64,
}

/// One part's place in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub len: u64,
}

/// A file or part size that OSS cannot take. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Choose a part size inside the limits.
    #[error("part size {0} is outside 102400 (100 KiB) to 5368709120 (5 GiB) bytes")]
    PartSize(u64),
    /// Split the file: no object can hold it.
    #[error("file size {0} is over 53687091200000 bytes (10,000 parts of 5 GiB), the largest object of OSS")]
    FileSize(u64),
}

impl Plan {
    /// Cuts `size` bytes; `part_size` is grown to whole 100 KiB steps when the file would need more than 10,000 parts.
    ///
    /// # Errors
    /// [`PlanError`], with the field and the range allowed.
    pub fn new(size: u64, part_size: u64) -> Result<Self, PlanError> {
        if !(MIN_PART_SIZE..=MAX_PART_SIZE).contains(&part_size) {
            return Err(PlanError::PartSize(part_size));
        }
        if size > MAX_OBJECT_SIZE {
            return Err(PlanError::FileSize(size));
        }
        let least = size.div_ceil(u64::from(MAX_PARTS));
        let grown = || (least.div_ceil(MIN_PART_SIZE) * MIN_PART_SIZE).min(MAX_PART_SIZE);
        Ok(Self { size, part_size: if part_size < least { grown() } else { part_size } })
    }

    /// Bytes of the file.
    pub fn size(self) -> u64 {
        self.size
    }

    /// Bytes of every part but the last.
    pub fn part_size(self) -> u64 {
        self.part_size
    }

    /// Number of parts; an empty file has one, of no bytes.
    pub fn count(self) -> u32 {
        let count = self.size.div_ceil(self.part_size).max(1);
        u32::try_from(count).expect("new() keeps the count within 10,000")
    }

    /// One PutObject is enough.
    pub fn is_small(self) -> bool {
        self.size <= self.part_size && self.size <= SMALL_FILE
    }

    /// The place of a part; `None` when the plan has no such part.
    pub fn range(self, number: PartNumber) -> Option<Range> {
        let offset = u64::from(number.get() - 1) * self.part_size;
        let first = number.get() == 1;
        (first || offset < self.size).then(|| Range { offset, len: self.part_size.min(self.size - offset) })
    }

    /// All part numbers, ascending.
    pub fn numbers(self) -> impl Iterator<Item = PartNumber> {
        (1..=self.count()).map(|n| PartNumber::new(n).expect("the count is within 10,000"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranges_tile_the_file(size in 0..MAX_OBJECT_SIZE, part_size in MIN_PART_SIZE..=MAX_PART_SIZE) {
            let plan = Plan::new(size, part_size).unwrap();
            prop_assert!(plan.count() <= MAX_PARTS && plan.part_size() <= MAX_PART_SIZE);
            let mut next = 0;
            for number in plan.numbers() {
                let range = plan.range(number).unwrap();
                prop_assert_eq!(range.offset, next);
                prop_assert!(range.len == plan.part_size() || number.get() == plan.count());
                next += range.len;
            }
            prop_assert_eq!(next, size);
            if plan.count() < MAX_PARTS {
                prop_assert!(plan.range(PartNumber::new(plan.count() + 1).unwrap()).is_none());
            }
        }
    }

    #[test]
    fn the_part_size_grows_only_past_ten_thousand_parts() {
        let fits = MIN_PART_SIZE * u64::from(MAX_PARTS);
        assert_eq!(Plan::new(fits, MIN_PART_SIZE).unwrap().part_size(), MIN_PART_SIZE);
        assert_eq!(Plan::new(fits + 1, MIN_PART_SIZE).unwrap().part_size(), 2 * MIN_PART_SIZE);
        assert_eq!(Plan::new(MAX_OBJECT_SIZE, MIN_PART_SIZE).unwrap().count(), MAX_PARTS);
        // No multiple of 100 KiB, and enough.
        let odd = 3 * MIN_PART_SIZE + 1;
        assert_eq!(Plan::new(odd * u64::from(MAX_PARTS), odd).unwrap().part_size(), odd);
    }

    #[test]
    fn impossible_sizes_are_refused_with_the_range() {
        assert_eq!(Plan::new(1, MIN_PART_SIZE - 1), Err(PlanError::PartSize(MIN_PART_SIZE - 1)));
        assert_eq!(Plan::new(1, MAX_PART_SIZE + 1), Err(PlanError::PartSize(MAX_PART_SIZE + 1)));
        assert_eq!(Plan::new(MAX_OBJECT_SIZE + 1, MAX_PART_SIZE), Err(PlanError::FileSize(MAX_OBJECT_SIZE + 1)));
    }

    #[test]
    fn an_empty_file_is_one_part_of_no_bytes() {
        let plan = Plan::new(0, DEFAULT_PART_SIZE).unwrap();
        assert!(plan.is_small());
        assert_eq!(plan.range(PartNumber::new(1).unwrap()), Some(Range { offset: 0, len: 0 }));
    }
}
