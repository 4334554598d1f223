//! The headers of a request that become part of the object.

use super::tagging;
use crate::call::Call;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::store::{ObjectRecord, UploadRecord};
use std::collections::BTreeMap;

const STORED: &[&str] = &[
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-oss-object-acl",
    "x-oss-server-side-data-encryption",
    "x-oss-server-side-encryption",
    "x-oss-server-side-encryption-key-id",
    "x-oss-storage-class",
    "x-oss-tagging",
];
const META: &str = "x-oss-meta-";
/// All names and values of user metadata together.
const MAX_META: usize = 8 * 1024;
const STORAGE_CLASSES: &[&str] = &["Standard", "IA", "Archive", "ColdArchive", "DeepColdArchive"];
/// Restored before they can be read.
const ARCHIVES: &[&str] = &["Archive", "ColdArchive", "DeepColdArchive"];
pub(super) const ACL: &str = "x-oss-object-acl";
const ACLS: &[&str] = &["default", "private", "public-read", "public-read-write"];
/// The method, the key, how KMS encrypts.
pub(super) const ENCRYPTION: [&str; 3] =
    ["x-oss-server-side-encryption", "x-oss-server-side-encryption-key-id", "x-oss-server-side-data-encryption"];

pub(super) fn stored_headers(call: &Call) -> Result<BTreeMap<String, String>, Refusal> {
    let mut stored = BTreeMap::new();
    for name in call.headers.keys().map(http::HeaderName::as_str) {
        if name.starts_with(META) || STORED.contains(&name) {
            let value =
                call.header(name).ok_or_else(|| Refusal::argument("header", name, "The header is not UTF-8."))?;
            stored.insert(name.to_owned(), value.to_owned());
        }
    }
    stored.entry("content-type".to_owned()).or_insert_with(|| "application/octet-stream".to_owned());
    let meta: usize = stored
        .iter()
        .filter(|(name, _)| name.starts_with(META))
        .map(|(name, value)| name.len() - META.len() + value.len())
        .sum();
    if meta > MAX_META {
        return Err(Refusal::new(400, "InvalidArgument", "The metadata you provided is larger than 8 KB."));
    }
    if let Some(class) = stored.get("x-oss-storage-class").filter(|class| !STORAGE_CLASSES.contains(&class.as_str())) {
        let message = "The storage class you specified is not valid.";
        return Err(Refusal::argument("x-oss-storage-class", class, message));
    }
    stored.get(ACL).map_or(Ok(()), |acl| check_acl(acl))?;
    stored.get(tagging::TAGGING).map_or(Ok(()), |tags| tagging::check(tags))?;
    check_encryption(&stored)?;
    Ok(stored)
}

pub(super) fn check_acl(acl: &str) -> Result<(), Refusal> {
    if ACLS.contains(&acl) { Ok(()) } else { Err(Refusal::argument(ACL, acl, "The object ACL is not valid.")) }
}

fn check_encryption(stored: &BTreeMap<String, String>) -> Result<(), Refusal> {
    let [method, key_id, data] = ENCRYPTION.map(|name| stored.get(name).map(String::as_str));
    if method.is_some_and(|method| !matches!(method, "AES256" | "KMS" | "SM4")) || !matches!(data, None | Some("SM4")) {
        let message = "The Encryption Algorithm you specified is not valid.";
        return Err(Refusal::new(400, "InvalidEncryptionAlgorithmError", message));
    }
    for (name, value) in [(ENCRYPTION[1], key_id), (ENCRYPTION[2], data)] {
        if let Some(value) = value.filter(|_| method != Some("KMS")) {
            return Err(Refusal::argument(name, value, "Only KMS has a key id and a data encryption."));
        }
    }
    Ok(())
}

/// What replies about an encrypted object or its parts say of that.
pub(super) fn echo_encryption(stored: &BTreeMap<String, String>, reply: Reply) -> Reply {
    ENCRYPTION.iter().fold(reply, |reply, name| reply.maybe(name, stored.get(*name).cloned()))
}

/// A callback belongs to Complete: better refused here than silently left out.
pub(super) fn refuse_callback(call: &Call) -> Result<(), Refusal> {
    match call.header("x-oss-callback") {
        Some(_) => Err(Refusal::not_implemented(Some("x-oss-callback"))),
        None => Ok(()),
    }
}

impl ObjectRecord {
    pub(super) fn object_type(&self) -> &'static str {
        if self.multipart { "Multipart" } else { "Normal" }
    }

    pub(super) fn storage_class(&self) -> &str {
        self.headers.get("x-oss-storage-class").map_or("Standard", String::as_str)
    }

    /// It would have to be restored first.
    pub(super) fn is_archived(&self) -> bool {
        ARCHIVES.contains(&self.storage_class())
    }

    /// The headers a reply about the object has: not all that are stored are shown.
    pub(super) fn shown_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let hidden = ["x-oss-object-acl", "x-oss-tagging", "x-oss-storage-class"];
        let all = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        all.filter(move |(name, _)| !hidden.contains(name))
    }
}

impl UploadRecord {
    pub(super) fn storage_class(&self) -> &str {
        self.headers.get("x-oss-storage-class").map_or("Standard", String::as_str)
    }
}
