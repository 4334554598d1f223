//! The lock that small uploads from one directory share, beside the lock files of the others.

#![expect(clippy::print_stderr, reason = "a test says why it was skipped")]

use oss_checkpoint::{DirectoryLock, Holder, Lock, LockError, OsDir, Places, Store, is_checkpoint_name};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

const DIRECTORY: &str = "OSS_CHECKPOINT_TEST_SHARED_DIRECTORY";

fn store(dir: &Path, name: &str) -> Store {
    Store::new(OsDir::new(dir), format!("{name}.ossck"))
}

/// `None`, said, where it is on no disk of this machine: there are no shared locks then.
fn disk() -> Option<TempDir> {
    let dir = tempfile::tempdir().expect("a directory");
    if Places::are_local(&dir.path().join("file")) {
        return Some(dir);
    }
    eprintln!("skipped: the temporary directory is on no disk of this machine");
    None
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("a directory");
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("ASCII")).collect()
}

fn assert_busy(locked: Result<Lock, LockError>, pid: u32) {
    let error = locked.expect_err("held");
    assert!(error.to_string().contains(&format!("process {pid}")), "{error}");
    let LockError::Busy { holder: Some(holder), .. } = error else { panic!("{error:?}") };
    assert_eq!(holder, Holder { pid, ..Holder::current() });
}

#[test]
fn uploads_of_one_client_share_a_file_that_goes_with_the_last_of_them() {
    let Some(dir) = disk() else { return };
    let directory = DirectoryLock::default();
    let take = |name: &str| store(dir.path(), name).lock_among(&directory);
    let (one, two) = (take("one").expect("free"), take("two").expect("free"));
    assert_eq!(names(dir.path()).len(), 1);
    assert!(names(dir.path()).iter().all(|name| is_checkpoint_name(name)), "a walk skips it");
    assert!(take("one").is_none(), "it is taken");
    drop(one);
    drop(take("one").expect("free again"));
    assert_eq!(names(dir.path()).len(), 1, "one is left");
    drop(two);
    assert_eq!(names(dir.path()), [""; 0]);
    drop(take("one").expect("as at first"));
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn two_clients_and_those_with_a_lock_file_keep_out_one_another() {
    let Some(dir) = disk() else { return };
    let (one, other) = (DirectoryLock::default(), DirectoryLock::default());
    let store = store(dir.path(), "x");
    let held = store.lock_among(&one).expect("free");
    assert!(store.lock_among(&other).is_none());
    assert_busy(store.lock(), std::process::id());
    drop(held);
    let held = store.lock().expect("free, and nothing of the attempt is left");
    assert!(store.lock_among(&one).is_none() && store.lock_among(&other).is_none());
    held.release();
    drop(store.lock_among(&other).expect("free"));
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn what_a_dead_run_left_needs_a_second_look_that_takes_it_away() {
    let Some(dir) = disk() else { return };
    let (directory, store) = (DirectoryLock::default(), store(dir.path(), "x"));
    fs::write(dir.path().join("x.ossck.lock"), "1\nhost\n").expect("a writable directory");
    fs::write(dir.path().join(".ossck.lock"), "").expect("a writable directory");
    assert!(store.lock_among(&directory).is_none());
    store.lock().expect("nobody holds it").release();
    assert_eq!(names(dir.path()), [""; 0]);
    fs::write(dir.path().join(".ossck.lock"), "").expect("a writable directory");
    drop(store.lock_among(&directory).expect("nobody has a range"));
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn a_file_that_lost_its_name_locks_nothing() {
    let Some(dir) = disk() else { return };
    let directory = DirectoryLock::default();
    let one = store(dir.path(), "one").lock_among(&directory).expect("free");
    fs::remove_file(dir.path().join(".ossck.lock")).expect("it is there");
    assert!(store(dir.path(), "two").lock_among(&directory).is_none());
    drop(one);
    drop(store(dir.path(), "two").lock_among(&directory).expect("the file is made anew"));
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn a_lock_without_a_file_of_its_own_is_waited_for_too() {
    let Some(dir) = disk() else { return };
    let (directory, store) = (DirectoryLock::default(), store(dir.path(), "x"));
    let (held, released) = (store.lock_among(&directory).expect("free"), AtomicUsize::new(0));
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let lock = store.lock_waiting().expect("free in the end");
            assert_eq!(released.load(Ordering::SeqCst), 1, "taken while the range was");
            lock
        });
        // The waiter has its lock file: it is about to wait for the range, or waits.
        let seen = (0..10_000).any(|_| {
            thread::sleep(Duration::from_millis(1));
            dir.path().join("x.ossck.lock").exists()
        });
        assert!(seen, "no lock file within 10 seconds");
        released.store(1, Ordering::SeqCst);
        drop(held);
        waiter.join().expect("no panic").release();
    });
    assert_eq!(names(dir.path()), [""; 0]);
}

/// The last one to leave removes the file that others are just opening.
#[test]
fn no_two_hold_the_lock_however_it_is_taken_while_the_file_comes_and_goes() {
    const THREADS: usize = 8;
    const ROUNDS: usize = 300;
    let Some(dir) = disk() else { return };
    let holders: Vec<AtomicUsize> = (0..2).map(|_| AtomicUsize::new(0)).collect();
    let (shared, own) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let clients: Vec<DirectoryLock> = (0..3).map(|_| DirectoryLock::default()).collect();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (dir, holders, clients, shared, own) = (dir.path(), &holders, &clients, &shared, &own);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let which = (thread + round / 3) % holders.len();
                    let store = store(dir, &format!("{which}"));
                    let (lock, count) = match (thread + round) % 4 {
                        0 => (store.lock_waiting().ok(), own),
                        1 => (store.lock().ok(), own),
                        _ => (store.lock_among(&clients[thread % clients.len()]), shared),
                    };
                    let Some(lock) = lock else { continue };
                    assert_eq!(holders[which].fetch_add(1, Ordering::SeqCst), 0, "two hold the lock");
                    thread::yield_now();
                    holders[which].fetch_sub(1, Ordering::SeqCst);
                    count.fetch_add(1, Ordering::SeqCst);
                    drop(lock);
                }
            });
        }
    });
    let (shared, own) = (shared.into_inner(), own.into_inner());
    assert!(shared > 0 && own >= THREADS * ROUNDS / 4, "{shared} shared, {own} of their own");
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
#[ignore = "run by the next test, in a process of its own"]
fn child_has_a_range() {
    let Some(dir) = std::env::var_os(DIRECTORY) else { return };
    let _lock = store(dir.as_ref(), "x").lock_among(&DirectoryLock::default()).expect("free");
    println!("the range is taken");
    std::io::stdin().read_to_end(&mut Vec::new()).expect("a pipe");
}

fn child_with_a_range(dir: &Path) -> Child {
    let mut child = Command::new(std::env::current_exe().expect("the test program"))
        .args(["--exact", "directory_lock::child_has_a_range", "--ignored", "--nocapture", "--test-threads=1"])
        .env(DIRECTORY, dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.as_mut().expect("piped")).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.ends_with("the range is taken")), "it ended without taking it");
    child
}

#[test]
fn another_process_that_has_the_range_is_named_and_blocks_nobody_when_it_is_dead() {
    let Some(dir) = disk() else { return };
    let (directory, store) = (DirectoryLock::default(), store(dir.path(), "x"));
    let mut child = child_with_a_range(dir.path());
    assert!(store.lock_among(&directory).is_none());
    assert_busy(store.lock(), child.id());
    assert_eq!(names(dir.path()), [".ossck.lock"], "of the attempt nothing is left");
    child.kill().expect("it runs");
    child.wait().expect("a child");
    assert_eq!(names(dir.path()), [".ossck.lock"]);
    store.lock().expect("nobody has it").release();
    assert_eq!(names(dir.path()), [""; 0], "what the dead one left is gone");
    drop(store.lock_among(&directory).expect("free"));
}
