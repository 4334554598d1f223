//! What will come, known beforehand.

use oss_proto::{Crc64, Crc64Combiner, Crc64Hasher};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The CRC-64 of every part of the file, and of the whole.
#[derive(Debug)]
pub(super) struct Known {
    parts: Vec<Crc64>,
    pub(super) whole: Crc64,
    pub(super) size: u64,
    pub(super) part_size: u64,
}

impl Known {
    /// Reads the file once; zeros are only computed.
    pub(super) fn new(file: Option<&Path>, zeros: Option<u64>, part_size: u64) -> io::Result<Self> {
        let (parts, size) = match (file, zeros) {
            (Some(file), _) => read(file, part_size)?,
            (None, size) => (of_zeros(size.unwrap_or(0), part_size), size.unwrap_or(0)),
        };
        let mut combiner = Crc64Combiner::new();
        let len = |index: usize| part_size.min(size - part_size * index as u64);
        let whole = parts
            .iter()
            .enumerate()
            .fold(Crc64::EMPTY, |crc64, (index, part)| combiner.combine(crc64, *part, len(index)));
        Ok(Self { parts, whole, size, part_size })
    }

    /// Of the part with this number, 1 is the first.
    pub(super) fn part(&self, number: u64) -> Option<Crc64> {
        self.parts.get(usize::try_from(number.checked_sub(1)?).ok()?).copied()
    }

    /// Bytes of the part with this number.
    pub(super) fn len(&self, number: u64) -> u64 {
        self.part_size.min(self.size.saturating_sub(self.part_size * (number - 1)))
    }
}

fn read(path: &Path, part_size: u64) -> io::Result<(Vec<Crc64>, u64)> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut buffer = vec![0; 256 * 1024];
    let mut parts = Vec::new();
    let mut left = size;
    while left > 0 {
        let mut hasher = Crc64Hasher::new();
        let mut of_part = part_size.min(left);
        left -= of_part;
        while of_part > 0 {
            let len = usize::try_from(of_part).map_or(buffer.len(), |len| len.min(buffer.len()));
            file.read_exact(&mut buffer[..len])?;
            hasher.update(&buffer[..len]);
            of_part -= len as u64;
        }
        parts.push(hasher.finish());
    }
    Ok((parts, size))
}

fn of_zeros(size: u64, part_size: u64) -> Vec<Crc64> {
    let (full, rest) = (size / part_size, size % part_size);
    let of = |len: u64| {
        let block = vec![0; 64 * 1024];
        let mut hasher = Crc64Hasher::new();
        for _ in 0..len / block.len() as u64 {
            hasher.update(&block);
        }
        hasher.update(&block[..usize::try_from(len).unwrap_or(0) % block.len()]);
        hasher.finish()
    };
    let mut parts = vec![of(part_size); usize::try_from(full).unwrap_or(0)];
    parts.extend((rest > 0).then(|| of(rest)));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_and_a_file_of_zeros_are_known_alike() {
        let path = std::env::temp_dir().join(format!("oss-bench-zeros-{}", std::process::id()));
        std::fs::write(&path, vec![0; 1_000_003]).expect("a temporary file can be written");
        let read = Known::new(Some(&path), None, 300_000).expect("it was just written");
        std::fs::remove_file(&path).expect("it is ours");
        let computed = Known::new(None, Some(1_000_003), 300_000).expect("nothing is read");
        assert_eq!((&read.parts, read.whole, read.size), (&computed.parts, computed.whole, computed.size));
        assert_eq!((read.whole, read.len(4)), (Crc64::of(&vec![0; 1_000_003]), 100_003));
    }
}
