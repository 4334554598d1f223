//! A reply, and its body: XML, or an object's bytes read as they are sent.

use crate::store::{Blob, OpenBlob};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use oss_proto::xml::Writer;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Bytes read from disk for one frame.
const FRAME: u64 = 256 * 1024;

/// An XML document.
pub(crate) fn document(root: &'static str, fill: impl FnOnce(&mut Writer)) -> Bytes {
    let mut writer = Writer::new(root);
    fill(&mut writer);
    Bytes::from(writer.finish())
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: ReplyBody,
}

impl Reply {
    pub(crate) fn new(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: ReplyBody::default() }
    }

    pub(crate) fn ok() -> Self {
        Self::new(StatusCode::OK)
    }

    pub(crate) fn with_xml(self, body: Bytes) -> Self {
        self.with("content-type", "application/xml").with_body(ReplyBody::whole(body))
    }

    pub(crate) fn with_body(mut self, body: ReplyBody) -> Self {
        self.body = body;
        self
    }

    /// Sets a header; a value that cannot stand in one is left out (it could not have come in one either).
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes()))
        {
            self.headers.insert(name, value);
        }
        self
    }

    pub(crate) fn maybe(self, name: &str, value: Option<String>) -> Self {
        match value {
            Some(value) => self.with(name, &value),
            None => self,
        }
    }

    /// The length the body has, where the operation has not said another (HEAD).
    pub(crate) fn fill_length(&mut self) {
        let bodiless = matches!(self.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if !bodiless && !self.headers.contains_key(header::CONTENT_LENGTH) {
            self.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(self.body.remaining));
        }
    }
}

/// The body of the emulator's replies.
///
/// An object on disk is read piece by piece as the body is polled, at most 256 KiB at a time, so that its size does not
/// matter. A body a fault cuts yields [`ReplyCut`] where the connection breaks.
#[derive(Debug, Default)]
pub struct ReplyBody {
    pieces: VecDeque<Piece>,
    remaining: u64,
    /// Bytes until a fault cuts the connection.
    cut: Option<u64>,
    /// The server had a turn to send what comes before the cut.
    flushed: bool,
}

#[derive(Debug)]
enum Piece {
    Whole(Bytes),
    Stored { blob: Arc<Blob>, open: Option<OpenBlob>, offset: u64, len: u64 },
}

/// The connection broke inside the reply's body: scripted by [`crate::Fault::CutReplyAfter`], or the store cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the connection was cut inside the reply: {reason}")]
pub struct ReplyCut {
    reason: String,
}

impl ReplyBody {
    pub(crate) fn whole(bytes: Bytes) -> Self {
        let remaining = bytes.len() as u64;
        let pieces = if remaining == 0 { VecDeque::new() } else { VecDeque::from([Piece::Whole(bytes)]) };
        Self { pieces, remaining, ..Self::default() }
    }

    /// `len` bytes from `offset` of the blobs one after another.
    pub(crate) fn stored(blobs: &[Arc<Blob>], offset: u64, len: u64) -> Self {
        let (mut pieces, mut skip, mut left) = (VecDeque::new(), offset, len);
        for blob in blobs {
            let here = blob.len().saturating_sub(skip).min(left);
            if here > 0 {
                pieces.push_back(Piece::Stored { blob: Arc::clone(blob), open: None, offset: skip, len: here });
            }
            skip = skip.saturating_sub(blob.len());
            left -= here;
        }
        Self { pieces, remaining: len - left, ..Self::default() }
    }

    /// Breaks off after `bytes`, which must be less than the length.
    pub(crate) fn cut_after(&mut self, bytes: u64) {
        self.cut = Some(bytes);
    }

    pub(crate) fn len(&self) -> u64 {
        self.remaining
    }

    /// Keeps only the first half of a body that is in memory.
    pub(crate) fn halve(&mut self) {
        if let Some(Piece::Whole(bytes)) = self.pieces.front_mut() {
            bytes.truncate(bytes.len() / 2);
            self.remaining = bytes.len() as u64;
        }
    }

    fn next(&mut self) -> Option<std::io::Result<Bytes>> {
        let limit = self.cut.unwrap_or(FRAME).min(FRAME);
        let piece = self.pieces.front_mut()?;
        let read = match piece {
            Piece::Whole(bytes) => Ok(bytes.split_to(usize::try_from(limit).unwrap_or(usize::MAX).min(bytes.len()))),
            Piece::Stored { blob, open, offset, len } => read_stored(blob, open, *offset, limit.min(*len)),
        };
        if let Ok(bytes) = &read {
            let got = bytes.len() as u64;
            self.remaining -= got;
            if let Some(cut) = &mut self.cut {
                *cut -= got;
            }
            if piece.advance(got) {
                self.pieces.pop_front();
            }
        }
        Some(read)
    }
}

impl Piece {
    /// Whether nothing is left.
    fn advance(&mut self, got: u64) -> bool {
        match self {
            Piece::Whole(bytes) => bytes.is_empty(),
            Piece::Stored { offset, len, .. } => {
                *offset += got;
                *len -= got;
                *len == 0
            }
        }
    }
}

fn read_stored(blob: &Blob, open: &mut Option<OpenBlob>, offset: u64, len: u64) -> std::io::Result<Bytes> {
    let opened = match open.take() {
        Some(opened) => open.insert(opened),
        None => open.insert(blob.open()?),
    };
    opened.read_at(offset, usize::try_from(len).unwrap_or(usize::MAX))
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = ReplyCut;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ReplyCut>>> {
        if self.cut == Some(0) {
            if !self.flushed {
                // An HTTP server drops what it has buffered when a body fails, and flushes when a body is pending.
                self.flushed = true;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.pieces.clear();
            self.cut = None;
            self.remaining = 0;
            return Poll::Ready(Some(Err(ReplyCut { reason: "a scripted fault".to_owned() })));
        }
        Poll::Ready(match self.next() {
            None => None,
            Some(Ok(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(Err(error)) => {
                self.pieces.clear();
                Some(Err(ReplyCut { reason: error.to_string() }))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && self.cut.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}
