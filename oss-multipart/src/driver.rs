//! Executes what the machine asks for, one attempt each. It decides nothing.

#![expect(clippy::disallowed_methods, reason = "the driver is where the machine's time comes from")]

use crate::calls::{self, Ended};
use crate::error::{Cause, UploadError};
use crate::flights::Flights;
use crate::machine::{Action, ActionId, Completed, Event, Notice, Now, Outcome, Parallel, Reply};
use crate::memory::Memory;
use crate::prepare::{Prepared, asked_for, prepare};
use crate::prepare_at_once::prepare_at_once;
use crate::request::{Observer, Progress, UploadObjectRequest};
use crate::saver::Saver;
use crate::span::SpanObserver;
use oss_http::{Caller, Fault};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Errors kept so that the end can say which one decided; more calls than this are never in flight for one decision.
const ERRORS_KEPT: usize = 64;

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
    Driver::new(caller, prepared, progress, memory, observer, spans).run(cancel).await
}

struct Driver {
    began: Instant,
    upload: crate::machine::Upload,
    context: Arc<calls::Context>,
    calls: JoinSet<(ActionId, Ended)>,
    flights: Flights,
    saver: Saver,
    /// Tells blocking reads, which cannot be dropped, that nobody waits for them.
    stop: Arc<AtomicBool>,
    errors: VecDeque<(ActionId, Cause)>,
    observer: Option<Observer>,
    notices: Vec<Event>,
}

impl Driver {
    fn new(
        caller: Caller,
        prepared: Prepared,
        progress: Progress,
        memory: Memory,
        observer: Option<Observer>,
        spans: Option<SpanObserver>,
    ) -> Self {
        let Prepared { source, job, upload, store, lock, notices, at_once } = prepared;
        let began = Instant::now();
        let flights = Flights::new(began, source.fingerprint().size, spans);
        Self {
            began,
            upload,
            context: Arc::new(calls::Context { caller, job, source, progress, memory }),
            calls: JoinSet::new(),
            flights,
            saver: Saver::new(store, lock, at_once),
            stop: Arc::default(),
            errors: VecDeque::new(),
            observer,
            notices,
        }
    }

    async fn run(mut self, cancel: CancellationToken) -> Result<Completed, UploadError> {
        let mut cancelled = false;
        for event in std::mem::take(&mut self.notices) {
            self.tell(&event);
        }
        loop {
            self.start_actions();
            while let Some(event) = self.upload.poll_event() {
                self.tell(&event);
            }
            if let Some(outcome) = self.upload.outcome().cloned() {
                return self.end(outcome).await;
            }
            let wake = self.upload.poll_timeout().map(|at| self.began + at);
            tokio::select! {
                biased;
                () = cancel.cancelled(), if !cancelled => {
                    cancelled = true;
                    self.upload.cancel(self.now());
                }
                Some(ended) = self.saver.join_next() => self.handle(ended),
                Some(ended) = self.calls.join_next() => self.handle(ended),
                () = sleep_until(wake), if wake.is_some() => {}
            }
        }
    }

    fn start_actions(&mut self) {
        if self.upload.wants_progress() {
            self.flights.report(self.now(), &mut self.upload);
        }
        while let Some((id, action)) = self.upload.poll_action(self.now()) {
            if action == Action::Stop {
                self.flights.drop_calls();
                self.stop.store(true, Ordering::Relaxed);
                self.stop = Arc::default();
                self.calls.abort_all();
                continue;
            }
            let gauge = self.flights.begin(self.now(), id, &action);
            match action {
                Action::Save(checkpoint) => self.saver.save(id, checkpoint),
                Action::Discard => {
                    if let Some(ended) = self.saver.discard(id) {
                        self.handle(Ok((id, ended)));
                    }
                }
                action => {
                    let call = calls::perform(self.context.clone(), action, self.stop.clone(), gauge);
                    self.calls.spawn(async move { (id, call.await) });
                }
            }
        }
    }

    fn handle(&mut self, ended: Result<(ActionId, Ended), JoinError>) {
        let (id, ended) = match ended {
            Ok(ended) => ended,
            Err(error) if error.is_cancelled() => return,
            Err(error) => resume_panic(error),
        };
        let now = self.now();
        self.flights.end(id, &ended);
        match ended {
            Ok(reply) => {
                if let Reply::NotSaved(reason) = &reply {
                    self.keep(id, Cause::Local(reason.clone()));
                }
                self.upload.handle_reply(now, id, reply);
            }
            Err((fault, cause)) => {
                self.keep(id, cause);
                self.upload.handle_fault(now, id, fault);
            }
        }
    }

    fn keep(&mut self, id: ActionId, cause: Cause) {
        self.errors.truncate(ERRORS_KEPT);
        self.errors.push_front((id, cause));
    }

    fn tell(&mut self, event: &Event) {
        self.context.progress.count(event);
        let mut calls = self.errors.iter().map(|(_, cause)| cause.call());
        let behind = match event {
            Event::Retry { .. } => calls.next().flatten(),
            Event::Notice(Notice::CallbackFailed) => calls.flatten().find(|e| e.fault() == Fault::CallbackFailed),
            _ => None,
        };
        if let Some(observer) = &mut self.observer {
            observer(event, behind);
        }
    }

    async fn end(mut self, outcome: Outcome) -> Result<Completed, UploadError> {
        self.stop.store(true, Ordering::Relaxed);
        self.calls.shutdown().await;
        self.saver.close().await;
        self.flights.drop_all();
        match outcome {
            Outcome::Completed(completed) => Ok(completed),
            Outcome::Failed(failure) => {
                let decided = |(id, _): &&(ActionId, Cause)| Some(*id) == failure.action;
                let source = self.errors.iter().find(decided).map(|(_, cause)| Box::new(cause.clone()));
                Err(UploadError::Failed { failure, source })
            }
        }
    }

    fn now(&self) -> Now {
        self.began.elapsed()
    }
}

async fn sleep_until(wake: Option<Instant>) {
    tokio::time::sleep_until(wake.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600))).await;
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
