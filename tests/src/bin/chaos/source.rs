//! The file being uploaded, everything it ever was, and the edits made to it.

use fastrand::Rng;
use oss_proto::Crc64Hasher;
use std::fs::{self, File, FileTimes, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// The kernel stamps files with a clock that ticks every few milliseconds. Two changes within a tick look like one, and the
/// promise is for changes that can be seen; so no change comes sooner than this after the one before it.
const TICK: Duration = Duration::from_millis(12);
/// One write of at most this many bytes is one step from an old version to a new one.
const ONE_WRITE: usize = 64 * 1024;

/// Something the file was.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(crate) size: u64,
    pub(crate) crc64: u64,
    /// CRC-64 of every part, for the part size of the time.
    pub(crate) parts: Vec<u64>,
    /// When it became something else.
    pub(crate) ended: Option<Instant>,
}

#[derive(Debug)]
pub(crate) struct Source {
    path: PathBuf,
    part_size: usize,
    bytes: Vec<u8>,
    versions: Vec<Version>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Edit {
    InPlaceMtimeKept,
    InPlace,
    Append,
    Truncate,
    Touch,
    Replace,
    ReplaceWithTheSame,
}

impl Edit {
    pub(crate) fn random(rng: &mut Rng) -> Self {
        use Edit::{Append, InPlace, InPlaceMtimeKept, Replace, ReplaceWithTheSame, Touch, Truncate};
        let all = [
            InPlaceMtimeKept,
            InPlaceMtimeKept,
            InPlaceMtimeKept,
            InPlaceMtimeKept,
            InPlace,
            InPlace,
            Append,
            Truncate,
            Touch,
            Replace,
            ReplaceWithTheSame,
        ];
        all[rng.usize(..all.len())]
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::InPlaceMtimeKept => "in place, mtime kept",
            Self::InPlace => "in place",
            Self::Append => "append",
            Self::Truncate => "truncate",
            Self::Touch => "touch",
            Self::Replace => "replace",
            Self::ReplaceWithTheSame => "replace with the same",
        }
    }
}

impl Source {
    pub(crate) fn create(path: PathBuf, size: usize, part_size: usize, rng: &mut Rng) -> io::Result<Self> {
        let bytes = random_bytes(rng, size);
        fs::write(&path, &bytes)?;
        let mut source = Self { path, part_size, bytes, versions: Vec::new() };
        source.versions.push(source.describe());
        Ok(source)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What the file is now.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The newest is the last.
    pub(crate) fn versions(&self) -> &[Version] {
        &self.versions
    }

    pub(crate) fn current(&self) -> usize {
        self.versions.len() - 1
    }

    pub(crate) fn set_part_size(&mut self, part_size: usize) {
        self.part_size = part_size;
        let parts = self.describe().parts;
        if let Some(current) = self.versions.last_mut() {
            current.parts = parts;
        }
    }

    /// Changes the file. What it is going to be stands among the versions before the first byte is written.
    pub(crate) fn edit(&mut self, edit: Edit, rng: &mut Rng) -> io::Result<()> {
        let was = self.current();
        self.change(edit, rng)?;
        if was < self.current() {
            // Not sooner: it was the file until the last byte of the next one was written.
            self.versions[was].ended = Some(Instant::now());
        }
        Ok(())
    }

    fn change(&mut self, edit: Edit, rng: &mut Rng) -> io::Result<()> {
        let before = self.settled()?;
        match edit {
            Edit::InPlace | Edit::InPlaceMtimeKept => self.overwrite(edit, &before, rng),
            Edit::Append => {
                let count = rng.usize(1..=ONE_WRITE);
                let (at, more) = (self.size(), random_bytes(rng, count));
                self.bytes.extend_from_slice(&more);
                self.next_version();
                self.open()?.write_all_at(&more, at)
            }
            Edit::Truncate => {
                let keep = if rng.u8(..4) == 0 { rng.usize(..=self.part_size) } else { rng.usize(..=self.bytes.len()) };
                self.bytes.truncate(keep);
                self.next_version();
                self.open()?.set_len(self.size())
            }
            Edit::Touch => self.open()?.set_modified(SystemTime::now()),
            Edit::Replace => {
                let size = if rng.bool() { self.bytes.len() } else { rng.usize(..=self.bytes.len() + ONE_WRITE) };
                self.bytes = random_bytes(rng, size);
                self.next_version();
                self.rename_over()
            }
            Edit::ReplaceWithTheSame => self.rename_over(),
        }
    }

    fn overwrite(&mut self, edit: Edit, before: &Metadata, rng: &mut Rng) -> io::Result<()> {
        // Mostly near the beginning: what is sent first is what a resume has to prove.
        let share = if rng.u8(..4) == 0 { 1 } else { 6 };
        let at = rng.usize(..=self.bytes.len() / share);
        let count = rng.usize(..=ONE_WRITE).min(self.bytes.len() - at);
        let new = random_bytes(rng, count);
        self.bytes[at..at + count].copy_from_slice(&new);
        self.next_version();
        let file = self.open()?;
        file.write_all_at(&new, at as u64)?;
        match edit {
            Edit::InPlaceMtimeKept => file.set_times(FileTimes::new().set_modified(before.modified()?)),
            _ => Ok(()),
        }
    }

    /// Waits until the next change is sure to get another time than the last one.
    fn settled(&self) -> io::Result<Metadata> {
        let metadata = fs::metadata(&self.path)?;
        let changed = Duration::new(metadata.ctime().unsigned_abs(), u32::try_from(metadata.ctime_nsec()).unwrap_or(0));
        let age = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH + changed).unwrap_or_default();
        std::thread::sleep(TICK.saturating_sub(age));
        Ok(metadata)
    }

    fn rename_over(&self) -> io::Result<()> {
        // Outside the folder that has to be clean after a success, on the same file system.
        let new = self.path.with_file_name("..").join("replacement");
        fs::write(&new, &self.bytes)?;
        fs::rename(new, &self.path)
    }

    fn open(&self) -> io::Result<File> {
        OpenOptions::new().write(true).open(&self.path)
    }

    fn next_version(&mut self) {
        self.versions.push(self.describe());
    }

    fn describe(&self) -> Version {
        let parts = self.bytes.chunks(self.part_size).map(crc64).collect();
        Version { size: self.size(), crc64: crc64(&self.bytes), parts, ended: None }
    }
}

pub(crate) fn crc64(bytes: &[u8]) -> u64 {
    let mut hasher = Crc64Hasher::new();
    hasher.update(bytes);
    hasher.finish().get()
}

fn random_bytes(rng: &mut Rng, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    rng.fill(&mut bytes);
    bytes
}
