//! The end without success: drop what is in flight, leave nothing billed that a crash would forget, save the rest.

use super::{Action, ActionId, Doing, Failure, Fault, Notice, Now, Outcome, Own, Phase, Reply, Upload, Why};
use oss_proto::{PartNumber, UploadId};
use std::time::Duration;

/// An id that no checkpoint remembers is aborted this often before the user is told of it.
const MAX_ABORTS: u32 = 3;
/// A cancelled Initiate is waited for so long: its reply has the only name of an upload that is billed. What is left of
/// the second that a cancel may take is for the save of that name.
pub(super) const AWAIT_ID: Duration = Duration::from_millis(600);

/// Where the ending stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ending {
    failure: Failure,
    stage: Stage,
    rounds: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    /// Initiate is under way: dropped, it would leave an upload that nobody knows of.
    AwaitingId {
        until: Option<Now>,
    },
    Aborting,
    Confirming,
    Saving,
    Discarding,
}

impl Upload {
    /// Stops and keeps what the next run can use. The end comes after the last save, as [`Outcome::Failed`] with [`Why::Cancelled`].
    ///
    /// An Initiate under way is waited for, 600 ms at most, so that the upload it makes is remembered.
    pub fn cancel(&mut self, now: Now) {
        self.stop_for(Why::Cancelled, now, Some(now + AWAIT_ID));
    }

    /// Stops and deletes the upload on the server, parts in flight included, then the checkpoint; ends with [`Why::Aborted`].
    ///
    /// An Initiate under way is waited for. When its reply is lost, the checkpoint stays: the next run tells of the upload.
    pub fn abort(&mut self, now: Now) {
        self.stop_for(Why::Aborted, now, None);
    }

    fn stop_for(&mut self, why: Why, now: Now, until: Option<Now>) {
        self.tick(now);
        if matches!(self.phase, Phase::Ending(_) | Phase::Over | Phase::Discarding(_)) {
            return;
        }
        if self.phase == Phase::Initiating && self.step.issued.is_some() {
            let failure = Failure { why, action: None, part: None, upload_id: None, resumable: true };
            // Not entered: the step stays issued.
            self.phase = Phase::Ending(Ending { failure, stage: Stage::AwaitingId { until }, rounds: 0 });
        } else {
            self.fail(why, None, None);
        }
    }

    /// Until when the reply to an Initiate is waited for.
    pub(super) fn awaiting_id(&self) -> Option<Now> {
        match &self.phase {
            Phase::Ending(Ending { stage: Stage::AwaitingId { until }, .. }) => *until,
            _ => None,
        }
    }

    /// Ends without the reply to Initiate once its time is over; the next run looks for the upload it may have made.
    pub(super) fn stop_awaiting_id(&mut self, now: Now) {
        if let Phase::Ending(ending) = &self.phase
            && self.awaiting_id().is_some_and(|until| until <= now)
        {
            let failure = ending.failure.clone();
            self.stop_calls();
            self.over(failure);
        }
    }

    pub(super) fn fail(&mut self, why: Why, action: Option<ActionId>, part: Option<PartNumber>) {
        self.stop_calls();
        let durable = self.own.as_ref().is_none_or(|own| own.durable);
        let failure = Failure { why, action, part, upload_id: self.upload_id().cloned(), resumable: durable };
        let stage = match &self.own {
            Some(_) if why == Why::Aborted => Stage::Aborting,
            None if why == Why::Aborted && self.nothing_abandoned() => Stage::Discarding,
            // Also an id whose save failed before: the disk may have room again. When it has not, the id is aborted.
            Some(_) => Stage::Saving,
            None => return self.over(failure),
        };
        self.enter(Phase::Ending(Ending { failure, stage, rounds: 0 }));
    }

    /// No call in flight is wanted any more; a save is let finish, it cannot be undone.
    pub(super) fn stop_calls(&mut self) {
        let before = self.calls.len();
        self.calls.retain(|_, doing| *doing == Doing::SaveHint);
        self.stop |= self.calls.len() < before;
        self.step.issued = None;
        self.parts.drop_in_flight();
    }

    /// The checkpoint remembers no other id that is still to be aborted.
    fn nothing_abandoned(&self) -> bool {
        self.abandoned.is_empty() && self.still_there.is_empty()
    }

    fn over(&mut self, failure: Failure) {
        self.enter(Phase::Over);
        self.outcome = Some(Outcome::Failed(failure));
    }

    pub(super) fn ending_action(&mut self, ending: &Ending) -> Option<Action> {
        let upload_id = self.upload_id().cloned();
        Some(match ending.stage {
            Stage::AwaitingId { .. } => return None,
            Stage::Aborting => Action::Abort { upload_id: upload_id? },
            Stage::Confirming => Action::ListParts { upload_id: upload_id?, marker: None },
            Stage::Saving => Action::Save(self.snapshot()),
            Stage::Discarding => Action::Discard,
        })
    }

    pub(super) fn ending_reply(&mut self, mut ending: Ending, reply: Reply) {
        match (ending.stage, reply) {
            (Stage::AwaitingId { .. }, Reply::Initiated { upload_id, date }) => self.id_came(ending, upload_id, date),
            (Stage::AwaitingId { .. }, _) => self.over(ending.failure),
            (Stage::Aborting, _) => self.enter(Phase::Ending(Ending { stage: Stage::Confirming, ..ending })),
            (Stage::Confirming, Reply::Parts { .. }) if ending.rounds < MAX_ABORTS => {
                let rounds = ending.rounds + 1;
                self.enter(Phase::Ending(Ending { stage: Stage::Aborting, rounds, ..ending }));
            }
            (Stage::Confirming, _) => self.abort_failed(ending),
            (Stage::Saving, Reply::NotSaved(reason)) => {
                self.notice(Notice::NotSaved(reason));
                if self.own.as_ref().is_some_and(|own| !own.durable) {
                    return self.enter(Phase::Ending(Ending { stage: Stage::Aborting, ..ending }));
                }
                self.over(ending.failure);
            }
            (Stage::Saving, _) => {
                self.remember_durable();
                ending.failure.resumable |= self.own.is_some();
                self.over(ending.failure);
            }
            (Stage::Discarding, _) => self.over(ending.failure),
        }
    }

    /// An id that came while the run was ending: it is saved, or aborted.
    fn id_came(&mut self, mut ending: Ending, upload_id: UploadId, date: u64) {
        self.own = Some(Own { upload_id: upload_id.clone(), initiated: date, durable: false });
        self.announce_start(Some(upload_id.clone()));
        ending.failure.upload_id = Some(upload_id);
        ending.failure.resumable = false;
        let stage = if ending.failure.why == Why::Aborted { Stage::Aborting } else { Stage::Saving };
        self.enter(Phase::Ending(Ending { stage, ..ending }));
    }

    pub(super) fn ending_fault(&mut self, now: Now, ending: Ending, fault: &Fault) {
        match ending.stage {
            Stage::Aborting | Stage::Confirming if *fault == Fault::NoSuchUpload => self.gone(ending),
            // 204 came before; that the list is refused does not make it less so.
            Stage::Confirming => self.gone(ending),
            Stage::Aborting if self.step.failures.made() + 1 < MAX_ABORTS => {
                if let super::Verdict::Again { delay } = self.retry.verdict(fault, &mut self.step.failures) {
                    self.retry_step(now, fault.clone(), delay);
                } else {
                    self.abort_failed(ending);
                }
            }
            Stage::Aborting => self.abort_failed(ending),
            Stage::AwaitingId { .. } | Stage::Saving | Stage::Discarding => self.over(ending.failure),
        }
    }

    fn gone(&mut self, mut ending: Ending) {
        self.own = None;
        self.verdict = None;
        ending.failure.upload_id = None;
        if ending.failure.why == Why::Aborted {
            let stage = if self.nothing_abandoned() { Stage::Discarding } else { Stage::Saving };
            self.enter(Phase::Ending(Ending { stage, ..ending }));
        } else {
            self.over(ending.failure);
        }
    }

    fn abort_failed(&mut self, ending: Ending) {
        if let Some(own) = &self.own {
            self.notice(Notice::StillThere(own.upload_id.clone()));
        }
        self.over(ending.failure);
    }
}
