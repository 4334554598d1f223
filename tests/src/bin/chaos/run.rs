//! One run of the real command, struck while it works.

use crate::round::Round;
use crate::script::{self, Blow, Moment};
use crate::server::{BUCKET, ID, KEY, REGION, RIVAL, SECRET};
use crate::source::Edit;
use oss_emulator::{LedgerEntry, Operation};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// No run takes longer, however it is struck: faults are few, and stalls short.
const LONGEST: Duration = Duration::from_secs(90);
/// After an interrupt the last save is flushed within a second; the rest is for a busy machine.
const LONGEST_INTERRUPT: Duration = Duration::from_secs(8);
/// A strike that never comes is not waited for longer than this.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a run is made.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) restart: bool,
    pub(crate) strikes: Vec<(Moment, Blow)>,
}

/// How it went.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) restart: bool,
    pub(crate) began: Instant,
    pub(crate) status: ExitStatus,
    /// The requests of this run, as the ledger had them when it ended.
    pub(crate) entries: Vec<LedgerEntry>,
    pub(crate) last_before: u64,
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: String,
    /// What the file was in the meantime.
    pub(crate) versions: RangeInclusive<usize>,
    pub(crate) killed: bool,
    pub(crate) interrupted: bool,
    pub(crate) outage: bool,
    pub(crate) paused: Duration,
    /// It had to be killed because it would not end.
    pub(crate) hung: Option<&'static str>,
    /// Began beside it and may be at work now.
    pub(crate) rival: Option<Rival>,
}

/// A second process.
#[derive(Debug)]
pub(crate) struct Rival {
    running: Running,
    began: Instant,
    first_version: usize,
    last_before: u64,
}

impl Ended {
    pub(crate) fn events(&self) -> impl Iterator<Item = Value> + '_ {
        self.stdout.iter().filter_map(|line| serde_json::from_str(line).ok())
    }
}

#[derive(Debug)]
struct Running {
    child: Child,
    pid: Pid,
    lines: watch::Receiver<Vec<String>>,
    reading: JoinHandle<()>,
    stderr: JoinHandle<String>,
}

/// Starts the command, strikes, and waits for its end.
pub(crate) async fn run(round: &mut Round, plan: Plan) -> Result<Ended, String> {
    let first_version = round.source.current();
    let last_before = round.server.mark();
    let began = Instant::now();
    let mut running = start(round, ID, plan.restart, false)?;
    let mut struck = Struck::default();
    let deadline = began + LONGEST;
    for (moment, blow) in plan.strikes {
        if struck.killed
            || struck.interrupted.is_some()
            || !moment_comes(round, &mut running, &moment, last_before).await
        {
            break;
        }
        strike(round, &running, blow, last_before, &mut struck).await?;
    }
    let (status, hung) = end(&mut running, deadline, struck.interrupted).await?;
    if let Some(since) = struck.interrupted {
        round.tally.slowest_interrupt = round.tally.slowest_interrupt.max(since.elapsed());
    }
    round.tally.slowest_run = round.tally.slowest_run.max(began.elapsed().saturating_sub(struck.paused));
    let mut ended = ended(round, running, status, began, first_version, last_before).await?;
    ended.entries.retain(|entry| entry.access_key_id.as_deref() != Some(RIVAL));
    Ok(Ended {
        restart: plan.restart,
        killed: struck.killed,
        interrupted: struck.interrupted.is_some(),
        outage: struck.outage,
        paused: struck.paused,
        hung,
        rival: struck.rival,
        ..ended
    })
}

/// Waits for the end of the second process; its requests are those of its key.
pub(crate) async fn rival(round: &mut Round, rival: Rival) -> Result<Ended, String> {
    let Rival { mut running, began, first_version, last_before } = rival;
    let (status, hung) = end(&mut running, Instant::now() + LONGEST, None).await?;
    let mut ended = ended(round, running, status, began, first_version, last_before).await?;
    ended.entries.retain(|entry| entry.access_key_id.as_deref() == Some(RIVAL));
    Ok(Ended { hung, ..ended })
}

/// What is left to be said of a process that has ended undisturbed.
async fn ended(
    round: &Round,
    running: Running,
    status: ExitStatus,
    began: Instant,
    first_version: usize,
    last_before: u64,
) -> Result<Ended, String> {
    let entries = round.server.emulator.ledger().into_iter().filter(|entry| entry.sequence > last_before).collect();
    running.reading.await.map_err(|error| error.to_string())?;
    let stdout = running.lines.borrow().clone();
    Ok(Ended {
        restart: false,
        began,
        status,
        entries,
        last_before,
        stdout,
        stderr: running.stderr.await.map_err(|error| error.to_string())?,
        versions: first_version..=round.source.current(),
        killed: false,
        interrupted: false,
        outage: false,
        paused: Duration::ZERO,
        hung: None,
        rival: None,
    })
}

fn start(round: &Round, id: &str, restart: bool, wait: bool) -> Result<Running, String> {
    let mut command = Command::new(&round.oss);
    command.arg("cp").arg(round.source.path()).arg(format!("oss://{BUCKET}/{KEY}"));
    command.args(["--endpoint", &round.server.endpoint(), "--json"]);
    command.args(["--part-size", &round.part_size.to_string(), "--parallel", &round.parallel.to_string()]);
    for (asked, word) in [(restart, "--restart"), (wait, "--wait"), (round.forbid, "--forbid-overwrite")] {
        if asked {
            command.arg(word);
        }
    }
    command.env_clear().env("OSS_ACCESS_KEY_ID", id).env("OSS_ACCESS_KEY_SECRET", SECRET).env("OSS_REGION", REGION);
    let state: PathBuf = round.state_home();
    command.env("XDG_STATE_HOME", &state).env("HOME", &state).env("RUST_BACKTRACE", "1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| format!("{} cannot be started: {error}", round.oss.display()))?;
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw).ok_or("the child has no id")?;
    let (tell, lines) = watch::channel(Vec::new());
    let mut out = BufReader::new(child.stdout.take().ok_or("no stdout")?).lines();
    let reading = tokio::spawn(async move {
        while let Ok(Some(line)) = out.next_line().await {
            tell.send_modify(|lines| lines.push(line));
        }
    });
    let mut err = child.stderr.take().ok_or("no stderr")?;
    let stderr = tokio::spawn(async move {
        let mut bytes = Vec::new();
        // What could be read is all there is.
        let _ = err.read_to_end(&mut bytes).await;
        String::from_utf8_lossy(&bytes).into_owned()
    });
    Ok(Running { child, pid, lines, reading, stderr })
}

/// Waits for the moment; `false` when the run ended before. A moment that does not come is now.
async fn moment_comes(round: &Round, running: &mut Running, moment: &Moment, last_before: u64) -> bool {
    let emulator = round.server.emulator.clone();
    let lines = &mut running.lines;
    let comes = async {
        let since = |entries: &[LedgerEntry], operation: Operation, applied: bool| {
            let of = |e: &&LedgerEntry| e.sequence > last_before && e.operation == operation && (e.applied || !applied);
            entries.iter().filter(of).count()
        };
        match *moment {
            Moment::After(delay) => tokio::time::sleep(delay).await,
            Moment::Bytes(bytes) => emulator.wait_for(|entries| data(entries, last_before) >= bytes).await,
            Moment::Request(operation, n) => emulator.wait_for(|entries| since(entries, operation, false) >= n).await,
            Moment::Applied(operation, n) => emulator.wait_for(|entries| since(entries, operation, true) >= n).await,
            Moment::Line(event, n) => {
                let name = format!("\"event\":\"{event}\"");
                // An error is the end of the run, which the other branch sees.
                if lines.wait_for(|lines| lines.iter().filter(|line| line.contains(&name)).count() >= n).await.is_err()
                {
                    std::future::pending::<()>().await;
                }
            }
        }
    };
    tokio::select! {
        _ = running.child.wait() => false,
        _ = tokio::time::timeout(PATIENCE, comes) => true,
    }
}

fn data(entries: &[LedgerEntry], last_before: u64) -> u64 {
    let of = |e: &&LedgerEntry| {
        e.sequence > last_before && matches!(e.operation, Operation::UploadPart | Operation::PutObject)
    };
    entries.iter().filter(of).map(|entry| entry.bytes_received).sum()
}

#[derive(Debug, Default)]
struct Struck {
    rival: Option<Rival>,
    killed: bool,
    interrupted: Option<Instant>,
    outage: bool,
    paused: Duration,
}

async fn strike(
    round: &mut Round,
    running: &Running,
    blow: Blow,
    last_before: u64,
    struck: &mut Struck,
) -> Result<(), String> {
    // A file edited before it was opened was never another one.
    if matches!(blow, Blow::Edit) && round.server.mark() == last_before {
        return Ok(());
    }
    let one_rival_is_enough = matches!(blow, Blow::Rival(_)) && struck.rival.is_some();
    if one_rival_is_enough || (matches!(blow, Blow::Intrude) && !round.forbid) {
        return Ok(());
    }
    round.tally.blow(blow.name());
    // That it has ended meanwhile is no error.
    let send = |signal| _ = kill_process(running.pid, signal);
    match blow {
        Blow::Kill => {
            send(Signal::KILL);
            struck.killed = true;
        }
        Blow::Interrupt => {
            send(Signal::INT);
            struck.interrupted = Some(Instant::now());
        }
        Blow::Pause(length) => {
            send(Signal::STOP);
            tokio::time::sleep(length).await;
            send(Signal::CONT);
            struck.paused += length;
        }
        Blow::Outage(length) => {
            struck.outage = true;
            round.server.outage(length).await.map_err(|error| format!("the port is gone: {error}"))?;
        }
        Blow::Edit => {
            let edit = Edit::random(&mut round.rng);
            round.edit(edit)?;
        }
        Blow::Fault => script::add_fault(&round.server.emulator, &mut round.rng),
        Blow::Rival(wait) => {
            let (began, first_version, last_before) = (Instant::now(), round.source.current(), round.server.mark());
            let running = start(round, RIVAL, false, wait)?;
            struck.rival = Some(Rival { running, began, first_version, last_before });
        }
        Blow::Intrude => round.intrude().await,
    }
    Ok(())
}

/// Waits for the end, and makes one when it does not come.
async fn end(
    running: &mut Running,
    deadline: Instant,
    interrupted: Option<Instant>,
) -> Result<(ExitStatus, Option<&'static str>), String> {
    let (until, hung) = match interrupted {
        Some(since) => (since + LONGEST_INTERRUPT, "it did not end after an interrupt"),
        None => (deadline, "it did not end"),
    };
    match tokio::time::timeout_at(until.into(), running.child.wait()).await {
        Ok(status) => Ok((status.map_err(|error| error.to_string())?, None)),
        Err(_) => {
            running.child.kill().await.map_err(|error| error.to_string())?;
            Ok((running.child.wait().await.map_err(|error| error.to_string())?, Some(hung)))
        }
    }
}
