//! What may stand where the checkpoint should: set aside in words, and the upload completes, in that run or in the next.

#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "the helpers of a test fail it and say what was skipped")]

mod disk;
#[path = "disk/small.rs"]
mod small;

use disk::{Ended, KEY, PART, Served, end, installed};
use oss_checkpoint::VERSION;
use oss_emulator::{Fault, Operation, Rule};
use oss_multipart::{Event, Notice, UploadObjectRequest};
use oss_tests::{BUCKET, World, bytes, oss};
use small::SmallDisk;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

/// Truncations and bit flips that are uploaded over; the store's own tests take all of them.
const SAMPLES: usize = 48;
/// Address space, in KiB, of a run that meets a checkpoint of 1 GiB: no buffer of that size fits.
const ADDRESS_SPACE: &str = "1000000";
const NOBODY: u32 = 65534;

/// An upload that was refused its third part, so that a whole checkpoint stands beside the file.
struct Interrupted {
    world: World,
    file: PathBuf,
    content: Vec<u8>,
    checkpoint: PathBuf,
    image: Vec<u8>,
    upload_id: String,
}

impl Interrupted {
    async fn new() -> Self {
        let world = World::new();
        let content = bytes(3 * PART + 1);
        let file = world.file("data.bin", &content);
        refuse_third_part(&world);
        let request = UploadObjectRequest::new(BUCKET, KEY, &file).part_size(PART as u64);
        world.upload(request).await.unwrap_err();
        world.emulator.clear_faults();
        let name = world.files().into_iter().find(|name| name.ends_with(".ossck")).expect("a checkpoint is left");
        let checkpoint = file.with_file_name(name);
        let image = fs::read(&checkpoint).unwrap();
        let upload_id = world.emulator.uploads(BUCKET).remove(0).upload_id;
        Self { world, file, content, checkpoint, image, upload_id }
    }

    fn beside(&self, end: &str) -> PathBuf {
        let mut path = self.checkpoint.clone().into_os_string();
        path.push(end);
        path.into()
    }

    /// One upload; returns what was set aside, and whether it succeeded.
    async fn upload(&self, what: &str) -> (Vec<String>, bool) {
        let aside = Arc::new(Mutex::new(Vec::new()));
        let told = aside.clone();
        let request = UploadObjectRequest::new(BUCKET, KEY, &self.file).part_size(PART as u64);
        let request = request.on_event(move |event, _| {
            if let Event::Notice(notice @ Notice::Foreign { .. }) = event {
                told.lock().unwrap().push(notice.to_string());
            }
        });
        let ended = self.world.upload(request).await;
        if let Err(error) = &ended {
            assert!(error.service().is_some(), "{what}: not what the server refused, but {error:?}");
        }
        let aside = std::mem::take(&mut *aside.lock().unwrap());
        (aside, ended.is_ok())
    }

    /// With `put` in the checkpoint's place: a run that the server refuses says what it sets aside and leaves what the
    /// next one completes with; so does a run at once. The upload that cannot be read any more is left alone.
    async fn assert_set_aside(&self, what: &str, put: impl Fn(&Path)) {
        put(&self.checkpoint);
        refuse_third_part(&self.world);
        let (aside, ended_well) = self.upload(what).await;
        assert!(!ended_well && aside.len() == 1, "{what}: {aside:?}");
        self.world.emulator.clear_faults();
        let (aside, ended_well) = self.upload(what).await;
        assert!(ended_well && aside.is_empty(), "{what}: the second run: {aside:?}");
        self.assert_done(what);

        put(&self.checkpoint);
        let (aside, ended_well) = self.upload(what).await;
        assert!(ended_well && aside.len() == 1, "{what}: {aside:?}");
        self.assert_done(what);
    }

    fn assert_done(&self, what: &str) {
        let emulator = &self.world.emulator;
        assert!(emulator.object_bytes(BUCKET, KEY).unwrap() == self.content, "{what}: the object differs");
        assert!(emulator.remove_object(BUCKET, KEY));
        let uploads: Vec<_> = emulator.uploads(BUCKET).into_iter().map(|upload| upload.upload_id).collect();
        assert_eq!(uploads, [self.upload_id.as_str()], "{what}: only the upload nobody can vouch for is left alone");
        assert_eq!(self.world.files(), ["data.bin"], "{what}");
    }
}

fn refuse_third_part(world: &World) {
    let refused = Fault::Status(403, "AccessDenied".to_owned());
    world.emulator.add_fault(Rule::on(Operation::UploadPart).part(3).always(), refused);
}

#[tokio::test]
async fn a_checkpoint_cut_short_anywhere_is_set_aside() {
    let interrupted = Interrupted::new().await;
    let len = interrupted.image.len();
    for cut in (0..SAMPLES).map(|i| i * len / SAMPLES).chain([1, 7, 8, 12, 20, len - 5, len - 4, len - 1]) {
        let put = |path: &Path| fs::write(path, &interrupted.image[..cut]).unwrap();
        interrupted.assert_set_aside(&format!("{cut} of {len} bytes"), put).await;
    }
}

#[tokio::test]
async fn a_checkpoint_with_any_bit_turned_is_set_aside() {
    let interrupted = Interrupted::new().await;
    let len = interrupted.image.len();
    for sample in 0..SAMPLES {
        let (at, bit) = (sample * len / SAMPLES, sample % 8);
        let mut image = interrupted.image.clone();
        image[at] ^= 1 << bit;
        let put = |path: &Path| fs::write(path, &image).unwrap();
        interrupted.assert_set_aside(&format!("bit {bit} of byte {at}"), put).await;
    }
}

#[tokio::test]
async fn a_checkpoint_of_a_later_release_is_set_aside() {
    let interrupted = Interrupted::new().await;
    let mut image = interrupted.image.clone();
    let end = image.len() - 4;
    image[8..12].copy_from_slice(&(VERSION + 1).to_le_bytes());
    let checksum = crc32(&image[..end]).to_le_bytes();
    image[end..].copy_from_slice(&checksum);
    let put = |path: &Path| fs::write(path, &image).unwrap();
    interrupted.assert_set_aside("a later version", put).await;
    fs::write(&interrupted.checkpoint, &image).unwrap();
    let (aside, _) = interrupted.upload("a later version").await;
    assert!(aside[0].contains("later release"), "it is not called damaged: {aside:?}");
    let as_it_was = crc32(&interrupted.image[..end]).to_le_bytes();
    assert_eq!(interrupted.image[end..], as_it_was, "the checksum above is the format's");
}

/// CRC-32 as the checkpoint's last four bytes have it.
fn crc32(bytes: &[u8]) -> u32 {
    let shift = |crc: u32, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1));
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), shift))
}

#[tokio::test]
async fn another_uploads_checkpoint_is_set_aside_and_its_upload_left_alone() {
    let interrupted = Interrupted::new().await;
    refuse_third_part(&interrupted.world);
    let other = UploadObjectRequest::new(BUCKET, "other", &interrupted.file).part_size(PART as u64);
    interrupted.world.upload(other).await.unwrap_err();
    interrupted.world.emulator.clear_faults();
    let names = interrupted.world.files().into_iter().filter(|name| name.ends_with(".ossck"));
    let other = names.map(|name| interrupted.file.with_file_name(name)).find(|path| *path != interrupted.checkpoint);
    let other = other.expect("each upload has its own checkpoint");
    let image = fs::read(&other).unwrap();
    fs::remove_file(&other).unwrap();
    let uploads = interrupted.world.emulator.uploads(BUCKET);
    let others = uploads.iter().find(|upload| upload.key == "other").unwrap().upload_id.clone();

    fs::write(&interrupted.checkpoint, &image).unwrap();
    let (aside, ended_well) = interrupted.upload("another's").await;
    assert!(ended_well && aside.len() == 1 && aside[0].contains(&others), "{aside:?}");
    assert!(interrupted.world.emulator.uploads(BUCKET).iter().any(|upload| upload.upload_id == others));
    interrupted.world.emulator.remove_upload(BUCKET, &others);
    interrupted.assert_done("another's");
}

#[tokio::test]
async fn what_is_no_file_in_the_checkpoints_place_is_set_aside_without_waiting_for_it() {
    let interrupted = Interrupted::new().await;
    fs::remove_file(&interrupted.checkpoint).unwrap();
    interrupted.assert_set_aside("an empty directory", |path| fs::create_dir(path).unwrap()).await;
    let elsewhere = interrupted.world.folder().join("elsewhere");
    fs::write(&elsewhere, &interrupted.image).unwrap();
    interrupted.assert_set_aside("a link to a checkpoint", |path| symlink(&elsewhere, path).unwrap()).await;
    assert_eq!(fs::read(&elsewhere).unwrap(), interrupted.image, "nothing was written through the link");
    interrupted.assert_set_aside("a link to nothing", |path| symlink("nowhere", path).unwrap()).await;
    let pipe = |path: &Path| {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        assert!(fs::metadata(path).unwrap().file_type().is_fifo());
    };
    interrupted.assert_set_aside("a pipe", pipe).await;
}

/// What is in a directory is not ours to remove: it stays, under the name of what is set aside.
#[tokio::test]
async fn a_directory_with_something_in_it_is_set_aside_and_never_stops_a_second_run() {
    let interrupted = Interrupted::new().await;
    fs::remove_file(&interrupted.checkpoint).unwrap();
    for run in 1..=3 {
        // From the second round on it may still stand there: it cannot replace the one that was set aside.
        fs::create_dir_all(&interrupted.checkpoint).unwrap();
        fs::write(interrupted.checkpoint.join("precious"), format!("{run}")).unwrap();
        let (aside, ended_well) = interrupted.upload(&format!("run {run}")).await;
        assert!(ended_well && aside.len() == 1, "run {run}: {aside:?}");
        assert!(interrupted.world.emulator.object_bytes(BUCKET, KEY).unwrap() == interrupted.content);
        let (_, ended_well) = interrupted.upload(&format!("after run {run}")).await;
        assert!(ended_well, "after run {run}");
    }
}

#[tokio::test]
async fn a_left_over_temporary_file_of_any_kind_does_not_stop_an_upload() {
    let interrupted = Interrupted::new().await;
    let temporary = interrupted.beside(".tmp");
    for what in ["a directory", "a file", "a link"] {
        fs::write(&interrupted.checkpoint, &interrupted.image[..9]).unwrap();
        match what {
            "a directory" => fs::create_dir(&temporary).unwrap(),
            "a file" => fs::write(&temporary, &interrupted.image[..9]).unwrap(),
            _ => symlink("/dev/full", &temporary).unwrap(),
        }
        let (aside, ended_well) = interrupted.upload(what).await;
        assert!(ended_well && aside.len() == 1, "{what}: {aside:?}");
        interrupted.assert_done(what);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_of_a_gigabyte_is_set_aside_in_little_memory() {
    let (served, file, content) = served().await;
    let checkpoint = leave_a_checkpoint(&served, &file, &[]).await;
    fs::File::create(&checkpoint).unwrap().set_len(1 << 30).unwrap();
    let limited = ["sh", "-c", "ulimit -v \"$0\" && exec \"$@\"", ADDRESS_SPACE].map(OsString::from);
    let ended = end(served.cp(&limited, &file, &[]), "1 GiB of zeros").await;
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert!(ended.said.contains("set aside"), "{}", ended.said);
    forget_uploads(&served);
    served.assert_published(&content, &ended.said, "1 GiB of zeros");
    assert_eq!(served.world.files(), ["data.bin"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreadable_checkpoint_is_set_aside() {
    let Some(rig) = Unprivileged::new().await else { return };
    let checkpoint = rig.leave_a_checkpoint().await;
    fs::set_permissions(&checkpoint, fs::Permissions::from_mode(0o000)).unwrap();
    let ended = rig.run(&[], "unreadable").await;
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert!(ended.said.contains("set aside"), "{}", ended.said);
    forget_uploads(&rig.served);
    rig.served.assert_published(&rig.content, &ended.said, "unreadable");
    assert_eq!(rig.served.world.files(), ["data.bin"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_to_write_in_means_going_on_in_words_or_not_at_all() {
    let Some(rig) = Unprivileged::new().await else { return };
    let folder = rig.file.parent().unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o555)).unwrap();
    let ended = rig.run(&["--require-checkpoint"], "required").await;
    assert_eq!(ended.code, Some(1), "{}", ended.said);
    assert_eq!(rig.served.world.emulator.uploads(BUCKET), [], "{}", ended.said);
    let ended = rig.run(&[], "read-only").await;
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert!(ended.said.contains("no checkpoint can be kept in"), "{}", ended.said);
    rig.served.assert_published(&rig.content, &ended.said, "read-only");
    let given = ["--checkpoint-dir", folder.to_str().unwrap()];
    let ended = rig.run(&given, "given").await;
    assert_eq!(ended.code, Some(2), "a directory that was asked for is refused: {}", ended.said);
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(rig.served.world.files(), ["data.bin"]);
}

/// The command as somebody whom permissions stop: whoever runs the tests, and in place of root, nobody.
struct Unprivileged {
    served: Served,
    file: PathBuf,
    content: Vec<u8>,
    wrapper: Vec<OsString>,
}

impl Unprivileged {
    /// `None`, in words, where root cannot become somebody else.
    async fn new() -> Option<Self> {
        let (served, file, content) = served().await;
        let root = fs::metadata(&file).unwrap();
        let mut wrapper = Vec::new();
        if std::os::unix::fs::MetadataExt::uid(&root) == 0 {
            if !installed("setpriv") {
                return None;
            }
            let nobody = ["setpriv", "--reuid", &NOBODY.to_string(), "--clear-groups", "--"].map(OsString::from);
            // The build's own folder may be closed to others.
            fs::set_permissions(served.world.folder(), fs::Permissions::from_mode(0o755)).unwrap();
            fs::copy(oss(), served.world.folder().join("oss")).unwrap();
            for path in [file.as_path(), file.parent().unwrap()] {
                std::os::unix::fs::chown(path, Some(NOBODY), None).unwrap();
            }
            wrapper = nobody.into();
            wrapper.extend([OsString::from("sh"), "-c".into(), "shift; exec \"$0\" \"$@\"".into()]);
            wrapper.push(served.world.folder().join("oss").into());
        }
        Some(Self { served, file, content, wrapper })
    }

    async fn run(&self, words: &[&str], when: &str) -> Ended {
        end(self.served.cp(&self.wrapper, &self.file, words), when).await
    }

    async fn leave_a_checkpoint(&self) -> PathBuf {
        refuse_third_part(&self.served.world);
        let ended = self.run(&[], "a refused part").await;
        self.served.world.emulator.clear_faults();
        assert_eq!(ended.code, Some(1), "{}", ended.said);
        the_checkpoint(self.file.parent().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_keeps_the_previous_checkpoint_and_the_upload_goes_on() {
    let (served, file, content) = served().await;
    let disk = match SmallDisk::mount(&served.world.folder().join("small")) {
        Ok(disk) => disk,
        Err(why) => return eprintln!("skipped: {why}"),
    };
    let given = ["--checkpoint-dir", disk.folder().to_str().unwrap()];
    let required = [given[0], given[1], "--require-checkpoint"];

    disk.fill();
    let ended = end(served.cp(&[], &file, &required), "full, and required").await;
    assert_eq!(ended.code, Some(1), "{}", ended.said);
    assert!(ended.said.contains("one is required"), "{}", ended.said);
    assert_eq!(served.world.emulator.uploads(BUCKET), [], "{}", ended.said);
    let ended = end(served.cp(&[], &file, &given), "full").await;
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert!(ended.said.contains("not resumable for now"), "{}", ended.said);
    served.assert_published(&content, &ended.said, "full");

    disk.free();
    let checkpoint = leave_a_checkpoint(&served, &file, &given).await;
    let image = fs::read(&checkpoint).unwrap();
    disk.fill();
    refuse_third_part(&served.world);
    let ended = end(served.cp(&[], &file, &given), "filled up between two runs").await;
    served.world.emulator.clear_faults();
    assert_eq!(ended.code, Some(1), "{}", ended.said);
    assert!(fs::read(&checkpoint).unwrap() == image, "the checkpoint is another one now");
    let before = served.world.emulator.ledger().len();
    let ended = end(served.cp(&[], &file, &given), "still full").await;
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert!(!served.world.parts_sent(before).contains(&1), "a part that was there was sent again: {}", ended.said);
    served.assert_published(&content, &ended.said, "still full");
    disk.free();
    assert_eq!(fs::read_dir(disk.folder()).unwrap().count(), 0, "something was left");
}

async fn served() -> (Served, PathBuf, Vec<u8>) {
    let served = Served::new().await;
    let content = bytes(3 * PART + 1);
    let file = served.world.file("data.bin", &content);
    (served, file, content)
}

/// A run that is refused its third part; returns the checkpoint it left.
async fn leave_a_checkpoint(served: &Served, file: &Path, words: &[&str]) -> PathBuf {
    refuse_third_part(&served.world);
    let ended = end(served.cp(&[], file, words), "a refused part").await;
    served.world.emulator.clear_faults();
    assert_eq!(ended.code, Some(1), "{}", ended.said);
    let given = words.iter().position(|word| *word == "--checkpoint-dir");
    the_checkpoint(given.map_or(file.parent().unwrap(), |at| Path::new(words[at + 1])))
}

fn the_checkpoint(folder: &Path) -> PathBuf {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.into_iter().find(|path| path.extension().is_some_and(|end| end == "ossck")).expect("a checkpoint is left")
}

/// Uploads whose checkpoint was destroyed are left alone by the command, and have their parts: they are as they should be.
fn forget_uploads(served: &Served) {
    for upload in served.world.emulator.uploads(BUCKET) {
        assert!(!upload.parts.is_empty(), "it was destroyed after parts were sent");
        served.world.emulator.remove_upload(BUCKET, &upload.upload_id);
    }
}
