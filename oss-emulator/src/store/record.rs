//! What the disk store writes beside the bytes: one JSON file for a bucket, an object, an upload.

use oss_proto::Crc64;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BucketRecord {
    pub(crate) name: String,
    /// Unix seconds.
    pub(crate) created: u64,
    /// None in a bucket that never kept versions.
    #[serde(default)]
    pub(crate) versioning: Option<Versioning>,
}

/// Whether a bucket keeps versions; once it did, it can only pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versioning {
    /// Every write makes a version.
    Enabled,
    /// Writes replace the version `null`, and leave the others.
    Suspended,
}

/// An object: its headers, and the list of files that hold its bytes, in order. One rename of this record publishes the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ObjectRecord {
    pub(crate) key: String,
    pub(crate) etag: String,
    pub(crate) crc64: u64,
    pub(crate) size: u64,
    /// Unix seconds.
    pub(crate) modified: u64,
    pub(crate) multipart: bool,
    /// Base64; only of objects put in one piece.
    pub(crate) content_md5: Option<String>,
    /// Stored headers by lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
    /// The folder under `data/`; of a multipart object the upload's id, which says that the upload is done.
    pub(crate) data: String,
    pub(crate) files: Vec<FileRecord>,
    /// `None` is the version `null`, the only one where no versions are kept.
    #[serde(default)]
    pub(crate) version: Option<String>,
    /// Of the versions of one key the highest is the current one.
    #[serde(default)]
    pub(crate) sequence: u64,
    /// Says that the key was deleted, and has no bytes.
    #[serde(default)]
    pub(crate) delete_marker: bool,
}

impl ObjectRecord {
    /// The version as OSS names it.
    pub(crate) fn version_id(&self) -> &str {
        self.version.as_deref().unwrap_or("null")
    }

    pub(super) fn delete_marker(key: &str, modified: u64) -> Self {
        Self {
            key: key.to_owned(),
            etag: String::new(),
            crc64: 0,
            size: 0,
            modified,
            multipart: false,
            content_md5: None,
            headers: BTreeMap::new(),
            data: String::new(),
            files: Vec::new(),
            version: None,
            sequence: 0,
            delete_marker: true,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileRecord {
    pub(crate) name: String,
    pub(crate) size: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct UploadRecord {
    pub(crate) id: String,
    pub(crate) key: String,
    /// Unix seconds.
    pub(crate) initiated: u64,
    pub(crate) headers: BTreeMap<String, String>,
}

/// A part's facts. They are its file's name, so that one rename makes the part and its facts appear together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartFacts {
    pub(crate) number: u32,
    /// Rises with every part of the upload: of two files of one number the higher one counts.
    pub(crate) sequence: u64,
    pub(crate) md5: [u8; 16],
    pub(crate) crc64: Crc64,
    /// Unix seconds.
    pub(crate) modified: u64,
}

impl PartFacts {
    /// `00007.12.5d41….00c0ffee….1329980494`
    pub(crate) fn file_name(&self) -> String {
        let md5 = hex(&self.md5);
        format!("{:05}.{}.{md5}.{:016x}.{}", self.number, self.sequence, self.crc64.get(), self.modified)
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        let mut fields = name.split('.');
        let facts = Self {
            number: fields.next()?.parse().ok()?,
            sequence: fields.next()?.parse().ok()?,
            md5: u128::from_str_radix(fields.next()?, 16).ok()?.to_be_bytes(),
            crc64: Crc64::new(u64::from_str_radix(fields.next()?, 16).ok()?),
            modified: fields.next()?.parse().ok()?,
        };
        (fields.next().is_none() && facts.file_name() == name).then_some(facts)
    }

    /// Upper-case hex, as OSS has it.
    pub(crate) fn etag(&self) -> String {
        hex(&self.md5).to_uppercase()
    }
}

/// Lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_holds_every_fact_of_its_part() {
        let facts = PartFacts { number: 7, sequence: 12, md5: [0x0a; 16], crc64: Crc64::new(3), modified: 99 };
        assert_eq!(PartFacts::parse(&facts.file_name()), Some(facts));
    }

    #[test]
    fn a_strange_file_name_is_no_part() {
        assert_eq!(PartFacts::parse("part-7"), None);
        assert_eq!(PartFacts::parse("7.1.00.00.1"), None);
    }
}
