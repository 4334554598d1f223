//! One checkpoint that uses every field; the golden file of version 1 is this one.

use oss_checkpoint::{Abandoned, Checkpoint, Comparison, Fingerprint, Job, Part, Source, State, Timestamp, Unverified};
use oss_proto::{Bucket, Crc64, ETag, Key, ObjectHeaders, PartNumber, UploadId};
use std::collections::BTreeMap;

pub(crate) const PART_SIZE: u64 = 100 * 1024;

pub(crate) fn checkpoint() -> Checkpoint {
    let mut headers = ObjectHeaders::new();
    headers.set("content-type", "image/x-raw").expect("an object header");
    headers.set("x-oss-meta-camera", "Größe 4").expect("an object header");
    Checkpoint {
        generation: 7,
        job: Job {
            endpoint: "https://oss-cn-hangzhou.aliyuncs.com".into(),
            region: "cn-hangzhou".into(),
            bucket: Bucket::new("photos").expect("a bucket's name"),
            key: Key::new("2026/übersicht.raw").expect("a key"),
            headers,
        },
        source: Source {
            path: "/home/kim/photos/übersicht.raw".into(),
            host: "studio".into(),
            fingerprint: Fingerprint {
                size: 2 * PART_SIZE + 1,
                mtime: Timestamp { secs: 1_790_000_000, nanos: 123_456_789 },
                ctime: Timestamp { secs: -1, nanos: 999_999_999 },
                inode: 0x1122_3344_5566_7788,
                device: 66_306,
            },
        },
        part_size: PART_SIZE,
        state: State::Completing {
            upload_id: upload_id("0004B9894A22E5B1888A1E29F8236E2D"),
            initiated: 1_790_000_100,
            crc64: Crc64::new(0x995d_c9bb_df19_39fa),
        },
        parts: [part(1, PART_SIZE), part(3, 1)].into(),
        abandoned: vec![
            Abandoned { upload_id: upload_id("OLD1"), completing: false },
            Abandoned { upload_id: upload_id("OLD2"), completing: true },
        ],
    }
}

/// Few bytes, so that every change of every bit and every crash can be tried.
pub(crate) fn small(generation: u64) -> Checkpoint {
    let mut small = checkpoint();
    small.generation = generation;
    small.job.headers = ObjectHeaders::new();
    small.parts = BTreeMap::new();
    small.abandoned.clear();
    small.state = State::Intent { at: generation };
    small
}

pub(crate) fn part(number: u32, size: u64) -> (PartNumber, Part) {
    let etag = ETag::from_md5([u8::try_from(number % 256).expect("a byte"); 16]);
    let number = PartNumber::new(number).expect("a part number");
    (number, Part { size, etag, crc64: Crc64::new(u64::MAX - size) })
}

pub(crate) fn upload_id(text: &str) -> UploadId {
    UploadId::new(text).expect("an upload id")
}

/// What a decoded image holds, when it is of this checkpoint's job and source.
pub(crate) fn resumed(unverified: Unverified, like: &Checkpoint) -> Checkpoint {
    match unverified.compare(&like.job, &like.source, None, |_| true) {
        Comparison::Resume { checkpoint, changed: false } => checkpoint,
        other => panic!("not resumed: {other:?}"),
    }
}

/// A payload in a whole frame of this version, with the right checksum.
pub(crate) fn sealed(version: u32, payload: &[u8]) -> Vec<u8> {
    let mut image = oss_checkpoint::MAGIC.to_vec();
    image.extend(version.to_le_bytes());
    image.extend((payload.len() as u64).to_le_bytes());
    image.extend(payload);
    let checksum = crc32fast::hash(&image);
    image.extend(checksum.to_le_bytes());
    image
}

/// The payload inside an image.
pub(crate) fn payload(image: &[u8]) -> &[u8] {
    &image[20..image.len() - 4]
}
