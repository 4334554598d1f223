//! What `--stats`, `--trace` and `--timeline` are made of: every action of the upload, as it ended.

use crate::args::Report;
use crate::failure::Failure;
use crate::stats::{self, Process, Stats};
use crate::{timeline, trace};
use oss_client::{Client, Memory, Span};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Told of every span; asked at the end.
#[derive(Debug)]
pub(crate) struct Recording {
    began: Instant,
    memory: Memory,
    client: Client,
    title: String,
    stats: bool,
    trace: Option<Page>,
    timeline: Option<Page>,
    taken: Mutex<(Stats, Vec<Span>)>,
}

/// A file that is there before the first request, and filled at the end.
#[derive(Debug)]
struct Page {
    path: PathBuf,
    file: File,
}

impl Recording {
    /// `None` where nothing is asked for. `title`: what is uploaded where.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(crate) fn new(
        report: &Report,
        title: String,
        client: &Client,
        memory: &Memory,
        began: Instant,
    ) -> Result<Option<Self>, Failure> {
        if !report.stats && report.trace.is_none() && report.timeline.is_none() {
            return Ok(None);
        }
        let open = |option, path: &Option<PathBuf>| path.as_deref().map(|path| Page::create(option, path)).transpose();
        Ok(Some(Self {
            began,
            memory: memory.clone(),
            client: client.clone(),
            title,
            stats: report.stats,
            trace: open("--trace", &report.trace)?,
            timeline: open("--timeline", &report.timeline)?,
            taken: Mutex::default(),
        }))
    }

    pub(crate) fn take(&self, span: &Span) {
        let mut taken = self.taken();
        taken.0.count(span);
        if self.trace.is_some() || self.timeline.is_some() {
            taken.1.push(span.clone());
        }
    }

    /// The figures for `--json`, when they were asked for.
    pub(crate) fn json(&self) -> Option<serde_json::Value> {
        self.stats.then(|| self.taken().0.json(self.process()))
    }

    /// Writes the files; gives the lines for stderr.
    pub(crate) fn end(&self) -> Vec<String> {
        let taken = self.taken();
        let fill = |page: &Option<Page>, of: fn(&str, &[Span]) -> String| {
            page.as_ref().and_then(|page| page.fill(&of(&self.title, &taken.1)))
        };
        let mut lines = Vec::new();
        lines.extend(fill(&self.trace, trace::of));
        lines.extend(fill(&self.timeline, timeline::of));
        if self.stats {
            lines.push(taken.0.table(self.process()));
        }
        lines
    }

    fn process(&self) -> Process {
        Process {
            wall: self.began.elapsed(),
            cpu: stats::cpu(),
            peak_resident: stats::peak_resident(),
            peak_buffers: self.memory.peak(),
            connections: self.client.connections_opened(),
        }
    }

    fn taken(&self) -> MutexGuard<'_, (Stats, Vec<Span>)> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Page {
    fn create(option: &str, path: &Path) -> Result<Self, Failure> {
        let file = File::create(path).map_err(|error| {
            Failure::usage(anyhow::Error::new(error).context(format!("{option}: {} cannot be written", path.display())))
        })?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// What went wrong, in words: the upload's own end is not changed by it.
    fn fill(&self, text: &str) -> Option<String> {
        let written = (&self.file).write_all(text.as_bytes());
        written.err().map(|error| format!("{} could not be written: {error}", self.path.display()))
    }
}
