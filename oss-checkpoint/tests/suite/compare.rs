//! Whose upload a checkpoint is, row by row of the table at `Unverified::compare`.

use crate::sample::{PART_SIZE, checkpoint};
use oss_checkpoint::{Checkpoint, Comparison, Reason, Timestamp, decode, encode};
use oss_proto::{Bucket, Key, ObjectHeaders};

/// Compares the sample with a present that `change` makes of it; the file still stands where it was, too.
fn compared(part_size: Option<u64>, change: impl FnOnce(&mut Checkpoint)) -> Comparison {
    compared_where(true, part_size, change)
}

fn compared_where(stands: bool, part_size: Option<u64>, change: impl FnOnce(&mut Checkpoint)) -> Comparison {
    let mut now = checkpoint();
    change(&mut now);
    let unverified = decode(&encode(&checkpoint())).expect("just encoded");
    let comparison = unverified.compare(&now.job, &now.source, part_size, |path| {
        assert_eq!(path, checkpoint().source.path, "the former path is looked at");
        stands
    });
    let (Comparison::Resume { checkpoint: recorded, .. }
    | Comparison::Superseded { checkpoint: recorded, .. }
    | Comparison::Foreign { checkpoint: recorded, .. }) = &comparison;
    assert_eq!(*recorded, checkpoint(), "it is handed out as it was recorded");
    comparison
}

fn foreign(change: impl FnOnce(&mut Checkpoint)) -> Reason {
    match compared(None, change) {
        Comparison::Foreign { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

fn superseded(part_size: Option<u64>, change: impl FnOnce(&mut Checkpoint)) -> Reason {
    match compared(part_size, change) {
        Comparison::Superseded { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

fn changed(part_size: Option<u64>, change: impl FnOnce(&mut Checkpoint)) -> bool {
    match compared(part_size, change) {
        Comparison::Resume { changed, .. } => changed,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_same_job_and_file_are_resumed() {
    assert!(!changed(None, |_| {}));
    assert!(!changed(Some(PART_SIZE), |_| {}));
}

#[test]
fn any_other_fingerprint_of_the_same_size_is_resumed_and_said() {
    assert!(changed(None, |now| now.source.fingerprint.mtime.nanos += 1));
    assert!(changed(None, |now| now.source.fingerprint.ctime = Timestamp { secs: 5, nanos: 0 }));
    assert!(changed(None, |now| now.source.fingerprint.inode += 1));
    assert!(changed(None, |now| now.source.fingerprint.device += 1));
}

#[test]
fn another_target_or_host_is_foreign() {
    let endpoint = checkpoint().job.endpoint;
    assert_eq!(foreign(|now| now.job.endpoint.push('/')), Reason::Endpoint { recorded: endpoint });
    let bucket = foreign(|now| now.job.bucket = Bucket::new("other").expect("a name"));
    assert_eq!(bucket, Reason::Bucket { recorded: "photos".into() });
    let key = foreign(|now| now.job.key = Key::new("other").expect("a key"));
    assert_eq!(key, Reason::Key { recorded: "2026/übersicht.raw".into() });
    assert_eq!(foreign(|now| now.source.host = "laptop".into()), Reason::Host { recorded: "studio".into() });
}

#[test]
fn a_moved_directory_keeps_its_resume() {
    assert!(!changed(None, |now| now.source.path = "/mnt/photos/übersicht.raw".into()));
}

#[test]
fn a_renamed_a_copied_and_a_snapshot_file_are_foreign() {
    let path = Reason::Path { recorded: checkpoint().source.path };
    assert_eq!(foreign(|now| now.source.path = "/home/kim/photos/other.raw".into()), path);
    let elsewhere = |now: &mut Checkpoint| now.source.path = "/mnt/photos/übersicht.raw".into();
    let copied = foreign(|now| {
        elsewhere(now);
        now.source.fingerprint.inode += 1;
    });
    assert_eq!(copied, path);
    let snapshot = foreign(|now| {
        elsewhere(now);
        now.source.fingerprint.device += 1;
    });
    assert_eq!(snapshot, path);
}

#[test]
fn a_file_that_is_not_where_it_was_has_moved_and_is_proved() {
    let moves: [fn(&mut Checkpoint); 3] = [
        |now| now.source.fingerprint.device += 1,
        |now| now.source.fingerprint.inode += 1,
        |now| (now.source.fingerprint.inode, now.source.fingerprint.device) = (0, 0),
    ];
    for numbers in moves {
        let moved = compared_where(false, None, |now| {
            now.source.path = "/mnt/photos/übersicht.raw".into();
            numbers(now);
        });
        assert!(matches!(moved, Comparison::Resume { changed: true, .. }), "{moved:?}");
    }
    let renamed = compared_where(false, None, |now| now.source.path = "/mnt/photos/other.raw".into());
    assert!(matches!(renamed, Comparison::Foreign { reason: Reason::Path { .. }, .. }), "{renamed:?}");
    let grown = compared_where(false, None, |now| {
        now.source.path = "/mnt/photos/übersicht.raw".into();
        now.source.fingerprint.size += 1;
    });
    assert!(matches!(grown, Comparison::Foreign { reason: Reason::Moved { .. }, .. }), "{grown:?}");
}

#[test]
fn without_inode_numbers_a_file_that_stands_where_it_was_was_copied() {
    let mut recorded = checkpoint();
    recorded.source.fingerprint.inode = 0;
    let mut now = recorded.source.clone();
    now.path = "/mnt/photos/übersicht.raw".into();
    let unverified = decode(&encode(&recorded)).expect("just encoded");
    assert!(matches!(unverified.compare(&recorded.job, &now, None, |_| true), Comparison::Foreign { .. }));
}

#[test]
fn our_own_upload_of_something_else_is_superseded() {
    let size = superseded(None, |now| now.source.fingerprint.size -= 1);
    assert_eq!(size, Reason::Size { recorded: 2 * PART_SIZE + 1, now: 2 * PART_SIZE });
    let part_size = superseded(Some(PART_SIZE * 2), |_| {});
    assert_eq!(part_size, Reason::PartSize { recorded: PART_SIZE, asked: PART_SIZE * 2 });
    let region = superseded(None, |now| now.job.region = "cn-beijing".into());
    assert_eq!(region, Reason::Region { recorded: "cn-hangzhou".into() });
    let other = superseded(None, |now| now.job.headers = ObjectHeaders::new());
    assert_eq!(other, Reason::Headers { names: vec!["content-type".into(), "x-oss-meta-camera".into()] });
    assert_eq!(other.to_string(), "other object headers are asked for: content-type, x-oss-meta-camera");
}

#[test]
fn a_moved_file_of_which_something_else_changed_is_foreign() {
    let reason = foreign(|now| {
        now.source.path = "/mnt/photos/übersicht.raw".into();
        now.job.headers = ObjectHeaders::new();
    });
    assert_eq!(
        reason.to_string(),
        r#"the file was moved from "/home/kim/photos/übersicht.raw", and other object headers are asked for: content-type, x-oss-meta-camera"#
    );
}

#[test]
fn recorded_texts_are_printed_escaped() {
    let reason = Reason::Host { recorded: "\x1b[2J".into() };
    assert_eq!(reason.to_string(), r#"it was written on the host "\u{1b}[2J""#);
}
