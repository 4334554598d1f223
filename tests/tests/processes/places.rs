//! The same upload from another time zone, another path, another disk, and by another user.

use crate::command::{Bench, Ended, KEY, PART, Running};
use oss_emulator::{Operation, Rule};
use oss_tests::{BUCKET, bytes};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

const SIZE: usize = 5 * PART;
/// Nobody.
const NOBODY: u32 = 65534;

/// A run from `file` that is killed once exactly parts 1 to 3 are on the server; `change` has the last word on its command.
async fn killed(bench: &Bench, file: &Path, change: impl FnOnce(&mut tokio::process::Command)) {
    let gates = [4, 5].map(|part| bench.stall(Rule::on(Operation::UploadPart).part(part)));
    let mut command = bench.cp("a", file, &[]);
    change(&mut command);
    let running = Running::new(command);
    gates[0].arrived(1).await;
    gates[1].arrived(1).await;
    running.kill().await;
    bench.world.emulator.clear_faults();
    assert_eq!(bench.world.emulator.uploads(BUCKET)[0].parts.len(), 3);
}

async fn next(bench: &Bench, file: &Path, change: impl FnOnce(&mut tokio::process::Command)) -> Ended {
    let mut command = bench.cp("b", file, &[]);
    change(&mut command);
    let ended = Running::new(command).end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(bench.world.emulator.object_bytes(BUCKET, KEY).unwrap() == bytes(SIZE), "the object is not the file");
    ended
}

/// Only what was missing was sent, and nothing is left.
fn assert_resumed(bench: &Bench, ended: &Ended, folder: &Path) {
    assert_eq!((ended.number("parts_reused"), bench.parts_of("b")), (3, vec![4, 5]), "{ended:?}");
    assert_eq!(names(folder), ["data.bin"]);
    assert_eq!(bench.world.emulator.uploads(BUCKET), []);
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn as_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// A mount, gone when this is dropped.
struct Mount(PathBuf);

impl Mount {
    /// `Err` says why there is none.
    fn new(words: &[&str], point: &Path) -> Result<Self, String> {
        fs::create_dir(point).unwrap();
        match Command::new("mount").args(words).arg(point).output() {
            Ok(output) if output.status.success() => Ok(Self(point.to_owned())),
            Ok(output) => Err(format!("mount: {}", String::from_utf8_lossy(&output.stderr).trim())),
            Err(error) => Err(format!("mount: {error}")),
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _gone = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_time_zone_changes_nothing() {
    let bench = Bench::new().await;
    let file = bench.world.file("data.bin", bytes(SIZE));
    killed(&bench, &file, |command| _ = command.env("TZ", "America/New_York")).await;
    let ended = next(&bench, &file, |command| _ = command.env("TZ", "Asia/Kolkata")).await;
    assert!(!ended.said.contains("touched"), "{ended:?}");
    assert_resumed(&bench, &ended, file.parent().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_mount_path_of_the_same_directory_resumes() {
    let bench = Bench::new().await;
    let file = bench.world.file("data.bin", bytes(SIZE));
    let folder = file.parent().unwrap();
    let point = bench.world.folder().join("mounted");
    let _mount = match Mount::new(&["--bind", folder.to_str().unwrap()], &point) {
        Ok(mount) => mount,
        Err(why) => return eprintln!("skipped: {why}"),
    };
    killed(&bench, &file, |_| ()).await;
    let ended = next(&bench, &point.join("data.bin"), |_| ()).await;
    assert_resumed(&bench, &ended, folder);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_moved_to_another_disk_resumes_by_proof() {
    let bench = Bench::new().await;
    let file = bench.world.file("data.bin", bytes(SIZE));
    let folder = file.parent().unwrap();
    let point = bench.world.folder().join("disk");
    let _mount = match Mount::new(&["-t", "tmpfs", "-o", "size=8m", "tmpfs"], &point) {
        Ok(mount) => mount,
        Err(why) => return eprintln!("skipped: {why}"),
    };
    killed(&bench, &file, |_| ()).await;
    let moved = point.join("files");
    assert!(Command::new("mv").arg(folder).arg(&moved).status().unwrap().success());
    assert_ne!(fs::metadata(&moved).unwrap().dev(), fs::metadata(bench.world.folder()).unwrap().dev());
    let ended = next(&bench, &moved.join("data.bin"), |_| ()).await;
    assert!(ended.said.contains("every part is compared"), "{ended:?}");
    assert_resumed(&bench, &ended, &moved);
}

/// The part that changed on the way is found.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_moved_to_another_disk_and_edited_there_sends_what_changed() {
    let bench = Bench::new().await;
    let mut old = bytes(SIZE);
    old[PART..2 * PART].reverse();
    let file = bench.world.file("data.bin", &old);
    killed(&bench, &file, |_| ()).await;
    let folder = bench.world.folder().join("elsewhere");
    fs::create_dir(&folder).unwrap();
    for name in names(file.parent().unwrap()) {
        fs::copy(file.with_file_name(&name), folder.join(&name)).unwrap();
        fs::remove_file(file.with_file_name(&name)).unwrap();
    }
    fs::write(folder.join("data.bin"), bytes(SIZE)).unwrap();
    next(&bench, &folder.join("data.bin"), |_| ()).await;
    assert_eq!(bench.parts_of("b"), [2, 4, 5]);
    assert_eq!(bench.world.emulator.uploads(BUCKET), []);
}

/// Root's run is killed; then nobody runs the same command in a folder that all may write to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_user_starts_afresh_in_words_and_is_not_stuck() {
    if !as_root() {
        return eprintln!("skipped: only root can become another user");
    }
    for (mode, sticky) in [(0o777, false), (0o1777, true)] {
        let (bench, file) = shared_folder(mode).await;
        killed(&bench, &file, |_| ()).await;
        let ended = next(&bench, &file, as_nobody(&bench)).await;
        assert!(ended.said.contains("a checkpoint was set aside"), "sticky {sticky}: {ended:?}");
        assert_eq!(bench.parts_of("b"), [1, 2, 3, 4, 5]);
        assert_eq!(bench.world.requests(Operation::AbortMultipartUpload), [], "it is not the other user's to abort");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_users_running_upload_is_named() {
    if !as_root() {
        return eprintln!("skipped: only root can become another user");
    }
    let (bench, file) = shared_folder(0o1777).await;
    let gate = bench.stall(Rule::on(Operation::CompleteMultipartUpload));
    let first = bench.start("a", &file, &[]);
    gate.arrived(1).await;
    let mut command = bench.cp("b", &file, &[]);
    as_nobody(&bench)(&mut command);
    Running::new(command).end().await.assert_kept_out_by(first.pid);
    gate.open();
    assert_eq!(first.end().await.code, Some(0));
    bench.world.assert_published(KEY, &bytes(SIZE), &["data.bin"]);
}

async fn shared_folder(mode: u32) -> (Bench, PathBuf) {
    let bench = Bench::new().await;
    let file = bench.world.file("data.bin", bytes(SIZE));
    fs::set_permissions(bench.world.folder(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(file.parent().unwrap(), fs::Permissions::from_mode(mode)).unwrap();
    (bench, file)
}

/// Runs it as nobody, from a copy of the command: the build's own folder may be closed to others.
fn as_nobody(bench: &Bench) -> impl FnOnce(&mut tokio::process::Command) {
    let copy = bench.world.folder().join("oss");
    if !copy.exists() {
        // By another process: a child that is started meanwhile would inherit the open copy, and then it cannot be run.
        assert!(Command::new("cp").arg(oss_tests::oss()).arg(&copy).status().unwrap().success());
    }
    move |command| {
        let words: Vec<_> = command.as_std().get_args().map(ToOwned::to_owned).collect();
        let variables: Vec<_> =
            command.as_std().get_envs().map(|(k, v)| (k.to_owned(), v.map(ToOwned::to_owned))).collect();
        let mut other = tokio::process::Command::new(copy);
        other.args(words).uid(NOBODY).gid(NOBODY).kill_on_drop(true).env_clear();
        for (name, value) in variables {
            other.env(name, value.unwrap_or_default());
        }
        other
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        *command = other;
    }
}
