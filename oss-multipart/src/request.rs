use crate::machine::{Options, Parallel};
use oss_http::CallError;
use oss_proto::{Bucket, Key, NameError, ObjectHeaders, TrafficLimit};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

use crate::directories::Directories;
use crate::machine::Event;
use crate::memory::Memory;
use crate::span::{Span, SpanObserver};

/// Told of every event, with the error of the call behind a retry or a failed callback.
pub type Observer = Box<dyn FnMut(&Event, Option<&CallError>) + Send>;

/// A resumable upload of one file: what OSS's documentation of resumable upload lets one choose, and a little more.
///
/// Everything is checked when the upload begins: a wrong name or size is refused before any request.
pub struct UploadObjectRequest {
    pub(crate) bucket: Result<Bucket, NameError>,
    pub(crate) key: Result<Key, NameError>,
    pub(crate) file_path: PathBuf,
    pub(crate) part_size: Option<u64>,
    pub(crate) checkpoint_dir: Option<PathBuf>,
    pub(crate) headers: ObjectHeaders,
    pub(crate) traffic_limit: Option<TrafficLimit>,
    pub(crate) options: Options,
    pub(crate) restart: bool,
    pub(crate) wait: bool,
    pub(crate) endpoint_name: Option<String>,
    pub(crate) observer: Option<Observer>,
    pub(crate) spans: Option<SpanObserver>,
    pub(crate) progress: Progress,
    pub(crate) memory: Option<Memory>,
    pub(crate) directories: Directories,
    pub(crate) cancel: CancellationToken,
}

impl UploadObjectRequest {
    /// Uploads the regular file at `file_path` as `key` of `bucket`.
    #[doc(alias = "filePath")]
    pub fn new(bucket: impl Into<String>, key: impl Into<String>, file_path: impl Into<PathBuf>) -> Self {
        Self {
            bucket: Bucket::new(bucket),
            key: Key::new(key),
            file_path: file_path.into(),
            part_size: None,
            checkpoint_dir: None,
            headers: ObjectHeaders::new(),
            traffic_limit: None,
            options: Options::default(),
            restart: false,
            wait: false,
            endpoint_name: None,
            observer: None,
            spans: None,
            progress: Progress::default(),
            memory: None,
            directories: Directories::default(),
            cancel: CancellationToken::new(),
        }
    }

    /// Bytes of a part: 100 KiB to 5 GiB, 8 MiB when not said; grown when the file would need more than 10,000 parts.
    ///
    /// A resume keeps the part size it began with, unless another one is said here: then the upload starts afresh.
    #[doc(alias = "partSize")]
    #[must_use]
    pub fn part_size(mut self, bytes: u64) -> Self {
        self.part_size = Some(bytes);
        self
    }

    /// Parts in flight at once: 1 to 1,024, 3 when not said.
    #[doc(alias = "threadNum")]
    #[doc(alias = "taskNum")]
    #[must_use]
    pub fn parallel(self, parts: usize) -> Self {
        self.parts_in_flight(Parallel::Fixed(parts))
    }

    /// As many parts in flight as make the transfer faster, found by measuring while it runs: from 3 up to 64, or to
    /// what the memory budget has room for where that was given. Throttling halves them, as it does any number.
    #[must_use]
    pub fn parallel_auto(self) -> Self {
        self.parts_in_flight(Parallel::Auto { most: Parallel::AUTO_MOST })
    }

    /// As [`Self::parallel`] or [`Self::parallel_auto`], where the choice is a value.
    #[must_use]
    pub fn parts_in_flight(mut self, parallel: Parallel) -> Self {
        self.options.parallel = parallel;
        self
    }

    /// Where the checkpoint goes: the file's own directory when not said, or the user's state directory where that
    /// cannot be written. A given directory is created when missing, and refused when it cannot be used.
    #[doc(alias = "checkpointDir")]
    #[must_use]
    pub fn checkpoint_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.checkpoint_dir = Some(directory.into());
        self
    }

    /// Headers of the object (content type, metadata, …); a resume with other ones starts afresh, in words that name them.
    /// Only `x-oss-forbid-overwrite`, which is no part of the object, may be another one in every run.
    ///
    /// Where no content type is among them, it is guessed from the name: the key's, else the file's. A resume keeps the
    /// type the upload began with, also that of an upload begun before types were guessed (which has none).
    #[must_use]
    pub fn headers(mut self, headers: ObjectHeaders) -> Self {
        self.headers = headers;
        self
    }

    /// How fast OSS lets each request of this upload move data. It belongs to the run: a resume may have another.
    #[must_use]
    pub fn traffic_limit(mut self, limit: TrafficLimit) -> Self {
        self.traffic_limit = Some(limit);
        self
    }

    /// Gives up an earlier attempt: aborts the upload its checkpoint records, and starts afresh.
    #[must_use]
    pub fn restart(mut self, restart: bool) -> Self {
        self.restart = restart;
        self
    }

    /// Waits for another process that uploads the same file, instead of failing at once.
    #[must_use]
    pub fn wait(mut self, wait: bool) -> Self {
        self.wait = wait;
        self
    }

    /// Fails rather than go on when no checkpoint can be written.
    #[must_use]
    pub fn require_checkpoint(mut self, require: bool) -> Self {
        self.options.require_checkpoint = require;
        self
    }

    /// Accepts parts of which the server gives neither a CRC-64 nor an MD5 ETag.
    #[must_use]
    pub fn allow_unproven(mut self, allow: bool) -> Self {
        self.options.allow_unproven = allow;
        self
    }

    /// Reads the file once more before it is published. For files written through memory mappings, and for network
    /// file systems: their changes need not show in the file's times.
    #[must_use]
    pub fn verify_source(mut self, verify: bool) -> Self {
        self.options.verify_source = verify;
        self
    }

    /// How long to wait without any progress before giving up (the same call continues): 5 minutes when not said.
    #[must_use]
    pub fn retry_budget(mut self, budget: Duration) -> Self {
        self.options.budget = budget;
        self
    }

    /// Told of every event, in order and one at a time, by the tasks of the upload: return soon, it keeps one of their
    /// threads. What happens meanwhile is told afterwards. It may cancel the upload, and must not wait for it.
    ///
    /// Once the upload's future was dropped nothing more is told, but for what is being told at that moment.
    #[must_use]
    pub fn on_event(mut self, observer: impl FnMut(&Event, Option<&CallError>) + Send + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Told what every action took, at its end, as [`Self::on_event`] is told of events. After the last one of a transfer,
    /// also of one that failed, nothing comes.
    #[must_use]
    pub fn on_span(mut self, observer: impl FnMut(&Span) + Send + 'static) -> Self {
        self.spans = Some(Box::new(observer));
        self
    }

    /// Counts bytes into `progress`, which may be read at any time from anywhere.
    #[must_use]
    pub fn progress(mut self, progress: &Progress) -> Self {
        self.progress = progress.clone();
        self
    }

    /// Takes this upload's buffers from a budget that other uploads share; the client's, or one of its own, when not said.
    #[must_use]
    pub fn memory(mut self, memory: &Memory) -> Self {
        self.memory = Some(memory.clone());
        self
    }

    /// As [`Self::memory`], where no other budget was given before.
    #[must_use]
    pub fn memory_unless_given(mut self, memory: &Memory) -> Self {
        self.memory.get_or_insert_with(|| memory.clone());
        self
    }

    /// What uploads learn about directories, shared with other uploads; the client's, when it makes the call. Alone, an
    /// upload knows nothing yet.
    #[must_use]
    pub fn directories(mut self, directories: &Directories) -> Self {
        self.directories = directories.clone();
        self
    }

    /// Stops within a second, keeping what the next run can use, when the token is cancelled.
    #[must_use]
    pub fn cancellation(mut self, token: CancellationToken) -> Self {
        self.cancel = token;
        self
    }

    /// The name of the endpoint in the checkpoint, where its URL is not the same in every run (an embedded server's port).
    #[must_use]
    pub fn endpoint_name(mut self, name: impl Into<String>) -> Self {
        self.endpoint_name = Some(name.into());
        self
    }
}

impl fmt::Debug for UploadObjectRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadObjectRequest")
            .field("bucket", &self.bucket)
            .field("key", &self.key)
            .field("file_path", &self.file_path)
            .field("part_size", &self.part_size)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Bytes of a transfer, kept up to date while it runs; cheap to clone and to read.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    total: AtomicU64,
    sent: AtomicU64,
    reused: AtomicU64,
    in_flight: Arc<AtomicU64>,
}

impl Progress {
    /// Bytes of the file; 0 before it was opened.
    pub fn total(&self) -> u64 {
        self.0.total.load(Ordering::Relaxed)
    }

    /// Bytes of parts that this run sent and proved.
    pub fn sent(&self) -> u64 {
        self.0.sent.load(Ordering::Relaxed)
    }

    /// Bytes of parts that earlier runs sent and this run proved.
    pub fn reused(&self) -> u64 {
        self.0.reused.load(Ordering::Relaxed)
    }

    /// Bytes given to the network for parts that are not acknowledged yet; taken back when a part fails.
    pub fn in_flight(&self) -> u64 {
        self.0.in_flight.load(Ordering::Relaxed)
    }

    /// Everything but what remains to be done; never more than [`Self::total`].
    pub fn done(&self) -> u64 {
        (self.sent() + self.reused() + self.in_flight()).min(self.total())
    }

    pub(crate) fn begin(&self, total: u64) {
        self.0.total.store(total, Ordering::Relaxed);
        self.0.sent.store(0, Ordering::Relaxed);
        self.0.reused.store(0, Ordering::Relaxed);
    }

    pub(crate) fn count(&self, event: &Event) {
        match event {
            Event::Part { size, reused: false, .. } => _ = self.0.sent.fetch_add(*size, Ordering::Relaxed),
            Event::Part { size, reused: true, .. } => _ = self.0.reused.fetch_add(*size, Ordering::Relaxed),
            Event::Completed(completed) => {
                self.0.sent.store(completed.bytes_sent.min(completed.size), Ordering::Relaxed);
                self.0.reused.store(completed.bytes_reused, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    pub(crate) fn in_flight_counter(&self) -> Arc<AtomicU64> {
        self.0.in_flight.clone()
    }
}
