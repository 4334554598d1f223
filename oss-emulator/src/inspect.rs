//! What a test sees and does beside the protocol.

use crate::ledger::LedgerEntry;
use crate::store::{Object, Upload, Versioning};
use crate::{Emulator, Fault, Rule};
use bytes::Bytes;
use oss_proto::Crc64;
use oss_sign::Credentials;
use std::collections::BTreeMap;

/// An object as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredObject {
    /// Length in bytes.
    pub size: u64,
    /// Without quotes.
    pub etag: String,
    /// The CRC-64 the server says it has.
    pub crc64: Crc64,
    /// Unix seconds.
    pub last_modified: u64,
    /// Made by a multipart upload.
    pub multipart: bool,
    /// `None` in a bucket that never kept versions, where it is the version `null`.
    pub version_id: Option<String>,
    /// Stored headers (`content-type`, `x-oss-meta-…`) by lower-case name.
    pub headers: BTreeMap<String, String>,
}

/// An upload that is neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredUpload {
    /// The key it is for.
    pub key: String,
    /// Its id.
    pub upload_id: String,
    /// Its parts' numbers and sizes in bytes, in order.
    pub parts: Vec<(u32, u64)>,
}

impl Emulator {
    /// Every request seen so far (of the last 100,000), in the order they came.
    pub fn ledger(&self) -> Vec<LedgerEntry> {
        self.shared.ledger.entries()
    }

    /// Waits until the ledger is as asked; looked at again whenever it changes.
    ///
    /// # Cancel safety
    /// May be dropped and called again.
    pub async fn wait_for(&self, condition: impl FnMut(&[LedgerEntry]) -> bool) {
        self.shared.ledger.wait_for(condition).await;
    }

    /// Adds a fault at the end of the script.
    pub fn add_fault(&self, rule: Rule, fault: Fault) {
        self.lock_faults().add(rule, fault);
    }

    /// Forgets all faults.
    pub fn clear_faults(&self) {
        *self.lock_faults() = crate::FaultScript::new();
    }

    /// For every rule of the script, in order: how many requests matched, and how often its fault was given out.
    pub fn fault_counts(&self) -> Vec<(u64, u64)> {
        self.lock_faults().counts()
    }

    /// Sets the server's clock ahead by so many seconds (back, when negative) of the system's.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.shared.clock.shift(seconds);
    }

    /// Lets a temporary key pair sign together with its security token until this Unix second by the server's clock;
    /// after it, `SecurityTokenExpired`.
    pub fn grant(&self, id: impl Into<String>, secret: impl Into<String>, token: impl Into<String>, until: u64) {
        self.shared.access.grant(Credentials::new(id, secret).with_security_token(token), Some(until));
    }

    /// The server's clock, Unix seconds.
    pub fn now(&self) -> u64 {
        self.shared.clock.seconds()
    }

    /// An object's facts.
    pub fn object(&self, bucket: &str, key: &str) -> Option<StoredObject> {
        self.shared.shelf.read(bucket, |bucket| bucket.object(key)).ok().map(|object| describe(&object))
    }

    /// An object's bytes, all in memory; `None` as well when they cannot be read.
    pub fn object_bytes(&self, bucket: &str, key: &str) -> Option<Bytes> {
        let object = self.shared.shelf.read(bucket, |bucket| bucket.object(key)).ok()?;
        let mut bytes = Vec::new();
        for blob in &object.blobs {
            let len = usize::try_from(blob.len()).ok()?;
            bytes.extend_from_slice(&blob.open().ok()?.read_at(0, len).ok()?);
        }
        Some(Bytes::from(bytes))
    }

    /// The versions of a key, the current one last: their ids, and whether they are delete markers.
    pub fn versions(&self, bucket: &str, key: &str) -> Vec<(String, bool)> {
        let buckets = self.shared.shelf.lock();
        let versions = buckets.get(bucket).and_then(|bucket| bucket.versions.get(key)).into_iter().flatten();
        versions.map(|object| (object.record.version_id().to_owned(), object.record.delete_marker)).collect()
    }

    /// Makes a bucket keep versions, or pause. Tells whether there was such a bucket.
    pub fn set_versioning(&self, bucket: &str, versioning: Versioning) -> bool {
        self.shared.shelf.set_versioning(bucket, versioning).is_ok()
    }

    /// The keys in a bucket, in order.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        self.shared.shelf.lock().get(bucket).map(|bucket| bucket.objects.keys().cloned().collect()).unwrap_or_default()
    }

    /// The uploads under way in a bucket, by key and then by id.
    pub fn uploads(&self, bucket: &str) -> Vec<StoredUpload> {
        let buckets = self.shared.shelf.lock();
        let mut uploads: Vec<_> =
            buckets.get(bucket).into_iter().flat_map(|bucket| bucket.uploads.values().map(outline)).collect();
        uploads.sort_by(|a, b| (&a.key, &a.upload_id).cmp(&(&b.key, &b.upload_id)));
        uploads
    }

    /// Puts other bytes in place of a stored part's, while ETag and CRC-64 stay: what a failing medium would do. Tells whether
    /// there was such a part.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn damage_part(&self, bucket: &str, upload_id: &str, number: u32, bytes: &[u8]) -> std::io::Result<bool> {
        self.shared.shelf.damage_part(bucket, upload_id, number, bytes)
    }

    /// Removes one part behind the client's back. Tells whether there was such a part.
    pub fn remove_part(&self, bucket: &str, upload_id: &str, number: u32) -> bool {
        self.shared.shelf.remove_part(bucket, upload_id, number)
    }

    /// Removes an upload behind the client's back. Tells whether there was one.
    pub fn remove_upload(&self, bucket: &str, upload_id: &str) -> bool {
        let key =
            self.uploads(bucket).into_iter().find(|upload| upload.upload_id == upload_id).map(|upload| upload.key);
        key.is_some_and(|key| self.shared.shelf.abort(bucket, &key, upload_id).is_ok())
    }

    /// Removes an object behind the client's back. Tells whether there was one.
    pub fn remove_object(&self, bucket: &str, key: &str) -> bool {
        self.object(bucket, key).is_some()
            && self.shared.shelf.delete_object(bucket, key, None, self.shared.clock.seconds()).is_ok()
    }
}

fn describe(object: &Object) -> StoredObject {
    let record = &object.record;
    StoredObject {
        size: record.size,
        etag: record.etag.clone(),
        crc64: Crc64::new(record.crc64),
        last_modified: record.modified,
        multipart: record.multipart,
        version_id: record.version.clone(),
        headers: record.headers.clone(),
    }
}

fn outline(upload: &Upload) -> StoredUpload {
    StoredUpload {
        key: upload.record.key.clone(),
        upload_id: upload.record.id.clone(),
        parts: upload.parts.iter().map(|(number, part)| (*number, part.blob.len())).collect(),
    }
}
