//! The two ways a signed request writes its time.

use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

const DAY: u64 = 24 * 60 * 60;
/// 9999-12-31T23:59:59Z. Neither format can say a later second, so a later time is signed as this one.
const LAST: u64 = 253_402_300_799;

/// `Wed, 28 Dec 2022 10:27:41 GMT`, the `Date` of HTTP and of V1.
pub(crate) fn http_date(time: u64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(time.min(LAST)))
}

pub(crate) fn parse_http_date(text: &str) -> Option<u64> {
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

/// `20231217T034736Z`, the `x-oss-date` of V4; its first eight characters are the date of the scope.
pub(crate) fn iso_basic(time: u64) -> String {
    let time = time.min(LAST);
    let (year, month, day) = date_of(time / DAY);
    let second = time % DAY;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let mut text = String::with_capacity(16);
    write!(text, "{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z").expect("a String takes everything");
    text
}

/// `2023-12-17T03:47:36Z`, the `Timestamp` of RPC calls.
pub(crate) fn iso_extended(time: u64) -> String {
    let basic = iso_basic(time);
    let part = |range| &basic[range];
    let (date, clock) = ([part(0..4), part(4..6), part(6..8)], [part(9..11), part(11..13), part(13..15)]);
    format!("{}T{}Z", date.join("-"), clock.join(":"))
}

pub(crate) fn parse_iso_basic(text: &str) -> Option<u64> {
    let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if date.len() != 8 || clock.len() != 6 || !digits(date) || !digits(clock) {
        return None;
    }
    let number = |text: &str| text.parse::<u64>().ok();
    let (year, month, day) = (number(&date[..4])?, number(&date[4..6])?, number(&date[6..])?);
    let (hour, minute, second) = (number(&clock[..2])?, number(&clock[2..4])?, number(&clock[4..])?);
    if year < 1970 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_until(year, month, day);
    // A day that does not exist (month 13, 30 February) is another date when it is written again.
    (date_of(days) == (year, month, day)).then_some(days * DAY + hour * 3600 + minute * 60 + second)
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar. Years begin in March here, so that the leap day
/// is the last of its year and month lengths follow one formula.
fn days_until(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    days.saturating_sub(DAYS_TO_1970 + 1)
}

/// Days from 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: u64 = 719_468;

fn date_of(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_TO_1970;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (0, month + 3) } else { (1, month - 9) };
    (era * 400 + year_of_era + year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The calendar repeats after 400 years.
    #[test]
    fn every_day_of_400_years_is_written_as_http_does_and_read_again() {
        for day in 0..146_097 {
            let time = day * DAY + day % DAY;
            let (iso, http) = (iso_basic(time), http_date(time));
            assert_eq!((&iso[..4], &iso[6..8]), (&http[12..16], &http[5..7]));
            assert_eq!(iso[9..15], http[17..25].replace(':', ""));
            assert_eq!((parse_iso_basic(&iso), parse_http_date(&http)), (Some(time), Some(time)));
        }
    }

    #[test]
    fn known_seconds_are_written_as_the_service_does() {
        assert_eq!(iso_basic(1_702_784_856), "20231217T034736Z");
        assert_eq!(iso_basic(0), "19700101T000000Z");
        assert_eq!(iso_basic(1_709_164_800), "20240229T000000Z");
        assert_eq!(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn a_time_no_date_can_say_is_the_last_one() {
        assert_eq!(iso_basic(u64::MAX), "99991231T235959Z");
        assert_eq!(http_date(u64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn dates_that_do_not_exist_are_refused() {
        for text in [
            "20230229T000000Z",
            "20231301T000000Z",
            "20230001T000000Z",
            "20230100T000000Z",
            "19691231T235959Z",
            "20230101T240000Z",
            "20230101T006000Z",
            "20230101T000060Z",
            "20230101T000000",
            "2023-01-01T000000Z",
            "+2230101T000000Z",
            "",
            "Z",
            "ä",
        ] {
            assert_eq!(parse_iso_basic(text), None, "{text}");
        }
    }
}
