//! The callback that OSS makes once an object is stored: what became of it, and what it forbids; with it, how a PutObject
//! whose reply was lost is settled.

use super::{ActionId, Fault, Head, Notice, Now, Phase, Upload, Verdict, Why};

/// What became of the callback of a finished upload. The object is stored and proven in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Callback {
    /// None was asked for.
    #[default]
    NotAsked,
    /// It was answered; the answer is [`Published::callback_body`](super::Published::callback_body).
    Succeeded,
    /// OSS says that it failed (203 `CallbackFailed`) and does not repeat it. Tell its server in another way:
    /// uploading again would only store the same object again.
    Failed,
    /// The reply was lost, and the object was found stored: OSS made the callback, nobody knows with what outcome.
    Unknown,
}

impl Upload {
    /// What is true of the callback as long as no reply says more.
    pub(super) fn untold_callback(&self) -> Callback {
        if self.job.headers.has_callback() { Callback::Unknown } else { Callback::NotAsked }
    }

    /// The publishing call was answered.
    pub(super) fn callback_answered(&mut self) {
        if self.callback != Callback::NotAsked {
            self.callback = Callback::Succeeded;
        }
    }

    /// 203: stored, and never to be sent again. What is stored is looked at.
    pub(super) fn callback_failed(&mut self) {
        self.callback = Callback::Failed;
        self.maybe_published = true;
        self.enter(Phase::Heading);
    }

    /// The look is not allowed, as to keys that may only write. The call that publishes said that the object is stored,
    /// and its bytes were proven before: its parts one by one, a single body by its Content-MD5.
    pub(super) fn published_unseen(&mut self) {
        let object = self.answered.take().unwrap_or_default();
        if self.verdict.is_none() {
            return self.enter(Phase::Hashing(None));
        }
        self.notice(Notice::ObjectHasNoCrc);
        self.publish(object);
    }

    /// A PutObject that may have been carried out has called back already, or made a version: the object is looked for
    /// before it is sent a second time. Who may read it is not to be seen, so that one with an ACL is put again at once.
    pub(super) fn looks_first(&self, fault: &Fault) -> bool {
        match fault {
            Fault::OutcomeUnknown => {
                self.job.headers.has_callback() || self.job.headers.get("x-oss-object-acl").is_none()
            }
            Fault::Throttled { .. } => self.job.headers.has_callback(),
            _ => false,
        }
    }

    /// No reply says that the object of a PutObject is ours, and its headers say that it is not. (Where a reply said it,
    /// the server may have its own way of writing them.)
    pub(super) fn looks_foreign(&self, head: &Head) -> bool {
        let told = self.exists || self.answered.is_some() || self.callback == Callback::Failed;
        self.own.is_none() && !told && head.other_headers
    }

    /// The look is not allowed, and to put the same again does no harm.
    pub(super) fn may_put_again(&self) -> bool {
        self.own.is_none() && !self.exists && !self.job.headers.has_callback()
    }

    pub(super) fn look_before_putting_again(&mut self, now: Now, id: ActionId, fault: Fault) {
        self.maybe_published = true;
        match self.retry.verdict(&fault, &mut self.step.failures) {
            Verdict::Again { delay } => {
                self.retry_step(now, fault, delay);
                let step = std::mem::take(&mut self.step);
                self.put_failures = step.failures;
                self.enter(Phase::Heading);
                self.step.not_before = step.not_before;
            }
            Verdict::Spent => self.fail(Why::BudgetSpent, Some(id), None),
            Verdict::Final => self.fail(Why::of(&fault), Some(id), None),
        }
    }

    /// It is not there.
    pub(super) fn put_again(&mut self) {
        self.verdict = None;
        self.enter(Phase::Putting);
        self.step.failures = std::mem::take(&mut self.put_failures);
    }

    /// Says of the callback what a person must know.
    pub(super) fn tell_of_callback(&mut self) {
        match self.callback {
            Callback::Failed => self.notice(Notice::CallbackFailed),
            Callback::Unknown => self.notice(Notice::CallbackUnknown),
            Callback::NotAsked | Callback::Succeeded => {}
        }
    }
}
