//! The versions of a key: what a write adds or replaces, what a deletion leaves, which one is the current one.

use super::record::{BucketRecord, ObjectRecord, Versioning};
use super::{Bucket, Object, Shelf};
use crate::emulator::random_hex;
use crate::refusal::Refusal;
use std::sync::Arc;

/// What a deletion did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Deleted {
    /// A marker was put on top, or was the version that went.
    pub(crate) delete_marker: bool,
    /// The marker's version, or the one that went; `None` where no versions are kept.
    pub(crate) version_id: Option<String>,
}

impl Shelf {
    pub(crate) fn set_versioning(&self, name: &str, versioning: Versioning) -> Result<(), Refusal> {
        let mut buckets = self.lock();
        let bucket = buckets.get_mut(name).ok_or_else(|| Refusal::no_such_bucket(name))?;
        if let Some(disk) = &self.disk {
            let (name, created) = (name.to_owned(), bucket.created);
            disk.write_bucket(&BucketRecord { name, created, versioning: Some(versioning) })?;
        }
        bucket.versioning = Some(versioning);
        Ok(())
    }

    /// Makes an object (or a delete marker) the current version of its key.
    pub(super) fn publish(&self, bucket: &str, shelf: &mut Bucket, object: Object) -> Result<Arc<Object>, Refusal> {
        let id = || format!("CAEQ{}", random_hex(60));
        let version = (shelf.versioning == Some(Versioning::Enabled)).then(id);
        let record = ObjectRecord { version, sequence: shelf.next_sequence, ..object.record };
        if let Some(disk) = &self.disk {
            disk.write_object(bucket, &record)?;
        }
        let object = Arc::new(Object { record, ..object });
        shelf.next_sequence += 1;
        shelf.take(&object.record);
        shelf.versions.entry(object.record.key.clone()).or_default().push(Arc::clone(&object));
        shelf.refresh(&object.record.key);
        Ok(object)
    }

    /// Deletes a version for good, or, where versions are kept and none is named, puts a delete marker on top.
    pub(crate) fn delete_object(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        now: u64,
    ) -> Result<Deleted, Refusal> {
        let mut buckets = self.lock();
        let shelf = buckets.get_mut(bucket).ok_or_else(|| Refusal::no_such_bucket(bucket))?;
        if version.is_none() && shelf.versioning.is_some() {
            let marker = Object { record: ObjectRecord::delete_marker(key, now), blobs: Vec::new() };
            let marker = self.publish(bucket, shelf, marker)?;
            return Ok(Deleted { delete_marker: true, version_id: Some(marker.record.version_id().to_owned()) });
        }
        let id = version.unwrap_or("null");
        let found = shelf.version(key, id).map(|object| object.record.clone());
        let version_id = shelf.versioning.map(|_| id.to_owned());
        let Some(record) = found else { return Ok(Deleted { delete_marker: false, version_id }) };
        if let Some(disk) = &self.disk {
            disk.remove_object(bucket, &record)?;
        }
        shelf.take(&record);
        shelf.refresh(key);
        Ok(Deleted { delete_marker: record.delete_marker, version_id })
    }

    /// Changes what is said of a version, not its bytes.
    pub(crate) fn amend_object(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        change: impl FnOnce(&mut ObjectRecord),
    ) -> Result<Arc<Object>, Refusal> {
        let mut buckets = self.lock();
        let shelf = buckets.get_mut(bucket).ok_or_else(|| Refusal::no_such_bucket(bucket))?;
        let old = shelf.find(key, version)?;
        let mut record = old.record.clone();
        change(&mut record);
        if let Some(disk) = &self.disk {
            disk.write_object(bucket, &record)?;
        }
        let new = Arc::new(Object { record, blobs: old.blobs.clone() });
        for slot in shelf.versions.get_mut(key).into_iter().flatten().filter(|slot| Arc::ptr_eq(slot, &old)) {
            *slot = Arc::clone(&new);
        }
        shelf.refresh(key);
        Ok(new)
    }
}

impl Bucket {
    /// Puts a version back that was on disk, in any order.
    pub(super) fn restore(&mut self, object: Object) {
        let (key, sequence) = (object.record.key.clone(), object.record.sequence);
        let versions = self.versions.entry(key.clone()).or_default();
        let at = versions.partition_point(|other| other.record.sequence < sequence);
        versions.insert(at, Arc::new(object));
        self.next_sequence = self.next_sequence.max(sequence + 1);
        self.refresh(&key);
    }

    /// The current version of a key; a deleted one is none.
    pub(crate) fn object(&self, key: &str) -> Result<Arc<Object>, Refusal> {
        self.find(key, None)
    }

    /// A version of a key, the current one where none is named.
    pub(crate) fn find(&self, key: &str, version: Option<&str>) -> Result<Arc<Object>, Refusal> {
        let found = match version {
            Some(id) => self.version(key, id).ok_or_else(|| Refusal::no_such_version(key, id))?,
            None => self.versions.get(key).and_then(|all| all.last()).ok_or_else(|| Refusal::no_such_key(key))?,
        };
        match (found.record.delete_marker, version) {
            (false, _) => Ok(Arc::clone(found)),
            (true, None) => Err(Refusal::no_such_key(key).of_marker(found.record.version_id())),
            (true, Some(_)) => Err(Refusal::marker_is_no_object().of_marker(found.record.version_id())),
        }
    }

    /// `x-oss-version-id` of a reply about an object.
    pub(crate) fn version_id(&self, record: &ObjectRecord) -> Option<String> {
        self.versioning.map(|_| record.version_id().to_owned())
    }

    /// Where versions are kept nothing is ever replaced, and a ban on it is not looked at.
    pub(super) fn must_not_replace(&self, key: &str) -> bool {
        self.versioning.is_none() && self.objects.contains_key(key)
    }

    fn version(&self, key: &str, id: &str) -> Option<&Arc<Object>> {
        self.versions.get(key)?.iter().find(|object| object.record.version_id() == id)
    }

    /// Takes the version with a record's id out, if it is there; its bytes go with their last reader.
    fn take(&mut self, record: &ObjectRecord) {
        let Some(versions) = self.versions.get_mut(&record.key) else { return };
        let Some(at) = versions.iter().position(|object| object.record.version == record.version) else { return };
        versions.remove(at).blobs.iter().for_each(|blob| blob.doom());
        if versions.is_empty() {
            self.versions.remove(&record.key);
        }
    }

    fn refresh(&mut self, key: &str) {
        match self.versions.get(key).and_then(|versions| versions.last()).filter(|last| !last.record.delete_marker) {
            Some(current) => self.objects.insert(key.to_owned(), Arc::clone(current)),
            None => self.objects.remove(key),
        };
    }
}
