//! The rules of OSS for names and numbers, at their edges.

use oss_proto::{Bucket, Key, NameError, PartNumber, UploadId};

#[test]
fn buckets_follow_the_rules_of_oss() {
    for good in ["abc", "a-1", "123", &"a".repeat(63)] {
        assert_eq!(Bucket::new(good).unwrap().as_str(), good);
    }
    for bad in ["", "ab", &"a".repeat(64), "-ab", "ab-", "Abc", "a_b", "a.b", "a/b", "你好吗", "abc\n"] {
        assert!(matches!(Bucket::new(bad), Err(NameError::Bucket { name, .. }) if name == bad), "{bad:?}");
    }
}

#[test]
fn keys_are_any_text_of_1_to_1023_bytes_that_does_not_start_with_a_slash() {
    for good in ["a", " ", "?", "a//b/../.", "\u{0}", "100%", "你", &"a".repeat(1023), "dir/"] {
        assert_eq!(Key::new(good).unwrap().to_string(), good);
    }
    for bad in ["", "/a", "\\a", &"a".repeat(1024), &"你".repeat(342)] {
        assert!(matches!(Key::new(bad), Err(NameError::Key { key, .. }) if key == bad), "{bad:?}");
    }
}

#[test]
fn upload_ids_are_visible_ascii() {
    assert_eq!(UploadId::new("0004B9894A22E5B1").unwrap().as_str(), "0004B9894A22E5B1");
    assert!(UploadId::new("a".repeat(1024)).is_ok());
    for bad in ["", " ", "a b", "a\r\nb", "é", &"a".repeat(1025)] {
        assert_eq!(UploadId::new(bad), Err(NameError::UploadId), "{bad:?}");
    }
}

#[test]
fn part_numbers_are_1_to_10_000() {
    assert_eq!(PartNumber::new(1).unwrap().get(), 1);
    assert_eq!(PartNumber::new(10_000).unwrap().to_string(), "10000");
    for bad in [0, 10_001, 65_537, u32::MAX] {
        assert_eq!(PartNumber::new(bad), Err(NameError::PartNumber(bad)));
    }
}
