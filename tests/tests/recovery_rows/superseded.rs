//! Uploads that are given up: their own ids are freed, nobody else's.

use crate::odd_servers::{Odd, Oddity};
use crate::watched::{
    KEY, PART, Run, checkpoint, grow, interrupted_after, killed, request, requests_so_far, steps_after,
    upload_on_server, watch,
};
use oss_checkpoint::{Checkpoint, OsDir, Store, decode, encode};
use oss_emulator::{Fault, Gate, Operation, Rule, Until};
use oss_multipart::{Notice, UploadObjectRequest};
use oss_proto::ObjectHeaders;
use oss_tests::{BUCKET, World, bytes};
use std::fs;
use std::path::{Path, PathBuf};

const ABORT: Operation = Operation::AbortMultipartUpload;

fn freed(run: &Run, id: &str, size: usize) -> bool {
    run.said(|notice| matches!(notice, Notice::Freed { upload_id, bytes } if upload_id.as_str() == id && *bytes == size as u64))
}

/// An upload of four parts, two of which the server has.
async fn begun() -> (World, PathBuf, String) {
    let world = World::new();
    let path = world.file("a.bin", bytes(4 * PART));
    interrupted_after(&world, request(&path), 2).await;
    let (id, _) = upload_on_server(&world);
    (world, path, id)
}

#[tokio::test]
async fn another_size_part_size_or_headers_or_a_restart_frees_the_earlier_upload_and_tells_its_bytes() {
    type Ask = fn(&Path) -> UploadObjectRequest;
    let asks: [(&str, Ask); 4] = [
        ("had 409600 bytes", |path| {
            grow(path, 1);
            request(path)
        }),
        ("parts of 204800", |path| request(path).part_size(2 * PART as u64)),
        ("other object headers are asked for: content-type", |path| {
            let mut headers = ObjectHeaders::new();
            headers.set("content-type", "video/mp4").unwrap();
            request(path).headers(headers)
        }),
        ("as asked", |path| request(path).restart(true)),
    ];
    for (why, ask) in asks {
        let (world, path, earlier) = begun().await;
        let before = requests_so_far(&world);

        let run = watch(&world, ask(&path)).await;

        assert_eq!(run.done().parts_reused, 0, "{why}");
        assert!(run.notices().any(|n| matches!(n, Notice::Afresh(words) if words.contains(why))), "{:?}", run.events);
        assert!(freed(&run, &earlier, 2 * PART), "{why}: {:?}", run.events);
        let steps = steps_after(&world, before);
        assert_eq!(steps[..3], [Operation::ListParts, ABORT, Operation::ListParts], "counted, aborted, confirmed");
        world.assert_published(KEY, &fs::read(&path).unwrap(), &["a.bin"]);
    }
}

#[tokio::test]
async fn an_upload_whose_parts_in_flight_outlive_the_abort_is_aborted_until_it_is_gone() {
    let odd = Odd::new(Oddity::AbortTakesThree);
    let path = odd.world.file("a.bin", bytes(4 * PART));
    interrupted_after(&odd.world, request(&path), 2).await;
    let done = odd.upload_as(request(&path).restart(true)).await.unwrap();
    assert_eq!(done.still_there, []);
    let lists = odd.world.requests(Operation::ListParts);
    let known: Vec<_> = lists.iter().map(|list| list.code.is_none()).collect();
    assert_eq!(known, [true, true, true, false], "counted, there after two aborts, gone after the third");
    odd.world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
}

#[tokio::test]
async fn an_abort_that_is_answered_strangely_is_repeated() {
    for fault in [Fault::Html(204), Fault::DropAfterApplied, Fault::Status(500, "InternalError".into())] {
        let (world, path, earlier) = begun().await;
        world.emulator.add_fault(Rule::on(ABORT).times(2), fault.clone());
        let run = watch(&world, request(&path).restart(true)).await;
        assert!(freed(&run, &earlier, 2 * PART), "{fault:?}: {:?}", run.events);
        world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
    }
}

#[tokio::test]
async fn an_upload_that_cannot_be_aborted_is_remembered_across_a_crash_and_freed_later() {
    let (world, path, earlier) = begun().await;
    world.emulator.add_fault(Rule::on(ABORT).always(), Fault::Status(403, "AccessDenied".into()));
    let gate = Gate::new();
    world.emulator.add_fault(Rule::on(Operation::UploadPart), Fault::Stall(Until::Opened(gate.clone())));
    killed(&world, request(&path).restart(true).parallel(1), gate.arrived(1)).await;
    assert_eq!(world.emulator.uploads(BUCKET).len(), 2);
    world.emulator.clear_faults();

    let run = watch(&world, request(&path)).await;

    assert!(freed(&run, &earlier, 2 * PART), "{:?}", run.events);
    assert_eq!(world.requests(Operation::InitiateMultipartUpload).len(), 2, "the second upload goes on");
    world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
}

#[tokio::test]
async fn a_run_killed_while_it_aborts_has_the_abort_repeated() {
    let (world, path, earlier) = begun().await;
    let gate = Gate::new();
    world.emulator.add_fault(Rule::on(ABORT), Fault::Stall(Until::Opened(gate.clone())));
    killed(&world, request(&path).restart(true), gate.arrived(1)).await;
    grow(&path, PART);
    let run = watch(&world, request(&path)).await;
    assert!(freed(&run, &earlier, 2 * PART), "{:?}", run.events);
    world.assert_published(KEY, &fs::read(&path).unwrap(), &["a.bin"]);
}

#[tokio::test]
async fn an_upload_that_never_can_be_aborted_is_reported_and_does_not_stop_the_new_one() {
    let (world, path, earlier) = begun().await;
    world.emulator.add_fault(Rule::on(ABORT).always(), Fault::Status(403, "AccessDenied".into()));
    let run = watch(&world, request(&path).restart(true)).await;
    assert_eq!(
        run.done().still_there.iter().map(ToString::to_string).collect::<Vec<_>>(),
        std::slice::from_ref(&earlier)
    );
    assert!(run.said(|notice| matches!(notice, Notice::StillThere(id) if id.as_str() == earlier)));
    assert_eq!(upload_on_server(&world).0, earlier);
    assert_eq!(world.emulator.object_bytes(BUCKET, KEY).unwrap(), bytes(4 * PART));
}

/// The next run neither adopts nor aborts the upload, says so, and leaves nothing of the checkpoint when it is done.
async fn left_alone(world: &World, path: &Path, id: &str, named: bool) {
    let run = watch(world, request(path)).await;
    assert_eq!((run.done().parts_reused, run.done().parts_sent), (0, 4));
    let told = |notice: &Notice| matches!(notice, Notice::Foreign { upload_id, .. } if upload_id.as_ref().map(|id| id.as_str()) == named.then_some(id));
    assert!(run.said(told), "{:?}", run.events);
    assert_eq!(world.requests(ABORT), []);
    assert_eq!(upload_on_server(world), (id.to_owned(), vec![1, 2]));
    assert_eq!(world.emulator.object_bytes(BUCKET, KEY).unwrap(), bytes(4 * PART));
    let beside = fs::read_dir(path.parent().unwrap()).unwrap();
    let left: Vec<_> =
        beside.map(|entry| entry.unwrap().file_name()).filter(|n| n.to_string_lossy().contains(".ossck")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn the_upload_of_a_damaged_checkpoint_is_left_alone() {
    let (world, path, id) = begun().await;
    let file = checkpoint(&world).unwrap();
    let mut image = fs::read(&file).unwrap();
    let middle = image.len() / 2;
    image[middle] ^= 1;
    fs::write(&file, image).unwrap();
    left_alone(&world, &path, &id, false).await;
}

#[tokio::test]
async fn the_upload_of_a_checkpoint_copied_with_its_file_is_left_alone() {
    let (world, path, id) = begun().await;
    let elsewhere = world.folder().join("copy");
    fs::create_dir(&elsewhere).unwrap();
    for name in world.files() {
        fs::copy(path.with_file_name(&name), elsewhere.join(&name)).unwrap();
    }
    left_alone(&world, &elsewhere.join("a.bin"), &id, true).await;
    assert!(checkpoint(&world).is_some(), "the owner can still go on");
    assert_eq!(watch(&world, request(&path)).await.done().parts_reused, 2);
}

/// Writes the checkpoint anew, changed.
pub(crate) fn forge(file: &Path, change: impl FnOnce(&mut Checkpoint)) {
    let unverified = decode(&fs::read(file).unwrap()).unwrap();
    let text = format!("{unverified:?}");
    assert!(text.contains("Uploading"), "{text}");
    let mut checkpoint = read(file);
    change(&mut checkpoint);
    fs::write(file, encode(&checkpoint)).unwrap();
}

/// A comparison with anything hands the checkpoint out.
fn read(file: &Path) -> Checkpoint {
    use oss_checkpoint::{Comparison, Fingerprint, Job, Loaded, Source};
    let store = Store::new(OsDir::new(file.parent().unwrap()), file.file_name().unwrap().to_str().unwrap());
    let Loaded::Found(unverified) = store.load().unwrap() else { panic!("no checkpoint") };
    let job = Job {
        endpoint: "another".into(),
        region: String::new(),
        bucket: oss_proto::Bucket::new("another").unwrap(),
        key: oss_proto::Key::new("another").unwrap(),
        headers: ObjectHeaders::new(),
    };
    let fingerprint = Fingerprint::of(&fs::metadata(file).unwrap());
    let source = Source { path: file.to_owned(), host: String::new(), fingerprint };
    match unverified.compare(&job, &source, None, |_| true) {
        Comparison::Foreign { checkpoint, .. } => checkpoint,
        other => panic!("of another job: {other:?}"),
    }
}

#[tokio::test]
async fn the_upload_of_a_checkpoint_of_another_host_is_left_alone() {
    let (world, path, id) = begun().await;
    forge(&checkpoint(&world).unwrap(), |checkpoint| checkpoint.source.host = "another-host".into());
    left_alone(&world, &path, &id, true).await;
}

#[tokio::test]
async fn the_upload_of_another_jobs_checkpoint_is_left_alone() {
    let (world, path, id) = begun().await;
    forge(&checkpoint(&world).unwrap(), |checkpoint| {
        checkpoint.job.key = oss_proto::Key::new("backup/another.bin").unwrap();
    });
    left_alone(&world, &path, &id, true).await;
}
