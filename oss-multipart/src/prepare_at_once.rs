//! A small file that nothing was left of and nobody works on, in a directory that is known to be fast: prepared by the
//! task itself. Everything else is left to [`prepare`](crate::prepare), which begins anew, and says what is wrong.

use crate::machine::Earlier;
use crate::opening;
use crate::prepare::{Prepared, asked_plan, machine, source_of, with_content_type};
use crate::request::UploadObjectRequest;
use crate::source::SourceFile;
use oss_checkpoint::{Job, PlaceKind, Places};
use std::sync::Arc;

/// What is read and digested in less than a millisecond.
const SMALL: u64 = 256 * 1024;

/// As [`prepare`](crate::prepare::prepare), without waiting for anybody; `None` when that is not possible. Nothing is then
/// left of what was tried.
pub(crate) fn prepare_at_once(request: &UploadObjectRequest, asked_for: &Job) -> Option<Prepared> {
    if request.wait || request.checkpoint_dir.is_some() || request.cancel.is_cancelled() {
        return None;
    }
    request.directories.at_once(&request.file_path, || {
        let prepared = prepared(request, asked_for)?;
        let device = prepared.source.fingerprint().device;
        Some((prepared, device))
    })
}

fn prepared(request: &UploadObjectRequest, asked_for: &Job) -> Option<Prepared> {
    let file = SourceFile::new(opening::open_at_once(&request.file_path)?);
    let plan = asked_plan(&file, request).ok()?;
    if !plan.is_small() || plan.size() > SMALL {
        return None;
    }
    let places = Places::untried(file.path(), asked_for).ok()?;
    let [place] = &places[..] else { return None };
    debug_assert_eq!(place.kind, PlaceKind::BesideFile, "the other one is there only with a checkpoint");
    let store = place.store();
    let lock = store.lock_anew()?;
    if !store.is_absent() {
        return None;
    }
    let job = with_content_type(asked_for.clone(), file.path());
    let upload = machine(request, job.clone(), source_of(&file), plan, Earlier::Nothing);
    let (source, notices) = (Arc::new(file), Vec::new());
    Some(Prepared { source, job, upload, store, lock: Some(lock), notices, at_once: true })
}
