//! Sizes and durations as people write them.

use oss_client::limits::{MAX_PART_SIZE, MIN_PART_SIZE};
use oss_client::{Memory, Parallel};
use std::num::NonZeroU64;
use std::time::Duration;

/// A part size: bytes, or a whole number with K, M or G (also KiB, MiB, GiB), always powers of 1024.
pub(crate) fn part_size(text: &str) -> Result<u64, String> {
    let bytes = bytes(text).ok_or("a part size is 100KiB to 5GiB, written like 8388608, 8M or 8MiB")?;
    if (MIN_PART_SIZE..=MAX_PART_SIZE).contains(&bytes) {
        Ok(bytes)
    } else {
        Err(format!("part size {bytes} bytes is outside {MIN_PART_SIZE} (100KiB) to {MAX_PART_SIZE} (5GiB)"))
    }
}

/// Parts in flight.
pub(crate) fn parallel(text: &str) -> Result<Parallel, String> {
    match (text, text.parse()) {
        ("auto", _) => Ok(Parallel::Auto { most: Parallel::AUTO_MOST }),
        (_, Ok(parts @ 1..=1024)) => Ok(Parallel::Fixed(parts)),
        _ => Err(format!("{text} is not in 1..=1024, nor is it auto")),
    }
}

/// A budget of memory, written as a part size is.
pub(crate) fn memory(text: &str) -> Result<u64, String> {
    match bytes(text) {
        Some(bytes) if bytes >= Memory::LEAST => Ok(bytes),
        _ => Err("a memory bound is 8MiB or more, written like 33554432, 32M or 32MiB".into()),
    }
}

/// Bytes a second, written as a part size is.
pub(crate) fn rate(text: &str) -> Result<u64, String> {
    bytes(text).filter(|rate| *rate > 0).ok_or_else(|| "bytes a second are written like 1250000, 100K or 12MiB".into())
}

/// Bytes a second, written like a size.
pub(crate) fn bandwidth(text: &str) -> Result<NonZeroU64, String> {
    let enough = bytes(text).filter(|bytes| *bytes >= 1 << 10).and_then(NonZeroU64::new);
    enough.ok_or_else(|| "a bandwidth is 1KiB a second or more, written like 524288, 512K or 5MiB".into())
}

/// A whole number of bytes, with a binary unit or none. `KB` is refused: it means 1000 to some and 1024 to others.
fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// A whole number of seconds, or with s, m, h or d.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let factor = |unit: &str| match unit {
        "" | "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3_600),
        "d" => Some(86_400),
        _ => None,
    };
    let seconds = split(text).and_then(|(number, unit)| number.checked_mul(factor(unit)?));
    match seconds {
        Some(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds)),
        _ => Err("a duration is 1s or more (with V4 at most 7d), written like 90, 90s, 15m, 1h or 7d".into()),
    }
}

/// A timeout: milliseconds to a day.
pub(crate) fn timeout(text: &str) -> Result<Duration, String> {
    let factor = |unit: &str| match unit {
        "ms" => Some(1),
        "" | "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let milliseconds = split(text).and_then(|(number, unit)| number.checked_mul(factor(unit)?));
    match milliseconds {
        Some(milliseconds @ 1..=86_400_000) => Ok(Duration::from_millis(milliseconds)),
        _ => Err("a timeout is 1ms to 24h, written like 100ms, 30, 30s, 10m or 1h".into()),
    }
}

fn split(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bytes_or_binary_units() {
        for (text, bytes) in [
            ("102400", 102_400),
            ("102400b", 102_400),
            ("100K", 102_400),
            ("100kib", 102_400),
            ("8MiB", 8 << 20),
            ("8m", 8 << 20),
            ("5G", 5 << 30),
            ("5GiB", 5 << 30),
        ] {
            assert_eq!(part_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn a_memory_bound_holds_a_small_file() {
        assert_eq!((memory("8MiB"), memory("1G")), (Ok(8 << 20), Ok(1 << 30)));
        for text in ["8388607", "0", "8MB", ""] {
            assert!(memory(text).unwrap_err().contains("8MiB"), "{text}");
        }
    }

    #[test]
    fn a_rate_is_not_nothing() {
        assert_eq!((rate("1M"), rate("125000")), (Ok(1 << 20), Ok(125_000)));
        assert!(rate("0").is_err() && rate("1MB").is_err());
    }

    #[test]
    fn nonsense_sizes_are_refused_with_the_range() {
        for text in
            ["", "M", "8MB", "8 MiB", "-8M", "+8M", "1.5G", "8MiBs", "0x100000", "٨M", "99KiB", "102399", "5368709121"]
        {
            let words = part_size(text).unwrap_err();
            assert!(words.contains("100KiB") && words.contains("5GiB"), "{text}: {words}");
        }
        assert!(part_size("18446744073709551615G").is_err());
        assert!(part_size("99999999999999999999").is_err());
    }

    #[test]
    fn a_bandwidth_below_a_kilobyte_is_a_slip_of_the_pen() {
        assert_eq!(bandwidth("512K"), Ok(NonZeroU64::new(512 << 10).unwrap()));
        for text in ["0", "1023", "5", "5MB", "5Mbit", "-1M", "99999999999999999999"] {
            assert!(bandwidth(text).unwrap_err().contains("1KiB"), "{text}");
        }
    }

    #[test]
    fn timeouts_go_down_to_milliseconds() {
        for (text, milliseconds) in
            [("100ms", 100), ("30", 30_000), ("30s", 30_000), ("10m", 600_000), ("24h", 86_400_000)]
        {
            assert_eq!(timeout(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "0", "0ms", "1d", "25h", "86400001ms", "1.5s", "-1s", "18446744073709551615h"] {
            assert!(timeout(text).unwrap_err().contains("100ms"), "{text}");
        }
    }

    #[test]
    fn durations_have_units_up_to_days() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("15m", 900), ("1h", 3_600), ("7d", 604_800)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "0", "0h", "h", "1w", "1.5h", "-1h", "18446744073709551615d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
