//! Dates as OSS writes them inside XML.

const DAY: u64 = 24 * 60 * 60;
/// 9999-12-31T23:59:59Z, the last second four digits of year can say.
const LAST: u64 = 253_402_300_799;

/// Unix seconds of a UTC date in ISO 8601, `2012-02-23T07:01:34.000Z`; a fraction may be there and is dropped.
///
/// `None` for anything else: another zone, a day that does not exist, a year before 1970.
///
/// ```
/// assert_eq!(oss_proto::parse_iso8601("2012-02-23T07:01:34.000Z"), Some(1_329_980_494));
/// assert_eq!(oss_proto::parse_iso8601("2012-02-30T07:01:34.000Z"), None);
/// ```
pub fn parse_iso8601(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let time = match time.split_once('.') {
        Some((time, fraction)) if (1..=9).contains(&fraction.len()) && is_digits(fraction) => time,
        Some(_) => return None,
        None => time,
    };
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    if year < 1970 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_before_year(year) + day_of_year(year, month, day)?;
    Some(days * DAY + hour * 3600 + minute * 60 + second)
}

/// `2012-02-23T07:01:34.000Z` of Unix seconds; what lies after the year 9999 is written as its last second.
///
/// ```
/// assert_eq!(oss_proto::format_iso8601(1_329_980_494), "2012-02-23T07:01:34.000Z");
/// ```
pub fn format_iso8601(unix_seconds: u64) -> String {
    let unix_seconds = unix_seconds.min(LAST);
    let (mut days, of_day) = (unix_seconds / DAY, unix_seconds % DAY);
    // A guess that is never late: no year is longer than 366 days.
    let mut year = 1970 + days / 366;
    while days_before_year(year + 1) <= days {
        year += 1;
    }
    days -= days_before_year(year);
    let mut month = 1;
    while days >= days_of_month(year, month) {
        days -= days_of_month(year, month);
        month += 1;
    }
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}.000Z", days + 1)
}

fn numbers(text: &str, separator: char, widths: [usize; 3]) -> Option<[u64; 3]> {
    let mut fields = text.split(separator);
    let mut numbers = [0; 3];
    for (number, width) in numbers.iter_mut().zip(widths) {
        let field = fields.next().filter(|field| field.len() == width && is_digits(field))?;
        *number = field.parse().ok()?;
    }
    fields.next().is_none().then_some(numbers)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// Days from 1970 to the first of January.
fn days_before_year(year: u64) -> u64 {
    let leap_days = |year: u64| year / 4 - year / 100 + year / 400;
    (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969)
}

/// Counted from 0.
fn day_of_year(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1..=12).contains(&month) || !(1..=days_of_month(year, month)).contains(&day) {
        return None;
    }
    Some((1..month).map(|month| days_of_month(year, month)).sum::<u64>() + day - 1)
}

fn days_of_month(year: u64, month: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn dates_that_are_not_are_refused() {
        for wrong in [
            "",
            "Z",
            "TZ",
            "2012-02-23T07:01:34.000",
            "2012-02-23T07:01:34.000+00:00",
            "2012-02-23 07:01:34Z",
            "2012-2-23T07:01:34Z",
            "2012-02-23T24:00:00Z",
            "2012-02-23T07:60:00Z",
            "2016-12-31T23:59:60Z",
            "2012-13-01T00:00:00Z",
            "2012-00-01T00:00:00Z",
            "2012-01-00T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2012-02-23T07:01:34.Z",
            "2012-02-23T07:01:34.0x0Z",
            "+012-02-23T07:01:34Z",
            "2012-02-23-01T07:01:34Z",
            "２012-02-23T07:01:34Z",
        ] {
            assert_eq!(parse_iso8601(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn leap_days_and_the_ends_of_the_scale_are_right() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("2000-02-29T00:00:00.000Z", 951_782_400),
            ("2012-02-29T23:59:59.000Z", 1_330_559_999),
            ("9999-12-31T23:59:59.000Z", LAST),
        ] {
            assert_eq!(parse_iso8601(text), Some(seconds));
            assert_eq!(format_iso8601(seconds), text);
        }
        assert_eq!(format_iso8601(u64::MAX), "9999-12-31T23:59:59.000Z");
    }

    proptest! {
        #[test]
        fn every_second_is_read_back_and_agrees_with_the_http_date(seconds in 0..=LAST) {
            let iso = format_iso8601(seconds);
            prop_assert_eq!(parse_iso8601(&iso), Some(seconds));
            let http = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
            prop_assert_eq!(&http[5..7], &iso[8..10], "day of month");
            prop_assert_eq!(&http[12..16], &iso[..4], "year");
            prop_assert_eq!(&http[17..25], &iso[11..19], "time");
        }

        #[test]
        fn no_text_panics(text in "[0-9TZ:.\\-]{0,30}|\\PC{0,30}") {
            if let Some(seconds) = parse_iso8601(&text) {
                prop_assert_eq!(&format_iso8601(seconds)[..19], &text[..19]);
            }
        }
    }
}
