//! A server, a disk and a file that are only what the machine can see of them.

use crate::machine::{
    Action, ActionId, Digests, Earlier, Event, Fault, Head, Notice, Now, Options, Outcome, Parallel, Published, Reply,
    ToProve, Upload,
};
use crate::plan::Plan;
use oss_checkpoint::{Checkpoint, Fingerprint, Job, Source, State, Timestamp};
use oss_proto::ops::{ListedPart, ListedUpload};
use oss_proto::{Bucket, Crc64, ETag, Key, ObjectHeaders, PartNumber, UploadId};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub(super) const PART: u64 = 100 * 1024;

/// What stands in for a part's bytes.
pub(super) type Content = u64;

#[derive(Debug, Clone, Default)]
pub(super) struct Server {
    pub(super) uploads: BTreeMap<UploadId, BTreeMap<PartNumber, (Content, u64)>>,
    pub(super) object: Option<Object>,
    pub(super) clock: u64,
    ids: u32,
    pub(super) parts_received: u32,
    /// Replies carry no CRC-64.
    pub(super) no_crc: bool,
    /// ETags are not MD5s.
    pub(super) odd_etags: bool,
    /// HeadObject is not allowed.
    pub(super) no_head: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Object {
    pub(super) size: u64,
    pub(super) crc64: Crc64,
    pub(super) modified: u64,
}

/// The local file: one content a part.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LocalFile {
    pub(super) contents: Vec<Content>,
    pub(super) size: u64,
    pub(super) touched: i64,
}

#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) server: Server,
    pub(super) disk: Option<Checkpoint>,
    pub(super) file: LocalFile,
    pub(super) part_size: u64,
    pub(super) parallel: usize,
    pub(super) headers: ObjectHeaders,
    /// Saves fail.
    pub(super) disk_full: bool,
    /// How long every action takes: from a second on, every part is followed by a save.
    pub(super) pace: Duration,
    /// What our clock is ahead of the server's, in seconds.
    pub(super) ahead: i64,
    /// So many seconds ago every upload was begun, by the server's list.
    pub(super) listed_age: u64,
    /// Not 0: calls in flight end in another order than they began.
    pub(super) shuffle: u64,
}

/// How a run went.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) outcome: Option<Outcome>,
    pub(super) events: Vec<Event>,
    pub(super) actions: usize,
    pub(super) parts_in_flight: usize,
}

impl Run {
    pub(super) fn notices(&self) -> impl Iterator<Item = &Notice> {
        self.events.iter().filter_map(|event| match event {
            Event::Notice(notice) => Some(notice),
            _ => None,
        })
    }
}

/// What happens to the n-th action.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Blow {
    /// The process dies before it takes effect.
    CrashBefore,
    /// It takes effect, then the process dies.
    CrashAfter,
    /// It does not take effect, and fails.
    Lost,
    /// It takes effect, its reply is lost.
    ReplyLost,
    /// It takes effect, and is answered by 203.
    CallbackFailed,
    /// The user cancels.
    Cancel,
    /// The user aborts.
    Abort,
}

pub(super) fn crc_of(content: Content) -> Crc64 {
    Crc64::of(&content.to_le_bytes())
}

pub(super) fn md5_of(content: Content) -> [u8; 16] {
    let mut digest = [7; 16];
    digest[..8].copy_from_slice(&content.to_le_bytes());
    digest
}

impl LocalFile {
    pub(super) fn new(contents: &[Content], last: u64) -> Self {
        let size = (contents.len() as u64 - 1) * PART + last;
        Self { contents: contents.to_vec(), size, touched: 1 }
    }

    fn len_of(&self, index: usize) -> u64 {
        PART.min(self.size - index as u64 * PART)
    }

    pub(super) fn crc64(&self) -> Crc64 {
        let each = self.contents.iter().enumerate();
        each.fold(Crc64::EMPTY, |crc, (index, content)| crc.combine(crc_of(*content), self.len_of(index)))
    }

    fn fingerprint(&self) -> Fingerprint {
        let time = Timestamp { secs: self.touched, nanos: 0 };
        Fingerprint { size: self.size, mtime: time, ctime: time, inode: 1, device: 1 }
    }
}

impl World {
    pub(super) fn new(contents: &[Content]) -> Self {
        Self {
            server: Server { clock: 1_000, ..Server::default() },
            disk: None,
            file: LocalFile::new(contents, 7),
            part_size: PART,
            parallel: 2,
            headers: ObjectHeaders::new(),
            disk_full: false,
            pace: Duration::from_millis(10),
            ahead: 0,
            listed_age: 0,
            shuffle: 0,
        }
    }

    pub(super) fn machine(&self, options: Options) -> Upload {
        let job = Job {
            endpoint: "https://oss-cn-hangzhou.aliyuncs.com".into(),
            region: "cn-hangzhou".into(),
            bucket: Bucket::new("demo").unwrap(),
            key: Key::new("key").unwrap(),
            headers: self.headers.clone(),
        };
        let fingerprint = self.file.fingerprint();
        let source = Source { path: "/file".into(), host: "host".into(), fingerprint: fingerprint.clone() };
        let earlier = match self.disk.clone().map(Box::new) {
            None => Earlier::Nothing,
            Some(checkpoint) if checkpoint.source.fingerprint.size != self.file.size => {
                Earlier::Superseded { checkpoint, reason: "its size is another one".into() }
            }
            Some(checkpoint) => {
                let changed = checkpoint.source.fingerprint != fingerprint;
                Earlier::Resume { checkpoint, changed }
            }
        };
        let plan = Plan::new(self.file.size, self.part_size).unwrap();
        let wall = self.server.clock.saturating_add_signed(self.ahead);
        Upload::new(job, source, plan, options, earlier, wall, 5)
    }

    pub(super) fn options(&self) -> Options {
        Options { parallel: Parallel::Fixed(self.parallel), ..Options::default() }
    }

    /// Runs to the end, or until the blow at the given action (counted from 1) ends it.
    pub(super) fn run(&mut self, blows: &[(usize, Blow)]) -> Run {
        self.run_with(self.options(), |number, _| blows.iter().find(|(at, _)| *at == number).map(|(_, blow)| *blow))
    }

    /// As [`Self::run`], with the blow chosen by the action's number and the action.
    pub(super) fn run_with(&mut self, options: Options, mut blow: impl FnMut(usize, &Action) -> Option<Blow>) -> Run {
        let mut machine = self.machine(options);
        let mut now = Now::ZERO;
        let mut shuffle = fastrand::Rng::with_seed(self.shuffle);
        let mut queue: VecDeque<(ActionId, Action)> = VecDeque::new();
        let mut run = Run { outcome: None, events: Vec::new(), actions: 0, parts_in_flight: 0 };
        loop {
            while let Some((id, action)) = machine.poll_action(now) {
                match action {
                    Action::Stop => queue.retain(|(_, queued)| matches!(queued, Action::Save(_))),
                    action => queue.push_back((id, action)),
                }
            }
            run.events.extend(std::iter::from_fn(|| machine.poll_event()));
            if let Some(outcome) = machine.outcome() {
                run.outcome = Some(outcome.clone());
                return run;
            }
            let next = if self.shuffle == 0 { 0 } else { shuffle.usize(..queue.len().max(1)) };
            let Some((id, action)) = queue.remove(next) else {
                let wake = machine.poll_timeout().expect("a machine that waits for nothing has an outcome");
                assert!(wake > now, "the machine asks to be polled at once and has nothing to do");
                self.server.clock += (wake - now).as_secs();
                now = wake;
                continue;
            };
            run.actions += 1;
            assert!(run.actions < 10_000, "the run does not end");
            let is_part = |action: &Action| matches!(action, Action::UploadPart { .. });
            run.parts_in_flight = queue.iter().filter(|(_, a)| is_part(a)).count() + usize::from(is_part(&action));
            now += self.pace;
            let blow = blow(run.actions, &action);
            match blow {
                Some(Blow::CrashBefore) => return run,
                Some(Blow::CrashAfter) => {
                    _ = self.perform(&action);
                    return run;
                }
                Some(Blow::Cancel) => machine.cancel(now),
                Some(Blow::Abort) => machine.abort(now),
                _ => {}
            }
            let end = match blow {
                Some(Blow::Lost) => Err(Fault::Transient),
                Some(Blow::CallbackFailed) => self.perform(&action).and(Err(Fault::CallbackFailed)),
                Some(Blow::ReplyLost) => self.perform(&action).and(Err(Fault::OutcomeUnknown)),
                _ => self.perform(&action),
            };
            match end {
                Ok(reply) => machine.handle_reply(now, id, reply),
                Err(fault) => machine.handle_fault(now, id, fault),
            }
        }
    }

    /// Uploads on the server that the disk does not know of.
    pub(super) fn orphans(&self) -> usize {
        let known = |id: &&UploadId| {
            self.disk.as_ref().is_some_and(|checkpoint| {
                checkpoint.state.upload_id() == Some(*id) || checkpoint.abandoned.iter().any(|a| a.upload_id == **id)
            })
        };
        self.server.uploads.keys().filter(|id| !known(id)).count()
    }

    fn content(&self, number: PartNumber) -> Content {
        self.file.contents[number.get() as usize - 1]
    }

    pub(super) fn etag(&self, content: Content) -> ETag {
        if self.server.odd_etags {
            ETag::new(&format!("odd-{content}")).unwrap()
        } else {
            ETag::from_md5(md5_of(content))
        }
    }

    fn crc(&self, crc64: Crc64) -> Option<Crc64> {
        (!self.server.no_crc).then_some(crc64)
    }

    /// The action's effect, and its reply.
    pub(super) fn perform(&mut self, action: &Action) -> Result<Reply, Fault> {
        match action {
            Action::Stop => unreachable!("taken by the run"),
            Action::Save(_) if self.disk_full => Ok(Reply::NotSaved("no space left on device".into())),
            Action::Save(checkpoint) => {
                let newer = self.disk.as_ref().is_none_or(|old| old.generation < checkpoint.generation);
                assert!(newer, "generations only increase");
                self.disk = Some(*checkpoint.clone());
                Ok(Reply::Saved)
            }
            Action::Discard => {
                self.disk = None;
                Ok(Reply::Discarded)
            }
            Action::PutObject => {
                let crc64 = self.file.crc64();
                self.publish(crc64, self.file.size);
                let etag = Some(self.etag(0));
                let object = Published { crc64: self.crc(crc64), etag, ..Published::default() };
                Ok(Reply::Put { object, crc64, md5: md5_of(0) })
            }
            Action::CheckSource { whole } => Ok(Reply::Source(whole.then(|| self.file.crc64()))),
            Action::ProveParts(parts) => {
                let prove = |ToProve { number, md5, .. }: &ToProve| {
                    let content = self.content(*number);
                    Digests { number: *number, crc64: crc_of(content), md5: md5.then(|| md5_of(content)) }
                };
                Ok(Reply::Proved(parts.iter().map(prove).collect()))
            }
            action => self.call(action),
        }
    }

    fn call(&mut self, action: &Action) -> Result<Reply, Fault> {
        self.server.clock += 1;
        match action {
            Action::Initiate => {
                self.server.ids += 1;
                let upload_id = UploadId::new(format!("id-{}", self.server.ids)).unwrap();
                self.server.uploads.insert(upload_id.clone(), BTreeMap::new());
                Ok(Reply::Initiated { upload_id, date: self.server.clock })
            }
            Action::ListUploads => {
                let listed = |id: &UploadId| ListedUpload {
                    key: "key".into(),
                    upload_id: id.clone(),
                    initiated: Some(self.server.clock - self.listed_age),
                    storage_class: None,
                };
                let uploads = self.server.uploads.keys().map(listed).collect();
                Ok(Reply::Uploads { uploads, date: Some(self.server.clock) })
            }
            Action::ListParts { upload_id, .. } => {
                let parts = self.server.uploads.get(upload_id).ok_or(Fault::NoSuchUpload)?;
                let listed = parts.iter().map(|(number, (content, size))| ListedPart {
                    part_number: *number,
                    etag: Some(self.etag(*content)),
                    size: *size,
                    crc64: self.crc(crc_of(*content)),
                    last_modified: None,
                });
                Ok(Reply::Parts { parts: listed.collect(), next: None })
            }
            Action::UploadPart { upload_id, number, range } => {
                let content = self.content(*number);
                let saved = self.disk.as_ref().and_then(|checkpoint| checkpoint.state.upload_id()) == Some(upload_id);
                assert!(saved || self.disk_full, "no part is sent before the save with its upload id");
                let parts = self.server.uploads.get_mut(upload_id).ok_or(Fault::NoSuchUpload)?;
                parts.insert(*number, (content, range.len));
                self.server.parts_received += 1;
                let etag = Some(self.etag(content));
                Ok(Reply::Part { etag, crc64: self.crc(crc_of(content)), sent: crc_of(content) })
            }
            Action::Complete { upload_id, parts } => self.complete(upload_id, parts),
            Action::HeadObject if self.server.no_head => Err(Fault::Rejected),
            Action::HeadObject => Ok(Reply::Head(self.server.object.as_ref().map(|object| Head {
                object: Published { crc64: self.crc(object.crc64), ..Published::default() },
                size: object.size,
                last_modified: Some(object.modified),
                date: Some(self.server.clock),
                object_type: None,
                other_headers: false,
            }))),
            Action::Abort { upload_id } => {
                self.server.uploads.remove(upload_id).ok_or(Fault::NoSuchUpload)?;
                Ok(Reply::Aborted)
            }
            other => unreachable!("not a call: {other:?}"),
        }
    }

    fn complete(&mut self, upload_id: &UploadId, parts: &[(PartNumber, ETag)]) -> Result<Reply, Fault> {
        let verdict_saved = self.disk.as_ref().is_some_and(|c| matches!(c.state, State::Completing { .. }));
        assert!(verdict_saved || self.disk_full, "no Complete before the save with the verdict");
        let held = self.server.uploads.get(upload_id).ok_or(Fault::NoSuchUpload)?;
        let mut crc64 = Crc64::EMPTY;
        let mut size = 0;
        for (number, etag) in parts {
            let (content, len) = held.get(number).ok_or(Fault::PartRejected { numbers: Vec::new() })?;
            if *etag != self.etag(*content) {
                return Err(Fault::PartRejected { numbers: Vec::new() });
            }
            crc64 = crc64.combine(crc_of(*content), *len);
            size += len;
        }
        self.server.uploads.remove(upload_id);
        self.publish(crc64, size);
        Ok(Reply::Completed(Published { crc64: self.crc(crc64), ..Published::default() }))
    }

    fn publish(&mut self, crc64: Crc64, size: u64) {
        self.server.object = Some(Object { size, crc64, modified: self.server.clock });
    }

    /// The object is the file, nothing is left on the disk.
    #[track_caller]
    pub(super) fn assert_published(&self) {
        let object = self.server.object.as_ref().expect("an object is published");
        assert_eq!((object.crc64, object.size), (self.file.crc64(), self.file.size), "the object is the file");
        assert_eq!(self.disk, None, "no checkpoint is left");
    }
}
