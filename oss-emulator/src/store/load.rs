//! Opening a folder again: what a killed process left becomes a state it could have answered from.

use super::blob::Blob;
use super::disk::{Disk, StoreError};
use super::record::{BucketRecord, ObjectRecord, PartFacts, UploadRecord};
use super::{Bucket, Object, Part, Upload};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) fn buckets(disk: &Disk) -> Result<BTreeMap<String, Bucket>, StoreError> {
    let mut buckets = BTreeMap::new();
    for dir in entries(&disk.buckets())? {
        let record = dir.join("bucket.json");
        if record.exists() {
            let record: BucketRecord = read(&record)?;
            buckets.insert(record.name.clone(), bucket(disk, &record)?);
        } else {
            failed(&dir, fs::remove_dir_all(&dir))?;
        }
    }
    Ok(buckets)
}

fn bucket(disk: &Disk, record: &BucketRecord) -> Result<Bucket, StoreError> {
    let dir = disk.bucket(&record.name);
    let mut bucket = Bucket { created: record.created, versioning: record.versioning, ..Bucket::default() };
    let mut wanted = HashSet::new();
    for path in entries(&dir.join("objects"))? {
        let object: ObjectRecord = read(&path)?;
        let data = disk.data(&record.name, &object.data);
        wanted.extend(object.files.iter().map(|file| data.join(&file.name)));
        bucket.restore(revive(object, &data));
    }
    let all = bucket.versions.values().flatten();
    let finished: HashSet<String> = all.map(|object| object.record.data.clone()).collect();
    for path in entries(&dir.join("uploads"))? {
        let upload: UploadRecord = read(&path)?;
        if finished.contains(&upload.id) {
            // Killed between the object's publication and the upload's end.
            failed(&path, fs::remove_file(&path))?;
            continue;
        }
        let upload = parts(disk, &record.name, upload)?;
        wanted.extend(
            upload.parts.values().map(|part| disk.data(&record.name, &upload.record.id).join(part.facts.file_name())),
        );
        bucket.uploads.insert(upload.record.id.clone(), upload);
    }
    let kept = bucket.uploads.keys().cloned().chain(finished).collect();
    sweep(&dir.join("data"), &wanted, &kept)?;
    Ok(bucket)
}

fn revive(record: ObjectRecord, data: &Path) -> Object {
    let blobs = record.files.iter().map(|file| Arc::new(Blob::file(data.join(&file.name), file.size))).collect();
    Object { record, blobs }
}

fn parts(disk: &Disk, bucket: &str, record: UploadRecord) -> Result<Upload, StoreError> {
    let dir = disk.data(bucket, &record.id);
    let mut upload = Upload { record, parts: BTreeMap::new(), next_sequence: 1 };
    for path in entries(&dir)? {
        let Some(facts) = path.file_name().and_then(|name| name.to_str()).and_then(PartFacts::parse) else { continue };
        upload.next_sequence = upload.next_sequence.max(facts.sequence + 1);
        let newer_known = upload.parts.get(&facts.number).is_some_and(|known| known.facts.sequence > facts.sequence);
        if !newer_known {
            let size = failed(&path, fs::metadata(&path))?.len();
            let blob = Arc::new(Blob::file(path, size));
            upload.parts.insert(facts.number, Part { facts, blob });
        }
    }
    Ok(upload)
}

/// Removes the bytes nothing refers to.
fn sweep(data: &Path, wanted: &HashSet<PathBuf>, kept: &HashSet<String>) -> Result<(), StoreError> {
    for dir in entries(data)? {
        let stays = dir.file_name().and_then(|name| name.to_str()).is_some_and(|name| kept.contains(name));
        if !stays {
            failed(&dir, fs::remove_dir_all(&dir))?;
            continue;
        }
        for file in entries(&dir)? {
            if !wanted.contains(&file) {
                failed(&file, fs::remove_file(&file))?;
            }
        }
    }
    Ok(())
}

/// The paths in a folder; none when there is no folder.
fn entries(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let listed = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect()),
    };
    failed(dir, listed)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, StoreError> {
    let bytes = failed(path, fs::read(path))?;
    serde_json::from_slice(&bytes).map_err(|source| StoreError::Record { path: path.to_owned(), source })
}

fn failed<T>(path: &Path, result: io::Result<T>) -> Result<T, StoreError> {
    result.map_err(|source| StoreError::Io { dir: path.to_owned(), source })
}
