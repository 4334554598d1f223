//! The machine and what is known of its actions, behind one lock.
//!
//! Whoever brings the end of a part takes the next part along, in the same task, on the same thread, where buffer and
//! connection are still warm: nobody is woken and no task is started for a part. Everything else the machine asks for is
//! left for the driver, who is called.

use crate::calls::Ended;
use crate::error::Cause;
use crate::flights::Flights;
use crate::machine::{Action, ActionId, Event, Notice, Now, Outcome, Reply, Upload};
use crate::request::{Observer, Progress};
use crate::span::{Gauge, Span, SpanObserver};
use oss_http::{CallError, Fault};
use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Errors kept so that the end can say which one decided; more calls than this are never in flight for one decision.
const ERRORS_KEPT: usize = 64;

/// An action that is to be begun, with its stopwatch.
pub(crate) type Task = (ActionId, Action, Arc<Gauge>);

pub(crate) struct Dispatch {
    began: Instant,
    state: Mutex<State>,
    /// Wakes the driver.
    wake: Notify,
    progress: Progress,
    observers: Mutex<Observers>,
    silent: AtomicBool,
}

struct State {
    upload: Upload,
    flights: Flights,
    errors: VecDeque<(ActionId, Cause)>,
    /// Asked for by the machine, not begun yet.
    tasks: VecDeque<Task>,
    /// Happened, in the machine's order, and not told yet.
    news: VecDeque<News>,
    /// When the driver looks by itself.
    alarm: Option<Now>,
    /// How often all that was under way was to be stopped.
    stops: u64,
}

struct Observers {
    events: Option<Observer>,
    spans: Option<SpanObserver>,
}

enum News {
    /// With the error of the call behind it.
    Event(Event, Option<CallError>),
    Span(Span),
}

/// What the driver has to do next.
pub(crate) struct Turn {
    pub(crate) tasks: VecDeque<Task>,
    pub(crate) outcome: Option<Outcome>,
    /// To be woken by then.
    pub(crate) alarm: Option<Instant>,
}

impl Dispatch {
    /// `notices` came up while the upload was prepared, and are told first.
    pub(crate) fn new(
        began: Instant,
        upload: Upload,
        size: u64,
        notices: Vec<Event>,
        progress: Progress,
        observer: Option<Observer>,
        spans: Option<SpanObserver>,
    ) -> Self {
        let state = State {
            upload,
            flights: Flights::new(began, size, spans.is_some()),
            errors: VecDeque::new(),
            tasks: VecDeque::new(),
            news: notices.into_iter().map(|event| News::Event(event, None)).collect(),
            alarm: None,
            stops: 0,
        };
        let observers = Mutex::new(Observers { events: observer, spans });
        let (wake, silent) = (Notify::new(), AtomicBool::new(false));
        Self { began, state: Mutex::new(state), wake, progress, observers, silent }
    }

    /// Takes everything that is to be done.
    pub(crate) fn turn(&self) -> Turn {
        let mut state = self.state();
        state.poll(self.now());
        state.alarm = state.upload.poll_timeout();
        let alarm = state.alarm.map(|at| self.began + at);
        let turn = Turn { tasks: mem::take(&mut state.tasks), outcome: state.upload.outcome().cloned(), alarm };
        drop(state);
        self.tell();
        turn
    }

    /// An action of the driver's has ended.
    pub(crate) fn ended(&self, id: ActionId, ended: Ended) {
        self.state().handle(self.now(), id, ended);
    }

    /// An action of the driver's had ended when it was begun: he has to look again.
    pub(crate) fn ended_at_once(&self, id: ActionId, ended: Ended) {
        self.ended(id, ended);
        self.wake.notify_one();
    }

    /// A part has ended that was begun after so many stops: the next one, when there is one to be sent. Who is stopped
    /// takes none along, however late he hears of it: it would be lost with him.
    pub(crate) fn next_part(&self, id: ActionId, ended: Ended, stops: u64) -> Option<Task> {
        let mut state = self.state();
        let now = self.now();
        state.handle(now, id, ended);
        state.poll(now);
        let part = if state.stops == stops { state.take_part() } else { None };
        let sooner = state.upload.poll_timeout().is_some_and(|at| state.alarm.is_none_or(|alarm| at < alarm));
        if sooner || !state.tasks.is_empty() || state.upload.outcome().is_some() {
            self.wake.notify_one();
        }
        drop(state);
        self.tell();
        part
    }

    /// Ready when something was left for the driver.
    ///
    /// # Cancel safety
    /// A call that came meanwhile is kept.
    pub(crate) async fn called(&self) {
        self.wake.notified().await;
    }

    /// Stops, keeping what was sent.
    pub(crate) fn cancel(&self) {
        self.state().upload.cancel(self.now());
    }

    /// Nobody waits for anything any more: the last spans are told.
    pub(crate) fn close(&self) {
        self.state().drop_all(self.now());
        self.tell();
    }

    /// Nobody is told anything any more, but for what is being told at this moment.
    pub(crate) fn be_silent(&self) {
        self.silent.store(true, Ordering::Relaxed);
    }

    /// The error of this action's call, or what went wrong with it locally.
    pub(crate) fn error_of(&self, action: Option<ActionId>) -> Option<Cause> {
        let state = self.state();
        let decided = |(id, _): &&(ActionId, Cause)| Some(*id) == action;
        state.errors.iter().find(decided).map(|(_, cause)| cause.clone())
    }

    /// Tells the news, unless somebody is telling them already, who then tells these as well: a part does not wait for an
    /// observer that another part has called.
    fn tell(&self) {
        while !self.state().news.is_empty() {
            let Some(mut observers) = self.try_observers() else { return };
            loop {
                let Some(news) = self.state().news.pop_front() else { break };
                if !self.silent.load(Ordering::Relaxed) {
                    observers.tell(&self.progress, &news);
                }
            }
        }
    }

    fn try_observers(&self) -> Option<MutexGuard<'_, Observers>> {
        match self.observers.try_lock() {
            Ok(observers) => Some(observers),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => None,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Now {
        self.began.elapsed()
    }
}

impl State {
    /// Asks the machine for all there is to do and to tell.
    fn poll(&mut self, now: Now) {
        if self.upload.wants_progress() {
            self.flights.report(now, &mut self.upload);
        }
        while let Some((id, action)) = self.upload.poll_action(now) {
            if action == Action::Stop {
                self.flights.drop_calls(now);
                self.stops += 1;
            }
            let gauge = self.flights.begin(now, id, &action);
            self.tasks.push_back((id, action, gauge));
        }
        self.news.extend(self.flights.take_ended().map(News::Span));
        while let Some(event) = self.upload.poll_event() {
            let behind = self.behind(&event);
            self.news.push_back(News::Event(event, behind));
        }
    }

    fn take_part(&mut self) -> Option<Task> {
        let part = self.tasks.iter().position(|(_, action, _)| matches!(action, Action::UploadPart { .. }));
        self.tasks.remove(part?)
    }

    fn handle(&mut self, now: Now, id: ActionId, ended: Ended) {
        self.flights.end(now, id, &ended);
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

    fn behind(&self, event: &Event) -> Option<CallError> {
        let mut calls = self.errors.iter().map(|(_, cause)| cause.call());
        let behind = match event {
            Event::Retry { .. } => calls.next().flatten(),
            Event::Notice(Notice::CallbackFailed) => calls.flatten().find(|e| e.fault() == Fault::CallbackFailed),
            _ => None,
        };
        behind.cloned()
    }

    fn drop_all(&mut self, now: Now) {
        self.flights.drop_all(now);
        self.news.extend(self.flights.take_ended().map(News::Span));
    }
}

impl Observers {
    fn tell(&mut self, progress: &Progress, news: &News) {
        match news {
            News::Event(event, behind) => {
                progress.count(event);
                if let Some(observer) = &mut self.events {
                    observer(event, behind.as_ref());
                }
            }
            News::Span(span) => {
                if let Some(observer) = &mut self.spans {
                    observer(span);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
