//! The judge: compares what each run said with the ledger, the store and the file.

use crate::round::Round;
use crate::run::{Ended, Plan};
use crate::server::{BUCKET, KEY};
use oss_emulator::{LedgerEntry, Operation, StoredUpload};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

/// How long before its publication a version may have ended: the last look at the file, a save, Complete's way.
const LAST_LOOK: Duration = Duration::from_secs(2);
/// Faults by which a listed part, or an acknowledged one, proves nothing.
const DISPROVING: [&str; 5] = ["WrongCrc", "WrongETag", "NoETag", "NoCrc", "ChangeStored"];
/// Faults that take the reply away from the client.
const LOSING: [&str; 8] = [
    "DropAfterApplied",
    "CutReplyAfter",
    "StallAfterApplied",
    "StatusAfterApplied",
    "TruncatedXml",
    "EmptyBody200",
    "Stall",
    "CutRequestBodyAt",
];

/// What the judge remembers of a round.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    /// CRC-64 of the bytes of every part that an ended run was sure to have on the server.
    acknowledged: BTreeMap<(String, u32), u64>,
    /// Parts whose bytes were on their way at all.
    begun: BTreeSet<(String, u32)>,
    /// Parts whose reply once gave a wrong ETag: as long as a checkpoint records that, the list contradicts it.
    misled: BTreeSet<(String, u32)>,
    /// The upload whose parts were acknowledged last, and the size and part size it was for.
    standing: Option<Standing>,
    /// Uploads that no run can know of.
    unknowable: BTreeSet<String>,
    /// Uploads that a run reported as left.
    reported: BTreeSet<String>,
    must_resume: Option<String>,
    tallied: u64,
}

#[derive(Debug, Clone, PartialEq)]
struct Standing {
    upload_id: String,
    size: u64,
    part_size: usize,
}

impl Judge {
    /// Before a run: what it has to resume.
    pub(crate) fn before(&mut self, round: &Round, plan: &Plan) {
        let asked = |standing: &Standing| {
            !plan.restart && standing.size == round.source.size() && standing.part_size == round.part_size
        };
        self.standing = self.standing.take().filter(asked);
        if self.standing.is_none() {
            self.acknowledged.clear();
        }
        let uploads = round.server.emulator.uploads(BUCKET);
        let there = |id: &String| uploads.iter().any(|upload| upload.upload_id == *id);
        self.must_resume = self.standing.as_ref().map(|standing| standing.upload_id.clone()).filter(there);
    }

    /// A part is not on the server any more, and no run can be blamed for it.
    pub(crate) fn forget(&mut self, upload_id: &str, number: u32) {
        self.acknowledged.remove(&(upload_id.to_owned(), number));
    }

    /// No checkpoint remembers these uploads any more.
    pub(crate) fn checkpoint_lost(&mut self, uploads: &[StoredUpload]) {
        self.standing = None;
        self.acknowledged.clear();
        self.unknowable.extend(uploads.iter().map(|upload| upload.upload_id.clone()));
    }

    /// After two processes have ended, of which the first was judged: the second, and both together.
    pub(crate) fn rivals(&mut self, round: &mut Round, first: &Ended, second: &Ended) {
        self.after(round, second);
        // What a second run that did not come to its end has left is for the next one.
        if first.status.success() && second.entries.is_empty() {
            self.left_behind(round);
        }
        for ended in [first, second] {
            let locked = ended.events().any(|event| event["event"] == "failed" && event["kind"] == "locked");
            if locked {
                round.tally.kept_out += 1;
            }
            if locked && !ended.entries.is_empty() {
                round.violation("it said that another process was at work, and had sent requests");
            }
        }
        if at_once(first, second) || at_once(second, first) {
            round.violation("two processes worked at once");
        }
        round.tally.took_over += u64::from(!second.entries.is_empty());
    }

    /// After a run: everything it may be blamed for.
    pub(crate) fn after(&mut self, round: &mut Round, ended: &Ended) {
        round.tally.runs += 1;
        self.tally_faults(round);
        self.end(round, ended);
        self.resending(round, ended);
        self.fresh_start(round, ended);
        published_is_a_version(round, ended);
        self.learn(round, ended);
        if ended.status.success() {
            round.tally.completed += 1;
            success(round, ended);
            // A second process may have begun: what it leaves is looked at after its end.
            if ended.rival.is_none() {
                self.left_behind(round);
            }
            self.standing = None;
        }
    }

    /// At the end of a round: nothing that came late has changed the object.
    pub(crate) fn close(&mut self, round: &mut Round) {
        self.tally_faults(round);
        let last = round.publications.all().last().copied();
        let known = |p: crate::publications::Publication| {
            round.source.versions().iter().any(|v| (v.size, v.crc64) == (p.size, p.crc64))
        };
        let theirs = last.is_some_and(|p| round.intruder == Some((p.size, p.crc64)));
        if round.intruder.is_some() && !theirs {
            round.violation("somebody's object was overwritten, and none may be");
        } else if !theirs && !last.is_some_and(known) {
            round.violation("the object at the end is no version of the file");
        }
    }

    fn tally_faults(&mut self, round: &mut Round) {
        for entry in
            round.server.emulator.ledger().iter().filter(|entry| entry.finished && entry.sequence > self.tallied)
        {
            if let Some(fault) = entry.fault.filter(|fault| *fault != "Stall") {
                *round.tally.faults.entry(fault).or_default() += 1;
            }
        }
        self.tallied = round.server.mark();
    }

    /// Exit codes, panics, hangs, and lines that are not JSON.
    fn end(&mut self, round: &mut Round, ended: &Ended) {
        let code = ended.status.code();
        let name =
            code.map_or_else(|| format!("signal {}", ended.status.signal().unwrap_or(0)), |code| code.to_string());
        *round.tally.exits.entry(name.clone()).or_default() += 1;
        if let Some(hung) = ended.hung {
            round.violation(format!("{hung}: {}", tail(ended)));
        }
        let explained = match code {
            Some(0) => ended.events().any(|event| event["event"] == "completed"),
            Some(3) => true,
            Some(1) => ended.entries.iter().any(is_final),
            Some(_) => false,
            // An interrupt before the handler stands ends the process as it ends any other.
            None => ended.killed || (ended.interrupted && ended.entries.is_empty() && ended.stdout.is_empty()),
        };
        if !explained && ended.hung.is_none() {
            round.violation(format!("it ended with {name}, and nothing explains that: {}", tail(ended)));
        }
        if ended.stderr.contains("panicked at") || code == Some(101) {
            round.violation(format!("it panicked: {}", tail(ended)));
        }
        let whole = if ended.killed || ended.hung.is_some() {
            ended.stdout.len().saturating_sub(1)
        } else {
            ended.stdout.len()
        };
        if ended.events().count() < whole {
            round.violation("a line of --json is not JSON");
        }
        if code != Some(0) && !ended.killed && ended.events().any(|event| event["event"] == "completed") {
            round.violation(format!("it said completed and ended with {name}"));
        }
    }

    /// What had been acknowledged before this run and has not changed is not sent again.
    fn resending(&mut self, round: &mut Round, ended: &Ended) {
        let reason = ended.entries.iter().any(|entry| {
            let listed_wrong =
                entry.operation == Operation::ListParts && entry.fault.is_some_and(|f| DISPROVING.contains(&f));
            listed_wrong || entry.code.as_deref() == Some("InvalidPart")
        });
        // Parts that come before the first other request are late ones of the run before.
        let own = ended.entries.iter().skip_while(|entry| entry.operation == Operation::UploadPart);
        let mut guilty = Vec::new();
        for entry in own {
            let Some(part) = part_of(entry) else { continue };
            let known = self.acknowledged.get(&part);
            if known.is_some_and(|crc64| unchanged(round, ended, part.1) == Some(*crc64)) {
                round.tally.acknowledged_sent_again += entry.bytes_received;
                if !self.misled.contains(&part) {
                    guilty.push(part.1);
                }
            }
        }
        if !guilty.is_empty() && !reason {
            round.violation(format!("parts {guilty:?} were acknowledged, did not change, and were sent again"));
        }
        let spared = ended.events().filter(|event| event["event"] == "part" && event["reused"] == true);
        round.tally.spared += spared.filter_map(|event| event["size"].as_u64()).sum::<u64>();
        for entry in ended
            .entries
            .iter()
            .filter(|entry| entry.operation == Operation::UploadPart || entry.operation == Operation::PutObject)
        {
            round.tally.sent += entry.bytes_received;
            let part = part_of(entry).unwrap_or((String::new(), 0));
            if !self.begun.insert(part) {
                round.tally.sent_again += entry.bytes_received;
            }
        }
    }

    /// An upload that can go on is not replaced by another one.
    fn fresh_start(&mut self, round: &mut Round, ended: &Ended) {
        let Some(upload_id) = self.must_resume.take() else { return };
        let initiated = ended.entries.iter().any(|entry| entry.operation == Operation::InitiateMultipartUpload);
        let gone = ended.entries.iter().any(|entry| entry.code.as_deref() == Some("NoSuchUpload"));
        if initiated && !gone {
            round.violation(format!("upload {upload_id} could go on, and another one was begun"));
        }
    }

    /// What the next runs are measured by.
    fn learn(&mut self, round: &Round, ended: &Ended) {
        let mut last = None;
        for entry in &ended.entries {
            if entry.operation == Operation::InitiateMultipartUpload {
                self.unknowable.extend(entry.upload_id.clone());
            } else if let Some(id) = &entry.upload_id {
                self.unknowable.remove(id);
            }
            let Some(part) = part_of(entry) else { continue };
            if entry.fault == Some("WrongETag") {
                self.misled.insert(part.clone());
            }
            let clean = entry.finished && entry.applied && entry.status == Some(200);
            if clean && entry.fault.is_none_or(|fault| !DISPROVING.contains(&fault)) {
                if let Some(crc64) = unchanged(round, ended, part.1) {
                    last = Some(part.0.clone());
                    self.acknowledged.insert(part, crc64);
                }
            } else if entry.applied || !entry.finished {
                self.acknowledged.remove(&part);
            }
        }
        let initiates =
            ended.entries.iter().filter(|entry| entry.operation == Operation::InitiateMultipartUpload && entry.applied);
        for entry in initiates {
            let lost = entry.status.is_none() || entry.fault.is_some_and(|fault| LOSING.contains(&fault));
            let cut_off = ended.killed || ended.interrupted || ended.outage || ended.hung.is_some();
            if !lost
                && !cut_off
                && let Some(id) = &entry.upload_id
            {
                self.unknowable.remove(id);
            }
        }
        if ended.entries.iter().any(|entry| entry.operation == Operation::InitiateMultipartUpload) || ended.restart {
            self.standing = None;
        }
        if let Some(upload_id) = last {
            let size = round.source.versions()[*ended.versions.start()].size;
            self.standing = Some(Standing { upload_id, size, part_size: round.part_size });
        }
        let notices = ended.events().filter(|event| event["event"] == "notice");
        let words: String = notices.filter_map(|event| event["message"].as_str().map(str::to_owned)).collect();
        let uploads = round.server.emulator.uploads(BUCKET).into_iter();
        let told = |id: &String| words.contains(&format!("upload {id} could not be aborted"));
        self.reported.extend(uploads.map(|upload| upload.upload_id).filter(told));
    }

    /// After a success: no file, no upload.
    fn left_behind(&mut self, round: &mut Round) {
        let files = round.left_beside();
        if !files.is_empty() {
            round.violation(format!("left beside the file after a success: {files:?}"));
        }
        for upload in round.server.emulator.uploads(BUCKET) {
            if self.unknowable.remove(&upload.upload_id) || unanswered(round, &upload.upload_id) {
                round.tally.orphans += 1;
                // Counted and cleared away, as the printed command would.
                round.server.emulator.remove_upload(BUCKET, &upload.upload_id);
            } else if !self.reported.contains(&upload.upload_id) {
                let parts = upload.parts.len();
                round.violation(format!("upload {} with {parts} parts was left after a success", upload.upload_id));
                round.server.emulator.remove_upload(BUCKET, &upload.upload_id);
            }
        }
    }
}

/// The other's first request came between the first and the last of one that ended well, and so waited for all of them.
/// What a killed or interrupted one had on its way may come late.
fn at_once(well: &Ended, other: &Ended) -> bool {
    let sequences = |ended: &Ended| ended.entries.iter().map(|entry| entry.sequence).collect::<Vec<_>>();
    let (mine, theirs) = (sequences(well), sequences(other));
    let (Some(began), Some(ended), Some(came)) = (mine.first(), mine.last(), theirs.first()) else { return false };
    well.status.success() && !other.killed && !other.interrupted && began < came && came < ended
}

/// The upload was made when its client was gone: no reply has its name, and no request either.
fn unanswered(round: &Round, upload_id: &str) -> bool {
    let ledger = round.server.emulator.ledger();
    let mut named = ledger.iter().filter(|entry| entry.upload_id.as_deref() == Some(upload_id));
    named.all(|entry| entry.operation == Operation::InitiateMultipartUpload && entry.status.is_none())
}

/// Success: the object is the file, or what it was when it was last looked at.
fn success(round: &mut Round, ended: &Ended) {
    let object = round.server.emulator.object_bytes(BUCKET, KEY);
    let Some(object) = object else { return round.violation("completed, and there is no object") };
    let said = ended.events().find(|event| event["event"] == "completed");
    let said = said.and_then(|event| event["crc64"].as_str().and_then(|crc64| crc64.parse().ok()));
    if said != Some(crate::source::crc64(&object)) {
        round.violation("the CRC-64 of completed is not the object's");
    }
    if *object == *round.source.bytes() {
        return;
    }
    let published = round.publications.all().last().map(|publication| publication.at);
    let crc64 = crate::source::crc64(&object);
    let slack = LAST_LOOK + ended.paused;
    let recent = round.source.versions()[ended.versions.clone()].iter().any(|version| {
        let ended_late =
            version.ended.is_some_and(|at| at >= ended.began && published.is_some_and(|p| at + slack >= p));
        version.crc64 == crc64 && version.size == object.len() as u64 && ended_late
    });
    if recent {
        round.tally.edited_behind += 1;
    } else {
        round.violation(format!(
            "completed, and the object ({} bytes) is not the file ({} bytes)",
            object.len(),
            round.source.size()
        ));
    }
}

/// At no time is something published that the file never was.
fn published_is_a_version(round: &mut Round, ended: &Ended) {
    for publication in round.publications.all() {
        let is = |v: &crate::source::Version| (v.size, v.crc64) == (publication.size, publication.crc64);
        let theirs = round.intruder == Some((publication.size, publication.crc64));
        if publication.at >= ended.began && !theirs && !round.source.versions().iter().any(is) {
            round.violation(format!("an object of {} bytes was published that the file never was", publication.size));
        }
    }
}

/// The CRC-64 of a part that stayed the same during the whole run.
fn unchanged(round: &Round, ended: &Ended, number: u32) -> Option<u64> {
    let versions = &round.source.versions()[ended.versions.clone()];
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    let first = *versions.first()?.parts.get(index)?;
    versions.iter().all(|version| version.parts.get(index) == Some(&first)).then_some(first)
}

fn part_of(entry: &LedgerEntry) -> Option<(String, u32)> {
    (entry.operation == Operation::UploadPart).then(|| entry.upload_id.clone().zip(entry.part_number)).flatten()
}

/// Something that the command may take for a final refusal.
fn is_final(entry: &LedgerEntry) -> bool {
    let clock = entry.code.as_deref() == Some("RequestTimeTooSkewed");
    let exists = entry.code.as_deref() == Some("FileAlreadyExists");
    exists || (entry.status == Some(403) && !clock) || entry.fault.is_some_and(|fault| DISPROVING.contains(&fault))
}

fn tail(ended: &Ended) -> String {
    let lines: Vec<_> = ended.stderr.lines().collect();
    let last_request = ended.entries.last().map(|entry| entry.operation.name());
    format!(
        "after request {} ({last_request:?}): {}",
        ended.last_before,
        lines[lines.len().saturating_sub(6)..].join(" | ")
    )
}
