//! What is saved, and when between the two barriers.

use super::{Action, ActionId, Doing, Notice, Now, Reply, SAVE_EVERY, Upload, Why};
use oss_checkpoint::{Checkpoint, State};

impl Upload {
    pub(super) fn poll_hint(&mut self, now: Now) -> Option<(ActionId, Action)> {
        if !self.dirty || self.saving() || now < self.saved_at + SAVE_EVERY {
            return None;
        }
        self.dirty = false;
        let checkpoint = self.snapshot();
        Some((self.issue(Doing::SaveHint), Action::Save(checkpoint)))
    }

    pub(super) fn hint_saved(&mut self, now: Now, id: ActionId, reply: Reply) {
        self.saved_at = now;
        match reply {
            Reply::Saved => self.remember_durable(),
            Reply::NotSaved(reason) => self.not_saved(reason, id),
            _ => {}
        }
    }

    pub(super) fn remember_durable(&mut self) {
        if let Some(own) = &mut self.own {
            own.durable = true;
        }
    }

    /// A save failed; tells it once in a row, and ends the run when the caller requires a checkpoint.
    pub(super) fn not_saved(&mut self, reason: String, id: ActionId) {
        self.notice(Notice::NotSaved(reason));
        if self.options.require_checkpoint {
            self.fail(Why::NoCheckpoint, Some(id), None);
        }
    }

    /// The checkpoint as it should stand now.
    pub(super) fn snapshot(&mut self) -> Box<Checkpoint> {
        self.generation += 1;
        let state = match (&self.own, self.verdict.or(self.sent_verdict)) {
            (None, _) => State::Intent { at: self.wall },
            (Some(own), None) => State::Uploading { upload_id: own.upload_id.clone(), initiated: own.initiated },
            (Some(own), Some(crc64)) => {
                State::Completing { upload_id: own.upload_id.clone(), initiated: own.initiated, crc64 }
            }
        };
        let mut parts = self.recorded.clone();
        parts.extend(self.parts.done.iter().map(|(number, part)| (*number, part.clone())));
        Box::new(Checkpoint {
            generation: self.generation,
            job: self.job.clone(),
            source: self.source.clone(),
            part_size: self.plan.part_size(),
            state,
            parts,
            abandoned: self.abandoned.iter().chain(&self.still_there).cloned().collect(),
        })
    }
}
