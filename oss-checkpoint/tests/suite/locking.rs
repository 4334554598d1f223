//! The lock between real processes and threads.

use crate::sample::small;
use oss_checkpoint::{Holder, Loaded, LockError, OsDir, Store};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

const DIRECTORY: &str = "OSS_CHECKPOINT_TEST_DIRECTORY";

fn store(dir: &Path) -> Store {
    Store::new(OsDir::new(dir), "x.ossck")
}

fn lock_file(dir: &Path) -> std::path::PathBuf {
    dir.join("x.ossck.lock")
}

/// Another process that holds the lock until its standard input ends, or it is killed.
struct Other {
    child: Child,
    stdin: Option<ChildStdin>,
    /// Kept open: the child has more to say at its end.
    _stdout: BufReader<ChildStdout>,
}

impl Other {
    fn holding(dir: &Path) -> Self {
        let this = std::env::current_exe().expect("the test program");
        let mut child = Command::new(this)
            .args(["--exact", "locking::child_holds_the_lock", "--ignored", "--nocapture", "--test-threads=1"])
            .env(DIRECTORY, dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdin = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut lines = stdout.by_ref().lines().map_while(Result::ok);
        assert!(lines.any(|line| line.ends_with("the lock is held")), "it ended without taking the lock");
        Self { child, stdin, _stdout: stdout }
    }

    fn ends(mut self) {
        self.stdin = None;
        assert!(self.child.wait().expect("a child").success());
    }

    fn dies(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("a child");
    }
}

#[test]
#[ignore = "run by the other tests, in a process of its own"]
fn child_holds_the_lock() {
    let Some(dir) = std::env::var_os(DIRECTORY) else { return };
    let _lock = store(dir.as_ref()).lock().expect("free");
    println!("the lock is held");
    std::io::stdin().read_to_end(&mut Vec::new()).expect("a pipe");
}

#[test]
fn a_busy_lock_names_its_holder_at_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let other = Other::holding(dir.path());
    let error = store(dir.path()).lock().expect_err("held by another process");
    let words = error.to_string();
    let LockError::Busy { path, holder: Some(holder) } = error else { panic!("{error:?}") };
    assert_eq!(path, lock_file(dir.path()));
    assert_eq!(holder, Holder { pid: other.child.id(), ..Holder::current() });
    assert!(words.contains(&format!("process {} on ", other.child.id())), "{words}");
    other.ends();
    assert!(!lock_file(dir.path()).exists(), "whoever ends takes the lock file away");
    drop(store(dir.path()).lock().expect("free again"));
}

#[test]
fn a_dead_owner_does_not_block() {
    let dir = tempfile::tempdir().expect("a directory");
    Other::holding(dir.path()).dies();
    let left = fs::read_to_string(lock_file(dir.path())).expect("left over");
    assert!(!left.is_empty());
    let lock = store(dir.path()).lock().expect("nobody holds it");
    let signed = fs::read_to_string(lock_file(dir.path())).expect("held");
    assert!(signed.starts_with(&format!("{}\n", std::process::id())), "{signed:?}");
    lock.release();
    assert!(!lock_file(dir.path()).exists());
}

#[test]
fn a_lock_is_waited_for_until_its_holder_ends() {
    let dir = tempfile::tempdir().expect("a directory");
    let other = Other::holding(dir.path());
    let released = AtomicBool::new(false);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let lock = store(dir.path()).lock_waiting().expect("free in the end");
            assert!(released.load(Ordering::SeqCst), "taken while it was held");
            lock
        });
        released.store(true, Ordering::SeqCst);
        other.ends();
        let lock = waiter.join().expect("no panic");
        assert!(matches!(store(dir.path()).lock(), Err(LockError::Busy { .. })));
        lock.release();
    });
}

#[test]
fn a_holder_that_left_no_name_is_another_process() {
    for content in ["", "12", "x\nhost\n", "12\n\x1b[2J\n", &"9".repeat(2_000)] {
        let dir = tempfile::tempdir().expect("a directory");
        let file = fs::File::create(lock_file(dir.path())).expect("a writable directory");
        fs::write(lock_file(dir.path()), content).expect("a writable directory");
        file.lock().expect("free");
        let error = store(dir.path()).lock().expect_err("held");
        assert!(matches!(error, LockError::Busy { holder: None, .. }), "{error:?}");
        assert!(error.to_string().contains("another process"), "{error}");
    }
}

/// The former holder removes the name of a file that others may be waiting for: they must not take it for the lock.
#[test]
fn no_two_hold_the_lock_while_its_file_is_removed_again_and_again() {
    const THREADS: usize = 8;
    const ROUNDS: usize = 200;
    let dir = tempfile::tempdir().expect("a directory");
    let (holders, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (store, holders, taken) = (store(dir.path()), &holders, &taken);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let lock = if (thread + round) % 4 == 0 { store.lock() } else { store.lock_waiting() };
                    let lock = match lock {
                        Ok(lock) => lock,
                        Err(LockError::Busy { .. }) => continue,
                        Err(other) => panic!("{other}"),
                    };
                    assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0, "two hold the lock");
                    thread::yield_now();
                    holders.fetch_sub(1, Ordering::SeqCst);
                    taken.fetch_add(1, Ordering::SeqCst);
                    lock.release();
                }
            });
        }
    });
    assert!(taken.load(Ordering::SeqCst) >= THREADS * ROUNDS * 3 / 4);
    assert!(!lock_file(dir.path()).exists());
}

#[test]
fn the_lock_outlives_every_replacement_of_the_checkpoint() {
    let dir = tempfile::tempdir().expect("a directory");
    let mine = store(dir.path());
    let lock = mine.lock().expect("free");
    for generation in 1..5 {
        mine.save(&small(generation)).expect("a writable directory");
        assert!(matches!(store(dir.path()).lock(), Err(LockError::Busy { .. })));
    }
    mine.discard().expect("a writable directory");
    assert!(matches!(store(dir.path()).lock(), Err(LockError::Busy { .. })));
    lock.release();
    assert_eq!(mine.load().expect("discarded"), Loaded::Nothing);
    drop(store(dir.path()).lock().expect("free again"));
}
