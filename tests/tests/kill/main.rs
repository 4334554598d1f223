//! Real processes, SIGKILL at random moments. Every test prints its seed; `OSS_TEST_SEED` repeats the moments.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "the helpers of a test fail it and print its seed")]

mod command;

use command::Oss;
use oss_emulator::{Emulator, LedgerEntry, Operation, Store};
use oss_tests::{BUCKET, ID, REGION, SECRET, World, bytes, oss};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

const MIB: usize = 1024 * 1024;
/// Far more than the growing moments need: a run that is never killed finishes long before.
const MAX_RUNS: u64 = 100;

struct Moments {
    seed: u64,
    random: fastrand::Rng,
}

impl Moments {
    fn new() -> Self {
        let given = std::env::var("OSS_TEST_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(|| fastrand::u64(..));
        eprintln!("OSS_TEST_SEED={seed}");
        Self { seed, random: fastrand::Rng::with_seed(seed) }
    }

    /// Later and later, so that a slow machine gets somewhere too.
    fn next(&mut self, run: u64) -> Duration {
        Duration::from_millis(self.random.u64(20..300 + 60 * run))
    }
}

/// The server lives in this test, so its ledger knows every request of every killed run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_killed_at_random_moments_never_sends_an_acknowledged_part_again() {
    let oss = oss();
    let mut moments = Moments::new();
    let world = World::in_folder(|builder, folder| builder.store(Store::Disk(folder.join("store"))));
    let serving = world.emulator.spawn().await.unwrap();
    let content = bytes(256 * MIB);
    let file = world.file("data.bin", &content);
    let mut command = Oss::new(oss);
    command.sign(ID, SECRET).words(["cp"]).path(&file).words([&format!("oss://{BUCKET}/key"), "--json", "--quiet"]);
    command.words(["--part-size", "1MiB", "--parallel", "4", "--region", REGION, "--endpoint", &serving.endpoint()]);

    // However fast the machine is, one kill comes after a part; the others come when they come.
    command.killed_after_a_part().await;
    let mut kills = 1;
    let completed = loop {
        assert!(kills < MAX_RUNS, "seed {}: it never completes", moments.seed);
        let (acknowledged, before) = (acknowledged(&world.emulator), world.emulator.ledger().len());
        let ended = command.killed_after(moments.next(kills)).await;
        let sent = requested(&world.emulator.ledger()[before..]);
        let again: Vec<_> = sent.intersection(&acknowledged).collect();
        assert!(again.is_empty(), "seed {}, run {kills}: sent again {again:?}", moments.seed);
        match ended {
            Some(output) => break output.completed(),
            None => kills += 1,
        }
    };
    eprintln!("completed after {kills} kills");
    assert_eq!(completed["size"], content.len());
    assert!(
        completed["parts_reused"].as_u64() > Some(0),
        "seed {}: no kill came after a part: {completed}",
        moments.seed
    );
    let object = world.emulator.object_bytes(BUCKET, "key").unwrap();
    assert!(object == content, "seed {}: the object differs", moments.seed);
    assert_eq!(world.files(), ["data.bin"], "seed {}: something was left", moments.seed);
    assert_only_empty_uploads(&world.emulator, moments.seed);
}

/// Parts whose success the client was told, by upload.
fn acknowledged(emulator: &Emulator) -> BTreeSet<(String, u32)> {
    let ledger = emulator.ledger();
    let told = ledger.iter().filter(|entry| entry.applied && entry.finished && entry.status == Some(200));
    told.filter_map(part).collect()
}

fn requested(entries: &[LedgerEntry]) -> BTreeSet<(String, u32)> {
    entries.iter().filter_map(part).collect()
}

fn part(entry: &LedgerEntry) -> Option<(String, u32)> {
    (entry.operation == Operation::UploadPart).then_some(())?;
    Some((entry.upload_id.clone()?, entry.part_number?))
}

/// A run killed before it heard its upload's id cannot know it, and nothing was sent to it: no other upload is left.
fn assert_only_empty_uploads(emulator: &Emulator, seed: u64) {
    for upload in emulator.uploads(BUCKET) {
        assert_eq!(upload.parts, [], "seed {seed}: parts of {} were left", upload.upload_id);
    }
}

/// `--endpoint embedded:DIR`: client and server are one process, and die together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedded_server_killed_with_its_client_loses_nothing_it_acknowledged() {
    let oss = oss();
    let mut moments = Moments::new();
    let world = World::new();
    let content = bytes(64 * MIB + 17);
    let file = world.file("data.bin", &content);
    let store = world.folder().join("embedded");
    let mut command = Oss::new(oss);
    command.words(["cp"]).path(&file).words(["oss://demo/folder/", "--json", "--quiet", "--part-size", "512KiB"]);
    command.words(["--endpoint", &format!("embedded:{}", store.display())]);

    // However fast the machine is, one kill comes after a part; the others come when they come.
    command.killed_after_a_part().await;
    let mut kills = 1;
    let completed = loop {
        assert!(kills < MAX_RUNS, "seed {}: it never completes", moments.seed);
        match command.killed_after(moments.next(kills)).await {
            Some(output) => break output.completed(),
            None => kills += 1,
        }
    };
    eprintln!("completed after {kills} kills");
    let number = |name: &str| completed[name].as_u64().unwrap_or_else(|| panic!("{name} in {completed}"));
    assert_eq!(number("bytes_sent") + number("bytes_reused"), content.len() as u64);
    assert!(number("bytes_reused") > 0, "seed {}: no kill came after a part: {completed}", moments.seed);
    assert_eq!(world.files(), ["data.bin"], "seed {}: something was left", moments.seed);
    let stored = Emulator::builder().store(Store::Disk(store)).build().unwrap();
    let object = stored.object_bytes("demo", "folder/data.bin").unwrap();
    assert!(object == content, "seed {}: the object differs", moments.seed);
}

/// `oss serve --dir` is killed and comes back on its port, while one client goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_at_random_moments_is_outlived_by_its_client() {
    let oss = oss();
    let mut moments = Moments::new();
    let world = World::new();
    let content = bytes(128 * MIB);
    let file = world.file("data.bin", &content);
    let store = world.folder().join("store");
    let mut server = serve(oss, &store, "127.0.0.1:0").start().await;
    let address = server.address().await;
    let mut client = Oss::new(oss);
    client.sign(ID, SECRET).words(["cp"]).path(&file).words(["oss://demo/key", "--json", "--quiet"]);
    client.words(["--part-size", "1MiB", "--region", REGION, "--endpoint", &format!("http://{address}")]);
    let mut client = client.start().await;

    for kill in 0..5 {
        if client.ended_within(moments.next(kill)).await {
            break;
        }
        server.kill().await;
        server = serve(oss, &store, &address).start().await;
        assert_eq!(server.address().await, address);
    }
    let completed = client.output().await.completed();
    server.kill().await;
    assert_eq!(completed["size"], Value::from(content.len()));
    assert_eq!(world.files(), ["data.bin"], "seed {}: something was left", moments.seed);
    let stored = Emulator::builder().store(Store::Disk(store)).build().unwrap();
    let object = stored.object_bytes("demo", "key").unwrap();
    assert!(object == content, "seed {}: the object differs", moments.seed);
}

fn serve(oss: &Path, store: &Path, listen: &str) -> Oss {
    fs::create_dir_all(store).unwrap();
    let mut command = Oss::new(oss);
    command.words(["serve", "--listen", listen, "--access-key-id", ID, "--access-key-secret", SECRET, "--dir"]);
    command.path(store).silent();
    command
}
