//! Executes what the machine asks for, one attempt each. It decides nothing.

#![expect(clippy::disallowed_methods, reason = "the driver is where the machine's time comes from")]

use crate::calls::{self, Ended};
use crate::dispatch::{Dispatch, Task};
use crate::error::{Cause, UploadError};
use crate::machine::{Action, ActionId, Completed, Outcome, Parallel};
use crate::prepare::{Prepared, asked_for, prepare};
use crate::prepare_at_once::prepare_at_once;
use crate::request::UploadObjectRequest;
use crate::saver::Saver;
use oss_http::{Caller, Fault};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// Uploads one file as one object: resumes what an earlier run left, and reports success only for a proven object.
///
/// Durable on return: the object. The checkpoint is then gone. On an error the checkpoint stands as the error's
/// [`kind`](UploadError::kind) says, and the same call continues.
///
/// # Errors
/// [`UploadError`]; everything that can be checked without a request is checked before the first one.
///
/// # Cancel safety
/// Dropping the future stops the calls and promises no save; none is needed, the server's list is the truth. To stop
/// with the last save flushed, cancel the request's [`CancellationToken`] and await the end (within a second).
pub async fn upload(caller: &Caller, region: &str, mut request: UploadObjectRequest) -> Result<Completed, UploadError> {
    let (observer, spans) = (request.observer.take(), request.spans.take());
    let caller = match request.traffic_limit {
        Some(limit) => caller.clone().with_traffic_limit(Some(limit)),
        None => caller.clone(),
    };
    let cancel = request.cancel.clone();
    let (progress, memory) = (request.progress.clone(), request.memory.take().unwrap_or_default());
    if let (Parallel::Auto { most }, Some(room)) = (&mut request.options.parallel, memory.room_for()) {
        *most = room.min(*most);
    }
    let connections = request.options.parallel.most();
    let asked_for = asked_for(&request, caller.endpoint().to_string(), region)?;
    let prepared = match prepare_at_once(&request, &asked_for) {
        Some(prepared) => prepared,
        None => {
            let preparing = tokio::task::spawn_blocking(move || prepare(&request, asked_for));
            // The lock may be waited for; whoever gives up leaves it to the thread that waits, which lets it go at once.
            tokio::select! {
                prepared = preparing => prepared.unwrap_or_else(resume_panic)?,
                () = cancel.cancelled() => return Err(UploadError::cancelled()),
            }
        }
    };
    progress.begin(prepared.source.fingerprint().size);
    let _share = memory.join(connections);
    let Prepared { source, job, upload, store, lock, notices, at_once } = prepared;
    let (began, size) = (Instant::now(), source.fingerprint().size);
    let dispatch = Arc::new(Dispatch::new(began, upload, size, notices, progress.clone(), observer, spans));
    let context = Arc::new(calls::Context { caller, job, source, progress, memory });
    Driver::new(began, context, dispatch, Saver::new(store, lock, at_once)).run(cancel).await
}

/// Whoever drives the upload: begins what the machine asks for, and brings it how that ended. The tasks that send parts
/// do so by themselves, see [`Dispatch::next_part`].
struct Driver {
    began: Instant,
    context: Arc<calls::Context>,
    dispatch: Arc<Dispatch>,
    /// Calls and reads that are no parts: they are few, and need no task.
    calls: Vec<Call>,
    /// Each sends one part after the other.
    senders: JoinSet<()>,
    /// How often they were stopped.
    stops: u64,
    saver: Saver,
    /// Tells blocking reads, which cannot be dropped, that nobody waits for them.
    stop: Arc<AtomicBool>,
    _silence: Silence,
}

/// Dropped, nobody is told anything any more, although a task may take until then to hear that it was stopped.
struct Silence(Arc<Dispatch>);

impl Drop for Silence {
    fn drop(&mut self) {
        self.0.be_silent();
    }
}

type Call = Pin<Box<dyn Future<Output = (ActionId, Ended)> + Send>>;

impl Driver {
    fn new(began: Instant, context: Arc<calls::Context>, dispatch: Arc<Dispatch>, saver: Saver) -> Self {
        let (calls, senders) = (Vec::new(), JoinSet::new());
        let _silence = Silence(dispatch.clone());
        Self { began, context, dispatch, calls, senders, stops: 0, saver, stop: Arc::default(), _silence }
    }

    async fn run(mut self, cancel: CancellationToken) -> Result<Completed, UploadError> {
        let (mut cancelling, mut cancelled) = (pin!(cancel.cancelled()), false);
        // One alarm for the whole run: it is set anew only when it would come too late, and may come too early.
        let mut alarm = pin!(sleep_until(self.began));
        loop {
            let turn = self.dispatch.turn();
            turn.tasks.into_iter().for_each(|task| self.begin(task));
            if let Some(outcome) = turn.outcome {
                return self.end(outcome).await;
            }
            if let Some(at) = turn.alarm.filter(|at| alarm.is_elapsed() || *at < alarm.deadline()) {
                alarm.as_mut().reset(at);
            }
            tokio::select! {
                biased;
                () = &mut cancelling, if !cancelled => {
                    cancelled = true;
                    self.dispatch.cancel();
                }
                Some(saved) = self.saver.join_next() => {
                    let (id, ended) = saved.unwrap_or_else(resume_panic);
                    self.dispatch.ended(id, ended);
                }
                (id, ended) = next(&mut self.calls) => self.dispatch.ended(id, ended),
                Some(sender) = self.senders.join_next() => ended_well(sender),
                () = self.dispatch.called() => {}
                () = &mut alarm, if turn.alarm.is_some() => {}
            }
        }
    }

    fn begin(&mut self, (id, action, gauge): Task) {
        match action {
            Action::Stop => {
                self.stop.store(true, Ordering::Relaxed);
                self.stop = Arc::default();
                self.calls.clear();
                self.senders.abort_all();
                self.stops += 1;
            }
            Action::Save(checkpoint) => self.saver.save(id, checkpoint),
            Action::Discard => {
                if let Some(ended) = self.saver.discard(id) {
                    self.dispatch.ended_at_once(id, ended);
                }
            }
            Action::UploadPart { .. } => {
                let (context, dispatch, stop) = (self.context.clone(), self.dispatch.clone(), self.stop.clone());
                self.senders.spawn(send(context, dispatch, stop, self.stops, (id, action, gauge)));
            }
            action => {
                let call = calls::perform(self.context.clone(), action, self.stop.clone(), gauge);
                self.calls.push(Box::pin(async move { (id, call.await) }));
            }
        }
    }

    async fn end(mut self, outcome: Outcome) -> Result<Completed, UploadError> {
        self.stop.store(true, Ordering::Relaxed);
        self.calls.clear();
        self.senders.abort_all();
        while let Some(sender) = self.senders.join_next().await {
            ended_well(sender);
        }
        self.saver.close().await;
        self.dispatch.close();
        match outcome {
            Outcome::Completed(completed) => Ok(completed),
            Outcome::Failed(failure) => {
                let source = self.dispatch.error_of(failure.action).map(Box::new);
                Err(UploadError::Failed { failure, source })
            }
        }
    }
}

/// The next call that ends; for ever pending when there is none.
///
/// # Cancel safety
/// Nothing is lost when the future is dropped.
async fn next(calls: &mut Vec<Call>) -> (ActionId, Ended) {
    poll_fn(|cx| {
        let ended = calls.iter_mut().enumerate().find_map(|(index, call)| match call.as_mut().poll(cx) {
            Poll::Ready(ended) => Some((index, ended)),
            Poll::Pending => None,
        });
        ended.map_or(Poll::Pending, |(index, ended)| {
            drop(calls.swap_remove(index));
            Poll::Ready(ended)
        })
    })
    .await
}

/// Sends a part, and then whatever part is next, until there is none.
async fn send(context: Arc<calls::Context>, dispatch: Arc<Dispatch>, stop: Arc<AtomicBool>, stops: u64, first: Task) {
    let mut next = Some(first);
    while let Some((id, action, gauge)) = next {
        let mut call = pin!(calls::perform(context.clone(), action, stop.clone(), gauge));
        let mut waited = false;
        let ended = poll_fn(|cx| {
            let ended = call.as_mut().poll(cx);
            waited |= ended.is_pending();
            ended
        });
        next = dispatch.next_part(id, ended.await, stops);
        if !waited {
            // A transport in memory may never have to wait: the other senders have their turn all the same.
            tokio::task::yield_now().await;
        }
    }
}

/// A task ends by itself or because it was stopped.
fn ended_well(sender: Result<(), JoinError>) {
    if let Err(error) = sender
        && !error.is_cancelled()
    {
        resume_panic(error)
    }
}

fn resume_panic<T>(error: JoinError) -> T {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(error) => panic!("the runtime is shutting down: {error}"),
    }
}

/// What a call that will not be repeated by itself means for the machine.
pub(crate) fn local(error: std::io::Error) -> (Fault, Cause) {
    let fault = if oss_http::SourceChanged::is_in(&error) { Fault::SourceChanged } else { Fault::Rejected };
    (fault, Cause::Local(error.to_string()))
}
