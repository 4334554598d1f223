//! Tells people and programs what happens during an upload.

use crate::json::{self, Job};
use crate::progress::Meter;
use crate::recording::Recording;
use indicatif::HumanBytes;
use oss_client::{CallError, Completed, Event, Notice, Progress, UploadId};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Turns events into lines, and remembers what the advice at the end needs.
#[derive(Debug)]
pub(crate) struct Reporter {
    pub(crate) job: Job,
    pub(crate) progress: Progress,
    pub(crate) meter: Arc<Meter>,
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    pub(crate) began: Instant,
    pub(crate) seen: Arc<Mutex<Seen>>,
    pub(crate) recording: Option<Arc<Recording>>,
}

/// What came up during the run.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// A transfer began or went on: whatever `--restart` had to give up has been given up.
    pub(crate) begun: bool,
    /// Uploads that may still be billed, and that only a person can judge.
    pub(crate) leftovers: Vec<UploadId>,
}

impl Reporter {
    /// Called for every event, in order.
    pub(crate) fn tell(&self, event: &Event, error: Option<&CallError>) {
        self.remember(event);
        if self.json {
            let size = self.progress.total();
            let mut line = json::event(&self.job, size, event, error, self.began.elapsed());
            if let (Event::Completed(_), Some(line), Some(recording)) = (event, &mut line, &self.recording)
                && let Some(stats) = recording.json()
            {
                line["stats"] = stats;
            }
            line.iter().for_each(json::print);
        }
        if let Some(words) = self.words(event, error) {
            self.meter.line(&words);
        }
    }

    fn remember(&self, event: &Event) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { .. } | Event::Resumed { .. } => seen.begun = true,
            Event::Notice(
                Notice::StillThere(id) | Notice::Orphan(id) | Notice::Foreign { upload_id: Some(id), .. },
            ) => {
                seen.leftovers.push(id.clone());
            }
            Event::Completed(done) => seen.leftovers.extend(done.still_there.iter().cloned()),
            _ => {}
        }
        seen.leftovers.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        seen.leftovers.dedup();
    }

    /// What stderr says of an event; notices also when quiet.
    fn words(&self, event: &Event, error: Option<&CallError>) -> Option<String> {
        match event {
            Event::Notice(notice) => {
                let why = error.map_or(String::new(), |error| format!(" ({})", json::chain(error).join(": ")));
                Some(format!("{notice}{why}"))
            }
            _ if self.quiet => None,
            Event::Resumed { upload_id, parts_listed, bytes_listed, .. } => Some(format!(
                "resuming upload {upload_id}: the server has {parts_listed} parts, {} of {}",
                HumanBytes(*bytes_listed),
                HumanBytes(self.progress.total())
            )),
            Event::Retry { operation, part, attempt, delay, .. } => {
                let part = part.map_or(String::new(), |number| format!(" of part {number}"));
                let why = error.map_or(String::new(), |error| format!(": {}", json::chain(error).join(": ")));
                let seconds = delay.as_secs_f64();
                Some(format!("trying {operation}{part} again in {seconds:.1} s (repetition {attempt}){why}"))
            }
            Event::Completed(done) => Some(self.verdict(done)),
            _ => None,
        }
    }

    fn verdict(&self, done: &Completed) -> String {
        let Job { bucket, key } = &self.job;
        let version =
            done.object.version_id.as_ref().map_or(String::new(), |id| format!(" version {}", id.escape_debug()));
        format!(
            "verified crc64={} oss://{bucket}/{}{version} {} in {:.1} s ({} sent, {} reused)",
            done.crc64,
            key.escape_debug(),
            HumanBytes(done.size),
            self.began.elapsed().as_secs_f64(),
            HumanBytes(done.bytes_sent),
            HumanBytes(done.bytes_reused)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_that_may_be_billed_are_remembered_once() {
        let reporter = Reporter {
            job: Job { bucket: "demo".into(), key: "k".into() },
            progress: Progress::default(),
            meter: Arc::new(Meter::new(Progress::default(), true, true)),
            json: false,
            quiet: true,
            began: Instant::now(),
            seen: Arc::default(),
            recording: None,
        };
        let id = UploadId::new("0004B9894A22E5B1888A1E29F8236E2D").unwrap();
        reporter.remember(&Event::Notice(Notice::Orphan(id.clone())));
        reporter.remember(&Event::Notice(Notice::StillThere(id.clone())));
        let seen = reporter.seen.lock().unwrap().clone();
        assert_eq!(seen, Seen { begun: false, leftovers: vec![id] });
    }
}
