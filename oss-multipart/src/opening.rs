//! Opening the file to be uploaded: its canonical path, as it is named now; refused when it is no regular file, without
//! opening what a mere opening would disturb (a pipe, a device).

#![expect(clippy::disallowed_methods, reason = "the file is opened here, once")]

use crate::settled;
use oss_checkpoint::Fingerprint;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// An open regular file.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) file: File,
    /// Canonical.
    pub(crate) path: PathBuf,
    /// Every later change gives another one.
    pub(crate) fingerprint: Fingerprint,
}

/// Opens a regular file. Blocks on its file system, and for a moment when the file was just written.
///
/// # Errors
/// The operating system's, or `InvalidInput` for what is not a regular file.
pub(crate) fn open(path: &Path) -> io::Result<Opened> {
    let (file, path) = match direct(path) {
        Some(opened) => opened,
        None => resolved(path)?,
    };
    let metadata = settled::metadata(&file)?;
    regular(&metadata)?;
    Ok(Opened { file, path, fingerprint: Fingerprint::of(&metadata) })
}

/// As [`open`], for a path without links to a file that is at rest; `None` for all else, and for every error. It follows
/// no link, so it touches no file system but those of the path's directories.
pub(crate) fn open_at_once(path: &Path) -> Option<Opened> {
    let (file, path) = direct(path)?;
    let metadata = settled::metadata_at_once(&file).ok()??;
    regular(&metadata).ok()?;
    Some(Opened { file, path, fingerprint: Fingerprint::of(&metadata) })
}

/// A path that leads through no link is canonical as it stands: the kernel says so in the call that opens it.
#[cfg(target_os = "linux")]
fn direct(path: &Path) -> Option<(File, PathBuf)> {
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
    use std::path::Component;
    let absolute = std::path::absolute(path).ok()?;
    if absolute.components().any(|component| component == Component::ParentDir) {
        return None;
    }
    regular(&std::fs::symlink_metadata(&absolute).ok()?).ok()?;
    // What became a pipe since is not waited for.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let file = openat2(CWD, &absolute, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS).ok()?;
    // Without doubled and trailing slashes.
    Some((file.into(), absolute.components().collect()))
}

#[cfg(not(target_os = "linux"))]
fn direct(_: &Path) -> Option<(File, PathBuf)> {
    None
}

/// By the links that are there now.
fn resolved(path: &Path) -> io::Result<(File, PathBuf)> {
    let path = std::fs::canonicalize(path)?;
    regular(&std::fs::metadata(&path)?)?;
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let flags = i32::try_from((OFlags::NOCTTY | OFlags::NONBLOCK).bits()).expect("open flags fit a C int");
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags);
    }
    let file = match options.open(&path) {
        // Another program has a lease on the file, and is told now to give it back: that may take a moment.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => File::open(&path)?,
        opened => opened?,
    };
    Ok((file, path))
}

fn regular(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let what = if metadata.is_dir() { "a directory" } else { "not a regular file" };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {what}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_directory_is_refused_in_words() {
        let directory = tempfile::tempdir().unwrap();
        let error = open(directory.path()).unwrap_err();
        assert!(error.to_string().contains("a directory"), "{error}");
        assert!(open_at_once(directory.path()).is_none());
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_refused_without_waiting_for_its_other_end() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let error = open(&pipe).unwrap_err();
        assert!(error.to_string().contains("not a regular file"), "{error}");
        assert!(open_at_once(&pipe).is_none());
    }

    #[cfg(unix)]
    #[test]
    fn the_path_is_canonical_however_it_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        fs::create_dir(root.join("real")).unwrap();
        fs::write(root.join("real/file"), "x").unwrap();
        std::os::unix::fs::symlink("real", root.join("link")).unwrap();
        std::os::unix::fs::symlink("real/file", root.join("alias")).unwrap();
        let canonical = root.join("real/file");
        for written in ["real/file", "real//./file", "link/file", "alias", "link/../real/file", "real/../alias"] {
            let opened = open(&root.join(written)).unwrap();
            assert_eq!(opened.path.as_os_str(), canonical.as_os_str(), "{written}");
            let by_path = Fingerprint::of(&fs::metadata(&canonical).unwrap());
            assert_eq!(opened.fingerprint, by_path, "{written}");
            let at_once = open_at_once(&root.join(written)).map(|opened| opened.path);
            assert!(at_once.is_none_or(|path| path.as_os_str() == canonical.as_os_str()), "{written}");
        }
        assert_eq!(open(Path::new("Cargo.toml")).unwrap().path, fs::canonicalize("Cargo.toml").unwrap());
        open(&root.join("real/file/")).unwrap_err();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn at_once_no_link_is_followed_and_no_file_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        fs::write(root.join("file"), "x").unwrap();
        std::os::unix::fs::symlink("file", root.join("link")).unwrap();
        std::os::unix::fs::symlink(".", root.join("here")).unwrap();
        open(&root.join("file")).unwrap();
        assert!(open_at_once(&root.join("file")).is_some(), "opening has waited until it was at rest");
        assert!(open_at_once(&root.join("link")).is_none());
        assert!(open_at_once(&root.join("here/file")).is_none());
        let just_written = |round: u8| {
            fs::write(root.join("file"), [round]).unwrap();
            open_at_once(&root.join("file")).is_none()
        };
        // Not every time: this thread may be made to wait by others.
        assert!((0..100).any(just_written), "one more change might not be seen");
    }
}
