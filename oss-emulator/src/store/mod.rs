//! Buckets, objects and uploads: the truth in memory, and on disk first where there is one.
//!
//! Every change goes to the disk before it is visible, under one lock, so that what was answered survives a kill.

mod blob;
mod disk;
mod load;
mod record;
mod versions;

pub(crate) use blob::{Blob, OpenBlob, Sink};
pub use disk::StoreError;
pub use record::Versioning;
pub(crate) use record::{ObjectRecord, PartFacts};

use crate::refusal::Refusal;
use disk::Disk;
use oss_proto::Crc64;
pub(crate) use record::UploadRecord;
use record::{BucketRecord, FileRecord};
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where the emulator keeps what it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Store {
    /// In memory; gone with the emulator.
    #[default]
    Memory,
    /// In this folder, made when missing and locked while open. Survives the process, also a kill at any moment.
    Disk(PathBuf),
}

#[derive(Debug)]
pub(crate) struct Shelf {
    buckets: Mutex<BTreeMap<String, Bucket>>,
    disk: Option<Disk>,
}

#[derive(Debug, Default)]
pub(crate) struct Bucket {
    /// Unix seconds.
    pub(crate) created: u64,
    pub(crate) versioning: Option<Versioning>,
    /// The current version of every key that is not deleted.
    pub(crate) objects: BTreeMap<String, Arc<Object>>,
    /// Every version of every key, delete markers among them, the current one last.
    pub(crate) versions: BTreeMap<String, Vec<Arc<Object>>>,
    next_sequence: u64,
    /// By upload id.
    pub(crate) uploads: BTreeMap<String, Upload>,
}

#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) record: ObjectRecord,
    pub(crate) blobs: Vec<Arc<Blob>>,
}

#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) record: UploadRecord,
    pub(crate) parts: BTreeMap<u32, Part>,
    next_sequence: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) facts: PartFacts,
    pub(crate) blob: Arc<Blob>,
}

/// A body that came in whole and was found to be what it claimed.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) sink: Sink,
    pub(crate) size: u64,
    pub(crate) md5: [u8; 16],
    pub(crate) crc64: Crc64,
}

impl Shelf {
    pub(crate) fn open(store: &Store) -> Result<Self, StoreError> {
        let disk = match store {
            Store::Memory => None,
            Store::Disk(dir) => Some(Disk::open(dir)?),
        };
        let buckets = disk.as_ref().map_or(Ok(BTreeMap::new()), load::buckets)?;
        Ok(Self { buckets: Mutex::new(buckets), disk })
    }

    pub(crate) fn on_disk(&self) -> bool {
        self.disk.is_some()
    }

    /// Where a part's or an object's body streams into.
    pub(crate) fn sink(&self) -> std::io::Result<Sink> {
        self.disk.as_ref().map_or(Ok(Sink::Memory(Vec::new())), Disk::sink)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Bucket>> {
        // Every change is made whole before the map is touched: a panic elsewhere leaves nothing half done.
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at a bucket.
    pub(crate) fn read<T>(&self, bucket: &str, look: impl FnOnce(&Bucket) -> Result<T, Refusal>) -> Result<T, Refusal> {
        look(self.lock().get(bucket).ok_or_else(|| Refusal::no_such_bucket(bucket))?)
    }

    /// Makes a bucket; nothing happens when it is there.
    pub(crate) fn create_bucket(&self, name: &str, now: u64) -> Result<(), Refusal> {
        let mut buckets = self.lock();
        if !buckets.contains_key(name) {
            if let Some(disk) = &self.disk {
                disk.create_bucket(&BucketRecord { name: name.to_owned(), created: now, versioning: None })?;
            }
            buckets.insert(name.to_owned(), Bucket { created: now, ..Bucket::default() });
        }
        Ok(())
    }

    pub(crate) fn delete_bucket(&self, name: &str) -> Result<(), Refusal> {
        let mut buckets = self.lock();
        let bucket = buckets.get(name).ok_or_else(|| Refusal::no_such_bucket(name))?;
        if !bucket.versions.is_empty() || !bucket.uploads.is_empty() {
            return Err(Refusal::new(409, "BucketNotEmpty", "The bucket you tried to delete is not empty."));
        }
        if let Some(disk) = &self.disk {
            disk.remove_bucket(name)?;
        }
        buckets.remove(name);
        Ok(())
    }

    /// Stores an object put in one piece. `describe` makes its record; `forbid` refuses to replace one.
    pub(crate) fn put_object(
        &self,
        bucket: &str,
        received: Received,
        record: ObjectRecord,
        forbid: bool,
    ) -> Result<Arc<Object>, Refusal> {
        received.sink.sync()?;
        let facts =
            PartFacts { number: 1, sequence: 1, md5: received.md5, crc64: received.crc64, modified: record.modified };
        let mut buckets = self.lock();
        let shelf = buckets.get_mut(bucket).ok_or_else(|| Refusal::no_such_bucket(bucket))?;
        if forbid && shelf.must_not_replace(&record.key) {
            return Err(Refusal::exists());
        }
        let dir = self.data_dir(bucket, &record.data)?;
        let name = facts.file_name();
        let blob = Arc::new(received.sink.place(&dir.join(&name), received.size)?);
        let files = vec![FileRecord { name, size: received.size }];
        let object = Object { record: ObjectRecord { files, ..record }, blobs: vec![blob] };
        self.publish(bucket, shelf, object)
    }

    /// Opens an upload under `id`.
    pub(crate) fn initiate(&self, bucket: &str, record: UploadRecord, forbid: bool) -> Result<(), Refusal> {
        let mut buckets = self.lock();
        let shelf = buckets.get_mut(bucket).ok_or_else(|| Refusal::no_such_bucket(bucket))?;
        if forbid && shelf.must_not_replace(&record.key) {
            return Err(Refusal::exists());
        }
        if let Some(disk) = &self.disk {
            disk.write_upload(bucket, &record)?;
        }
        let upload = Upload { record, parts: BTreeMap::new(), next_sequence: 1 };
        shelf.uploads.insert(upload.record.id.clone(), upload);
        Ok(())
    }

    /// Stores a part, in place of an earlier one of its number.
    pub(crate) fn put_part(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
        number: u32,
        received: Received,
        now: u64,
    ) -> Result<PartFacts, Refusal> {
        received.sink.sync()?;
        let mut buckets = self.lock();
        let shelf = buckets.get_mut(bucket).ok_or_else(|| Refusal::no_such_bucket(bucket))?;
        let upload = shelf.upload_mut(key, id)?;
        let facts = PartFacts {
            number,
            sequence: upload.next_sequence,
            md5: received.md5,
            crc64: received.crc64,
            modified: now,
        };
        let path = self.part_path(bucket, id, &facts);
        let blob = Arc::new(received.sink.place(&path, received.size)?);
        upload.next_sequence += 1;
        if let Some(old) = upload.parts.insert(number, Part { facts: facts.clone(), blob }) {
            old.blob.doom();
        }
        Ok(facts)
    }

    /// Makes an object of an upload's parts, which stay where they are: O(parts), all or nothing.
    ///
    /// `choose` names the parts, in order, or refuses; then `describe` writes the record of the object they make.
    pub(crate) fn complete(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
        forbid: bool,
        choose: impl FnOnce(&Upload) -> Result<Vec<Part>, Refusal>,
        describe: impl FnOnce(&Upload, &[Part]) -> ObjectRecord,
    ) -> Result<Arc<Object>, Refusal> {
        let mut buckets = self.lock();
        let shelf = buckets.get_mut(bucket).ok_or_else(|| Refusal::no_such_bucket(bucket))?;
        let upload = shelf.upload(key, id)?;
        let parts = choose(upload)?;
        if forbid && shelf.must_not_replace(key) {
            return Err(Refusal::exists());
        }
        let files =
            parts.iter().map(|part| FileRecord { name: part.facts.file_name(), size: part.blob.len() }).collect();
        let record = ObjectRecord { files, ..describe(upload, &parts) };
        let blobs = parts.into_iter().map(|part| part.blob).collect();
        let object = self.publish(bucket, shelf, Object { record, blobs })?;
        self.end_upload(bucket, shelf, id, &object);
        Ok(object)
    }

    pub(crate) fn abort(&self, bucket: &str, key: &str, id: &str) -> Result<(), Refusal> {
        let mut buckets = self.lock();
        let shelf = buckets.get_mut(bucket).ok_or_else(|| Refusal::no_such_bucket(bucket))?;
        shelf.upload(key, id)?;
        if let Some(disk) = &self.disk {
            disk.remove_upload(bucket, id)?;
        }
        if let Some(upload) = shelf.uploads.remove(id) {
            upload.parts.values().for_each(|part| part.blob.doom());
        }
        Ok(())
    }

    /// The object is out: nothing here may fail the call. An upload record that stays is removed at the next open.
    fn end_upload(&self, bucket: &str, shelf: &mut Bucket, id: &str, object: &Object) {
        if let Some(disk) = &self.disk {
            let _ = disk.remove_upload(bucket, id);
        }
        if let Some(upload) = shelf.uploads.remove(id) {
            let kept: HashSet<*const Blob> = object.blobs.iter().map(Arc::as_ptr).collect();
            let left_out = upload.parts.values().filter(|part| !kept.contains(&Arc::as_ptr(&part.blob)));
            left_out.for_each(|part| part.blob.doom());
        }
    }

    fn data_dir(&self, bucket: &str, id: &str) -> std::io::Result<PathBuf> {
        match &self.disk {
            Some(disk) => disk.create_data(bucket, id).map(|()| disk.data(bucket, id)),
            None => Ok(PathBuf::new()),
        }
    }

    fn part_path(&self, bucket: &str, id: &str, facts: &PartFacts) -> PathBuf {
        self.disk.as_ref().map_or_else(PathBuf::new, |disk| disk.data(bucket, id).join(facts.file_name()))
    }

    /// Puts other bytes in place of a stored part's, its facts left as they are.
    pub(crate) fn damage_part(&self, bucket: &str, id: &str, number: u32, bytes: &[u8]) -> std::io::Result<bool> {
        let mut buckets = self.lock();
        let Some(part) = find_upload(&mut buckets, bucket, id).and_then(|upload| upload.parts.get_mut(&number)) else {
            return Ok(false);
        };
        let mut sink = self.sink()?;
        sink.write(bytes)?;
        let path = self.part_path(bucket, id, &part.facts);
        part.blob = Arc::new(sink.place(&path, bytes.len() as u64)?);
        Ok(true)
    }

    pub(crate) fn remove_part(&self, bucket: &str, id: &str, number: u32) -> bool {
        let mut buckets = self.lock();
        let part = find_upload(&mut buckets, bucket, id).and_then(|upload| upload.parts.remove(&number));
        part.inspect(|part| part.blob.doom()).is_some()
    }
}

fn find_upload<'b>(buckets: &'b mut BTreeMap<String, Bucket>, bucket: &str, id: &str) -> Option<&'b mut Upload> {
    buckets.get_mut(bucket)?.uploads.get_mut(id)
}

impl Bucket {
    /// An upload is found by its id together with its key.
    pub(crate) fn upload(&self, key: &str, id: &str) -> Result<&Upload, Refusal> {
        self.uploads.get(id).filter(|upload| upload.record.key == key).ok_or_else(|| Refusal::no_such_upload(id))
    }

    fn upload_mut(&mut self, key: &str, id: &str) -> Result<&mut Upload, Refusal> {
        let upload = self.uploads.get_mut(id).filter(|upload| upload.record.key == key);
        upload.ok_or_else(|| Refusal::no_such_upload(id))
    }
}
