//! Parts under way: sending, proving, and the coalesced saves beside them.

use super::parts::Proof;
use super::{
    Action, ActionId, Digests, Doing, Event, Fault, Now, PROVING_AT_ONCE, Phase, Reply, SAVE_EVERY, Upload, Verdict,
    Why,
};
use oss_proto::PartNumber;

impl Upload {
    pub(super) fn poll_moving(&mut self, now: Now) -> Option<(ActionId, Action)> {
        if self.parts.all_done() {
            self.enter(Phase::Checking);
            return self.poll_action(now);
        }
        if let Some(save) = self.poll_hint(now) {
            return Some(save);
        }
        if self.calls.values().filter(|doing| **doing == Doing::Prove).count() < PROVING_AT_ONCE {
            let some = self.parts.next_to_prove();
            if !some.is_empty() {
                return Some((self.issue(Doing::Prove), Action::ProveParts(some)));
            }
        }
        self.poll_send(now)
    }

    fn poll_send(&mut self, now: Now) -> Option<(ActionId, Action)> {
        loop {
            let upload_id = self.upload_id()?.clone();
            if self.parts.sending.len() < self.retry.window.size()
                && now >= self.retry.hold()
                && let Some((number, range)) = self.parts.next_to_send(now)
            {
                let id = self.issue(Doing::Send(number));
                self.retry.window.began(now, id, range.len);
                return Some((id, Action::UploadPart { upload_id, number, range }));
            }
            if !self.retry.window.look(now, self.parts.sending.len()) {
                return None;
            }
        }
    }

    pub(super) fn moving_timeout(&self) -> Option<Now> {
        let save = (self.dirty && !self.saving()).then(|| self.saved_at + SAVE_EVERY);
        let room = self.parts.sending.len() < self.retry.window.size();
        let due = self.parts.next_due().filter(|_| room).map(|at| at.max(self.retry.hold()));
        [save, due, self.retry.window.next_look()].into_iter().flatten().min()
    }

    /// Whether [`Self::handle_progress`] is of use now.
    pub fn wants_progress(&self) -> bool {
        self.phase == Phase::Moving && self.retry.window.next_look().is_some()
    }

    /// So many bytes of an [`Action::UploadPart`] have been given to the network. To be told of every part in flight
    /// before each poll, while [`Self::wants_progress`].
    pub fn handle_progress(&mut self, now: Now, id: ActionId, bytes: u64) {
        self.retry.window.moved(now, id, bytes);
    }

    pub(super) fn part_sent(&mut self, now: Now, id: ActionId, number: PartNumber, reply: Reply) {
        self.retry.window.ended(now, id, true);
        let Reply::Part { etag, crc64, sent } = &reply else {
            return self.part_fault(now, id, number, Fault::OutcomeUnknown);
        };
        let proof = self.parts.uploaded(number, etag.clone(), *crc64, *sent);
        match proof {
            Proof::Nothing if self.options.allow_unproven && self.parts.waive(number, &reply) => {
                self.part_done(number, false);
            }
            Proof::Nothing => self.fail(Why::Unproven, Some(id), Some(number)),
            other => self.judge(now, id, number, other),
        }
    }

    pub(super) fn parts_proved(&mut self, now: Now, id: ActionId, reply: &Reply) {
        let Reply::Proved(all) = reply else {
            return self.fail(Why::Rejected, Some(id), None);
        };
        for Digests { number, crc64, md5 } in all {
            let listed = !self.parts.was_sent(*number);
            match self.parts.proved(*number, *crc64, *md5) {
                // Not ours, or of older bytes: it is sent like any other part.
                Proof::Differs if listed => {}
                other => self.judge(now, id, *number, other),
            }
        }
    }

    fn judge(&mut self, now: Now, id: ActionId, number: PartNumber, proof: Proof) {
        match proof {
            Proof::Proven { reused } => self.part_done(number, reused),
            Proof::Pending => self.retry.progress(),
            Proof::Differs => self.part_fault(now, id, number, Fault::Corrupted),
            Proof::Nothing => self.part_fault(now, id, number, Fault::Unproven),
        }
    }

    fn part_done(&mut self, number: PartNumber, reused: bool) {
        self.retry.progress();
        self.dirty = true;
        let size = self.parts.done.get(&number).map_or(0, |part| part.size);
        self.events.push_back(Event::Part { number, size, reused });
    }

    pub(super) fn part_fault(&mut self, now: Now, id: ActionId, number: PartNumber, fault: Fault) {
        self.retry.window.ended(now, id, false);
        let tries = self.parts.failed(number);
        if fault == Fault::NoSuchUpload {
            return self.upload_lost(id);
        }
        match self.retry.verdict(&fault, tries) {
            Verdict::Again { delay } => {
                let attempt = tries.made();
                self.parts.later(number, now + delay);
                let operation = "UploadPart";
                self.events.push_back(Event::Retry { operation, part: Some(number), attempt, delay, fault });
            }
            Verdict::Spent => self.fail(Why::BudgetSpent, Some(id), Some(number)),
            Verdict::Final => self.fail(Why::of(&fault), Some(id), Some(number)),
        }
    }

    pub(super) fn prove_fault(&mut self, id: ActionId, fault: &Fault) {
        self.fail(Why::of(fault), Some(id), None);
    }
}
