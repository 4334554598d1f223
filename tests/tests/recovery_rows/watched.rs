//! Runs that are watched, interrupted or killed; and what somebody else may do on the server meanwhile.

use oss_checkpoint::is_checkpoint_name;
use oss_emulator::{Gate, Operation, Until};
use oss_multipart::{CancellationToken, Completed, Event, Notice, UploadError, UploadObjectRequest, Why};
use oss_proto::ops::{PutObject, UploadPart};
use oss_proto::{Bucket, Key, ObjectHeaders, PartNumber, UploadId};
use oss_tests::{BUCKET, World};
use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// The smallest part.
pub(crate) const PART: usize = 100 * 1024;
/// The part numbers of nothing sent.
pub(crate) const NO_PART: [u32; 0] = [];
/// Whatever a test uploads is uploaded to this key.
pub(crate) const KEY: &str = "backup/big file.bin";

/// One run: how it ended and what it said.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) result: Result<Completed, UploadError>,
    pub(crate) events: Vec<Event>,
}

impl Run {
    pub(crate) fn done(&self) -> &Completed {
        self.result.as_ref().expect("the upload succeeds")
    }

    pub(crate) fn why(&self) -> Why {
        match &self.result {
            Err(UploadError::Failed { failure, .. }) => failure.why,
            other => panic!("did not fail on its way: {other:?}"),
        }
    }

    pub(crate) fn notices(&self) -> impl Iterator<Item = &Notice> {
        self.events.iter().filter_map(|event| match event {
            Event::Notice(notice) => Some(notice),
            _ => None,
        })
    }

    pub(crate) fn said(&self, notice: impl Fn(&Notice) -> bool) -> bool {
        self.notices().any(notice)
    }
}

pub(crate) fn request(path: &Path) -> UploadObjectRequest {
    UploadObjectRequest::new(BUCKET, KEY, path).part_size(PART as u64)
}

pub(crate) async fn watch(world: &World, request: UploadObjectRequest) -> Run {
    watch_with(world, request, |_| ()).await
}

/// `act` sees every event when it comes.
pub(crate) async fn watch_with(
    world: &World,
    request: UploadObjectRequest,
    mut act: impl FnMut(&Event) + Send + 'static,
) -> Run {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let events = seen.clone();
    let request = request.on_event(move |event, _| {
        events.lock().unwrap().push(event.clone());
        act(event);
    });
    let result = world.upload(request).await;
    Run { result, events: seen.lock().unwrap().clone() }
}

/// Runs `act` at the `nth` part, counted from 1.
pub(crate) fn at_part(nth: usize, act: impl FnOnce() + Send + 'static) -> impl FnMut(&Event) + Send + 'static {
    let (mut seen, mut act) = (0, Some(act));
    move |event| {
        seen += usize::from(matches!(event, Event::Part { .. }));
        if seen == nth
            && let Some(act) = act.take()
        {
            act();
        }
    }
}

/// A run that is interrupted when it has exactly so many parts on the server.
pub(crate) async fn interrupted_after(world: &World, request: UploadObjectRequest, parts: usize) {
    let token = CancellationToken::new();
    let stop = token.clone();
    let request = request.parallel(1).cancellation(token);
    let run = watch_with(world, request, at_part(parts, move || stop.cancel())).await;
    assert_eq!(run.why(), Why::Cancelled);
    assert_eq!(upload_on_server(world).1.len(), parts);
}

/// A run that dies at this moment.
pub(crate) async fn killed(world: &World, request: UploadObjectRequest, moment: impl Future<Output = ()>) {
    tokio::select! {
        biased;
        () = moment => {}
        ended = world.upload(request) => panic!("ended before it was killed: {ended:?}"),
    }
}

/// A run that dies while its Complete is under way, before or after the server has carried it out.
pub(crate) async fn killed_at_complete(world: &World, request: UploadObjectRequest, applied: bool) {
    use oss_emulator::{Fault, Rule};
    let gate = Gate::new();
    let until = Until::Opened(gate.clone());
    let fault = if applied { Fault::StallAfterApplied(until) } else { Fault::Stall(until) };
    world.emulator.add_fault(Rule::on(Operation::CompleteMultipartUpload), fault);
    killed(world, request, gate.arrived(1)).await;
    world.emulator.clear_faults();
    assert_eq!(world.emulator.object(BUCKET, KEY).is_some(), applied);
}

/// The one upload there is: its id and its parts' numbers.
pub(crate) fn upload_on_server(world: &World) -> (String, Vec<u32>) {
    let mut uploads = world.emulator.uploads(BUCKET);
    assert_eq!(uploads.len(), 1, "{uploads:?}");
    let upload = uploads.remove(0);
    (upload.upload_id, upload.parts.into_iter().map(|(number, _)| number).collect())
}

/// The operations after the first `skip` requests, without UploadPart.
pub(crate) fn steps_after(world: &World, skip: usize) -> Vec<Operation> {
    let ledger = world.emulator.ledger();
    let steps = ledger.iter().skip(skip).map(|entry| entry.operation);
    steps.filter(|operation| *operation != Operation::UploadPart).collect()
}

pub(crate) fn requests_so_far(world: &World) -> usize {
    world.emulator.ledger().len()
}

/// The checkpoint beside the file (not its lock, and not one that was set aside).
pub(crate) fn checkpoint(world: &World) -> Option<PathBuf> {
    let is_one = |name: &&String| is_checkpoint_name(name) && name.ends_with(".ossck");
    world.files().iter().find(is_one).map(|name| world.folder().join("files").join(name))
}

/// Somebody sends a part to an upload of [`KEY`].
pub(crate) async fn put_part(world: &World, upload_id: &str, number: u32, bytes: Vec<u8>) {
    let part = UploadPart {
        bucket: Bucket::new(BUCKET).unwrap(),
        key: Key::new(KEY).unwrap(),
        upload_id: UploadId::new(upload_id).unwrap(),
        part_number: PartNumber::new(number).unwrap(),
        content_md5: None,
    };
    world.caller().call(&part, bytes.into()).await.unwrap();
}

/// Somebody stores an object as [`KEY`].
pub(crate) async fn put_object(world: &World, bytes: &[u8]) {
    let put = PutObject {
        bucket: Bucket::new(BUCKET).unwrap(),
        key: Key::new(KEY).unwrap(),
        headers: ObjectHeaders::new(),
        content_md5: None,
    };
    world.caller().call(&put, bytes.to_vec().into()).await.unwrap();
}

/// Turns the bytes at `offset` over, in place; size and mtime stay.
pub(crate) fn edit_in_place(path: &Path, offset: usize, len: usize) {
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    let mut bytes = fs::read(path).unwrap();
    bytes[offset..offset + len].iter_mut().for_each(|byte| *byte = !*byte);
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    std::io::Write::write_all(&mut &file, &bytes).unwrap();
    file.set_modified(modified).unwrap();
}

/// Appends `len` bytes.
pub(crate) fn grow(path: &Path, len: usize) {
    let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
    std::io::Write::write_all(&mut file, &oss_tests::bytes(len)).unwrap();
}
