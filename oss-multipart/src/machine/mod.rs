//! The upload as a pure state machine.
//!
//! Inputs are `handle_*`, outputs are `poll_*`, time is an argument (since the run began). After every input, poll until
//! nothing comes: [`Upload::poll_event`] (tell the user), [`Upload::poll_action`] (do it, once, beside the others),
//! [`Upload::poll_timeout`] (poll again by then), [`Upload::outcome`] (stop).
//!
//! What the machine guarantees, whatever is answered or lost:
//! - no part is sent before a save with the upload id was answered, and no Complete before one with the verdict was;
//! - nothing is published unless every part was proven against bytes of the file as it was opened;
//! - an id is aborted only when it came in a reply to us (now, or as a whole checkpoint of this very job says).

mod action;
mod auto;
mod callback;
mod ending;
mod event;
mod moving;
mod outcome;
mod parts;
mod retry;
mod saving;
mod settling;
mod steps;
#[cfg(test)]
mod tests;
mod window;

pub use action::{Action, ActionId, Digests, Head, Published, Reply, ToProve};
pub use callback::Callback;
pub use event::{Completed, Event, Notice};
pub use oss_http::Fault;
pub use outcome::{Earlier, Failure, Options, Outcome, Why};
pub use window::Parallel;

use crate::plan::Plan;
use oss_checkpoint::{Abandoned, Job, Part, Source, State};
use oss_proto::ops::ListedPart;
use oss_proto::{Crc64, PartNumber, UploadId};
use parts::Parts;
use retry::{Retry, Tries, Verdict};
use settling::Settling;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Time since the run began.
pub type Now = Duration;

/// At most one save a second between the two barriers: the server's list is the truth, the saves are hints.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// A server that loses our upload this often is not asked again in this run.
const MAX_FRESH_STARTS: u32 = 3;
/// Complete may be refused for its parts this often.
const MAX_REJECTIONS: u32 = 3;
/// Threads that prove at once.
const PROVING_AT_ONCE: usize = 2;

/// The id of the upload under way, and whether a crash now would remember it.
#[derive(Debug, Clone)]
struct Own {
    upload_id: UploadId,
    initiated: u64,
    durable: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    Settling(Settling),
    SavingIntent,
    Looking,
    Initiating,
    SavingId,
    Listing,
    Relisting,
    Moving,
    Checking,
    SavingVerdict,
    Completing,
    Heading,
    /// `None`: HeadObject is not allowed.
    Hashing(Option<Head>),
    Putting,
    Discarding(Box<Completed>),
    Ending(ending::Ending),
    Over,
}

/// The one action of a phase that has one: issued or waiting, and how often it failed.
#[derive(Debug, Default)]
struct Step {
    issued: Option<ActionId>,
    not_before: Now,
    failures: Tries,
}

/// What an action in flight is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Step,
    Send(PartNumber),
    Prove,
    SaveHint,
}

/// One upload of one file; see the module's words for how to drive it.
#[derive(Debug)]
pub struct Upload {
    job: Job,
    source: Source,
    plan: Plan,
    options: Options,
    /// By our clock: of this run, and of the save before the first Initiate.
    began: u64,
    wall: u64,
    /// `wall` by the server's clock, once it has told it.
    server_wall: u64,
    generation: u64,
    phase: Phase,
    step: Step,
    stop: bool,
    own: Option<Own>,
    /// The verdict: set once every part is proven, or taken from the checkpoint of the same bytes.
    verdict: Option<Crc64>,
    /// The verdict of a Complete that may have reached the server; what is saved says so until the upload is settled.
    sent_verdict: Option<Crc64>,
    /// What Complete answered, while HeadObject is asked for the CRC it did not give.
    answered: Option<Published>,
    /// Parts of exactly these bytes, as the checkpoint has them.
    recorded: BTreeMap<PartNumber, Part>,
    parts: Parts,
    listed: Vec<ListedPart>,
    marker: Option<u32>,
    named: Vec<u32>,
    rejections: u32,
    fresh_starts: u32,
    /// A publishing call of this upload may have been applied without our knowing.
    maybe_published: bool,
    maybe_orphaned: bool,
    callback: Callback,
    /// Those of a PutObject, while its object is looked for.
    put_failures: Tries,
    exists: bool,
    abandoned: VecDeque<Abandoned>,
    still_there: Vec<Abandoned>,
    dirty: bool,
    saved_at: Now,
    retry: Retry,
    calls: BTreeMap<ActionId, Doing>,
    next_action: u64,
    events: VecDeque<Event>,
    outcome: Option<Outcome>,
}

impl Upload {
    /// A run: `source` is the file as just opened, `plan` cuts it (with the checkpoint's part size on a resume),
    /// `wall` is the time of day in Unix seconds, `seed` any number.
    pub fn new(job: Job, source: Source, plan: Plan, options: Options, earlier: Earlier, wall: u64, seed: u64) -> Self {
        let retry = Retry::new(options.budget, options.parallel, seed);
        let mut upload = Self {
            job,
            source,
            plan,
            options,
            began: wall,
            wall,
            server_wall: wall,
            generation: 0,
            phase: Phase::Over,
            step: Step::default(),
            stop: false,
            own: None,
            verdict: None,
            sent_verdict: None,
            answered: None,
            recorded: BTreeMap::new(),
            parts: Parts::new(plan),
            listed: Vec::new(),
            marker: None,
            named: Vec::new(),
            rejections: 0,
            fresh_starts: 0,
            maybe_published: false,
            maybe_orphaned: false,
            callback: Callback::NotAsked,
            put_failures: Tries::default(),
            exists: false,
            abandoned: VecDeque::new(),
            still_there: Vec::new(),
            dirty: false,
            saved_at: Now::ZERO,
            retry,
            calls: BTreeMap::new(),
            next_action: 0,
            events: VecDeque::new(),
            outcome: None,
        };
        upload.callback = upload.untold_callback();
        upload.take_over(earlier);
        upload.proceed();
        upload
    }

    fn take_over(&mut self, earlier: Earlier) {
        match earlier {
            Earlier::Nothing => {}
            Earlier::Resume { checkpoint, changed } => {
                self.generation = checkpoint.generation;
                self.abandoned = checkpoint.abandoned.into();
                if changed {
                    self.notice(Notice::FileChanged);
                } else {
                    let fits =
                        |number: PartNumber, part: &Part| self.plan.range(number).is_some_and(|r| r.len == part.size);
                    self.recorded = checkpoint.parts.into_iter().filter(|(number, part)| fits(*number, part)).collect();
                }
                match checkpoint.state {
                    State::Intent { at } => {
                        self.maybe_orphaned = true;
                        self.wall = at;
                    }
                    State::Uploading { upload_id, initiated } => {
                        self.own = Some(Own { upload_id, initiated, durable: true });
                    }
                    State::Completing { upload_id, initiated, crc64 } => {
                        self.own = Some(Own { upload_id, initiated, durable: true });
                        self.maybe_published = true;
                        self.sent_verdict = Some(crc64);
                        self.verdict = (!changed).then_some(crc64);
                    }
                }
            }
            Earlier::Superseded { checkpoint, reason } => {
                self.generation = checkpoint.generation;
                self.abandoned = checkpoint.abandoned.into();
                let completing = matches!(checkpoint.state, State::Completing { .. });
                if let Some(upload_id) = checkpoint.state.upload_id() {
                    self.abandoned.push_back(Abandoned { upload_id: upload_id.clone(), completing });
                }
                self.notice(Notice::Afresh(reason));
            }
        }
    }

    /// Chooses what comes next once nothing earlier is in the way.
    fn proceed(&mut self) {
        let next = if !self.abandoned.is_empty() {
            Phase::Settling(Settling::Counting { bytes: 0, marker: None })
        } else if self.plan.is_small() {
            self.announce_start(None);
            Phase::Putting
        } else if self.own.is_none() {
            Phase::SavingIntent
        } else if self.verdict.is_some_and(|crc64| self.parts.adopt(&self.recorded, crc64)) {
            self.announce_resume(self.plan.count(), self.plan.size());
            Phase::Completing
        } else {
            self.verdict = None;
            Phase::Listing
        };
        self.enter(next);
    }

    /// What to do next, beside what is under way; `None` until an input or the time of [`Self::poll_timeout`].
    pub fn poll_action(&mut self, now: Now) -> Option<(ActionId, Action)> {
        self.tick(now);
        self.stop_awaiting_id(now);
        if std::mem::take(&mut self.stop) {
            return Some((self.fresh_id(), Action::Stop));
        }
        if self.outcome.is_some() {
            return None;
        }
        if self.phase == Phase::Moving {
            return self.poll_moving(now);
        }
        self.poll_step(now)
    }

    fn poll_step(&mut self, now: Now) -> Option<(ActionId, Action)> {
        if self.step.issued.is_some() || self.held_back() || now < self.step.not_before {
            return None;
        }
        let action = self.step_action()?;
        let id = self.issue(Doing::Step);
        self.step.issued = Some(id);
        Some((id, action))
    }

    /// One save at a time: what touches the checkpoint waits for the one under way.
    fn held_back(&self) -> bool {
        let saves = matches!(
            self.phase,
            Phase::SavingIntent | Phase::SavingId | Phase::SavingVerdict | Phase::Discarding(_) | Phase::Ending(_)
        );
        saves && self.saving()
    }

    fn saving(&self) -> bool {
        self.calls.values().any(|doing| *doing == Doing::SaveHint)
    }

    /// When to poll again though nothing has been reported.
    pub fn poll_timeout(&self) -> Option<Now> {
        if self.outcome.is_some() {
            return None;
        }
        if self.phase == Phase::Moving {
            return self.moving_timeout();
        }
        let step = (self.step.issued.is_none() && !self.held_back()).then_some(self.step.not_before);
        step.or(self.awaiting_id())
    }

    /// What happened, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The end, once there is one; nothing is to be done any more.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// The upload under way, for words.
    pub fn upload_id(&self) -> Option<&UploadId> {
        self.own.as_ref().map(|own| &own.upload_id)
    }

    /// An action ended well. A reply that is not wanted any more is ignored.
    pub fn handle_reply(&mut self, now: Now, id: ActionId, reply: Reply) {
        self.tick(now);
        self.retry.end(id);
        let Some(doing) = self.calls.remove(&id) else {
            return;
        };
        match doing {
            Doing::Step => {
                self.step.issued = None;
                self.step_reply(now, id, reply);
            }
            Doing::Send(number) => self.part_sent(now, id, number, reply),
            Doing::Prove => self.parts_proved(now, id, &reply),
            Doing::SaveHint => self.hint_saved(now, id, reply),
        }
    }

    /// An action failed. A fault that is not wanted any more is ignored.
    pub fn handle_fault(&mut self, now: Now, id: ActionId, fault: Fault) {
        self.tick(now);
        let Some(doing) = self.calls.remove(&id) else {
            self.retry.end(id);
            return;
        };
        self.retry.end_in(id, &fault);
        match doing {
            Doing::Step => {
                self.step.issued = None;
                self.step_fault(now, id, fault);
            }
            Doing::Send(number) => self.part_fault(now, id, number, fault),
            Doing::Prove => self.prove_fault(id, &fault),
            Doing::SaveHint => self.hint_saved(now, id, Reply::NotSaved("the save was lost".into())),
        }
    }

    fn tick(&mut self, now: Now) {
        let awaiting = self.calls.values().any(|doing| *doing != Doing::SaveHint);
        self.retry.tick(now, awaiting);
    }

    fn enter(&mut self, phase: Phase) {
        self.step = Step::default();
        self.phase = phase;
    }

    fn fresh_id(&mut self) -> ActionId {
        self.next_action += 1;
        ActionId(self.next_action)
    }

    fn issue(&mut self, doing: Doing) -> ActionId {
        let id = self.fresh_id();
        self.calls.insert(id, doing);
        if doing != Doing::SaveHint {
            self.retry.begin(id);
        }
        id
    }
}
