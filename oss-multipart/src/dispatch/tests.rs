#![expect(clippy::disallowed_methods, reason = "a test begins now")]

use super::*;
use crate::machine::{Earlier, Options, Parallel};
use crate::plan::Plan;
use oss_checkpoint::{Fingerprint, Job, Source};
use oss_proto::{Bucket, Crc64, ETag, Key, ObjectHeaders, UploadId};

const PART: u64 = 100 * 1024;

/// A file of four parts, two of them in flight.
fn dispatch() -> Dispatch {
    let scratch = tempfile::NamedTempFile::new().unwrap();
    scratch.as_file().set_len(4 * PART).unwrap();
    let fingerprint = Fingerprint::of(&scratch.as_file().metadata().unwrap());
    let source = Source { path: scratch.path().to_owned(), host: "host".into(), fingerprint };
    let job = Job {
        endpoint: "http://oss.test".into(),
        region: "cn-hangzhou".into(),
        bucket: Bucket::new("bucket").unwrap(),
        key: Key::new("key").unwrap(),
        headers: ObjectHeaders::new(),
    };
    let options = Options { parallel: Parallel::Fixed(2), ..Options::default() };
    let plan = Plan::new(4 * PART, PART).unwrap();
    let upload = Upload::new(job, source, plan, options, Earlier::Nothing, 1_790_000_000, 7);
    Dispatch::new(Instant::now(), upload, 4 * PART, Vec::new(), Progress::default(), None, None)
}

/// Answers everything that is no part; the parts that are then to be sent.
fn until_parts(dispatch: &Dispatch, upload_id: &str) -> Vec<Task> {
    let mut parts = Vec::new();
    while parts.is_empty() {
        for (id, action, gauge) in dispatch.turn().tasks {
            let reply = match &action {
                Action::Save(_) => Reply::Saved,
                Action::Initiate => {
                    Reply::Initiated { upload_id: UploadId::new(upload_id).unwrap(), date: 1_790_000_000 }
                }
                Action::UploadPart { .. } => {
                    parts.push((id, action, gauge));
                    continue;
                }
                Action::Stop => continue,
                other => panic!("{other:?}"),
            };
            dispatch.ended(id, Ok(reply));
        }
    }
    parts
}

fn sent() -> Reply {
    let crc64 = Crc64::of(b"part");
    Reply::Part { etag: Some(ETag::from_md5([1; 16])), crc64: Some(crc64), sent: crc64 }
}

fn of(task: Option<&Task>) -> Option<&str> {
    match &task?.1 {
        Action::UploadPart { upload_id, .. } => Some(upload_id.as_str()),
        _ => None,
    }
}

#[test]
fn whoever_brings_a_part_takes_the_next_one_along() {
    let dispatch = dispatch();
    let parts = until_parts(&dispatch, "first");
    assert_eq!(parts.len(), 2);
    assert_eq!(of(dispatch.next_part(parts[0].0, Ok(sent()), 0).as_ref()), Some("first"));
    assert_eq!(of(dispatch.next_part(parts[1].0, Ok(sent()), 0).as_ref()), Some("first"));
}

#[test]
fn who_was_stopped_takes_no_part_along_however_late_he_comes() {
    let dispatch = dispatch();
    let parts = until_parts(&dispatch, "first");
    let gone = Err((Fault::NoSuchUpload, Cause::Local("gone".into())));
    assert!(dispatch.next_part(parts[0].0, gone, 0).is_none(), "the upload is gone: the other is to be stopped");
    let again = until_parts(&dispatch, "second");
    assert_eq!(again.len(), 2);
    // A place is free now, and the one that was stopped comes first.
    dispatch.ended(again[0].0, Ok(sent()));
    assert!(dispatch.next_part(parts[1].0, Ok(sent()), 0).is_none());
    assert_eq!(of(dispatch.turn().tasks.front()), Some("second"), "the driver has it begun");
    assert_eq!(of(dispatch.next_part(again[1].0, Ok(sent()), 1).as_ref()), Some("second"));
}
