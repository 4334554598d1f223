//! Before the first request: check what was asked, open the file, take the lock, read what the last run left.

#![expect(clippy::disallowed_methods, reason = "the time of day of the run, and its seed")]

use crate::content_type;
use crate::error::UploadError;
use crate::machine::{Earlier, Event, Notice, Upload};
use crate::opening;
use crate::plan::{DEFAULT_PART_SIZE, Plan, PlanError};
use crate::request::UploadObjectRequest;
use crate::source::SourceFile;
use oss_checkpoint::{
    Checkpoint, Comparison, DecodeError, Job, Loaded, Lock, LockError, OsDir, Place, PlaceKind, Places, Source, Store,
    Unverified, host_name,
};
use oss_proto::limits::{MAX_PART_SIZE, MIN_PART_SIZE};
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

const CONTENT_TYPE: &str = "content-type";

/// Everything a run needs; nothing has been sent.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) source: Arc<SourceFile>,
    pub(crate) job: Job,
    pub(crate) upload: Upload,
    pub(crate) store: Store<OsDir>,
    /// `None` where the file system cannot lock; said as a notice.
    pub(crate) lock: Option<Lock>,
    /// Said before the machine's own events.
    pub(crate) notices: Vec<Event>,
    /// Everything was done without another thread, and no checkpoint is there: so can the end be.
    pub(crate) at_once: bool,
}

/// Checks and opens everything; blocks on the disk (and on the lock, when asked to wait).
pub(crate) fn prepare(request: &UploadObjectRequest, asked_for: Job) -> Result<Prepared, UploadError> {
    let mut notices = Vec::new();
    let (file, place, lock) = open_locked(request, &asked_for, &mut notices)?;
    request.directories.learn(&request.file_path, &file);
    let source = source_of(&file);
    let mut job = with_content_type(asked_for.clone(), file.path());
    let asked = asked_plan(&file, request)?;
    let store = place.store();
    let mut earlier = load(&store, [&asked_for, &job], &source, request, asked, &mut notices)?;
    if let Earlier::Resume { checkpoint, .. } = &mut earlier {
        // Whether an object may be replaced is said anew by every run: it is no part of the object.
        checkpoint.job.headers.set_forbid_overwrite(request.headers.forbids_overwrite());
        job.headers = checkpoint.job.headers.clone();
    }
    // Of a small file nothing is saved, under no name.
    if matches!(earlier, Earlier::Nothing) && !asked.is_small() {
        tell_of_former_name(&place, &job, &source, &mut notices);
    }
    let wanted = request.part_size.unwrap_or(DEFAULT_PART_SIZE);
    if asked.part_size() > wanted && !matches!(earlier, Earlier::Resume { .. }) {
        notices.push(Event::Notice(Notice::PartSizeGrown { from: wanted, to: asked.part_size() }));
    }
    let plan = match &earlier {
        Earlier::Resume { checkpoint, .. } => Plan::new(source.fingerprint.size, checkpoint.part_size)?,
        _ => asked,
    };
    let upload = machine(request, job.clone(), source, plan, earlier);
    Ok(Prepared { source: Arc::new(file), job, upload, store, lock, notices, at_once: false })
}

/// What is asked for, checked as far as that needs neither file nor server.
pub(crate) fn asked_for(request: &UploadObjectRequest, endpoint: String, region: &str) -> Result<Job, UploadError> {
    request.headers.check_together()?;
    let job = Job {
        endpoint: request.endpoint_name.clone().unwrap_or(endpoint),
        region: region.to_owned(),
        bucket: request.bucket.clone()?,
        key: request.key.clone()?,
        headers: request.headers.clone(),
    };
    if !(1..=1024).contains(&request.options.parallel.most()) {
        return Err(UploadError::Parallel(request.options.parallel.most()));
    }
    if let Some(part_size) = request.part_size.filter(|size| !(MIN_PART_SIZE..=MAX_PART_SIZE).contains(size)) {
        return Err(PlanError::PartSize(part_size).into());
    }
    Ok(job)
}

pub(crate) fn source_of(file: &SourceFile) -> Source {
    Source { path: file.path().to_owned(), host: host_name(), fingerprint: file.fingerprint().clone() }
}

/// The transfer, from now on.
pub(crate) fn machine(request: &UploadObjectRequest, job: Job, source: Source, plan: Plan, earlier: Earlier) -> Upload {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Upload::new(job, source, plan, request.options.clone(), earlier, wall, fastrand::u64(..))
}

pub(crate) fn asked_plan(file: &SourceFile, request: &UploadObjectRequest) -> Result<Plan, PlanError> {
    Plan::new(file.fingerprint().size, request.part_size.unwrap_or(DEFAULT_PART_SIZE))
}

/// Opens the file and takes the lock of its upload. Whoever held that may have taken its time, so after a wait the file is
/// opened again: it is uploaded as it is now.
fn open_locked(
    request: &UploadObjectRequest,
    job: &Job,
    notices: &mut Vec<Event>,
) -> Result<(SourceFile, Place, Option<Lock>), UploadError> {
    let path = &request.file_path;
    let failed = |source| UploadError::File { path: path.clone(), source };
    let open = || opening::open(path).map(SourceFile::new).map_err(failed);
    loop {
        let mut file = open()?;
        let mut said = Vec::new();
        let small = asked_plan(&file, request)?.is_small();
        let (place, lock) = place(file.path(), job, small, request, &mut said)?;
        let locked = file.path().to_owned();
        if request.wait {
            file = open()?;
        }
        // Through a link that was turned meanwhile it is another file, with another lock; and a small one has no checkpoint.
        if file.path() == locked && asked_plan(&file, request)?.is_small() == small {
            notices.append(&mut said);
            return Ok((file, place, lock));
        }
    }
}

/// The place of this upload, and its lock. For a small file no writing is tried beforehand, as it saves nothing: only
/// when its lock cannot be made, the other places are looked at.
fn place(
    file: &Path,
    job: &Job,
    small: bool,
    request: &UploadObjectRequest,
    notices: &mut Vec<Event>,
) -> Result<(Place, Option<Lock>), UploadError> {
    if small && request.checkpoint_dir.is_none() {
        let place = chosen(Places::untried(file, job)?);
        let locked = lock(&place, request);
        if !matches!(locked, Err(LockError::Io { .. })) {
            return judge(place, locked, request, notices);
        }
    }
    let place = chosen(Places::for_upload(file, job, request.checkpoint_dir.as_deref())?);
    let locked = lock(&place, request);
    judge(place, locked, request, notices)
}

/// Where a checkpoint is, else where one can be written.
fn chosen(places: Places) -> Place {
    if let [only] = &places[..] {
        return only.clone();
    }
    let writable = |place: &&Place| place.refusal.is_none();
    let found = places.iter().filter(writable).find(|place| std::fs::symlink_metadata(place.path()).is_ok());
    found.or(places.writable()).unwrap_or(&places[0]).clone()
}

fn lock(place: &Place, request: &UploadObjectRequest) -> Result<Lock, LockError> {
    let store = place.store();
    if request.wait { store.lock_waiting() } else { store.lock() }
}

/// What cannot be locked is told, or ends the upload.
fn judge(
    place: Place,
    locked: Result<Lock, LockError>,
    request: &UploadObjectRequest,
    notices: &mut Vec<Event>,
) -> Result<(Place, Option<Lock>), UploadError> {
    if place.kind == PlaceKind::UserState || place.refusal.is_some() {
        notices.push(Event::Notice(Notice::Place(place.words())));
    }
    match locked {
        Ok(lock) => Ok((place, Some(lock))),
        Err(error @ LockError::Unsupported { .. }) => {
            notices.push(Event::Notice(Notice::NoLock(error.to_string())));
            Ok((place, None))
        }
        // Nothing can be written there: there is nothing to protect either, and the notice above says so.
        Err(LockError::Io { .. }) if place.refusal.is_some() => Ok((place, None)),
        Err(LockError::Io { source, .. }) if is_full(&source) && !request.options.require_checkpoint => {
            notices.push(Event::Notice(Notice::NoLock(source.to_string())));
            Ok((place, None))
        }
        Err(error) => Err(error.into()),
    }
}

fn is_full(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::ReadOnlyFilesystem)
}

/// A type that the caller gave stands; else the name tells it, where it can.
pub(crate) fn with_content_type(mut job: Job, file: &Path) -> Job {
    if job.headers.get(CONTENT_TYPE).is_none()
        && let Some(guessed) = content_type::guess(job.key.as_str(), file)
    {
        job.headers.set(CONTENT_TYPE, guessed).expect("a type of the table is a header value");
    }
    job
}

/// What the last run left, compared with what is asked for now: exactly as it is asked for (so began uploads before types
/// were guessed) or with the guessed content type. What is not ours is set aside.
fn load(
    store: &Store<OsDir>,
    [as_asked, job]: [&Job; 2],
    source: &Source,
    request: &UploadObjectRequest,
    asked: Plan,
    notices: &mut Vec<Event>,
) -> Result<Earlier, UploadError> {
    let in_the_way = |source| UploadError::Checkpoint { path: store.path(), source };
    let unverified: Unverified = match store.load().map_err(in_the_way)? {
        Loaded::Nothing => return Ok(Earlier::Nothing),
        Loaded::Found(unverified) => unverified,
        Loaded::Damaged(error) => {
            let reason = match store.set_aside() {
                Ok(_) => error.to_string(),
                // A later release's checkpoint must not be overwritten; anything else only costs this run its resume.
                Err(source) if matches!(error, DecodeError::Newer(_)) => return Err(in_the_way(source)),
                Err(source) => format!("{error}; it stays, as it cannot be moved: {source}"),
            };
            notices.push(Event::Notice(Notice::Foreign { upload_id: None, reason }));
            return Ok(Earlier::Nothing);
        }
    };
    // The part size asked for as it was grown: a checkpoint records the grown one.
    let part_size = request.part_size.map(|_| asked.part_size());
    let comparison = match unverified.clone().compare(as_asked, source, part_size, stands) {
        resume @ Comparison::Resume { .. } => resume,
        _ => unverified.compare(job, source, part_size, stands),
    };
    match comparison {
        Comparison::Resume { checkpoint, changed: _ } if request.restart && checkpoint.source.path == source.path => {
            let reason = "as asked, the earlier attempt is given up".into();
            Ok(Earlier::Superseded { checkpoint: Box::new(checkpoint), reason })
        }
        Comparison::Resume { checkpoint, changed } if !request.restart => {
            Ok(Earlier::Resume { checkpoint: Box::new(checkpoint), changed })
        }
        Comparison::Superseded { checkpoint, reason } => {
            Ok(Earlier::Superseded { checkpoint: Box::new(checkpoint), reason: reason.to_string() })
        }
        Comparison::Foreign { checkpoint, reason } => {
            set_foreign_aside(store, &checkpoint, reason.to_string(), notices).map_err(in_the_way)
        }
        Comparison::Resume { checkpoint, .. } => {
            let reason = "as asked, the earlier attempt is given up, but it was begun under another path".into();
            set_foreign_aside(store, &checkpoint, reason, notices).map_err(in_the_way)
        }
    }
}

/// Whether a file is at this path; one that cannot be looked at may be there.
fn stands(path: &Path) -> bool {
    !matches!(std::fs::symlink_metadata(path), Err(error) if error.kind() == std::io::ErrorKind::NotFound)
}

/// A renamed file starts afresh; what was begun under its former name is told.
fn tell_of_former_name(place: &Place, job: &Job, source: &Source, notices: &mut Vec<Event>) {
    for store in place.namesakes().unwrap_or_default() {
        let Ok(Loaded::Found(found)) = store.load() else { continue };
        let (Comparison::Resume { checkpoint, .. }
        | Comparison::Superseded { checkpoint, .. }
        | Comparison::Foreign { checkpoint, .. }) = found.compare(job, source, None, stands);
        let (former, now) = (&checkpoint.source.fingerprint, &source.fingerprint);
        if (former.inode, former.device) == (now.inode, now.device) {
            let upload_id = checkpoint.state.upload_id().cloned();
            notices.push(Event::Notice(Notice::Renamed { path: checkpoint.source.path, upload_id }));
        }
    }
}

/// An id that is not surely ours alone is neither adopted nor aborted: it is told.
fn set_foreign_aside(
    store: &Store<OsDir>,
    checkpoint: &Checkpoint,
    reason: String,
    notices: &mut Vec<Event>,
) -> std::io::Result<Earlier> {
    store.set_aside()?;
    let upload_id = checkpoint.state.upload_id().cloned();
    notices.push(Event::Notice(Notice::Foreign { upload_id, reason }));
    Ok(Earlier::Nothing)
}
