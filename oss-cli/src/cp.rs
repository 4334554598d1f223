//! `oss cp`: the resumable upload.

use crate::advice;
use crate::args::Cp;
use crate::connection::{self, Connected};
use crate::failure::{Exit, Failure};
use crate::interrupts::Interrupts;
use crate::json::{self, Job};
use crate::progress::Meter;
use crate::recording::Recording;
use crate::reporter::{Reporter, Seen};
use oss_client::{CancellationToken, Completed, Error, Key, Memory, Progress, UploadObjectRequest};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long an interrupted upload may take to flush its last save. What has not ended by then is waiting for something
/// that cannot be cancelled (another process's lock), or for a disk that hangs.
const FLUSH: Duration = Duration::from_millis(900);
/// What is left after an interrupt is a line or two. A terminal or a pipe that takes none does not hold the exit up.
const LAST_WORDS: Duration = Duration::from_secs(2);

pub(crate) async fn run(args: Cp) -> Result<(), Failure> {
    let json = args.json;
    let outcome = upload(args).await;
    if let (true, Err(failure)) = (json, &outcome)
        && failure.exit != Exit::Callback
    {
        json::print(&json::failed(failure));
    }
    outcome
}

async fn upload(args: Cp) -> Result<(), Failure> {
    let began = Instant::now();
    let key = args.target.key_for(&args.file).map_err(Failure::usage)?;
    let progress = Progress::default();
    let meter = Arc::new(Meter::new(progress.clone(), args.quiet, args.json));
    let cancel = CancellationToken::new();
    watch_interrupts(cancel.clone(), meter.clone())?;

    let headers = args.object.headers().map_err(Failure::usage)?;
    let connected = tokio::select! {
        connected = args.connection.connect() => connected?,
        // Credentials may come from far away; nothing was begun.
        () = cancel.cancelled() => return Err(interrupted()),
    };
    if let Some(words) = connected.credentials.as_ref().filter(|_| !args.quiet) {
        meter.line(words);
    }
    if let Some(words) = connection::note(&connected.client, &args.target.bucket) {
        meter.line(&words);
    }
    let title = format!("oss://{}/{}", args.target.bucket, key.as_str().escape_debug());
    let memory = args.max_memory.map_or_else(|| connected.client.memory().clone(), Memory::new);
    let recording = Recording::new(&args.report, title, &connected.client, &memory, began)?.map(Arc::new);
    let seen = Arc::<Mutex<Seen>>::default();
    let reporter = Reporter {
        job: Job { bucket: args.target.bucket.to_string(), key: key.to_string() },
        progress: progress.clone(),
        meter: meter.clone(),
        json: args.json,
        quiet: args.quiet,
        began,
        seen: seen.clone(),
        recording: recording.clone(),
    };
    let mut request = request(&args, &key, &connected)
        .memory(&memory)
        .headers(headers)
        .progress(&progress)
        .cancellation(cancel.clone())
        .on_event(move |event, error| reporter.tell(event, error));
    if let Some(recording) = recording.clone() {
        request = request.on_span(move |span| recording.take(span));
    }

    let ended = transfer(&connected, request, &cancel, &meter).await;
    meter.clear();
    recording.iter().flat_map(|recording| recording.end()).for_each(|line| meter.line(&line));
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match ended {
        Some(Ok(done)) => {
            connected.close().await;
            leftovers(&args, &key, &seen, &meter);
            Failure::of_callback(done.callback).map_or(Ok(()), Err)
        }
        Some(Err(error)) => Err(failure(error, &args, &key, &seen)),
        None => Err(interrupted()),
    }
}

fn interrupted() -> Failure {
    Failure::again(anyhow::anyhow!("interrupted"))
}

fn request(args: &Cp, key: &Key, connected: &Connected) -> UploadObjectRequest {
    let mut request = UploadObjectRequest::new(args.target.bucket.as_str(), key.as_str(), &args.file)
        .parts_in_flight(args.parallel)
        .retry_budget(args.connection.limits.retry_budget)
        .restart(args.restart)
        .wait(args.wait)
        .require_checkpoint(args.require_checkpoint)
        .verify_source(args.verify_source)
        .allow_unproven(args.allow_unproven);
    if let Some(bytes) = args.part_size {
        request = request.part_size(bytes);
    }
    if let Some(directory) = &args.checkpoint_dir {
        request = request.checkpoint_dir(directory);
    }
    if let Some(limit) = args.object.traffic_limit {
        request = request.traffic_limit(limit);
    }
    if let Some(embedded) = &connected.embedded {
        request = request.endpoint_name(embedded.name());
    }
    request
}

/// Runs the upload and draws beside it; `None` when it was interrupted and did not end in time.
async fn transfer(
    connected: &Connected,
    request: UploadObjectRequest,
    cancel: &CancellationToken,
    meter: &Meter,
) -> Option<Result<Completed, Error>> {
    let mut upload = pin!(connected.client.resumable_upload_object(request));
    let mut overdue = pin!(async {
        cancel.cancelled().await;
        tokio::time::sleep(FLUSH).await;
    });
    let since = Instant::now();
    let mut ticks = tokio::time::interval(meter.interval());
    ticks.tick().await;
    loop {
        tokio::select! {
            biased;
            ended = &mut upload => return Some(ended),
            () = &mut overdue => return None,
            _ = ticks.tick() => meter.draw(since),
        }
    }
}

/// The first interrupt stops in order, the second at once; both mean that the same command continues.
///
/// On a thread of its own: the upload's threads may all wait for somebody who reads what they print, and a signal must be
/// heard all the same.
fn watch_interrupts(cancel: CancellationToken, meter: Arc<Meter>) -> Result<(), Failure> {
    let cannot = |error| Failure::again(anyhow::Error::new(error).context("Ctrl-C cannot be handled"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(cannot)?;
    let mut interrupts = {
        let _here = runtime.enter();
        Interrupts::new().map_err(cannot)?
    };
    let watch = async move {
        interrupts.next().await;
        cancel.cancel();
        tokio::task::spawn_blocking(move || {
            meter.line("stopping: what has been sent is kept (once more to stop at once)");
        });
        tokio::select! {
            () = interrupts.next() => {}
            () = tokio::time::sleep(FLUSH + LAST_WORDS) => {}
        }
        std::process::exit(Exit::Again.code().into());
    };
    std::thread::Builder::new().name("interrupts".into()).spawn(move || runtime.block_on(watch)).map_err(cannot)?;
    Ok(())
}

/// After success: what may be left from earlier runs.
fn leftovers(args: &Cp, key: &Key, seen: &Seen, meter: &Meter) {
    for upload_id in &seen.leftovers {
        let step = advice::abort(upload_id, &args.target, key.as_str());
        meter.line(&format!("next: {}:\n  {}", step.words, step.command));
    }
}

fn failure(error: Error, args: &Cp, key: &Key, seen: &Seen) -> Failure {
    let exit = Exit::from(error.kind());
    let standing = |id: &&oss_client::UploadId| Some(*id) != error.upload_id();
    let leftovers = seen.leftovers.iter().filter(standing);
    let mut next: Vec<_> = leftovers.map(|id| advice::abort(id, &args.target, key.as_str())).collect();
    next.extend(advice::after_upload(&error, seen));
    Failure { exit, error: error.into(), next }
}
