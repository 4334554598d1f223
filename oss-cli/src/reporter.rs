//! Tells people and programs what happens during an upload.

use crate::json::{self, Job, Parts};
use crate::progress::Meter;
use indicatif::HumanBytes;
use oss_client::{CallError, Completed, DEFAULT_PART_SIZE, Event, Notice, Plan, Progress, UploadId};
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
    pub(crate) part_size: Option<u64>,
    pub(crate) began: Instant,
    pub(crate) seen: Arc<Mutex<Seen>>,
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
            let (size, parts) = (self.progress.total(), self.parts(event));
            let line = json::event(&self.job, size, parts, event, error, self.began.elapsed());
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
            Event::Notice(notice) => Some(notice.to_string()),
            _ if self.quiet => None,
            Event::Resumed { upload_id, parts_listed, bytes_listed } => Some(format!(
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
        format!(
            "verified crc64={} oss://{bucket}/{} {} in {:.1} s ({} sent, {} reused)",
            done.crc64,
            key.escape_debug(),
            HumanBytes(done.size),
            self.began.elapsed().as_secs_f64(),
            HumanBytes(done.bytes_sent),
            HumanBytes(done.bytes_reused)
        )
    }

    /// The plan behind a `started` or `resumed`.
    fn parts(&self, event: &Event) -> Parts {
        let size = self.progress.total();
        let plan = Plan::new(size, self.part_size.unwrap_or(DEFAULT_PART_SIZE)).ok()?;
        match event {
            Event::Started { upload_id: None } => Some((size, 1)),
            // A resume keeps its own part size; that is the one of the options only where the list agrees.
            Event::Resumed { parts_listed, bytes_listed, .. }
                if self.part_size.is_none() && !agrees(plan, *parts_listed, *bytes_listed) =>
            {
                None
            }
            _ => Some((plan.part_size(), plan.count())),
        }
    }
}

/// So many parts with so many bytes can be of this plan: all whole ones, or the last and otherwise whole ones.
fn agrees(plan: Plan, parts: u32, bytes: u64) -> bool {
    let whole = u64::from(parts) * plan.part_size();
    let last = plan.size() - u64::from(plan.count().saturating_sub(1)) * plan.part_size();
    parts > 0 && (bytes == whole || bytes == whole - plan.part_size() + last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_agrees_with_a_plan_with_or_without_the_last_part() {
        let mib = 1 << 20;
        let plan = Plan::new(20 * mib + 5, 8 * mib).unwrap();
        assert!(agrees(plan, 2, 16 * mib));
        assert!(agrees(plan, 2, 12 * mib + 5));
        assert!(!agrees(plan, 2, 2 * mib), "smaller parts");
        assert!(!agrees(plan, 0, 0), "an empty list says nothing");
    }

    #[test]
    fn uploads_that_may_be_billed_are_remembered_once() {
        let reporter = Reporter {
            job: Job { bucket: "demo".into(), key: "k".into() },
            progress: Progress::default(),
            meter: Arc::new(Meter::new(Progress::default(), true, true)),
            json: false,
            quiet: true,
            part_size: None,
            began: Instant::now(),
            seen: Arc::default(),
        };
        let id = UploadId::new("0004B9894A22E5B1888A1E29F8236E2D").unwrap();
        reporter.remember(&Event::Notice(Notice::Orphan(id.clone())));
        reporter.remember(&Event::Notice(Notice::StillThere(id.clone())));
        let seen = reporter.seen.lock().unwrap().clone();
        assert_eq!(seen, Seen { begun: false, leftovers: vec![id] });
    }
}
