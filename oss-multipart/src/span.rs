//! What every action of a transfer took, and where its time went.

use crate::machine::Action;
use oss_http::Fault;
use oss_proto::PartNumber;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::time::Instant;

/// Told of every action at its end, in the order of their ends.
pub type SpanObserver = Box<dyn FnMut(&Span) + Send>;

/// One action of a transfer, from its beginning to its end; all times are since the transfer began.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Span {
    /// What kind of thing it was.
    pub kind: SpanKind,
    /// The OSS operation, or `Prove`, `CheckSource`, `Save`, `Discard`.
    pub name: &'static str,
    /// The part it was about; the first, when it proves several.
    pub part: Option<PartNumber>,
    /// Bytes of the file that it was about.
    pub bytes: u64,
    /// When it was asked for.
    pub began: Duration,
    /// When the connection asked for the first byte of the body: a connection was there, the head was on its way.
    pub asked: Option<Duration>,
    /// When the connection was given the last byte of the body.
    pub given: Option<Duration>,
    /// Bytes of the body that the connection was given.
    pub bytes_given: u64,
    /// Of the time between the two: waiting for reads that were not in the page cache.
    pub disk: Duration,
    /// When it ended.
    pub ended: Duration,
    /// How it ended.
    pub end: SpanEnd,
}

/// What kind of thing a [`Span`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpanKind {
    /// A request that carries the file's bytes.
    Send,
    /// A request without.
    Call,
    /// A read of the file to prove what the server has, or that the file is unchanged.
    Prove,
    /// A checkpoint written or removed.
    Save,
}

/// How a [`Span`] ended.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SpanEnd {
    /// Well.
    Done,
    /// Not.
    Failed(Fault),
    /// Nobody waited for its end: the transfer was cancelled or had failed otherwise.
    Dropped,
}

/// The stopwatch of an action under way; shared with the body that is sent.
#[derive(Debug)]
pub(crate) struct Gauge {
    base: Instant,
    bytes: AtomicU64,
    /// Microseconds since `base`, 0 for never.
    asked: AtomicU64,
    given: AtomicU64,
    disk: AtomicU64,
}

impl Gauge {
    pub(crate) fn new(base: Instant) -> Self {
        let zero = AtomicU64::default;
        Self { base, bytes: zero(), asked: zero(), given: zero(), disk: zero() }
    }

    /// The body's first byte is asked for.
    pub(crate) fn ask(&self) {
        self.asked.store(self.now().max(1), Relaxed);
    }

    /// The body gave so many bytes more.
    pub(crate) fn give(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Relaxed);
    }

    /// The body gave its last byte.
    pub(crate) fn finish(&self) {
        self.given.store(self.now().max(1), Relaxed);
    }

    /// The disk is waited for from now on; to be given to [`Self::waited`].
    pub(crate) fn now(&self) -> u64 {
        micros(self.base.elapsed())
    }

    /// The disk has been waited for since then.
    pub(crate) fn waited(&self, since: u64) {
        self.disk.fetch_add(self.now().saturating_sub(since), Relaxed);
    }

    /// Bytes given so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }
}

/// What an action is, kept while it runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Label {
    kind: SpanKind,
    name: &'static str,
    part: Option<PartNumber>,
    bytes: u64,
}

impl Label {
    /// `size`: bytes of the file.
    pub(crate) fn of(action: &Action, size: u64) -> Self {
        let label = |kind, name| Self { kind, name, part: None, bytes: 0 };
        match action {
            Action::PutObject => Self { bytes: size, ..label(SpanKind::Send, "PutObject") },
            Action::UploadPart { number, range, .. } => {
                Self { part: Some(*number), bytes: range.len, ..label(SpanKind::Send, "UploadPart") }
            }
            Action::ProveParts(parts) => {
                let (part, bytes) = (parts.first().map(|part| part.number), parts.iter().map(|p| p.range.len).sum());
                Self { part, bytes, ..label(SpanKind::Prove, "Prove") }
            }
            Action::CheckSource { whole } => {
                Self { bytes: if *whole { size } else { 0 }, ..label(SpanKind::Prove, "CheckSource") }
            }
            Action::Initiate => label(SpanKind::Call, "InitiateMultipartUpload"),
            Action::ListUploads => label(SpanKind::Call, "ListMultipartUploads"),
            Action::ListParts { .. } => label(SpanKind::Call, "ListParts"),
            Action::Complete { .. } => label(SpanKind::Call, "CompleteMultipartUpload"),
            Action::HeadObject => label(SpanKind::Call, "HeadObject"),
            Action::Abort { .. } => label(SpanKind::Call, "AbortMultipartUpload"),
            Action::Save(_) => label(SpanKind::Save, "Save"),
            Action::Discard | Action::Stop => label(SpanKind::Save, "Discard"),
        }
    }

    pub(crate) fn kind(self) -> SpanKind {
        self.kind
    }

    /// The span from when it began to when it ended.
    pub(crate) fn end(self, began: Duration, gauge: &Gauge, ended: Duration, end: SpanEnd) -> Span {
        let at = |moment: &AtomicU64| Some(moment.load(Relaxed)).filter(|at| *at > 0).map(Duration::from_micros);
        let Self { kind, name, part, bytes } = self;
        Span {
            kind,
            name,
            part,
            bytes,
            began,
            asked: at(&gauge.asked),
            given: at(&gauge.given),
            bytes_given: gauge.bytes(),
            disk: Duration::from_micros(gauge.disk.load(Relaxed)),
            ended,
            end,
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
