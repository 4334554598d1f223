//! The gate against growing costs: what the real command asks of the kernel for one part more, counted, never timed.
//!
//! Two uploads that differ only in their number of parts are traced by strace; the difference is the cost of a part.
//! A read too many, a body that is copied on its way, a part that wakes threads for nothing: all of them show here.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "the helpers of a test fail it and say what was skipped")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Bytes that the command reads at once.
const PIECE: u64 = 256 * 1024;
/// Calls that move a file's bytes, or a socket's.
const READS: [&str; 3] = ["preadv2", "pread64", "preadv"];
const WRITES: [&str; 4] = ["writev", "sendto", "sendmsg", "write"];
/// Calls whose number hangs on the scheduler.
const WAITS: [&str; 7] = ["futex", "epoll_wait", "epoll_pwait", "restart_syscall", "sched_yield", "clone3", WAKE];
/// The runtime wakes a thread that waits for sockets by a write of this number.
const WAKE: &str = "\"\\1\\0\\0\\0\\0\\0\\0\\0\", 8";

/// What one kind of call was asked, and what it moved.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    calls: u64,
    bytes: u64,
}

/// A sink that knows the file; ended with this value.
struct Sink {
    process: Child,
    port: u16,
}

impl Sink {
    fn start(file: &Path, part_size: u64) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oss-bench"));
        command.args(["sink", "--part-size", &part_size.to_string(), "--file"]).arg(file).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { process, port: line.trim().parse().unwrap() }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Why the calls of a process cannot be seen here, if so.
fn untraceable() -> Option<String> {
    let tried = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output();
    match tried {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(format!("strace: {error}")),
    }
}

/// Uploads `parts` parts under strace and counts every call.
fn traced(folder: &Path, parts: u64, part_size: u64) -> BTreeMap<String, Count> {
    let file = folder.join("data");
    let byte = |index: u64| u8::try_from(index * 31 % 251).unwrap();
    fs::write(&file, (0..parts * part_size).map(byte).collect::<Vec<_>>()).unwrap();
    let sink = Sink::start(&file, part_size);
    let log = folder.join("strace.log");
    let status = Command::new("strace")
        .args(["-f", "-qq", "-e", "signal=none", "-o"])
        .arg(&log)
        .arg(oss_tests::oss())
        .arg("cp")
        .arg(&file)
        .args(["oss://bench/big", "--quiet", "--region", "cn-hangzhou", "--parallel", "3"])
        .args(["--part-size", &part_size.to_string(), "--endpoint", &format!("http://127.0.0.1:{}", sink.port)])
        .envs([("OSS_ACCESS_KEY_ID", "id"), ("OSS_ACCESS_KEY_SECRET", "secret")])
        .status()
        .unwrap();
    assert!(status.success(), "the upload failed");
    counts(&fs::read_to_string(&log).unwrap())
}

/// Reads lines like `1234 preadv2(9, [{…}], 1, 0, RWF_NOWAIT) = 262144`, also when they come in two pieces.
fn counts(log: &str) -> BTreeMap<String, Count> {
    let mut counts = BTreeMap::<String, Count>::new();
    for line in log.lines() {
        let call = line.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
        let resumed = call.strip_prefix("<... ");
        let end = |c: char| c == '(' || c == ' ';
        let Some(name) = resumed.unwrap_or(call).split(end).next() else { continue };
        let name = if call.contains(WAKE) { WAKE } else { name };
        let count = counts.entry(name.to_owned()).or_default();
        count.calls += u64::from(resumed.is_none());
        // An error is negative, and moved nothing.
        let result = line.rsplit_once(" = ").and_then(|(_, result)| result.split(' ').next()?.parse::<u64>().ok());
        count.bytes += result.unwrap_or(0);
    }
    counts
}

fn sum(counts: &BTreeMap<String, Count>, names: &[&str]) -> Count {
    let found = names.iter().filter_map(|name| counts.get(*name));
    found.fold(Count::default(), |sum, one| Count { calls: sum.calls + one.calls, bytes: sum.bytes + one.bytes })
}

/// What `more` parts cost, beside a run without them.
struct Cost {
    reads: Count,
    writes: Count,
    stats: Count,
    all: Count,
}

fn cost(few: &BTreeMap<String, Count>, many: &BTreeMap<String, Count>) -> Cost {
    let names: Vec<&str> = many.keys().map(String::as_str).filter(|name| !WAITS.contains(name)).collect();
    let more = |names: &[&str]| {
        let (few, many) = (sum(few, names), sum(many, names));
        Count { calls: many.calls.saturating_sub(few.calls), bytes: many.bytes.saturating_sub(few.bytes) }
    };
    Cost {
        reads: more(&READS),
        writes: more(&WRITES),
        stats: more(&["statx", "fstat", "newfstatat"]),
        all: more(&names),
    }
}

fn measure(few: u64, many: u64, part_size: u64) -> Cost {
    let folder = tempfile::tempdir().unwrap();
    let runs = [few, many].map(|parts| traced(folder.path(), parts, part_size));
    let cost = cost(&runs[0], &runs[1]);
    let Cost { reads, writes, stats, all } = &cost;
    let more = many - few;
    eprintln!("{more} parts: {reads:?} read, {writes:?} written, {stats:?} fstat, {all:?} in all");
    cost
}

#[test]
fn a_part_is_read_once_written_once_and_asks_the_kernel_little_else() {
    if let Some(why) = untraceable() {
        return eprintln!("skipped: {why}");
    }
    const PART: u64 = 1024 * 1024;
    let more = 32;
    let Cost { reads, writes, stats, all } = measure(8, 8 + more, PART);
    assert_eq!(reads.bytes, more * PART, "every byte is read once");
    // A page that is not in the cache at once costs a second call now and then.
    assert!(reads.calls <= more * (PART / PIECE) * 5 / 4, "a read a piece: {} of {more} parts", reads.calls);
    let heads = writes.bytes - more * PART;
    assert!(heads <= more * 1536, "every byte is written once, and a head: {heads} bytes of {more} heads");
    // The socket takes less than a piece when it is full.
    assert!(writes.calls <= more * (PART / PIECE) * 2, "few writes a piece: {} of {more} parts", writes.calls);
    assert!(stats.calls <= more * 2, "fstat before and after: {} of {more} parts", stats.calls);
    assert!(all.calls <= more * 13, "nothing else: {} calls of {more} parts", all.calls);
}

#[test]
fn a_small_part_is_one_read_one_write_and_one_reply() {
    if let Some(why) = untraceable() {
        return eprintln!("skipped: {why}");
    }
    const PART: u64 = 100 * 1024;
    let more = 200;
    let Cost { reads, writes, stats, all } = measure(50, 50 + more, PART);
    assert_eq!(reads.bytes, more * PART, "every byte is read once");
    assert!(reads.calls <= more * 5 / 4, "one read a part: {} of {more}", reads.calls);
    assert!(writes.calls <= more * 5 / 4, "one write a part: {} of {more}", writes.calls);
    assert!(stats.calls <= more, "one fstat, after the only read: {} of {more}", stats.calls);
    assert!(all.calls <= more * 5, "nothing else: {} calls of {more} parts", all.calls);
}

/// The least of three runs: a disk that was busy with others for a moment makes the files after it cost more.
fn traced_files_at_rest(files: u64) -> BTreeMap<String, Count> {
    let calls = |counts: &BTreeMap<String, Count>| counts.values().map(|count| count.calls).sum::<u64>();
    (0..3).map(|_| traced_files(files)).min_by_key(calls).unwrap()
}

/// Uploads `files` files of 4 KiB through one client under strace and counts every call.
fn traced_files(files: u64) -> BTreeMap<String, Count> {
    let folder = tempfile::tempdir().unwrap();
    // Through a link (some systems have one at /tmp) a file costs a little more.
    let root = folder.path().canonicalize().unwrap();
    let source = root.join("files");
    fs::create_dir(&source).unwrap();
    for index in 0..files {
        fs::write(source.join(format!("{index:05}")), [7; 4096]).unwrap();
    }
    // A file that was written within the last tick of the file system's clock is waited for.
    std::thread::sleep(std::time::Duration::from_millis(100));
    let sink = Sink::start(&source.join("00000"), 100 * 1024);
    let log = root.join("strace.log");
    let status = Command::new("strace")
        .args(["-f", "-qq", "-e", "signal=none", "-o"])
        .arg(&log)
        .arg(env!("CARGO_BIN_EXE_oss-bench"))
        .args(["files", "--connections", "4", "--endpoint", &format!("http://127.0.0.1:{}", sink.port), "--source"])
        .arg(&source)
        .status()
        .unwrap();
    assert!(status.success(), "the upload failed");
    assert_eq!(fs::read_dir(&source).unwrap().count() as u64, files, "nothing is left beside the files");
    counts(&fs::read_to_string(&log).unwrap())
}

#[test]
fn a_small_file_is_one_request_and_few_calls_about_its_lock() {
    if let Some(why) = untraceable() {
        return eprintln!("skipped: {why}");
    }
    let more = 200;
    let cost = cost(&traced_files_at_rest(50), &traced_files_at_rest(50 + more));
    let Cost { reads, writes, stats, all } = &cost;
    eprintln!("{more} files: {reads:?} read, {writes:?} written, {stats:?} stat, {all:?} in all");
    assert_eq!(reads.bytes, more * 4096, "every byte is read once");
    assert!(reads.calls <= more * 5 / 4, "one read a file: {} of {more}", reads.calls);
    assert!(writes.calls <= more * 2, "one request a file: {} of {more}", writes.calls);
    assert!(stats.calls <= more * 8, "few looks: {} of {more}", stats.calls);
    assert!(all.calls <= more * 22, "nothing else: {} calls of {more} files", all.calls);
}

#[test]
fn calls_are_counted_whole_or_in_two_pieces() {
    let log = "12 preadv2(9, [{iov_base=\"x = 7\", iov_len=3}], 1, 0, RWF_NOWAIT) = 3\n\
               13 writev(10, [{iov_base=\"\"...}], 1 <unfinished ...>\n\
               12 write(5, \"\\1\\0\\0\\0\\0\\0\\0\\0\", 8) = 8\n\
               12 preadv2(9, 0, 1, 3, RWF_NOWAIT) = -1 EAGAIN (Resource temporarily unavailable)\n\
               13 <... writev resumed>) = 5\n";
    let counts = counts(log);
    assert_eq!((counts["preadv2"].calls, counts["preadv2"].bytes), (2, 3));
    assert_eq!((counts["writev"].calls, counts["writev"].bytes), (1, 5));
    assert_eq!((counts[WAKE].calls, counts.contains_key("write")), (1, false));
}
