//! The actions under way: how far each has come, and what it took once it has ended.

use crate::calls::Ended;
use crate::machine::{Action, ActionId, Now, Upload};
use crate::span::{Gauge, Label, Span, SpanEnd, SpanKind};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::Instant;

/// Keeps a stopwatch for every action under way.
pub(crate) struct Flights {
    base: Instant,
    size: u64,
    under_way: BTreeMap<ActionId, (Label, Now, Arc<Gauge>)>,
    /// Somebody wants to know.
    observed: bool,
    ended: Vec<Span>,
}

impl Flights {
    /// `base`: when the transfer began. `size`: bytes of the file. `observed`: spans are kept at their end.
    pub(crate) fn new(base: Instant, size: u64, observed: bool) -> Self {
        Self { base, size, under_way: BTreeMap::new(), observed, ended: Vec::new() }
    }

    /// An action begins; a stop takes no time.
    pub(crate) fn begin(&mut self, now: Now, id: ActionId, action: &Action) -> Arc<Gauge> {
        let gauge = Arc::new(Gauge::new(self.base));
        if *action == Action::Stop {
            return gauge;
        }
        self.under_way.insert(id, (Label::of(action, self.size), now, gauge.clone()));
        gauge
    }

    /// It has ended.
    pub(crate) fn end(&mut self, now: Now, id: ActionId, ended: &Ended) {
        let end = match ended {
            Ok(_) => SpanEnd::Done,
            Err((fault, _)) => SpanEnd::Failed(fault.clone()),
        };
        self.finish(now, id, end);
    }

    /// Nobody waits for the calls and reads any more, but for the saves.
    pub(crate) fn drop_calls(&mut self, now: Now) {
        let saves = |label: &Label| label.kind() == SpanKind::Save;
        let ids: Vec<_> = self.under_way.iter().filter(|(_, (label, ..))| !saves(label)).map(|(id, _)| *id).collect();
        ids.into_iter().for_each(|id| self.finish(now, id, SpanEnd::Dropped));
    }

    /// Nobody waits for anything any more.
    pub(crate) fn drop_all(&mut self, now: Now) {
        while let Some((id, _)) = self.under_way.first_key_value() {
            self.finish(now, *id, SpanEnd::Dropped);
        }
    }

    /// Tells the machine how far the parts have come.
    pub(crate) fn report(&self, now: Now, upload: &mut Upload) {
        for (id, (label, _, gauge)) in &self.under_way {
            if label.kind() == SpanKind::Send {
                upload.handle_progress(now, *id, gauge.bytes());
            }
        }
    }

    /// What has ended since this was asked last.
    pub(crate) fn take_ended(&mut self) -> impl Iterator<Item = Span> + use<> {
        std::mem::take(&mut self.ended).into_iter()
    }

    fn finish(&mut self, now: Now, id: ActionId, end: SpanEnd) {
        if let Some((label, began, gauge)) = self.under_way.remove(&id)
            && self.observed
        {
            self.ended.push(label.end(began, &gauge, now, end));
        }
    }
}
