use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// What a request carries: nothing, bytes, or a stream of known length. One attempt uses it up.
///
/// Frames go to the connection as they are, without a copy. A stream that gives more or fewer bytes than it announced
/// fails with an error, so that a request never ends as a truncated object.
pub struct Payload {
    source: Source,
    remaining: u64,
}

/// A body that is made while it is sent.
pub type PayloadStream = Pin<Box<dyn Body<Data = Bytes, Error = io::Error> + Send>>;

enum Source {
    Bytes(Bytes),
    Stream(PayloadStream),
}

impl Payload {
    /// No body.
    pub fn empty() -> Self {
        Self::bytes(Bytes::new())
    }

    /// A body that is in memory, sent as one frame.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { remaining: bytes.len() as u64, source: Source::Bytes(bytes) }
    }

    /// A body of exactly `length` bytes; frames of about 256 KiB cost least.
    ///
    /// The stream is not polled again after the last of the `length` bytes: what it has to object (see
    /// [`SourceChanged`]) it must say before it gives them. Trailers are dropped.
    pub fn stream(length: u64, stream: PayloadStream) -> Self {
        Self { remaining: length, source: Source::Stream(stream) }
    }

    /// Bytes still to come.
    pub fn remaining(&self) -> u64 {
        self.remaining
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payload").field("remaining", &self.remaining).finish_non_exhaustive()
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.remaining == 0 {
            return Poll::Ready(None);
        }
        let data = match &mut self.source {
            Source::Bytes(bytes) => Some(Ok(Frame::data(std::mem::take(bytes)))),
            Source::Stream(stream) => ready!(stream.as_mut().poll_frame(cx)),
        };
        let data = match data.map(|frame| frame.map(Frame::into_data)) {
            Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            Some(Ok(Ok(data))) => data,
            Some(Ok(Err(_))) | None => return Poll::Ready(Some(Err(ended(self.remaining)))),
        };
        match self.remaining.checked_sub(data.len() as u64) {
            Some(left) => {
                self.remaining = left;
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            None => Poll::Ready(Some(Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the payload gave more bytes than it announced",
            )))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}

fn ended(remaining: u64) -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        format!("the payload ended {remaining} bytes before its announced length"),
    )
}

/// The marker a payload stream fails with (inside an [`io::Error`]) when its file is no longer the one that was
/// planned: `io::Error::other(SourceChanged)`. The call then reports [`Fault::SourceChanged`](crate::Fault).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the source changed while it was read")]
pub struct SourceChanged;

impl SourceChanged {
    /// The error is, or wraps, this marker.
    pub fn is_in(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<SourceChanged>())
    }
}
