//! What was asked of the sink, and when.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Shared by all connections.
#[derive(Debug)]
pub(super) struct Ledger {
    state: Mutex<State>,
    released: Condvar,
    /// Parts that are held are here all the same: their replies alone are missing.
    keeps_held: bool,
}

#[derive(Debug, Default)]
struct State {
    hold_after: Option<u64>,
    parts: BTreeSet<u64>,
    requests: BTreeMap<&'static str, u64>,
    bytes: u64,
    /// Of bodies under way too; counted only where the sink is far.
    received: u64,
    in_flight: u64,
    differing: u64,
    connections: u64,
    most_connections: u64,
    /// Microseconds since 1970.
    first_part_at: Option<u64>,
    last_part_at: Option<u64>,
    first_list_at: Option<u64>,
    last_list_at: Option<u64>,
    first_part_after_list_at: Option<u64>,
    complete_at: Option<u64>,
}

impl Ledger {
    pub(super) fn new(hold_after: Option<u64>, keeps_held: bool) -> Self {
        Self { state: Mutex::new(State { hold_after, ..State::default() }), released: Condvar::new(), keeps_held }
    }

    pub(super) fn opened(&self) {
        let mut state = self.state();
        state.connections += 1;
        state.most_connections = state.most_connections.max(state.connections);
    }

    pub(super) fn closed(&self) {
        self.state().connections -= 1;
    }

    /// The first bytes of a part are here.
    pub(super) fn part_begins(&self) {
        let now = micros();
        let mut state = self.state();
        state.in_flight += 1;
        state.first_part_at.get_or_insert(now);
        if state.last_list_at.is_some() {
            state.first_part_after_list_at.get_or_insert(now);
        }
    }

    /// Its reply has been written.
    pub(super) fn part_answered(&self) {
        self.state().in_flight -= 1;
    }

    /// Bytes of a body are here.
    pub(super) fn received(&self, bytes: u64) {
        self.state().received += bytes;
    }

    /// All of a part is here; waits while parts are held.
    pub(super) fn part_ended(&self, number: u64) {
        let mut state = self.state();
        let full = |state: &State| state.hold_after.is_some_and(|most| state.parts.len() as u64 >= most);
        if full(&state) {
            *state.requests.entry("held").or_default() += 1;
            if self.keeps_held {
                state.parts.insert(number);
            }
            let _state = self.released.wait_while(state, |state| full(state)).unwrap_or_else(PoisonError::into_inner);
            return;
        }
        state.parts.insert(number);
        state.last_part_at = Some(micros());
    }

    /// From now on every part is answered.
    pub(super) fn release(&self) {
        self.state().hold_after = None;
        self.released.notify_all();
    }

    /// A request has been read whole.
    pub(super) fn count(&self, operation: &'static str, bytes: u64, differs: bool) {
        let now = micros();
        let mut state = self.state();
        *state.requests.entry(operation).or_default() += 1;
        state.bytes += bytes;
        state.differing += u64::from(differs);
        match operation {
            "ListParts" => {
                state.first_list_at.get_or_insert(now);
                state.last_list_at = Some(now);
            }
            "CompleteMultipartUpload" => {
                state.complete_at = Some(now);
                state.parts.clear();
            }
            _ => {}
        }
    }

    /// Numbers of the parts that are here, from the one after `marker`, at most `most`; and whether there are more.
    pub(super) fn list(&self, marker: u64, most: usize) -> (Vec<u64>, bool) {
        let state = self.state();
        let mut rest = state.parts.range(marker + 1..).copied();
        let page = rest.by_ref().take(most).collect();
        (page, rest.next().is_some())
    }

    pub(super) fn to_json(&self) -> Value {
        let state = self.state();
        json!({
            "requests": state.requests, "bytes": state.bytes, "received": state.received, "in_flight": state.in_flight,
            "differing": state.differing,
            "most_connections": state.most_connections, "parts": state.parts.len(),
            "first_part_at": state.first_part_at, "last_part_at": state.last_part_at,
            "first_list_at": state.first_list_at, "last_list_at": state.last_list_at,
            "first_part_after_list_at": state.first_part_after_list_at, "complete_at": state.complete_at,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Now, in microseconds since 1970: the clock that the processes of a measurement share.
pub(crate) fn micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
