//! What is written can be read, and nothing else can.

use crate::sample::{self, PART_SIZE, checkpoint, part, payload, resumed, sealed, small};
use oss_checkpoint::{
    Checkpoint, Comparison, DecodeError, Loaded, MAX_FILE_LEN, OsDir, Store, Timestamp, VERSION, decode, encode,
};
use proptest::prelude::*;

fn content_error(checkpoint: &Checkpoint) -> String {
    match decode(&encode(checkpoint)) {
        Err(DecodeError::Content(words)) => words,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_released_version_decodes_forever() {
    let golden = include_bytes!("../data/v1.bin");
    assert_eq!(resumed(decode(golden).expect("version 1"), &checkpoint()), checkpoint());
    assert_eq!(encode(&checkpoint()), golden, "version 1 is also what is written now");
}

#[test]
fn every_truncation_is_refused() {
    let image = encode(&checkpoint());
    for len in 0..image.len() {
        assert!(decode(&image[..len]).is_err(), "{len} bytes");
    }
    assert_eq!(decode(&[]), Err(DecodeError::TooShort(0)));
    assert_eq!(decode(&image[..19]), Err(DecodeError::TooShort(19)));
    let cut = DecodeError::Length { stated: image.len() as u64, found: image.len() as u64 - 1 };
    assert_eq!(decode(&image[..image.len() - 1]), Err(cut));
}

#[test]
fn every_changed_bit_is_refused() {
    let image = encode(&checkpoint());
    for bit in 0..image.len() * 8 {
        let mut changed = image.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let refused = decode(&changed).expect_err("a changed bit");
        assert!(!matches!(refused, DecodeError::Content(_)), "bit {bit} got as far as the content");
        assert!(!matches!(refused, DecodeError::Newer(_)), "bit {bit} passed for a newer version");
    }
}

#[test]
fn zeros_at_the_end_or_the_beginning_are_refused() {
    let image = encode(&checkpoint());
    for len in 0..image.len() - 1 {
        let mut tail = image.clone();
        tail[len..].fill(0);
        assert!(decode(&tail).is_err(), "zeros from {len}");
        let mut head = image.clone();
        head[..=len].fill(0);
        assert!(decode(&head).is_err(), "zeros up to {len}");
    }
}

#[test]
fn bytes_after_the_end_are_refused_in_the_frame_and_in_the_payload() {
    let image = encode(&checkpoint());
    let longer = [image.as_slice(), &[0]].concat();
    assert!(matches!(decode(&longer), Err(DecodeError::Length { .. })));
    let inside = sealed(VERSION, &[payload(&image), &[0]].concat());
    assert_eq!(decode(&inside), Err(DecodeError::Content("1 bytes are left over".into())));
}

#[test]
fn a_newer_version_is_told_from_a_damaged_file() {
    let newer = sealed(VERSION + 1, b"whatever it will be");
    assert_eq!(decode(&newer), Err(DecodeError::Newer(VERSION + 1)));
    assert!(matches!(decode(&sealed(0, b"")), Err(DecodeError::Content(_))));
    let mut damaged = newer;
    damaged[25] ^= 1;
    assert_eq!(decode(&damaged), Err(DecodeError::Checksum));
}

#[test]
fn lengths_inside_the_payload_are_not_believed() {
    let image = encode(&checkpoint());
    for at in 0..payload(&image).len() - 7 {
        for hostile in [u64::MAX, u64::MAX / 2, 1 << 40, 1 << 24, 1 << 20] {
            let mut changed = payload(&image).to_vec();
            changed[at..at + 8].copy_from_slice(&hostile.to_le_bytes());
            // A number that is no length may change and still be a checkpoint: then it is a whole one.
            let image = sealed(VERSION, &changed);
            if let Ok(unverified) = decode(&image) {
                let copy = unverified.compare(&checkpoint().job, &checkpoint().source, None, |_| true);
                let (Comparison::Resume { checkpoint, .. }
                | Comparison::Superseded { checkpoint, .. }
                | Comparison::Foreign { checkpoint, .. }) = copy;
                assert_eq!(encode(&checkpoint), image, "hostile bytes at {at}");
            }
        }
    }
}

#[test]
fn parts_outside_the_plan_are_refused() {
    let with_parts = |parts: &[(u32, u64)]| Checkpoint {
        parts: parts.iter().map(|&(number, size)| part(number, size)).collect(),
        ..checkpoint()
    };
    assert!(decode(&encode(&with_parts(&[(1, PART_SIZE), (2, PART_SIZE), (3, 1)]))).is_ok());
    for (number, size) in [(4, 1), (10_000, 1), (3, PART_SIZE), (3, 0), (2, PART_SIZE - 1), (1, 1)] {
        let words = content_error(&with_parts(&[(number, size)]));
        assert_eq!(words, format!("part {number} with {size} bytes is not in the plan"));
    }
}

#[test]
fn an_empty_file_is_one_empty_part() {
    let mut empty = checkpoint();
    empty.source.fingerprint.size = 0;
    empty.parts = [part(1, 0)].into();
    assert_eq!(resumed(decode(&encode(&empty)).expect("an empty file"), &empty), empty);
    empty.parts = [part(2, 0)].into();
    assert!(content_error(&empty).contains("not in the plan"));
}

#[test]
fn values_outside_the_limits_are_refused() {
    let refused = |change: &dyn Fn(&mut Checkpoint), words: &str| {
        let mut changed = small(1);
        change(&mut changed);
        assert!(content_error(&changed).contains(words), "{words}");
        let dir = tempfile::tempdir().expect("a directory");
        let store = Store::new(OsDir::new(dir.path()), "x.ossck");
        store.save(&changed).expect_err("what cannot be read is not written");
        assert_eq!(store.load().expect("a directory"), Loaded::Nothing);
    };
    refused(&|c| c.part_size = PART_SIZE - 1, "part size");
    refused(&|c| c.part_size = 5 * 1024 * 1024 * 1024 + 1, "part size");
    refused(&|c| c.source.fingerprint.size = PART_SIZE * 10_000 + 1, "are 10001 parts");
    refused(&|c| c.source.fingerprint.size = u64::MAX, "parts");
    refused(&|c| c.source.fingerprint.mtime = Timestamp { secs: 0, nanos: 1_000_000_000 }, "nanoseconds");
    refused(&|c| c.source.path = "".into(), "path");
    refused(&|c| c.source.path = "p".repeat(65_537).into(), "path");
    refused(&|c| c.source.host = "h".repeat(65_537), "host");
    refused(&|c| c.job.endpoint = "e".repeat(65_537), "endpoint");
    refused(&|c| c.job.region = "r".repeat(65_537), "region");
    refused(&|c| c.abandoned = vec![checkpoint().abandoned[0].clone(); 1_025], "abandoned");
}

#[test]
fn the_largest_plan_fits_well_into_a_file() {
    let mut large = checkpoint();
    large.source.fingerprint.size = PART_SIZE * 10_000;
    large.parts = (1..=10_000).map(|number| part(number, PART_SIZE)).collect();
    for part in large.parts.values_mut() {
        part.etag = oss_proto::ETag::new(&"e".repeat(256)).expect("the longest ETag");
    }
    large.abandoned = vec![checkpoint().abandoned[0].clone(); 1_024];
    let image = encode(&large);
    assert!(image.len() < MAX_FILE_LEN / 4, "{} bytes", image.len());
    assert_eq!(resumed(decode(&image).expect("large"), &large), large);
}

fn any_checkpoint() -> impl Strategy<Value = Checkpoint> {
    let numbers = any::<(u64, u64, u64, u64, (i64, i64))>();
    let nanos = (0..1_000_000_000u32, 0..1_000_000_000u32);
    let texts = ("[ -~]{0,40}", "[a-z0-9-]{0,20}", "\\PC{0,20}", "/\\PC{1,60}", "[a-z]{3,63}", "[a-z]\\PC{0,200}");
    let plan = (PART_SIZE..PART_SIZE * 9, 0..PART_SIZE * 50, any::<[bool; 64]>());
    (numbers, nanos, texts, plan, 0..3u8, "[!-~]{1,60}").prop_map(|(numbers, nanos, texts, plan, state, id)| {
        let (generation, inode, device, second, (mtime, ctime)) = numbers;
        let mut it = checkpoint();
        it.generation = generation;
        (it.job.endpoint, it.job.region, it.source.host) = (texts.0, texts.1, texts.2);
        it.source.path = texts.3.into();
        it.job.bucket = oss_proto::Bucket::new(texts.4).expect("letters");
        it.job.key = oss_proto::Key::new(texts.5).expect("begins with a letter");
        let (part_size, size, chosen) = plan;
        it.part_size = part_size;
        it.source.fingerprint = oss_checkpoint::Fingerprint {
            size,
            mtime: Timestamp { secs: mtime, nanos: nanos.0 },
            ctime: Timestamp { secs: ctime, nanos: nanos.1 },
            inode,
            device,
        };
        let count = size.div_ceil(part_size).max(1);
        let len = |number: u64| part_size.min(size - (number - 1) * part_size);
        it.parts = (1..=count)
            .zip(chosen)
            .filter(|(_, chosen)| *chosen)
            .map(|(number, _)| part(u32::try_from(number).expect("few"), len(number)))
            .collect();
        let upload_id = sample::upload_id(&id);
        it.state = match state {
            0 => oss_checkpoint::State::Intent { at: second },
            1 => oss_checkpoint::State::Uploading { upload_id, initiated: second },
            _ => {
                oss_checkpoint::State::Completing { upload_id, initiated: second, crc64: oss_proto::Crc64::new(inode) }
            }
        };
        it
    })
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(original in any_checkpoint()) {
        let unverified = decode(&encode(&original)).expect("just encoded");
        prop_assert_eq!(resumed(unverified, &original), original);
    }

    #[test]
    fn any_content_in_a_whole_frame_is_read_or_refused(content in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(matches!(decode(&sealed(VERSION, &content)), Ok(_) | Err(DecodeError::Content(_))));
    }

    #[test]
    fn no_content_makes_two_runs_fail(
        original in any_checkpoint(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        reseal in any::<bool>(),
    ) {
        let mut image = encode(&original);
        for (at, byte) in changes {
            *at.get_mut(&mut image) = byte;
        }
        if reseal {
            image = sealed(VERSION, payload(&image));
        } else {
            image.truncate(cut.index(image.len() + 1));
        }
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("x.ossck"), image).expect("a file");
        for generation in 1..=2 {
            let store = Store::new(OsDir::new(dir.path()), "x.ossck");
            let wanted = small(generation);
            match store.load().expect("a readable directory") {
                Loaded::Nothing => prop_assert!(false, "it was there"),
                Loaded::Damaged(_) => drop(store.set_aside().expect("a writable directory")),
                Loaded::Found(found) => {
                    if let Comparison::Foreign { .. } = found.compare(&wanted.job, &wanted.source, None, |_| true) {
                        store.set_aside().expect("a writable directory");
                    }
                }
            }
            store.save(&wanted).expect("a writable directory");
            let Loaded::Found(found) = store.load().expect("saved") else { panic!("saved") };
            prop_assert_eq!(resumed(found, &wanted), wanted);
        }
    }
}
