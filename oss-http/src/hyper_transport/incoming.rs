use super::idle::{Idle, Origin};
use super::outgoing::Upload;
use super::watch::poll_alarm;
use super::wire::{Wire, from_hyper};
use crate::{ReplyBody, TransportError, Waiting};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// Where a connection goes after its reply.
pub(super) struct Home {
    pub(super) idle: Arc<Idle>,
    pub(super) origin: Origin,
}

/// The rest of an exchange, as the reply's body: it drives the connection, and gives it back at its end.
pub(super) fn reply_body(
    body: Incoming,
    wire: Box<Wire>,
    upload: Arc<Upload>,
    no_progress: Duration,
    home: Home,
) -> ReplyBody {
    let mut streaming = Streaming { body, wire: Some(wire), upload, no_progress, home, timer: None };
    if !streaming.body.is_end_stream() {
        return ReplyBody::new(streaming);
    }
    streaming.give_back();
    ReplyBody::bytes(Bytes::new())
}

struct Streaming {
    body: Incoming,
    /// `None` once given back.
    wire: Option<Box<Wire>>,
    upload: Arc<Upload>,
    no_progress: Duration,
    home: Home,
    /// Set while a frame is awaited.
    timer: Option<Pin<Box<Sleep>>>,
}

type Next = Option<Result<Frame<Bytes>, TransportError>>;

impl Streaming {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        // Asking the body first tells the connection that a frame is wanted.
        for _ in 0..2 {
            if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
                return Poll::Ready(frame.map(|frame| frame.map_err(|error| from_hyper(error, &self.upload))));
            }
            // Its end, and its error, come to the body as well.
            let Some(wire) = &mut self.wire else { break };
            let _ = wire.drive(cx);
        }
        Pin::new(&mut self.body)
            .poll_frame(cx)
            .map(|frame| frame.map(|frame| frame.map_err(|error| from_hyper(error, &self.upload))))
    }

    /// The body has been read: the connection is kept when it is fit for another exchange. It is not when, for
    /// example, the server answered before it had read the request.
    fn give_back(&mut self) {
        if let Some(mut wire) = self.wire.take()
            && wire.is_idle()
        {
            self.home.idle.put(self.home.origin.clone(), wire);
        }
    }

    /// Nothing came at this poll: has it been too long?
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        let Some(wire) = &self.wire else { return Poll::Pending };
        let activity = &wire.activity;
        let limit = self.no_progress;
        let timer = self.timer.get_or_insert_with(|| {
            // Until now nobody asked, so that the network may have had nowhere to put its bytes.
            activity.touch();
            Box::pin(sleep(limit))
        });
        while poll_alarm(timer, cx).is_ready() {
            if activity.is_reading_held() {
                activity.touch();
            }
            let until = activity.last() + limit;
            if Instant::now() >= until {
                return Poll::Ready(Some(Err(TransportError::Timeout { waiting: Waiting::ReplyBody, limit })));
            }
            timer.as_mut().reset(until);
        }
        Poll::Pending
    }
}

impl Body for Streaming {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Next> {
        let this = &mut *self;
        let next = match this.poll_next(cx) {
            Poll::Pending => this.poll_timer(cx),
            ready => ready,
        };
        match &next {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(Err(_))) => this.wire = None,
            Poll::Ready(Some(Ok(_))) if !this.body.is_end_stream() => {}
            Poll::Ready(_) => this.give_back(),
        }
        this.timer = None;
        next
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
