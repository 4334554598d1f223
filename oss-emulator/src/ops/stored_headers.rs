//! The headers of a request that become part of the object.

use crate::call::Call;
use crate::refusal::Refusal;
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
    match stored.get("x-oss-storage-class") {
        Some(class) if !STORAGE_CLASSES.contains(&class.as_str()) => {
            Err(Refusal::argument("x-oss-storage-class", class, "The storage class you specified is not valid."))
        }
        _ => Ok(stored),
    }
}

/// A callback would have to be called: better refused than silently left out.
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
