//! A disk that keeps a log of what was done to it, and can tell every state that a crash may leave.
//!
//! A crash keeps all that was synced before it. Of what was not, it keeps any subset: of the 64-byte pieces written to a
//! file (zeros where one is missing below the size), of its size, of the changes to the directory.

use oss_checkpoint::{Dir, Holder, Lock, LockError};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const PIECE: usize = 64;

/// The files a disk holds.
pub(crate) type Image = BTreeMap<String, Vec<u8>>;
type Names = BTreeMap<String, Inode>;
type Inode = usize;

#[derive(Clone, Default)]
pub(crate) struct SimulatedDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    durable_names: Names,
    names: Names,
    files: Vec<File>,
    log: Vec<Entry>,
    calls: usize,
    faults: Option<Faults>,
    locked: BTreeSet<String>,
}

#[derive(Default)]
struct File {
    /// Before the log begins.
    durable: Vec<u8>,
    bytes: Vec<u8>,
    sync_failed: bool,
}

struct Faults {
    /// The calls that fail, counted from 0.
    from: usize,
    count: usize,
    kind: io::ErrorKind,
}

#[derive(Clone)]
enum Entry {
    Write { inode: Inode, at: usize, bytes: Vec<u8> },
    SyncFile { inode: Inode },
    Directory(Change),
    SyncDirectory,
    Begin { value: usize },
    Acknowledge { value: usize },
}

#[derive(Clone)]
enum Change {
    Link { name: String, inode: Inode },
    Rename { from: String, to: String, inode: Inode },
    Unlink { name: String, inode: Inode },
}

/// A file being written; `at` is where the next byte goes.
#[derive(Debug)]
pub(crate) struct SimulatedFile {
    inode: Inode,
    at: usize,
}

/// A state of the disk after a crash, and what the program had said until then: values are the caller's numbers, in the
/// order of time. Two crashes are the same only when both agree.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Crash {
    pub(crate) image: Image,
    /// The last value acknowledged as durable.
    pub(crate) acknowledged: usize,
    /// The last value that was being written.
    pub(crate) begun: usize,
}

impl SimulatedDisk {
    /// A disk on which all of this is durable.
    pub(crate) fn from_image(image: &Image) -> Self {
        let disk = Self::default();
        let mut state = disk.state();
        for (name, bytes) in image {
            let inode = state.files.len();
            state.files.push(File { durable: bytes.clone(), bytes: bytes.clone(), sync_failed: false });
            state.names.insert(name.clone(), inode);
        }
        state.durable_names = state.names.clone();
        drop(state);
        disk
    }

    /// Notes that `value` is being made durable from here on.
    pub(crate) fn begin(&self, value: usize) {
        self.state().log.push(Entry::Begin { value });
    }

    /// Notes that somebody was told that `value` is durable.
    pub(crate) fn acknowledge(&self, value: usize) {
        self.state().log.push(Entry::Acknowledge { value });
    }

    /// Lets `count` calls fail, after `calls` more that do not.
    pub(crate) fn fail(&self, calls: usize, count: usize, kind: io::ErrorKind) {
        let mut state = self.state();
        state.faults = Some(Faults { from: state.calls + calls, count, kind });
    }

    /// What is seen without a crash.
    pub(crate) fn image(&self) -> Image {
        let state = self.state();
        state.names.iter().map(|(name, &inode)| (name.clone(), state.files[inode].bytes.clone())).collect()
    }

    /// Opens a file to write over its beginning, or makes it: nothing that `Dir` offers, for programs with mistakes.
    pub(crate) fn open_in_place(&self, name: &str) -> SimulatedFile {
        let mut state = self.state();
        let inode = state.names.get(name).copied().unwrap_or_else(|| state.link(name));
        SimulatedFile { inode, at: 0 }
    }

    /// Opens a file to append to it, or makes it.
    pub(crate) fn open_at_end(&self, name: &str) -> SimulatedFile {
        let file = self.open_in_place(name);
        let at = self.state().files[file.inode].bytes.len();
        SimulatedFile { at, ..file }
    }

    /// Every state that a crash at any moment since the start may leave, each once.
    pub(crate) fn crashes(&self) -> HashSet<Crash> {
        let state = self.state();
        let mut crashes = HashSet::new();
        for moment in 0..=state.log.len() {
            let log = &state.log[..moment];
            let (mut begun, mut acknowledged) = (0, 0);
            for entry in log {
                match entry {
                    Entry::Begin { value } => begun = *value,
                    Entry::Acknowledge { value } => acknowledged = *value,
                    _ => {}
                }
            }
            for image in state.images_after(log) {
                crashes.insert(Crash { image, acknowledged, begun });
            }
        }
        crashes
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn images_after(&self, log: &[Entry]) -> HashSet<Image> {
        let mut contents: BTreeMap<Inode, HashSet<Vec<u8>>> = BTreeMap::new();
        let mut images = HashSet::new();
        for names in self.directories_after(log) {
            let mut found = vec![Image::new()];
            for (name, inode) in names {
                let contents = contents.entry(inode).or_insert_with(|| self.contents_after(log, inode));
                let with = |image: &Image, bytes: &Vec<u8>| {
                    let mut image = image.clone();
                    image.insert(name.clone(), bytes.clone());
                    image
                };
                found = found.iter().flat_map(|image| contents.iter().map(move |bytes| with(image, bytes))).collect();
            }
            images.extend(found);
        }
        images
    }

    /// The durable directory with every subset of the changes since its last sync.
    fn directories_after(&self, log: &[Entry]) -> HashSet<Names> {
        let synced = log.iter().rposition(|entry| matches!(entry, Entry::SyncDirectory)).unwrap_or(0);
        let changes = |log: &[Entry]| -> Vec<Change> {
            log.iter()
                .filter_map(|entry| if let Entry::Directory(change) = entry { Some(change.clone()) } else { None })
                .collect()
        };
        let mut durable = self.durable_names.clone();
        changes(&log[..synced]).iter().for_each(|change| change.apply(&mut durable));
        subsets(&changes(&log[synced..]))
            .map(|kept| {
                let mut names = durable.clone();
                kept.iter().for_each(|change| change.apply(&mut names));
                names
            })
            .collect()
    }

    /// The durable bytes of a file with every subset of the pieces since its last sync, with and without its size.
    fn contents_after(&self, log: &[Entry], inode: Inode) -> HashSet<Vec<u8>> {
        let synced = log.iter().rposition(|entry| matches!(entry, Entry::SyncFile { inode: of } if *of == inode));
        let (before, since) = log.split_at(synced.unwrap_or(0));
        let mut durable = self.files[inode].durable.clone();
        pieces(before, inode).iter().for_each(|(at, bytes)| put(&mut durable, *at, bytes));
        let pieces = pieces(since, inode);
        let size = pieces.iter().map(|(at, bytes)| at + bytes.len()).fold(durable.len(), usize::max);
        let mut contents = HashSet::new();
        for kept in subsets(&pieces) {
            let mut bytes = durable.clone();
            kept.iter().for_each(|(at, piece)| put(&mut bytes, *at, piece));
            contents.insert(bytes.clone());
            bytes.resize(size, 0);
            contents.insert(bytes);
        }
        contents
    }

    fn link(&mut self, name: &str) -> Inode {
        let inode = self.files.len();
        self.files.push(File::default());
        self.change(Change::Link { name: name.to_owned(), inode });
        inode
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.names);
        self.log.push(Entry::Directory(change));
    }

    fn call(&mut self) -> io::Result<()> {
        let call = self.calls;
        self.calls += 1;
        match &self.faults {
            Some(faults) if (faults.from..faults.from.saturating_add(faults.count)).contains(&call) => {
                Err(faults.kind.into())
            }
            _ => Ok(()),
        }
    }

    fn inode(&self, name: &str) -> io::Result<Inode> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn append(&mut self, file: &mut SimulatedFile, bytes: &[u8]) {
        put(&mut self.files[file.inode].bytes, file.at, bytes);
        self.log.push(Entry::Write { inode: file.inode, at: file.at, bytes: bytes.to_owned() });
        file.at += bytes.len();
    }
}

impl Change {
    /// Also right when earlier changes were lost.
    fn apply(&self, names: &mut Names) {
        match self {
            Self::Link { name, inode } => {
                names.insert(name.clone(), *inode);
            }
            Self::Rename { from, to, inode } => {
                names.insert(to.clone(), *inode);
                if names.get(from) == Some(inode) {
                    names.remove(from);
                }
            }
            Self::Unlink { name, inode } => {
                if names.get(name) == Some(inode) {
                    names.remove(name);
                }
            }
        }
    }
}

fn pieces(log: &[Entry], inode: Inode) -> Vec<(usize, Vec<u8>)> {
    let of_inode = log.iter().filter_map(|entry| match entry {
        Entry::Write { inode: of, at, bytes } if *of == inode => Some((*at, bytes)),
        _ => None,
    });
    of_inode
        .flat_map(|(at, bytes)| {
            bytes.chunks(PIECE).enumerate().map(move |(index, piece)| (at + index * PIECE, piece.to_owned()))
        })
        .collect()
}

fn put(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[at..end].copy_from_slice(bytes);
}

fn subsets<T: Clone>(items: &[T]) -> impl Iterator<Item = Vec<T>> {
    assert!(items.len() < 20, "too many states to try them all");
    (0..1_u32 << items.len()).map(move |chosen| {
        let kept = items.iter().enumerate().filter(|(index, _)| chosen & (1 << index) != 0);
        kept.map(|(_, item)| item.clone()).collect()
    })
}

impl Dir for SimulatedDisk {
    type File = SimulatedFile;

    fn path(&self) -> &Path {
        Path::new("/simulated")
    }

    fn create(&self, name: &str) -> io::Result<SimulatedFile> {
        let mut state = self.state();
        state.call()?;
        if let Ok(inode) = state.inode(name) {
            state.change(Change::Unlink { name: name.to_owned(), inode });
        }
        let inode = state.link(name);
        Ok(SimulatedFile { inode, at: 0 })
    }

    /// A write that fails has written the first half.
    fn write(&self, file: &mut SimulatedFile, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        match state.call() {
            Ok(()) => {
                state.append(file, bytes);
                Ok(())
            }
            Err(error) => {
                state.append(file, &bytes[..bytes.len() / 2]);
                Err(error)
            }
        }
    }

    fn sync(&self, file: SimulatedFile) -> io::Result<()> {
        let mut state = self.state();
        assert!(!state.files[file.inode].sync_failed, "a file whose sync has failed must be given up");
        if let Err(error) = state.call() {
            state.files[file.inode].sync_failed = true;
            return Err(error);
        }
        state.log.push(Entry::SyncFile { inode: file.inode });
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        state.call()?;
        let inode = state.inode(from)?;
        assert!(!state.files[inode].sync_failed, "a file whose sync has failed must not be published");
        state.change(Change::Rename { from: from.to_owned(), to: to.to_owned(), inode });
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.call()?;
        let inode = state.inode(name)?;
        state.change(Change::Unlink { name: name.to_owned(), inode });
        Ok(())
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut state = self.state();
        state.call()?;
        state.log.push(Entry::SyncDirectory);
        Ok(())
    }

    fn read(&self, name: &str, limit: usize) -> io::Result<Vec<u8>> {
        let mut state = self.state();
        state.call()?;
        let inode = state.inode(name)?;
        let bytes = &state.files[inode].bytes;
        Ok(bytes[..bytes.len().min(limit)].to_owned())
    }

    fn lock(&self, name: &str, _holder: &Holder, wait: bool) -> Result<Lock, LockError> {
        assert!(!wait, "nobody else would release it");
        if !self.state().locked.insert(name.to_owned()) {
            return Err(LockError::Busy { path: self.path().join(name), holder: None });
        }
        Ok(Lock::new(Unlock { disk: self.clone(), name: name.to_owned() }))
    }
}

struct Unlock {
    disk: SimulatedDisk,
    name: String,
}

impl Drop for Unlock {
    fn drop(&mut self) {
        self.disk.state().locked.remove(&self.name);
    }
}
