//! Where checkpoints live and what they are called, see `FORMAT.md`.

use crate::checkpoint::Job;
use crate::local_disk;
use crate::os_dir::{OsDir, private, unless_absent, without_waiting};
use crate::store::Store;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Longest file name that stands in a checkpoint's name as it is: with all that is added, 255 bytes are not passed.
pub(crate) const MAX_PLAIN_NAME: usize = 180;
pub(crate) const EXTENSION: &str = ".ossck";
/// The file whose ranges the uploads from a directory lock.
pub(crate) const DIRECTORY_LOCK: &str = ".ossck.lock";
/// The file that is made and removed to try whether files can be made.
const PROBE: &str = ".probe.ossck.tmp";
/// What may follow the extension: lock, temporary file, file set aside.
pub(crate) const BESIDE: [&str; 3] = [".lock", ".tmp", ".bad"];

/// Where one upload's checkpoint may be, in the order of preference; at least one place.
///
/// Look for a checkpoint in all of them; write a new one to the [first writable](Places::writable).
#[derive(Debug, Clone, PartialEq)]
pub struct Places(Vec<Place>);

/// A directory and the name of the checkpoint in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The directory.
    pub dir: PathBuf,
    /// The checkpoint's file name.
    pub name: String,
    /// Why this directory.
    pub kind: PlaceKind,
    /// Why nothing can be written there, in words; `None` when a file could be created just now.
    pub refusal: Option<String>,
}

/// Why a directory is a place for checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceKind {
    /// The caller named it.
    Given,
    /// It is the directory of the uploaded file.
    BesideFile,
    /// It is the user's state directory.
    UserState,
}

/// Why there is no place for a checkpoint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// The named directory cannot be created or written to. Name another.
    #[error("the checkpoint directory {dir:?} cannot be used")]
    Unusable {
        /// The directory.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The path ends in no file name: give the canonical path of a file.
    #[error("{0:?} is not the path of a file")]
    NotAFile(PathBuf),
}

impl Places {
    /// The places for the upload of `canonical_file` as `job`.
    ///
    /// With `checkpoint_dir`: that one, created when missing. Without: beside the file, then the user's state directory,
    /// which is created only when nothing can be written beside the file. Writing is tried by creating a file.
    ///
    /// # Errors
    /// [`PlaceError::Unusable`] for a given directory only: of the others none may be [writable](Places::writable).
    pub fn for_upload(canonical_file: &Path, job: &Job, checkpoint_dir: Option<&Path>) -> Result<Self, PlaceError> {
        Self::choose(canonical_file, job, checkpoint_dir, || user_state().map(Path::to_owned))
    }

    /// The same places for an upload that most likely saves nothing (a small file): no writing is tried, so that none is
    /// refused; whether one can be written shows when its lock is made. The user's state directory is only among them
    /// when this upload's checkpoint is there.
    ///
    /// # Errors
    /// [`PlaceError::NotAFile`].
    pub fn untried(canonical_file: &Path, job: &Job) -> Result<Self, PlaceError> {
        let (Some(parent), Some(_)) = (canonical_file.parent(), canonical_file.file_name()) else {
            return Err(PlaceError::NotAFile(canonical_file.to_owned()));
        };
        let mut places = vec![Place::beside(parent, canonical_file, job, None)];
        if let Some(dir) = user_state() {
            let place = Place::shared(dir.to_owned(), PlaceKind::UserState, canonical_file, job, None);
            places.extend(fs::symlink_metadata(place.path()).is_ok().then_some(place));
        }
        Ok(Self(places))
    }

    /// Whether all that [`Places::untried`] looks at for this file is on disks of this machine, as far as that is known:
    /// then it, and what is done in its places, waits for no other machine. Asking may.
    pub fn are_local(canonical_file: &Path) -> bool {
        let beside = canonical_file.parent().is_some_and(local_disk::holds);
        beside && user_state().is_none_or(local_disk::holds)
    }

    /// The first place where a new checkpoint can be written.
    pub fn writable(&self) -> Option<&Place> {
        self.iter().find(|place| place.refusal.is_none())
    }

    fn choose(
        file: &Path,
        job: &Job,
        given: Option<&Path>,
        state_dir: impl FnOnce() -> Option<PathBuf>,
    ) -> Result<Self, PlaceError> {
        let (Some(parent), Some(_)) = (file.parent(), file.file_name()) else {
            return Err(PlaceError::NotAFile(file.to_owned()));
        };
        if let Some(dir) = given {
            create(dir)
                .and_then(|()| probe(dir))
                .map_err(|source| PlaceError::Unusable { dir: dir.to_owned(), source })?;
            return Ok(Self(vec![Place::shared(dir.to_owned(), PlaceKind::Given, file, job, None)]));
        }
        let refusal = refusal(probe(parent));
        let nothing_beside = refusal.is_some();
        let mut places = vec![Place::beside(parent, file, job, refusal)];
        if let Some(dir) = state_dir().filter(|dir| nothing_beside || dir.is_dir()) {
            let refusal = self::refusal(create(&dir).and_then(|()| probe(&dir)));
            places.push(Place::shared(dir, PlaceKind::UserState, file, job, refusal));
        }
        Ok(Self(places))
    }
}

impl Deref for Places {
    type Target = [Place];

    fn deref(&self) -> &[Place] {
        &self.0
    }
}

impl IntoIterator for Places {
    type Item = Place;
    type IntoIter = std::vec::IntoIter<Place>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Place {
    fn beside(dir: &Path, file: &Path, job: &Job, refusal: Option<String>) -> Self {
        Self { dir: dir.to_owned(), name: name_beside(file, job), kind: PlaceKind::BesideFile, refusal }
    }

    fn shared(dir: PathBuf, kind: PlaceKind, file: &Path, job: &Job, refusal: Option<String>) -> Self {
        Self { dir, name: name_shared(file, job), kind, refusal }
    }

    /// The checkpoint's path.
    pub fn path(&self) -> PathBuf {
        self.dir.join(&self.name)
    }

    /// Checkpoints of the same target beside files of other names: one of them may be this file's former name.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub fn namesakes(&self) -> io::Result<Vec<Store<OsDir>>> {
        if self.kind != PlaceKind::BesideFile {
            return Ok(Vec::new());
        }
        let target = self.name.len().saturating_sub(".0123456789abcdef".len() + EXTENSION.len());
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let name = entry?.file_name();
            if let Some(name) = name.to_str().filter(|name| name.ends_with(&self.name[target..]) && *name != self.name)
            {
                found.push(Store::new(OsDir::new(&self.dir), name));
            }
        }
        Ok(found)
    }

    /// The store of this place.
    pub fn store(&self) -> Store<OsDir> {
        Store::new(OsDir::new(&self.dir), &self.name)
    }

    /// Where it is and why, for people: "the checkpoint is kept in the state directory …".
    pub fn words(&self) -> String {
        let kind = match self.kind {
            PlaceKind::Given => "the given checkpoint directory",
            PlaceKind::BesideFile => "the directory of the file",
            PlaceKind::UserState => "the user's state directory",
        };
        match &self.refusal {
            None => format!("the checkpoint is kept in {kind}, {:?}", self.dir),
            Some(why) => format!("no checkpoint can be kept in {kind}, {:?}: {why}", self.dir),
        }
    }
}

/// Whether a file name is a checkpoint's, or that of its lock, temporary file or file set aside, or of the lock that the
/// uploads from a directory share, or of a trial whether files can be made: a directory walk skips these.
pub fn is_checkpoint_name(name: &str) -> bool {
    if [DIRECTORY_LOCK, PROBE].contains(&name) {
        return true;
    }
    let name = BESIDE.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let Some(stem) = name.strip_suffix(EXTENSION) else { return false };
    let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let beside = stem.strip_prefix('.').and_then(|stem| stem.rsplit_once('.'));
    match beside {
        Some((file, hex)) => !file.is_empty() && hex.len() == 16 && is_hex(hex),
        None => stem.len() == 32 && is_hex(stem),
    }
}

fn name_beside(file: &Path, job: &Job) -> String {
    let name = file.file_name().unwrap_or_default();
    let short = halves(hash(&target(job)));
    match name.to_str().filter(|name| name.len() <= MAX_PLAIN_NAME) {
        Some(name) => format!(".{name}.{short:016x}{EXTENSION}"),
        None => format!(".{:032x}.{short:016x}{EXTENSION}", hash(&[name.as_encoded_bytes()])),
    }
}

fn name_shared(file: &Path, job: &Job) -> String {
    let [endpoint, bucket, key] = target(job);
    format!("{:032x}{EXTENSION}", hash(&[file.as_os_str().as_encoded_bytes(), endpoint, bucket, key]))
}

/// Of any name: what spreads the names of one directory.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
pub(crate) fn short_hash(name: &str) -> u64 {
    halves(hash(&[name.as_bytes()]))
}

/// Both halves in one.
fn halves(hash: u128) -> u64 {
    u64::try_from((hash >> 64) ^ (hash & u128::from(u64::MAX))).expect("both halves have 64 bits")
}

fn target(job: &Job) -> [&[u8]; 3] {
    [job.endpoint.as_bytes(), job.bucket.as_str().as_bytes(), job.key.as_str().as_bytes()]
}

/// FNV-1a of 128 bits over the fields, each after its length (u64, little-endian). Names only spread by it: a
/// collision is seen when the jobs are compared.
fn hash(fields: &[&[u8]]) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let length = |field: &[u8]| (field.len() as u64).to_le_bytes();
    fields
        .iter()
        .flat_map(|field| length(field).into_iter().chain(field.iter().copied()))
        .fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}

/// The user's state directory, as the environment named it first.
fn user_state() -> Option<&'static Path> {
    static DIR: OnceLock<Option<PathBuf>> = OnceLock::new();
    DIR.get_or_init(|| state_dir(&|name| std::env::var_os(name))).as_deref()
}

/// Where this platform keeps what programs remember: absolute paths only, as the XDG specification asks.
fn state_dir(variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if cfg!(windows) {
        return Some(absolute("LOCALAPPDATA")?.join("oss"));
    }
    let xdg = absolute("XDG_STATE_HOME").map(|dir| dir.join("oss"));
    let home = if cfg!(target_os = "macos") { "Library/Application Support/oss" } else { ".local/state/oss" };
    xdg.or_else(|| Some(absolute("HOME")?.join(home)))
}

fn create(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(dir)
}

/// Permission bits do not tell (read-only mounts, root, access lists): a file is created and removed.
fn probe(dir: &Path) -> io::Result<()> {
    // One name for all: what a run leaves that is killed here, the next one removes. Two at once do no harm.
    let path = dir.join(PROBE);
    without_waiting(private(OpenOptions::new().write(true).create(true).truncate(false))).open(&path)?;
    unless_absent(fs::remove_file(&path))
}

fn refusal(probed: io::Result<()>) -> Option<String> {
    probed.err().map(|error| error.to_string())
}

#[cfg(test)]
mod tests;
