//! Aborting what earlier runs left: count its bytes, abort it, and see that it is gone, parts in flight included.

use super::{Action, ActionId, Fault, Notice, Now, Phase, Reply, Upload, Verdict, Why};

/// Abort again while parts that were in flight keep turning up.
const MAX_ROUNDS: u32 = 5;
/// An abort that fails for the moment is not worth the whole budget: it is remembered.
const MAX_FAILURES: u32 = 4;

/// Where the settling of the first abandoned upload stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Settling {
    Counting { bytes: u64, marker: Option<u32> },
    Aborting { bytes: u64, round: u32 },
    Confirming { bytes: u64, round: u32 },
}

impl Upload {
    pub(super) fn settling_action(&self, stage: &Settling) -> Option<Action> {
        let upload_id = self.abandoned.front()?.upload_id.clone();
        Some(match stage {
            Settling::Counting { marker, .. } => Action::ListParts { upload_id, marker: *marker },
            Settling::Confirming { .. } => Action::ListParts { upload_id, marker: None },
            Settling::Aborting { .. } => Action::Abort { upload_id },
        })
    }

    pub(super) fn settling_reply(&mut self, stage: &Settling, reply: &Reply) {
        let next = match (stage, reply) {
            (Settling::Counting { bytes, .. }, Reply::Parts { parts, next }) => {
                let bytes = bytes + parts.iter().map(|part| part.size).sum::<u64>();
                match next {
                    Some(marker) => Settling::Counting { bytes, marker: Some(*marker) },
                    None => Settling::Aborting { bytes, round: 1 },
                }
            }
            (Settling::Aborting { bytes, round }, Reply::Aborted) => {
                Settling::Confirming { bytes: *bytes, round: *round }
            }
            (Settling::Confirming { bytes, round }, Reply::Parts { .. }) if *round < MAX_ROUNDS => {
                Settling::Aborting { bytes: *bytes, round: round + 1 }
            }
            (Settling::Confirming { .. }, Reply::Parts { .. }) => return self.not_settled(None),
            _ => stage.clone(),
        };
        self.enter(Phase::Settling(next));
    }

    pub(super) fn settling_fault(&mut self, now: Now, id: ActionId, stage: &Settling, fault: &Fault) {
        match stage {
            Settling::Counting { bytes, .. }
            | Settling::Aborting { bytes, .. }
            | Settling::Confirming { bytes, .. }
                if *fault == Fault::NoSuchUpload =>
            {
                self.settled(*bytes);
            }
            // Counting is a courtesy; and 204 was answered before confirming.
            Settling::Counting { bytes, .. } => {
                self.enter(Phase::Settling(Settling::Aborting { bytes: *bytes, round: 1 }));
            }
            Settling::Confirming { bytes, .. } => self.settled(*bytes),
            Settling::Aborting { .. } => match self.retry.verdict(fault, &mut self.step.failures) {
                Verdict::Again { delay } if self.step.failures.made() < MAX_FAILURES || self.late_complete() => {
                    self.retry_step(now, fault.clone(), delay);
                }
                _ => self.not_settled(Some(id)),
            },
        }
    }

    /// A Complete of the upload being settled may still reach the server: it must be settled before anything is published.
    fn late_complete(&self) -> bool {
        self.abandoned.front().is_some_and(|abandoned| abandoned.completing)
    }

    fn settled(&mut self, bytes: u64) {
        self.retry.progress();
        if let Some(abandoned) = self.abandoned.pop_front() {
            self.notice(Notice::Freed { upload_id: abandoned.upload_id, bytes });
        }
        self.proceed();
    }

    fn not_settled(&mut self, id: Option<ActionId>) {
        if self.late_complete() {
            return self.fail(Why::Unsettled, id, None);
        }
        if let Some(abandoned) = self.abandoned.pop_front() {
            self.notice(Notice::StillThere(abandoned.upload_id.clone()));
            self.still_there.push(abandoned);
        }
        self.proceed();
    }
}
