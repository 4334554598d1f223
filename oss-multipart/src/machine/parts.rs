//! What is known of every part: to be sent, to be proved, in flight, done.

use super::retry::Tries;
use super::{Now, Reply, ToProve};
use crate::plan::{Plan, Range};
use oss_checkpoint::Part;
use oss_proto::ops::ListedPart;
use oss_proto::{Crc64, Crc64Combiner, ETag, PartNumber};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Bytes that are proved in one go, at least (and one part): some milliseconds of reading.
const PROVED_TOGETHER: u64 = 8 * 1024 * 1024;

/// A claim about a part on the server that the local bytes must prove.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Claim {
    etag: ETag,
    crc64: Option<Crc64>,
    /// Sent by this run, whose reply gave no CRC (else: listed, from an earlier run).
    sent: bool,
}

impl Claim {
    /// What an ETag (and a CRC, where the server gives one) says; `None` when neither can prove bytes.
    fn new(etag: Option<ETag>, crc64: Option<Crc64>, sent: bool) -> Option<Self> {
        let etag = etag?;
        (crc64.is_some() || etag.md5().is_some()).then_some(Self { etag, crc64, sent })
    }

    /// The server gives no CRC: MD5 against the ETag must do.
    pub(super) fn needs_md5(&self) -> bool {
        self.crc64.is_none()
    }

    fn holds(&self, crc64: Crc64, md5: Option<[u8; 16]>) -> bool {
        match self.crc64 {
            Some(claimed) => claimed == crc64,
            None => md5.is_some() && self.etag.md5() == md5,
        }
    }
}

/// How a part's reply is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// Done.
    Proven { reused: bool },
    /// The server gave no CRC: MD5 of the local bytes has to be compared.
    Pending,
    /// The server holds other bytes.
    Differs,
    /// The server gave nothing to compare with.
    Nothing,
}

/// Every part of the plan is in exactly one of: `to_send`, `delayed`, `to_prove`, `busy`, `done`.
#[derive(Debug)]
pub(super) struct Parts {
    plan: Plan,
    to_send: BTreeSet<PartNumber>,
    delayed: Vec<(Now, PartNumber)>,
    to_prove: VecDeque<PartNumber>,
    claims: BTreeMap<PartNumber, Claim>,
    failures: BTreeMap<PartNumber, Tries>,
    pub(super) sending: BTreeSet<PartNumber>,
    pub(super) proving: BTreeSet<PartNumber>,
    pub(super) done: BTreeMap<PartNumber, Part>,
    pub(super) bytes_sent: u64,
    pub(super) bytes_reused: u64,
    pub(super) sent: u32,
    pub(super) reused: u32,
}

impl Parts {
    /// Nothing is on the server.
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            plan,
            to_send: plan.numbers().collect(),
            delayed: Vec::new(),
            to_prove: VecDeque::new(),
            claims: BTreeMap::new(),
            failures: BTreeMap::new(),
            sending: BTreeSet::new(),
            proving: BTreeSet::new(),
            done: BTreeMap::new(),
            bytes_sent: 0,
            bytes_reused: 0,
            sent: 0,
            reused: 0,
        }
    }

    /// Nothing is on the server any more; what was sent stays counted.
    pub(super) fn forget(&mut self) {
        let (bytes_sent, sent) = (self.bytes_sent, self.sent);
        *self = Self { bytes_sent, sent, ..Self::new(self.plan) };
    }

    /// Takes the server's list; `recorded` are our own ETags of exactly these bytes, which a listed part must not contradict.
    /// Tells how many parts fit, and their bytes.
    pub(super) fn listed(&mut self, list: Vec<ListedPart>, recorded: &BTreeMap<PartNumber, Part>) -> (u32, u64) {
        let (mut count, mut bytes) = (0, 0);
        for part in list {
            let fits = self.plan.range(part.part_number).is_some_and(|range| range.len == part.size);
            let contradicted =
                recorded.get(&part.part_number).is_some_and(|ours| part.etag.as_ref() != Some(&ours.etag));
            if !fits || contradicted || !self.to_send.contains(&part.part_number) {
                continue;
            }
            if let Some(claim) = Claim::new(part.etag, part.crc64, false) {
                self.to_send.remove(&part.part_number);
                self.to_prove.push_back(part.part_number);
                self.claims.insert(part.part_number, claim);
                count += 1;
                bytes += part.size;
            }
        }
        (count, bytes)
    }

    /// Complete was refused: parts that the server lists otherwise, or that it named, are sent again.
    /// Tells whether any is.
    pub(super) fn relisted(&mut self, list: &[ListedPart], named: &[u32]) -> bool {
        let listed: BTreeMap<_, _> = list.iter().map(|part| (part.part_number, part)).collect();
        let stands = |number: PartNumber, part: &Part| {
            listed.get(&number).is_some_and(|l| {
                l.size == part.size && l.etag.as_ref() == Some(&part.etag) && l.crc64.is_none_or(|c| c == part.crc64)
            }) && !named.contains(&number.get())
        };
        let lost: Vec<_> = self.done.iter().filter(|(n, part)| !stands(**n, part)).map(|(n, _)| *n).collect();
        for number in &lost {
            self.done.remove(number);
            self.to_send.insert(*number);
        }
        !lost.is_empty()
    }

    /// The next part to send, when one may be sent now.
    pub(super) fn next_to_send(&mut self, now: Now) -> Option<(PartNumber, Range)> {
        let due = |(at, _): &(Now, PartNumber)| *at <= now;
        if let Some(index) = self.delayed.iter().position(due) {
            let (_, number) = self.delayed.swap_remove(index);
            self.to_send.insert(number);
        }
        let number = self.to_send.pop_first()?;
        self.sending.insert(number);
        Some((number, self.range(number)))
    }

    /// The next parts to prove, as many as one reading is worth; none when all are proved or under way.
    pub(super) fn next_to_prove(&mut self) -> Vec<ToProve> {
        let (mut some, mut bytes) = (Vec::new(), 0);
        while bytes < PROVED_TOGETHER
            && let Some(number) = self.to_prove.pop_front()
        {
            self.proving.insert(number);
            let md5 = self.claims.get(&number).is_some_and(Claim::needs_md5);
            let range = self.range(number);
            bytes += range.len;
            some.push(ToProve { number, range, md5 });
        }
        some
    }

    /// The reply to an UploadPart.
    pub(super) fn uploaded(
        &mut self,
        number: PartNumber,
        etag: Option<ETag>,
        crc64: Option<Crc64>,
        sent: Crc64,
    ) -> Proof {
        self.sending.remove(&number);
        if crc64.is_some_and(|theirs| theirs != sent) {
            return Proof::Differs;
        }
        match Claim::new(etag, crc64, true) {
            Some(claim) if claim.needs_md5() => {
                self.claims.insert(number, claim);
                self.to_prove.push_front(number);
                Proof::Pending
            }
            Some(claim) => self.finish(number, claim, sent),
            None => Proof::Nothing,
        }
    }

    /// The reply of an UploadPart that is taken without proof, because the caller said so.
    pub(super) fn waive(&mut self, number: PartNumber, reply: &Reply) -> bool {
        let Reply::Part { etag: Some(etag), sent, .. } = reply else {
            return false;
        };
        self.finish(number, Claim { etag: etag.clone(), crc64: None, sent: true }, *sent);
        true
    }

    /// The local digests of a part; a listed part that they do not prove goes back to be sent.
    pub(super) fn proved(&mut self, number: PartNumber, crc64: Crc64, md5: Option<[u8; 16]>) -> Proof {
        self.proving.remove(&number);
        let Some(claim) = self.claims.remove(&number) else {
            return Proof::Nothing;
        };
        if claim.holds(crc64, md5) {
            return self.finish(number, claim, crc64);
        }
        if !claim.sent {
            self.to_send.insert(number);
        }
        Proof::Differs
    }

    fn finish(&mut self, number: PartNumber, claim: Claim, crc64: Crc64) -> Proof {
        let size = self.range(number).len;
        self.failures.remove(&number);
        self.done.insert(number, Part { size, etag: claim.etag, crc64 });
        if claim.sent {
            self.bytes_sent += size;
            self.sent += 1;
        } else {
            self.bytes_reused += size;
            self.reused += 1;
        }
        Proof::Proven { reused: !claim.sent }
    }

    /// Takes the parts of a checkpoint whose verdict was reached on these very bytes; `false` when they are not all of it.
    pub(super) fn adopt(&mut self, recorded: &BTreeMap<PartNumber, Part>, verdict: Crc64) -> bool {
        let whole = self.plan.numbers().all(|number| recorded.contains_key(&number)) && combine(recorded) == verdict;
        if whole {
            self.to_send.clear();
            self.done.clone_from(recorded);
            self.reused = self.plan.count();
            self.bytes_reused = self.plan.size();
        }
        whole
    }

    /// What Complete lists.
    pub(super) fn etags(&self) -> Vec<(PartNumber, ETag)> {
        self.done.iter().map(|(number, part)| (*number, part.etag.clone())).collect()
    }

    /// The part was sent by this run and only its proof is open.
    pub(super) fn was_sent(&self, number: PartNumber) -> bool {
        self.claims.get(&number).is_some_and(|claim| claim.sent)
    }

    /// This part's call has ended in a failure; how the part has fared before.
    pub(super) fn failed(&mut self, number: PartNumber) -> &mut Tries {
        self.sending.remove(&number);
        self.proving.remove(&number);
        self.failures.entry(number).or_default()
    }

    /// To be sent again, not before `at`.
    pub(super) fn later(&mut self, number: PartNumber, at: Now) {
        self.delayed.push((at, number));
    }

    /// When the next part may be sent.
    pub(super) fn next_due(&self) -> Option<Now> {
        if !self.to_send.is_empty() {
            return Some(Now::ZERO);
        }
        self.delayed.iter().map(|(at, _)| *at).min()
    }

    /// All parts are on the server and proven.
    pub(super) fn all_done(&self) -> bool {
        self.done.len() == usize::try_from(self.plan.count()).expect("at most 10,000")
    }

    /// The CRC-64 of the whole, from the parts'.
    pub(super) fn crc64(&self) -> Crc64 {
        combine(&self.done)
    }

    /// Calls that were in flight will not end: their parts are to be sent or proved again.
    pub(super) fn drop_in_flight(&mut self) {
        self.to_send.append(&mut self.sending);
        self.to_prove.extend(std::mem::take(&mut self.proving));
    }

    fn range(&self, number: PartNumber) -> Range {
        self.plan.range(number).expect("only parts of the plan are kept")
    }
}

fn combine(parts: &BTreeMap<PartNumber, Part>) -> Crc64 {
    let mut combiner = Crc64Combiner::new();
    parts.values().fold(Crc64::EMPTY, |crc64, part| combiner.combine(crc64, part.crc64, part.size))
}
