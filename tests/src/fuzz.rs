//! What the fuzz targets do with arbitrary bytes; the same functions run on stable as property tests.

use oss_checkpoint::{Abandoned, Checkpoint, Fingerprint, Job, Part, Source, State, Timestamp};
use oss_multipart::machine::{
    Action, ActionId, Digests, Earlier, Fault, Head, Now, Options, Outcome, Parallel, Published, Reply, ToProve, Upload,
};
use oss_multipart::plan::Plan;
use oss_proto::ops::ListedPart;
use oss_proto::{Bucket, Crc64, ETag, Key, ObjectHeaders, PartNumber, UploadId};
use std::time::Duration;

const PART: u64 = 100 * 1024;

/// Any bytes as a checkpoint file: refused, or read and written back as the same bytes.
pub fn checkpoint(data: &[u8]) {
    let job = job();
    let source = source(data.len() as u64);
    if let Ok(found) = oss_checkpoint::decode(data) {
        let (oss_checkpoint::Comparison::Resume { checkpoint, .. }
        | oss_checkpoint::Comparison::Superseded { checkpoint, .. }
        | oss_checkpoint::Comparison::Foreign { checkpoint, .. }) = found.compare(&job, &source, None, |_| true);
        assert_eq!(oss_checkpoint::encode(&checkpoint), data, "one state has one image");
    }
}

/// Any bytes as a reply's XML: refused, or a tree within the limits.
pub fn xml(data: &[u8]) {
    if let Ok(root) = oss_proto::xml::parse(data) {
        assert!(depth(&root) <= oss_proto::xml::MAX_DEPTH && !root.name.is_empty());
    }
}

fn depth(element: &oss_proto::xml::Element) -> usize {
    1 + element.children.iter().map(depth).max().unwrap_or(0)
}

/// Any order of replies, faults, cancels and strangers' answers: the machine neither panics nor breaks the write-ahead
/// rule, and once everything is refused it comes to an end.
pub fn machine(data: &[u8]) {
    let mut script = Script(data);
    let size = u64::from(script.next() % 6) * PART + u64::from(script.next());
    let plan = Plan::new(size, PART).expect("small files fit any plan");
    let options = Options {
        parallel: match script.next() % 5 {
            4 => Parallel::Auto { most: 5 },
            parts => Parallel::Fixed(usize::from(parts) + 1),
        },
        require_checkpoint: script.one_in(4),
        allow_unproven: script.one_in(4),
        verify_source: script.one_in(4),
        budget: Duration::from_secs(60),
    };
    let earlier = earlier(&mut script, size);
    let known = match &earlier {
        Earlier::Resume { checkpoint, .. } => checkpoint.state.upload_id().cloned(),
        _ => None,
    };
    let verdict_saved =
        matches!(&earlier, Earlier::Resume { checkpoint, .. } if matches!(checkpoint.state, State::Completing { .. }));
    let upload = Upload::new(job(), source(size), plan, options, earlier, 1_000, 1);
    Run {
        upload,
        now: Now::ZERO,
        pending: Vec::new(),
        saved: known,
        verdict_saved,
        save_failed: false,
        saving: Vec::new(),
    }
    .play(&mut script);
}

struct Run {
    upload: Upload,
    now: Now,
    pending: Vec<(ActionId, Action)>,
    /// The upload id in the newest save that was answered.
    saved: Option<UploadId>,
    verdict_saved: bool,
    /// From then on a run is not resumable, and says so.
    save_failed: bool,
    saving: Vec<(ActionId, Checkpoint)>,
}

impl Run {
    fn play(mut self, script: &mut Script<'_>) {
        for _ in 0..400 {
            self.poll();
            if self.upload.outcome().is_some() {
                return;
            }
            match script.next() {
                0 => self.upload.cancel(self.now),
                1 => self.upload.abort(self.now),
                2 => self.now += Duration::from_secs(u64::from(script.next())),
                _ => self.answer(script),
            }
        }
        self.refuse_everything();
    }

    fn poll(&mut self) {
        while let Some((id, action)) = self.upload.poll_action(self.now) {
            match &action {
                Action::Stop => {
                    self.pending.retain(|(_, pending)| matches!(pending, Action::Save(_)));
                    continue;
                }
                Action::Save(checkpoint) => self.saving.push((id, *checkpoint.clone())),
                Action::UploadPart { upload_id, .. } if !self.save_failed => {
                    assert_eq!(self.saved.as_ref(), Some(upload_id), "no part before the save with its upload id");
                }
                Action::Complete { .. } if !self.save_failed => {
                    assert!(self.verdict_saved, "no Complete before the save with the verdict");
                }
                _ => {}
            }
            self.pending.push((id, action));
        }
        while self.upload.poll_event().is_some() {}
    }

    fn answer(&mut self, script: &mut Script<'_>) {
        if self.pending.is_empty() {
            let wake = self.upload.poll_timeout().expect("without an action or an outcome there is a time to wait for");
            self.now = self.now.max(wake);
            return;
        }
        let (id, action) = self.pending.swap_remove(usize::from(script.next()) % self.pending.len());
        if script.one_in(3) && !matches!(action, Action::Save(_)) {
            return self.upload.handle_fault(self.now, id, fault(script));
        }
        let reply = reply(&action, script);
        self.save_failed |= matches!(reply, Reply::NotSaved(_));
        if reply == Reply::Saved
            && let Some((_, checkpoint)) = self.saving.iter().find(|(saving, _)| *saving == id)
        {
            self.saved = checkpoint.state.upload_id().cloned();
            self.verdict_saved = matches!(checkpoint.state, State::Completing { .. });
        }
        self.upload.handle_reply(self.now, id, reply);
    }

    /// Every call is refused for good from here on: the run must end.
    fn refuse_everything(mut self) {
        for _ in 0..10_000 {
            self.poll();
            match self.upload.outcome() {
                Some(Outcome::Failed(_) | Outcome::Completed(_)) => return,
                None => {}
            }
            match self.pending.pop() {
                Some((id, Action::Save(_))) => self.upload.handle_reply(self.now, id, Reply::NotSaved("full".into())),
                Some((id, _)) => self.upload.handle_fault(self.now, id, Fault::Rejected),
                None => self.now = self.upload.poll_timeout().expect("something is waited for").max(self.now),
            }
        }
        panic!("the machine does not come to an end");
    }
}

fn reply(action: &Action, script: &mut Script<'_>) -> Reply {
    let crc64 = Crc64::new(u64::from(script.next() % 2));
    let maybe = (!script.one_in(4)).then_some(crc64);
    let etag = (!script.one_in(4)).then(|| ETag::from_md5([script.next() % 2; 16]));
    let published = Published { etag: etag.clone(), crc64: maybe, ..Published::default() };
    match action {
        Action::Save(_) if script.one_in(4) => Reply::NotSaved("no space".into()),
        Action::Save(_) | Action::Stop => Reply::Saved,
        Action::PutObject => Reply::Put { object: published, crc64, md5: [script.next() % 2; 16] },
        Action::Initiate => Reply::Initiated { upload_id: id(script.next()), date: 1_000 },
        Action::ListUploads => Reply::Uploads { uploads: Vec::new(), date: Some(u64::from(script.next())) },
        Action::ListParts { .. } => Reply::Parts { parts: listed(script), next: None },
        Action::ProveParts(parts) => {
            let mut prove = |part: &ToProve| {
                let crc64 = Crc64::new(u64::from(script.next() % 2));
                Digests { number: part.number, crc64, md5: Some([script.next() % 2; 16]) }
            };
            Reply::Proved(parts.iter().map(&mut prove).collect())
        }
        Action::UploadPart { .. } => Reply::Part { etag, crc64: maybe, sent: Crc64::new(u64::from(script.next() % 2)) },
        Action::CheckSource { whole } => Reply::Source(whole.then_some(crc64)),
        Action::Complete { .. } => Reply::Completed(published),
        Action::HeadObject => Reply::Head((!script.one_in(3)).then(|| Head {
            object: published,
            size: u64::from(script.next()),
            date: Some(1_000),
            last_modified: Some(900 + u64::from(script.next())),
            object_type: None,
            other_headers: false,
        })),
        Action::Abort { .. } => Reply::Aborted,
        Action::Discard => Reply::Discarded,
    }
}

fn listed(script: &mut Script<'_>) -> Vec<ListedPart> {
    let part = |number: u8, script: &mut Script<'_>| ListedPart {
        part_number: PartNumber::new(u32::from(number) + 1).expect("within 10,000"),
        etag: (!script.one_in(4)).then(|| ETag::from_md5([script.next() % 2; 16])),
        size: if script.one_in(4) { 7 } else { PART },
        crc64: script.one_in(2).then(|| Crc64::new(u64::from(script.next() % 2))),
        last_modified: None,
    };
    (0..script.next() % 8).map(|number| part(number, script)).collect()
}

fn fault(script: &mut Script<'_>) -> Fault {
    match script.next() % 14 {
        0 => Fault::Transient,
        1 => Fault::OutcomeUnknown,
        2 => Fault::Throttled { retry_after: Some(Duration::from_secs(u64::from(script.next()))) },
        3 => Fault::CredentialsExpired,
        4 => Fault::ClockSkew,
        5 => Fault::WrongEndpoint { endpoint: None },
        6 => Fault::Corrupted,
        7 => Fault::Unproven,
        8 => Fault::PartRejected { numbers: vec![u32::from(script.next())] },
        9 => Fault::NoSuchUpload,
        10 => Fault::AlreadyExists,
        11 => Fault::CallbackFailed,
        12 => Fault::SourceChanged,
        _ => Fault::Rejected,
    }
}

fn earlier(script: &mut Script<'_>, size: u64) -> Earlier {
    let kind = script.next() % 5;
    if kind == 0 {
        return Earlier::Nothing;
    }
    let (upload_id, initiated) = (id(script.next()), 1_000);
    let state = match script.next() % 3 {
        0 => State::Intent { at: 900 },
        1 => State::Uploading { upload_id, initiated },
        _ => State::Completing { upload_id, initiated, crc64: Crc64::new(u64::from(script.next() % 2)) },
    };
    let part = |script: &mut Script<'_>| Part {
        size: PART,
        etag: ETag::from_md5([script.next() % 2; 16]),
        crc64: Crc64::EMPTY,
    };
    let number = |n: u8| PartNumber::new(u32::from(n) + 1).expect("within 10,000");
    let parts = (0..script.next() % 6).map(|n| (number(n), part(script))).collect();
    let abandoned =
        script.one_in(3).then(|| Abandoned { upload_id: id(200), completing: script.one_in(2) }).into_iter().collect();
    let checkpoint = Box::new(Checkpoint {
        generation: 3,
        job: job(),
        source: source(size),
        part_size: PART,
        state,
        parts,
        abandoned,
    });
    if kind == 1 {
        Earlier::Superseded { checkpoint, reason: "another size".into() }
    } else {
        Earlier::Resume { checkpoint, changed: kind == 2 }
    }
}

fn id(n: u8) -> UploadId {
    UploadId::new(format!("id-{n}")).expect("visible ASCII")
}

fn job() -> Job {
    Job {
        endpoint: "https://oss-cn-hangzhou.aliyuncs.com".into(),
        region: "cn-hangzhou".into(),
        bucket: Bucket::new("demo").expect("a bucket's name"),
        key: Key::new("key").expect("a key"),
        headers: ObjectHeaders::new(),
    }
}

fn source(size: u64) -> Source {
    let time = Timestamp { secs: 1, nanos: 0 };
    let fingerprint = Fingerprint { size, mtime: time, ctime: time, inode: 1, device: 1 };
    Source { path: "/file".into(), host: "host".into(), fingerprint }
}

/// Bytes; 255 once they have run out.
struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn one_in(&mut self, n: u8) -> bool {
        self.next().is_multiple_of(n)
    }

    fn next(&mut self) -> u8 {
        match self.0 {
            [first, rest @ ..] => {
                self.0 = rest;
                *first
            }
            [] => 255,
        }
    }
}
