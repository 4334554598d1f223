//! Uploads through the real client against the emulator: in process with tokio's paused clock, so that back-off takes
//! no time, and over loopback sockets where sockets matter.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it, as the test itself does")]

mod addressing;
mod auto;
mod credentials;
mod facade;
mod faults;
mod link;
mod memory;
mod network;
mod observers;
mod odd_keys;
mod resume;
mod sizes;
mod small_files;
mod socket;

use oss_emulator::{Emulator, Fault, Gate, Hook, Operation, Rule, Until};
use oss_multipart::{Event, UploadObjectRequest};
use oss_tests::BUCKET;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// The smallest part size OSS takes.
const PART: usize = 100 * 1024;

/// Parts of [`PART`], so that a file of more than one is a multipart upload.
fn request(key: &str, path: &Path) -> UploadObjectRequest {
    UploadObjectRequest::new(BUCKET, key, path).part_size(PART as u64)
}

/// Every event of a run, readable after it.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<Event>>>);

impl Events {
    fn watch(&self, request: UploadObjectRequest) -> UploadObjectRequest {
        let events = self.0.clone();
        request.on_event(move |event, _| events.lock().unwrap().push(event.clone()))
    }

    fn any(&self, wanted: impl Fn(&Event) -> bool) -> bool {
        self.0.lock().unwrap().iter().any(wanted)
    }
}

/// The `nth` request of `operation` stands still from now on, and so do all after it.
fn stop_at(emulator: &Emulator, operation: Operation, nth: u64) -> Gate {
    let gate = Gate::new();
    emulator.add_fault(Rule::on(operation).nth(nth).always(), Fault::Stall(Until::Opened(gate.clone())));
    gate
}

/// Before the first request of `operation`, `act` happens on the server.
fn before(emulator: &Emulator, operation: Operation, act: impl Fn(&Emulator) + Send + Sync + 'static) {
    emulator.add_fault(Rule::on(operation), Fault::Hook(Hook::new(act)));
}
