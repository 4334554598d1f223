//! The phases with one action each: what it asks, what its reply means, what a fault means.

use super::{
    Action, ActionId, Callback, Completed, Event, Fault, Head, MAX_FRESH_STARTS, MAX_REJECTIONS, Notice, Now, Outcome,
    Own, Phase, Published, Reply, Upload, Verdict, Why,
};
use oss_proto::ops::ListedUpload;
use oss_proto::{Crc64, ETag, UploadId};

/// What HeadObject says of an upload whose Complete went unanswered.
enum Settlement {
    Ours,
    NotOurs,
    /// The size fits, the CRC of the local file has to be computed first.
    Compute(Head),
}

impl Upload {
    pub(super) fn step_action(&mut self) -> Option<Action> {
        let upload_id = self.upload_id().cloned();
        Some(match self.phase.clone() {
            Phase::Settling(stage) => self.settling_action(&stage)?,
            Phase::SavingIntent | Phase::SavingId | Phase::SavingVerdict => Action::Save(self.snapshot()),
            Phase::Looking => Action::ListUploads,
            Phase::Initiating => Action::Initiate,
            Phase::Listing | Phase::Relisting => Action::ListParts { upload_id: upload_id?, marker: self.marker },
            Phase::Checking => Action::CheckSource { whole: self.options.verify_source },
            Phase::Hashing(_) => Action::CheckSource { whole: true },
            Phase::Completing => Action::Complete { upload_id: upload_id?, parts: self.parts.etags() },
            Phase::Heading => Action::HeadObject,
            Phase::Putting => Action::PutObject,
            Phase::Discarding(_) => Action::Discard,
            Phase::Ending(ending) => self.ending_action(&ending)?,
            Phase::Moving | Phase::Over => return None,
        })
    }

    pub(super) fn step_reply(&mut self, now: Now, id: ActionId, reply: Reply) {
        match (self.phase.clone(), reply) {
            (Phase::Settling(stage), reply) => self.settling_reply(&stage, &reply),
            (Phase::Ending(ending), reply) => self.ending_reply(ending, reply),
            (Phase::SavingIntent | Phase::SavingId | Phase::SavingVerdict, reply) => self.barrier(now, id, reply),
            (Phase::Looking, Reply::Uploads { uploads, date }) => self.looked(now, &uploads, date),
            (Phase::Initiating, Reply::Initiated { upload_id, date }) => self.initiated(upload_id, date),
            (Phase::Listing | Phase::Relisting, Reply::Parts { parts, next }) => {
                self.retry.progress();
                self.listed.extend(parts);
                self.marker = next;
                match next {
                    Some(_) => self.enter(self.phase.clone()),
                    None => self.all_listed(id),
                }
            }
            (Phase::Checking, Reply::Source(crc64)) => self.checked(id, crc64),
            (Phase::Completing, Reply::Completed(object)) => self.completed(id, object),
            (Phase::Heading, Reply::Head(head)) => {
                self.learn_server_time(now, head.as_ref());
                self.headed(id, head);
            }
            (Phase::Hashing(head), Reply::Source(crc64)) => self.hashed(id, head, crc64),
            (Phase::Putting, Reply::Put { object, crc64, md5 }) => self.put(now, id, object, crc64, md5),
            (Phase::Discarding(completed), reply) => {
                if let Reply::NotSaved(reason) = reply {
                    self.notice(Notice::CheckpointLeft(reason));
                }
                self.done(*completed);
            }
            _ => self.fail(Why::Rejected, Some(id), None),
        }
    }

    pub(super) fn step_fault(&mut self, now: Now, id: ActionId, fault: Fault) {
        match (self.phase.clone(), &fault) {
            (Phase::Settling(stage), _) => return self.settling_fault(now, id, &stage, &fault),
            (Phase::Ending(ending), _) => return self.ending_fault(now, ending, &fault),
            // The object is published; a checkpoint that cannot be removed does not make it less so.
            (Phase::Discarding(completed), _) => return self.done(*completed),
            (Phase::SavingIntent | Phase::SavingId | Phase::SavingVerdict, _) => {
                return self.barrier(now, id, Reply::NotSaved("the save was lost".into()));
            }
            (Phase::Looking, _) => {
                self.notice(Notice::OrphansUnknown);
                return self.after_looking();
            }
            (Phase::Listing | Phase::Relisting | Phase::Completing, Fault::NoSuchUpload) => {
                // Also the first Complete may have been applied: a proxy on the way repeats requests by itself.
                self.maybe_published |= self.phase == Phase::Completing;
                return self.upload_lost(id);
            }
            (Phase::Completing, Fault::PartRejected { numbers }) => {
                return self.part_rejected(id, numbers);
            }
            (Phase::Completing | Phase::Putting, Fault::CallbackFailed) => return self.callback_failed(),
            (Phase::Completing | Phase::Putting, Fault::AlreadyExists) if self.maybe_published => {
                self.exists = true;
                return self.enter(Phase::Heading);
            }
            (Phase::Heading, Fault::Rejected) if self.answered.is_some() || self.callback == Callback::Failed => {
                return self.published_unseen();
            }
            (Phase::Putting, _) if self.looks_first(&fault) => return self.look_before_putting_again(now, id, fault),
            (Phase::Heading, Fault::Rejected) if self.may_put_again() => return self.put_again(),
            // A 503 is a request to slow down and may all the same have been applied.
            (Phase::Initiating, Fault::OutcomeUnknown | Fault::Throttled { .. }) => self.maybe_orphaned = true,
            (Phase::Completing | Phase::Putting, Fault::OutcomeUnknown | Fault::Throttled { .. }) => {
                self.maybe_published = true;
            }
            _ => {}
        }
        match self.retry.verdict(&fault, &mut self.step.failures) {
            Verdict::Again { delay } => self.retry_step(now, fault, delay),
            Verdict::Spent => self.fail(Why::BudgetSpent, Some(id), None),
            Verdict::Final => self.fail(Why::of(&fault), Some(id), None),
        }
    }

    pub(super) fn retry_step(&mut self, now: Now, fault: Fault, delay: Now) {
        self.step.not_before = now + delay;
        let operation = match self.phase {
            Phase::Initiating => "InitiateMultipartUpload",
            Phase::Completing => "CompleteMultipartUpload",
            Phase::Putting => "PutObject",
            Phase::Heading => "HeadObject",
            Phase::Listing | Phase::Relisting => "ListParts",
            _ => "AbortMultipartUpload",
        };
        self.events.push_back(Event::Retry { operation, part: None, attempt: self.step.failures.made(), delay, fault });
    }

    fn barrier(&mut self, now: Now, id: ActionId, reply: Reply) {
        self.saved_at = now;
        self.dirty = false;
        match reply {
            Reply::NotSaved(reason) => {
                self.not_saved(reason, id);
                if matches!(self.phase, Phase::Ending(_) | Phase::Over) {
                    return;
                }
            }
            _ => self.remember_durable(),
        }
        match self.phase {
            Phase::SavingIntent if self.maybe_orphaned => self.enter(Phase::Looking),
            Phase::SavingIntent => self.enter(Phase::Initiating),
            Phase::SavingId if self.maybe_orphaned => self.enter(Phase::Looking),
            Phase::SavingId => self.enter(Phase::Moving),
            _ => self.enter(Phase::Completing),
        }
    }

    fn looked(&mut self, now: Now, uploads: &[ListedUpload], date: Option<u64>) {
        // By the server's clock, from which ours may be hours away; and OSS allows 15 minutes on top of what is known of it.
        let ours = self.began.saturating_add(now.as_secs());
        let behind = date.map_or(0, |theirs| theirs.saturating_sub(ours));
        let ahead = date.map_or(0, |theirs| ours.saturating_sub(theirs));
        let since = self.wall.saturating_add(behind).saturating_sub(ahead).saturating_sub(15 * 60);
        for upload in uploads {
            let ours = self.upload_id() == Some(&upload.upload_id);
            let known = self.still_there.iter().any(|abandoned| abandoned.upload_id == upload.upload_id);
            if !ours && !known && upload.initiated.is_none_or(|at| at >= since) {
                self.events.push_back(Event::Notice(Notice::Orphan(upload.upload_id.clone())));
            }
        }
        self.after_looking();
    }

    fn after_looking(&mut self) {
        self.maybe_orphaned = false;
        self.enter(if self.own.is_some() { Phase::Moving } else { Phase::Initiating });
    }

    fn initiated(&mut self, upload_id: UploadId, date: u64) {
        self.retry.progress();
        self.own = Some(Own { upload_id: upload_id.clone(), initiated: date, durable: false });
        self.announce_start(Some(upload_id));
        self.enter(Phase::SavingId);
    }

    fn all_listed(&mut self, id: ActionId) {
        let list = std::mem::take(&mut self.listed);
        if self.phase == Phase::Relisting {
            let named = std::mem::take(&mut self.named);
            if !self.parts.relisted(&list, &named) && self.rejections >= MAX_REJECTIONS {
                return self.fail(Why::Rejected, Some(id), None);
            }
        } else {
            let (count, bytes) = self.parts.listed(list, &self.recorded);
            self.announce_resume(count, bytes);
        }
        self.enter(Phase::Moving);
    }

    fn checked(&mut self, id: ActionId, crc64: Option<Crc64>) {
        let verdict = self.parts.crc64();
        if crc64.is_some_and(|whole| whole != verdict) {
            return self.fail(Why::SourceChanged, Some(id), None);
        }
        self.verdict = Some(verdict);
        self.sent_verdict = Some(verdict);
        self.enter(Phase::SavingVerdict);
    }

    fn part_rejected(&mut self, id: ActionId, numbers: &[u32]) {
        self.rejections += 1;
        if self.rejections > MAX_REJECTIONS {
            return self.fail(Why::Rejected, Some(id), None);
        }
        self.named = numbers.to_vec();
        self.verdict = None;
        self.marker = None;
        self.enter(Phase::Relisting);
    }

    fn completed(&mut self, id: ActionId, object: Published) {
        self.maybe_published = true;
        self.callback_answered();
        match (object.crc64, self.verdict) {
            (Some(theirs), Some(ours)) if theirs == ours => self.publish(object),
            (None, Some(_)) => {
                self.answered = Some(object);
                self.enter(Phase::Heading);
            }
            _ => self.fail(Why::Corrupted, Some(id), None),
        }
    }

    /// When this run began, by the server's clock: what it says now, less the time since. A PutObject has no other.
    fn learn_server_time(&mut self, now: Now, head: Option<&Head>) {
        if let Some(date) = head.and_then(|head| head.date) {
            // Whole seconds on both sides: one may be lost to rounding.
            self.server_wall = date.saturating_sub(now.as_secs() + 1);
        }
    }

    fn headed(&mut self, id: ActionId, head: Option<Head>) {
        let settlement = head.clone().map_or(Settlement::NotOurs, |head| self.settle(head));
        match (settlement, head) {
            (Settlement::Ours, Some(head)) => {
                if head.object.crc64.is_none() {
                    self.notice(Notice::ObjectHasNoCrc);
                }
                self.publish_found(head.object);
            }
            (Settlement::Compute(head), _) => self.enter(Phase::Hashing(Some(head))),
            _ => self.not_published(id),
        }
    }

    /// Published = equal size and CRC-64, not older than our Initiate, and a multipart object where OSS tells its type.
    fn settle(&self, head: Head) -> Settlement {
        let since = self.own.as_ref().map_or(self.server_wall, |own| own.initiated);
        let multipart = self.own.is_some();
        let wrong_type = head.object_type.as_deref().is_some_and(|t| (t == "Multipart") != multipart);
        if head.size != self.plan.size()
            || wrong_type
            || self.looks_foreign(&head)
            || head.last_modified.is_none_or(|at| at < since)
        {
            return Settlement::NotOurs;
        }
        match (head.object.crc64, self.verdict) {
            (Some(theirs), Some(ours)) if theirs == ours => Settlement::Ours,
            (Some(_), None) => Settlement::Compute(head),
            (None, Some(_))
                if self.answered.is_some()
                    || head.object.etag.as_ref().is_some_and(|etag| Some(etag) == self.expected_etag().as_ref()) =>
            {
                Settlement::Ours
            }
            _ => Settlement::NotOurs,
        }
    }

    /// OSS does not document the rule: a last resort.
    fn expected_etag(&self) -> Option<ETag> {
        let etags: Vec<_> = self.parts.etags().into_iter().map(|(_, etag)| etag).collect();
        (!etags.is_empty()).then(|| ETag::of_multipart(&etags))
    }

    fn hashed(&mut self, id: ActionId, head: Option<Head>, crc64: Option<Crc64>) {
        self.verdict = crc64;
        match head {
            None => self.published_unseen(),
            Some(head) if matches!(self.settle(head.clone()), Settlement::Ours) => self.publish_found(head.object),
            Some(_) => self.not_published(id),
        }
    }

    /// HeadObject decided, because the reply said too little or was lost.
    fn publish_found(&mut self, mut object: Published) {
        match self.answered.take() {
            Some(answered) => object.callback_body = answered.callback_body,
            None if self.callback == Callback::Failed => {}
            None => self.notice(Notice::SettledByHead),
        }
        self.publish(object);
    }

    fn not_published(&mut self, id: ActionId) {
        if self.exists {
            return self.fail(Why::AlreadyExists, Some(id), None);
        }
        if self.callback == Callback::Failed || self.answered.is_some() {
            return self.fail(Why::Corrupted, Some(id), None);
        }
        if self.own.is_none() {
            return self.put_again();
        }
        self.start_afresh(id, "the earlier upload is gone from the server and its object is not there");
    }

    /// NoSuchUpload: completed by a request whose reply we lost, or aborted by somebody.
    pub(super) fn upload_lost(&mut self, id: ActionId) {
        if self.maybe_published {
            self.stop_calls();
            self.enter(Phase::Heading);
        } else {
            self.start_afresh(id, "the server does not know the earlier upload any more (expired or aborted)");
        }
    }

    fn start_afresh(&mut self, id: ActionId, reason: &str) {
        self.fresh_starts += 1;
        if self.fresh_starts > MAX_FRESH_STARTS {
            return self.fail(Why::Rejected, Some(id), None);
        }
        self.stop_calls();
        self.own = None;
        self.verdict = None;
        self.sent_verdict = None;
        self.maybe_published = false;
        self.callback = self.untold_callback();
        self.recorded.clear();
        self.parts.forget();
        self.listed.clear();
        self.marker = None;
        self.notice(Notice::Afresh(reason.into()));
        self.proceed();
    }

    fn put(&mut self, now: Now, id: ActionId, object: Published, crc64: Crc64, md5: [u8; 16]) {
        self.verdict = Some(crc64);
        self.callback_answered();
        let proven = match object.crc64 {
            Some(theirs) => theirs == crc64,
            None => object.etag.as_ref().is_some_and(|etag| etag.md5() == Some(md5)) || self.options.allow_unproven,
        };
        if proven {
            let number = self.plan.numbers().next().expect("every plan has a part");
            self.events.push_back(Event::Part { number, size: self.plan.size(), reused: false });
            return self.publish(object);
        }
        self.maybe_published = true;
        let fault = if object.crc64.is_some() { Fault::Corrupted } else { Fault::Unproven };
        self.step_fault(now, id, fault);
    }

    pub(super) fn publish(&mut self, object: Published) {
        if self.own.is_none() {
            (self.parts.bytes_sent, self.parts.sent) = (self.plan.size(), 1);
        }
        self.tell_of_callback();
        let completed = Completed {
            size: self.plan.size(),
            crc64: self.verdict.unwrap_or_default(),
            object,
            bytes_sent: self.parts.bytes_sent,
            bytes_reused: self.parts.bytes_reused,
            parts_sent: self.parts.sent,
            parts_reused: self.parts.reused,
            retries: self.retry.total,
            still_there: self.still_there.iter().map(|abandoned| abandoned.upload_id.clone()).collect(),
            callback: self.callback,
        };
        self.enter(Phase::Discarding(Box::new(completed)));
    }

    fn done(&mut self, completed: Completed) {
        self.events.push_back(Event::Completed(completed.clone()));
        self.enter(Phase::Over);
        self.outcome = Some(Outcome::Completed(completed));
    }
}
