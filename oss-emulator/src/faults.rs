//! Faults a test scripts: which request, and what goes wrong with it.

use crate::{Emulator, Operation};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What goes wrong with one request.
///
/// "Applied" means that the request did its work in the store: the client only cannot know.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Fault {
    /// The connection breaks before anything is read or done.
    DropBefore,
    /// The request is applied, and the connection breaks before the reply.
    DropAfterApplied,
    /// The connection breaks once this many bytes of the request's body have come; nothing is applied.
    CutRequestBodyAt(u64),
    /// The request is applied; the reply's body breaks off after this many bytes, or the whole reply is lost when its body
    /// is not longer than that.
    CutReplyAfter(u64),
    /// The request waits, its body unread, and then goes on as if nothing had been.
    Stall(Until),
    /// The request is applied, and its reply waits.
    StallAfterApplied(Until),
    /// Refused with this status and code; nothing is applied.
    Status(u16, String),
    /// 403 `AccessDenied` that names this endpoint as the bucket's, as a server of another region does; nothing is applied.
    WrongEndpoint(String),
    /// Applied, and then answered with this status and code.
    StatusAfterApplied(u16, String),
    /// 503 `SlowDown` with `Retry-After`, in whole seconds; nothing is applied.
    Throttle(Duration),
    /// Applied; every CRC-64 of the reply is another one.
    WrongCrc,
    /// Applied; the reply names no CRC-64.
    NoCrc,
    /// Applied; every ETag of the reply is another one.
    WrongETag,
    /// Applied; the reply names no ETag.
    NoETag,
    /// Applied; the reply is 200 with OSS's headers and no body.
    EmptyBody200,
    /// Nothing is applied; the reply is 200 with an error of this code as its body.
    ErrorIn200(String),
    /// Applied; half of the reply's XML is missing, though the HTTP is whole.
    TruncatedXml,
    /// Nothing is applied; a proxy's HTML page of this status comes back.
    Html(u16),
    /// From now on the server's clock is off by this many seconds, for this request too.
    ClockOffset(i64),
    /// A bit of the body is turned on its way: stored, and described in the reply, are the damaged bytes.
    ChangeStored,
    /// Runs this first, and then goes on as if nothing had been.
    Hook(Hook),
}

impl Fault {
    /// The variant's name, as it stands in the ledger.
    pub fn name(&self) -> &'static str {
        match self {
            Self::DropBefore => "DropBefore",
            Self::DropAfterApplied => "DropAfterApplied",
            Self::CutRequestBodyAt(_) => "CutRequestBodyAt",
            Self::CutReplyAfter(_) => "CutReplyAfter",
            Self::Stall(_) => "Stall",
            Self::StallAfterApplied(_) => "StallAfterApplied",
            Self::Status(..) => "Status",
            Self::WrongEndpoint(_) => "WrongEndpoint",
            Self::StatusAfterApplied(..) => "StatusAfterApplied",
            Self::Throttle(_) => "Throttle",
            Self::WrongCrc => "WrongCrc",
            Self::NoCrc => "NoCrc",
            Self::WrongETag => "WrongETag",
            Self::NoETag => "NoETag",
            Self::EmptyBody200 => "EmptyBody200",
            Self::ErrorIn200(_) => "ErrorIn200",
            Self::TruncatedXml => "TruncatedXml",
            Self::Html(_) => "Html",
            Self::ClockOffset(_) => "ClockOffset",
            Self::ChangeStored => "ChangeStored",
            Self::Hook(_) => "Hook",
        }
    }
}

/// How long a stalled request waits.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Until {
    /// Until the gate is opened.
    Opened(Gate),
    /// For this long, on tokio's clock (a paused one too).
    Elapsed(Duration),
}

impl Until {
    pub(crate) async fn wait(&self) {
        match self {
            Self::Opened(gate) => gate.pass().await,
            Self::Elapsed(duration) => tokio::time::sleep(*duration).await,
        }
    }
}

/// A gate stalled requests wait at; clones are the same gate. A test waits until they are there, acts, and opens it.
#[derive(Debug, Clone)]
pub struct Gate(Arc<watch::Sender<GateState>>);

#[derive(Debug, Default)]
struct GateState {
    arrived: usize,
    open: bool,
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(GateState::default())))
    }

    /// Lets all through, now and later.
    pub fn open(&self) {
        self.0.send_modify(|state| state.open = true);
    }

    /// Waits until `requests` requests in all have come to the gate.
    ///
    /// # Cancel safety
    /// May be dropped and called again.
    pub async fn arrived(&self, requests: usize) {
        let mut changes = self.0.subscribe();
        // Fails only without a sender, and this is one.
        let _ = changes.wait_for(|state| state.arrived >= requests).await;
    }

    async fn pass(&self) {
        let mut changes = self.0.subscribe();
        self.0.send_modify(|state| state.arrived += 1);
        let _ = changes.wait_for(|state| state.open).await;
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

/// Code of a test that runs when its rule fires, with the emulator in hand; no lock is held.
#[derive(Clone)]
pub struct Hook(Arc<dyn Fn(&Emulator) + Send + Sync>);

impl Hook {
    /// Wraps a function.
    pub fn new(run: impl Fn(&Emulator) + Send + Sync + 'static) -> Self {
        Self(Arc::new(run))
    }

    pub(crate) fn run(&self, emulator: &Emulator) {
        (self.0)(emulator);
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

/// Which requests a fault is for: by default the first one that matches, whatever comes after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    operation: Option<Operation>,
    bucket: Option<String>,
    key: Option<String>,
    part: Option<u32>,
    first: u64,
    times: u64,
}

impl Rule {
    /// Requests of any operation.
    pub fn any() -> Self {
        Self { operation: None, bucket: None, key: None, part: None, first: 1, times: 1 }
    }

    /// Requests of one operation.
    pub fn on(operation: Operation) -> Self {
        Self { operation: Some(operation), ..Self::any() }
    }

    /// Only in this bucket.
    #[must_use]
    pub fn bucket(self, bucket: impl Into<String>) -> Self {
        Self { bucket: Some(bucket.into()), ..self }
    }

    /// Only of this key.
    #[must_use]
    pub fn key(self, key: impl Into<String>) -> Self {
        Self { key: Some(key.into()), ..self }
    }

    /// Only with this part number.
    #[must_use]
    pub fn part(self, number: u32) -> Self {
        Self { part: Some(number), ..self }
    }

    /// Fires first at the `n`-th matching request, counted from 1.
    #[must_use]
    pub fn nth(self, n: u64) -> Self {
        Self { first: n, ..self }
    }

    /// Fires for this many matching requests in a row.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times, ..self }
    }

    /// Fires for every matching request from the first one on.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(u64::MAX)
    }

    fn matches(&self, seen: &Seen<'_>) -> bool {
        self.operation.is_none_or(|operation| operation == seen.operation)
            && self.bucket.as_deref().is_none_or(|bucket| Some(bucket) == seen.bucket)
            && self.key.as_deref().is_none_or(|key| Some(key) == seen.key)
            && self.part.is_none_or(|part| Some(part) == seen.part)
    }
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) operation: Operation,
    pub(crate) bucket: Option<&'a str>,
    pub(crate) key: Option<&'a str>,
    pub(crate) part: Option<u32>,
}

/// Rules with their faults, in order. A request gets the fault of the first rule that fires; every rule counts it.
#[derive(Debug, Clone, Default)]
pub struct FaultScript {
    lines: Vec<Line>,
}

#[derive(Debug, Clone)]
struct Line {
    rule: Rule,
    fault: Fault,
    seen: u64,
    fired: u64,
}

impl FaultScript {
    /// Nothing goes wrong.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule at the end.
    #[must_use]
    pub fn fault(mut self, rule: Rule, fault: Fault) -> Self {
        self.add(rule, fault);
        self
    }

    pub(crate) fn add(&mut self, rule: Rule, fault: Fault) {
        self.lines.push(Line { rule, fault, seen: 0, fired: 0 });
    }

    /// For every rule, in order: how many requests matched, and how often its fault was given out.
    pub fn counts(&self) -> Vec<(u64, u64)> {
        self.lines.iter().map(|line| (line.seen, line.fired)).collect()
    }

    pub(crate) fn take(&mut self, seen: Seen<'_>) -> Option<Fault> {
        let mut chosen = None;
        for line in self.lines.iter_mut().filter(|line| line.rule.matches(&seen)) {
            line.seen += 1;
            let due = line.seen >= line.rule.first && line.seen - line.rule.first < line.rule.times;
            if due && chosen.is_none() {
                line.fired += 1;
                chosen = Some(line.fault.clone());
            }
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(number: u32) -> Seen<'static> {
        Seen { operation: Operation::UploadPart, bucket: Some("b-1"), key: Some("k"), part: Some(number) }
    }

    #[test]
    fn a_rule_fires_from_its_nth_match_as_often_as_asked() {
        let mut script =
            FaultScript::new().fault(Rule::on(Operation::UploadPart).part(2).nth(2).times(2), Fault::NoCrc);
        let fired: Vec<bool> =
            [1, 2, 2, 1, 2, 2].into_iter().map(|number| script.take(part(number)).is_some()).collect();
        assert_eq!(fired, [false, false, true, false, true, false]);
        assert_eq!(script.counts(), [(4, 2)]);
    }

    #[test]
    fn the_first_rule_that_fires_wins_and_all_count() {
        let mut script = FaultScript::new()
            .fault(Rule::any().key("other").always(), Fault::NoETag)
            .fault(Rule::any().bucket("b-1"), Fault::NoCrc)
            .fault(Rule::any().always(), Fault::WrongCrc);
        assert_eq!(script.take(part(1)).unwrap().name(), "NoCrc");
        assert_eq!(script.take(part(1)).unwrap().name(), "WrongCrc");
        assert_eq!(script.counts(), [(0, 0), (2, 1), (2, 1)]);
    }
}
