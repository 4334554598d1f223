//! A small file that nothing was left of and nobody works on, in a directory that is known to be fast: prepared by the
//! task itself. Everything else is left to [`prepare`](crate::prepare), which begins anew, and says what is wrong.

use crate::machine::Earlier;
use crate::opening;
use crate::prepare::{Prepared, asked_plan, machine, source_of, with_content_type};
use crate::request::UploadObjectRequest;
use crate::source::SourceFile;
use oss_checkpoint::{DirectoryLock, Job, PlaceKind, Places};
use std::sync::Arc;

/// What is read and digested in less than a millisecond.
const SMALL: u64 = 256 * 1024;

/// As [`prepare`](crate::prepare::prepare), without waiting for anybody; `None` when that is not possible. Nothing is then
/// left of what was tried.
pub(crate) fn prepare_at_once(request: &UploadObjectRequest, asked_for: &Job) -> Option<Prepared> {
    if request.wait || request.checkpoint_dir.is_some() || request.cancel.is_cancelled() {
        return None;
    }
    request.directories.at_once(&request.file_path, |directory| {
        let prepared = prepared(request, asked_for, directory)?;
        let device = prepared.source.fingerprint().device;
        Some((prepared, device))
    })
}

fn prepared(request: &UploadObjectRequest, asked_for: &Job, directory: &DirectoryLock) -> Option<Prepared> {
    let file = SourceFile::new(opening::open_at_once(&request.file_path)?);
    let plan = asked_plan(&file, request).ok()?;
    if !plan.is_small() || plan.size() > SMALL {
        return None;
    }
    let places = Places::untried(file.path(), asked_for).ok()?;
    let [place] = &places[..] else { return None };
    debug_assert_eq!(place.kind, PlaceKind::BesideFile, "the other one is there only with a checkpoint");
    let store = place.store();
    let lock = store.lock_among(directory)?;
    if !store.is_absent() {
        return None;
    }
    let job = with_content_type(asked_for.clone(), file.path());
    let upload = machine(request, job.clone(), source_of(&file), plan, Earlier::Nothing);
    let (source, notices) = (Arc::new(file), Vec::new());
    Some(Prepared { source, job, upload, store, lock: Some(lock), notices, at_once: true })
}

#[cfg(test)]
#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "files are made to be prepared")]
mod tests {
    use super::*;
    use crate::directories::Directories;
    use crate::prepare::{asked_for, prepare};
    use std::fs;
    use std::path::{Path, PathBuf};
    use tempfile::TempDir;

    fn job(request: &UploadObjectRequest) -> Job {
        asked_for(request, "http://oss.test".into(), "cn-hangzhou").unwrap()
    }

    /// A folder that is known after this, with a file in it that is at rest.
    fn known() -> (TempDir, PathBuf, UploadObjectRequest) {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().canonicalize().unwrap().join("file");
        fs::write(&file, "content").unwrap();
        let request = UploadObjectRequest::new("bucket", "key", &file).directories(&Directories::default());
        assert!(prepare_at_once(&request, &job(&request)).is_none(), "nothing is known yet");
        drop(prepare(&request, job(&request)).unwrap());
        (scratch, file, request)
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn in_a_known_directory_a_small_file_is_locked_and_let_go_at_once() {
        let (scratch, _, request) = known();
        let prepared = prepare_at_once(&request, &job(&request)).unwrap();
        assert!(prepared.at_once && prepared.notices.is_empty());
        assert_eq!(names(scratch.path()).len(), 2, "the file and its directory's lock");
        assert!(prepare_at_once(&request, &job(&request)).is_none(), "it is being uploaded");
        assert!(matches!(prepare(&request, job(&request)), Err(crate::UploadError::Lock(_))));
        drop(prepared);
        assert_eq!(names(scratch.path()), ["file"]);
    }

    #[test]
    fn what_an_earlier_run_left_gets_a_second_look() {
        let (scratch, file, request) = known();
        let checkpoint = Places::untried(&file, &job(&request)).unwrap()[0].path();
        fs::write(&checkpoint, "damaged").unwrap();
        assert!(prepare_at_once(&request, &job(&request)).is_none());
        assert_eq!(names(scratch.path()).len(), 2, "no lock is left");
        fs::remove_file(&checkpoint).unwrap();
        let lock = checkpoint.with_extension("ossck.lock");
        fs::write(&lock, "1\nhost\n").unwrap();
        assert!(prepare_at_once(&request, &job(&request)).is_none());
        assert!(lock.exists(), "it may be held");
    }

    #[test]
    fn who_waits_or_wants_another_place_and_what_is_large_or_behind_a_link_is_left_to_other_threads() {
        let (scratch, file, request) = known();
        let root = scratch.path().canonicalize().unwrap();
        let request_of =
            |path: &Path| UploadObjectRequest::new("bucket", "key", path).directories(&request.directories);
        assert!(prepare_at_once(&request_of(&file), &job(&request)).is_some());
        assert!(prepare_at_once(&request_of(&file).wait(true), &job(&request)).is_none());
        assert!(prepare_at_once(&request_of(&file).checkpoint_dir(&root), &job(&request)).is_none());
        std::os::unix::fs::symlink("file", root.join("link")).unwrap();
        assert!(prepare_at_once(&request_of(&root.join("link")), &job(&request)).is_none());
        fs::File::options().write(true).open(&file).unwrap().set_len(SMALL + 1).unwrap();
        drop(opening::open(&file).unwrap());
        assert!(prepare_at_once(&request_of(&file), &job(&request)).is_none());
        fs::remove_file(&file).unwrap();
        assert!(prepare_at_once(&request_of(&file), &job(&request)).is_none(), "the error is told by the other way");
    }
}
