//! What a header may be called and what it may hold, one by one.

use super::{
    CALLBACK, CALLBACK_VAR, DATA_ENCRYPTION, ENCRYPTION, ENCRYPTION_KEY, FORBID_OVERWRITE, META, OBJECT_ACL,
    ON_COMPLETE, ON_INITIATE, STORAGE_CLASS, TAGGING, callback, tagging,
};

/// The longest single value.
const MAX_VALUE: usize = 8 * 1024;

pub(super) const STORAGE_CLASSES: [&str; 5] = ["Standard", "IA", "Archive", "ColdArchive", "DeepColdArchive"];
const ACLS: [&str; 4] = ["default", "private", "public-read", "public-read-write"];

pub(super) fn name(name: &str) -> Result<(), &'static str> {
    if ON_INITIATE.contains(&name) || ON_COMPLETE.contains(&name) {
        return Ok(());
    }
    match name.strip_prefix(META) {
        Some(meta) if !meta.is_empty() && is_word(meta) => Ok(()),
        Some(_) => Err("a metadata name may hold only a-z, 0-9 and -"),
        None if matches!(name, "x-oss-request-payer" | "x-oss-traffic-limit") => {
            Err("belongs to a single request, not to the object")
        }
        None => Err("is not a header that becomes part of an object"),
    }
}

pub(super) fn value(name: &str, value: &str) -> Result<(), &'static str> {
    if value.chars().any(char::is_control) {
        return Err("the value holds a control character");
    }
    if value != value.trim() {
        return Err("the value starts or ends with white space, which would be lost on the way");
    }
    if value.len() > MAX_VALUE {
        return Err("the value is over 8 KiB");
    }
    if value.is_empty() && !name.starts_with(META) {
        return Err("the value is empty");
    }
    let one_of = |values: &[&str], reason| if values.contains(&value) { Ok(()) } else { Err(reason) };
    match name {
        FORBID_OVERWRITE => one_of(&["true", "false"], "the value must be true or false"),
        OBJECT_ACL => one_of(&ACLS, "the value must be default, private, public-read or public-read-write"),
        STORAGE_CLASS => {
            one_of(&STORAGE_CLASSES, "the value must be Standard, IA, Archive, ColdArchive or DeepColdArchive")
        }
        ENCRYPTION => one_of(&["AES256", "KMS", "SM4"], "the value must be AES256, KMS or SM4"),
        DATA_ENCRYPTION => one_of(&["SM4"], "the value must be SM4"),
        ENCRYPTION_KEY if !value.bytes().all(|b| b.is_ascii_graphic()) => Err("a key id has visible ASCII only"),
        TAGGING => tagging::check(value),
        CALLBACK => callback::check(value),
        CALLBACK_VAR => callback::check_variables(value),
        _ => Ok(()),
    }
}

fn is_word(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}
