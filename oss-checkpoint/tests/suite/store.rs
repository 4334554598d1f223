//! The store on the file system of this machine.

use crate::sample::{checkpoint, resumed, small};
use oss_checkpoint::{DecodeError, Loaded, OsDir, Store};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const NAME: &str = "x.ossck";

fn fresh() -> (TempDir, Store) {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::new(OsDir::new(dir.path()), NAME);
    (dir, store)
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("a directory");
    let name =
        |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name().into_string().expect("ASCII");
    let mut names: Vec<_> = entries.map(name).collect();
    names.sort();
    names
}

fn damaged(store: &Store) -> DecodeError {
    match store.load().expect("a readable directory") {
        Loaded::Damaged(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_saved_is_loaded_by_another_run() {
    let (dir, store) = fresh();
    assert_eq!(store.load().expect("a directory"), Loaded::Nothing);
    store.save(&small(1)).expect("a writable directory");
    store.save(&checkpoint()).expect("a writable directory");
    let other = Store::new(OsDir::new(dir.path()), NAME);
    let Loaded::Found(found) = other.load().expect("saved") else { panic!("saved") };
    assert_eq!(resumed(found, &checkpoint()), checkpoint());
    assert_eq!(names(dir.path()), [NAME]);
    store.discard().expect("a writable directory");
    store.discard().expect("nothing is there, which is fine");
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn a_directory_that_is_gone_is_nothing_and_cannot_be_saved_to() {
    let (dir, store) = fresh();
    dir.close().expect("an empty directory");
    assert_eq!(store.load().expect("nothing there"), Loaded::Nothing);
    store.save(&small(1)).expect_err("no directory");
    store.discard().expect("nothing to do");
}

#[test]
fn a_damaged_file_is_set_aside_once_and_goes_with_the_rest() {
    let (dir, store) = fresh();
    for content in ["one", "two"] {
        fs::write(store.path(), content).expect("a writable directory");
        assert_eq!(damaged(&store), DecodeError::Magic);
        let aside = store.set_aside().expect("a writable directory");
        assert_eq!(fs::read_to_string(aside).expect("set aside"), content);
        assert_eq!(names(dir.path()), [format!("{NAME}.bad")]);
    }
    store.set_aside().expect_err("nothing is there");
    store.save(&small(1)).expect("a writable directory");
    store.discard().expect("a writable directory");
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn a_directory_in_its_place_is_refused_in_words_and_set_aside() {
    let (dir, store) = fresh();
    for _ in 0..2 {
        fs::create_dir(store.path()).expect("a writable directory");
        assert_eq!(damaged(&store).to_string(), "it cannot be read: it is not a regular file");
        store.save(&small(1)).expect_err("a file does not replace a directory");
        store.set_aside().expect("a writable directory");
    }
    store.save(&small(1)).expect("it is out of the way");
    store.discard().expect("a writable directory");
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn what_a_crash_left_under_the_temporary_name_is_replaced() {
    let (dir, store) = fresh();
    let temp = dir.path().join(format!("{NAME}.tmp"));
    fs::write(&temp, vec![b'x'; 10_000]).expect("a writable directory");
    store.save(&small(1)).expect("a writable directory");
    fs::create_dir(&temp).expect("a writable directory");
    store.save(&small(2)).expect("a writable directory");
    let Loaded::Found(found) = store.load().expect("saved") else { panic!("saved") };
    assert_eq!(resumed(found, &small(2)), small(2));
    assert_eq!(names(dir.path()), [NAME]);
}

#[test]
fn a_gibibyte_of_zeros_is_refused_cheaply() {
    let (_dir, store) = fresh();
    let file = fs::File::create(store.path()).expect("a writable directory");
    file.set_len(1 << 30).expect("a hole takes no room");
    assert_eq!(damaged(&store), DecodeError::TooLarge);
    file.set_len(16 * 1024 * 1024).expect("a hole takes no room");
    assert_eq!(damaged(&store), DecodeError::Magic);
    file.set_len(0).expect("empty");
    assert_eq!(damaged(&store), DecodeError::TooShort(0));
}

#[cfg(unix)]
mod unix {
    use super::*;
    use oss_checkpoint::LockError;
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use rustix::process::{Resource, Rlimit, setrlimit};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::process::Command;

    #[test]
    fn only_the_owner_may_read_the_checkpoint_or_write_its_lock() {
        let (_dir, store) = fresh();
        store.save(&small(1)).expect("a writable directory");
        let lock = store.lock().expect("free");
        let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode(&store.path()), 0o600);
        assert_eq!(mode(&store.path().with_extension("ossck.lock")) & !0o044, 0o600, "others may see who holds it");
        lock.release();
    }

    #[test]
    fn a_pipe_in_its_place_does_not_hang_the_run() {
        let (_dir, store) = fresh();
        mknodat(CWD, store.path(), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
        assert!(matches!(damaged(&store), DecodeError::Unreadable(_)));
        store.set_aside().expect("a writable directory");
    }

    #[test]
    fn links_planted_in_a_shared_directory_are_not_followed() {
        let (dir, store) = fresh();
        let victim = dir.path().join("victim");
        fs::write(&victim, "precious").expect("a writable directory");
        for end in ["", ".tmp", ".lock"] {
            symlink(&victim, dir.path().join(format!("{NAME}{end}"))).expect("a link");
        }
        assert!(matches!(damaged(&store), DecodeError::Unreadable(_)));
        assert!(matches!(store.lock(), Err(LockError::Io { .. })));
        store.save(&small(1)).expect("the link is replaced");
        assert_eq!(fs::read_to_string(&victim).expect("still there"), "precious");
        assert!(fs::symlink_metadata(store.path()).expect("saved").is_file());
    }

    /// Lengths up to 2^64 are tried at every offset elsewhere; here, in a process that would die of believing one.
    #[test]
    #[ignore = "run by little_memory_is_enough_for_any_content, in a process of its own"]
    fn child_with_little_memory() {
        let limit = 256 * 1024 * 1024;
        setrlimit(Resource::As, Rlimit { current: Some(limit), maximum: Some(limit) }).expect("a lower limit");
        let image = oss_checkpoint::encode(&checkpoint());
        let payload = crate::sample::payload(&image);
        for at in 0..payload.len() - 7 {
            for hostile in [u64::MAX, 1 << 62, 1 << 40, 1 << 33, 1 << 29] {
                let mut changed = payload.to_vec();
                changed[at..at + 8].copy_from_slice(&hostile.to_le_bytes());
                drop(oss_checkpoint::decode(&crate::sample::sealed(1, &changed)));
            }
        }
        // The longest lists that a file can really hold: every list of the sample has two members.
        let lists = (0..payload.len() - 8).filter(|&at| payload[at..at + 8] == 2_u64.to_le_bytes());
        assert!(lists.clone().count() >= 3);
        for at in lists {
            for count in [1 << 20, u64::MAX] {
                let mut long = payload[..at].to_vec();
                long.extend(u64::to_le_bytes(count));
                long.resize(16 * 1024 * 1024 - 24, 0);
                drop(oss_checkpoint::decode(&crate::sample::sealed(1, &long)));
            }
        }
    }

    #[test]
    fn little_memory_is_enough_for_any_content() {
        let this = std::env::current_exe().expect("the test program");
        let child = "store::unix::child_with_little_memory";
        let output =
            Command::new(this).args(["--exact", child, "--ignored", "--test-threads=1"]).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{output:?}");
    }
}
