use super::activity::Activity;
use crate::Payload;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

/// The payload inside hyper. It is taken out of [`Upload`] by the first poll, so that an exchange that failed before
/// that can have it back.
#[derive(Debug)]
pub(super) struct Outgoing {
    taken: Option<Payload>,
    length: u64,
    upload: Arc<Upload>,
    activity: Arc<Activity>,
}

/// What the exchange sees of its payload while hyper owns it.
#[derive(Debug)]
pub(super) struct Upload {
    untouched: Mutex<Option<Payload>>,
    /// The payload has nothing to give now: that nothing moves is not the network's fault.
    waiting: AtomicBool,
    drained: AtomicBool,
    failure: Mutex<Option<Arc<io::Error>>>,
}

impl Outgoing {
    pub(super) fn new(payload: Payload, activity: Arc<Activity>) -> (Self, Arc<Upload>) {
        let length = payload.remaining();
        let upload = Arc::new(Upload {
            untouched: Mutex::new(Some(payload)),
            waiting: AtomicBool::new(false),
            drained: AtomicBool::new(length == 0),
            failure: Mutex::new(None),
        });
        (Self { taken: None, length, upload: Arc::clone(&upload), activity }, upload)
    }
}

impl Upload {
    /// The payload, when no byte of it was ever asked for.
    pub(super) fn take_untouched(&self) -> Option<Payload> {
        self.untouched.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The payload's own error, when it is what ended the exchange.
    pub(super) fn failure(&self) -> Option<Arc<io::Error>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.load(Relaxed)
    }

    /// All of it has been given to the connection (which may still hold the last of it).
    pub(super) fn is_drained(&self) -> bool {
        self.drained.load(Relaxed)
    }

    /// hyper wants an error of its own; ours is kept here, whole.
    fn fail(&self, error: io::Error) -> io::Error {
        let stand_in = io::Error::new(error.kind(), "the payload failed");
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(error));
        stand_in
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        if this.taken.is_none() {
            this.taken = this.upload.take_untouched();
        }
        let Some(payload) = this.taken.as_mut() else { return Poll::Ready(None) };
        let outcome = Pin::new(&mut *payload).poll_frame(cx);
        if this.upload.waiting.swap(outcome.is_pending(), Relaxed) && outcome.is_ready() {
            this.activity.touch();
        }
        this.upload.drained.store(payload.remaining() == 0, Relaxed);
        outcome.map(|frame| frame.map(|frame| frame.map_err(|error| this.upload.fail(error))))
    }

    fn is_end_stream(&self) -> bool {
        self.taken.as_ref().map_or(self.length == 0, Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.taken.as_ref().map_or(self.length, Payload::remaining))
    }
}
