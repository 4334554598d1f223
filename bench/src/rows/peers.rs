//! Other clients, each by its own resumable or multipart upload, beside the same floor and the same server.

use super::{Row, Section, Verdict, gib};
use crate::bench::Bench;
use crate::data;
use crate::sink::{Process, ProcessOptions};
use crate::spread::in_turn;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

const PART: u64 = 8 << 20;

/// A client's name, the environment that it was installed in, and the words that start it there.
const PEERS: [(&str, &str, &[&str]); 6] = [
    ("object_store (S3 calls)", "rust", &["object_store"]),
    ("opendal (S3 calls)", "rust", &["opendal"]),
    ("ali-oss-rs", "rust", &["ali-oss-rs"]),
    ("ali-oss (Node.js)", "node", &["upload.js"]),
    ("oss2 (Python)", "python", &["upload_oss2.py"]),
    ("alibabacloud-oss-v2 (Python)", "python", &["upload_v2.py"]),
];

pub(crate) fn measure(bench: &Bench) -> io::Result<Vec<Section>> {
    let Some(peers) = &bench.peers else { return Ok(Vec::new()) };
    let file = data::file(&bench.folder, bench.sized(2 << 30))?;
    let options = ProcessOptions { file: Some(file.clone()), part_size: Some(PART), ..Default::default() };
    let sink = bench.sink(&options)?;
    let mut floor = bench.program(&["raw", "--part-size", &PART.to_string(), "--connections", "3"]);
    floor.arg("--port").arg(sink.port.to_string()).arg("--file").arg(&file);
    let ours = bench.oss_cp(&file, &sink, &[]);
    let mut runners = vec![bench.runner("floor: read, CRC-64, write", floor), bench.runner("oss cp", ours)];
    let mut rows = Vec::new();
    for (name, environment, words) in PEERS {
        match usable(bench, peers, environment, words, &file, &options) {
            Ok(()) => runners.push(bench.runner(name, command(peers, environment, words, &sink, &file))),
            Err(why) => rows.push(Row {
                what: name.to_owned(),
                goal: "-".to_owned(),
                measured: format!("skipped: {why}"),
                verdict: Verdict::NotMeasured,
            }),
        }
    }
    let sides = in_turn(bench.rounds(3), runners)?;
    let gib = gib(file.metadata()?.len());
    Ok(vec![Section { title: format!("other clients: http, {gib} GiB, 3 × 8 MiB in flight"), gib, sides, rows }])
}

/// Once, against a server that looks at every byte; or why it cannot be measured.
fn usable(
    bench: &Bench,
    peers: &Path,
    environment: &str,
    words: &[&str],
    file: &Path,
    options: &ProcessOptions,
) -> Result<(), String> {
    if let Ok(why) = fs::read_to_string(peers.join(format!("{environment}.skipped"))) {
        return Err(why.trim().to_owned());
    }
    let sink = bench.sink(&ProcessOptions { check: true, ..options.clone() }).map_err(|error| error.to_string())?;
    let cost = bench.cost(&command(peers, environment, words, &sink, file)).map_err(|error| error.to_string())?;
    let ledger = sink.ledger().map_err(|error| error.to_string())?;
    let parts = ledger["requests"]["UploadPart"].as_u64().unwrap_or(0);
    match (cost.success, ledger["differing"].as_u64()) {
        (false, _) => Err("it failed against the sink".to_owned()),
        (true, Some(0)) if parts > 1 => Ok(()),
        (true, Some(0)) => Err("it did not upload by parts".to_owned()),
        (true, _) => Err("the bytes that came are others".to_owned()),
    }
}

fn command(peers: &Path, environment: &str, words: &[&str], sink: &Process, file: &Path) -> Command {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(environment);
    let [first, rest @ ..] = words else { return Command::new("false") };
    let mut command = match environment {
        "rust" => {
            let mut command = Command::new(peers.join("rust/release/oss-bench-peers"));
            command.arg(first);
            command
        }
        "node" => {
            let mut command = Command::new("node");
            command.env("NODE_PATH", peers.join("node/node_modules")).arg(scripts.join(first));
            command
        }
        _ => {
            let mut command = Command::new(peers.join("python/bin/python"));
            // The checkout stays as it is.
            command.env("PYTHONDONTWRITEBYTECODE", "1").arg(scripts.join(first));
            command
        }
    };
    command.args(rest).arg(sink.port.to_string()).arg(file);
    command
}
