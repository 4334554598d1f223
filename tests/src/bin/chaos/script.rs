//! What is to go wrong, drawn from the seed.

use fastrand::Rng;
use oss_emulator::{Emulator, Fault, Operation, Rule, Until};
use std::time::Duration;

const KIB: usize = 1024;

/// What a round uploads, and how.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) size: usize,
    pub(crate) part_size: usize,
    pub(crate) parallel: u16,
    pub(crate) on_disk: bool,
    /// Every data request takes at least this long.
    pub(crate) pace: Duration,
    /// Runs that are disturbed before one is left in peace.
    pub(crate) disturbed_runs: u32,
    /// Seconds that the server's clock is ahead of ours.
    pub(crate) ahead: i64,
    /// The object must not be overwritten.
    pub(crate) forbid: bool,
}

impl Shape {
    pub(crate) fn random(rng: &mut Rng) -> Self {
        let part_size = part_size(rng);
        let parts = rng.usize(1..=60);
        let size = match rng.u8(..10) {
            0 => rng.usize(..=2 * KIB),
            1 => rng.usize(..=part_size),
            2 => parts * part_size,
            3 => parts * part_size + 1,
            _ => parts * part_size + rng.usize(..part_size),
        };
        Self {
            size,
            part_size,
            parallel: rng.u16(1..=8),
            on_disk: rng.bool(),
            pace: Duration::from_millis(rng.u64(0..60)),
            disturbed_runs: rng.u32(3..=20),
            ahead: if rng.u8(..3) == 0 { rng.i64(-20_000..=20_000) } else { 0 },
            forbid: rng.u8(..6) == 0,
        }
    }
}

pub(crate) fn part_size(rng: &mut Rng) -> usize {
    [100, 100, 128, 200, 256, 777][rng.usize(..6)] * KIB
}

/// When to strike.
#[derive(Debug, Clone)]
pub(crate) enum Moment {
    After(Duration),
    /// So many bytes of data have come in this run.
    Bytes(u64),
    /// The n-th request of this operation in this run has come.
    Request(Operation, usize),
    /// The n-th request of this operation in this run was applied.
    Applied(Operation, usize),
    /// The n-th line of this event was printed.
    Line(&'static str, usize),
}

impl Moment {
    pub(crate) fn random(rng: &mut Rng, size: u64) -> Self {
        use Operation::{
            AbortMultipartUpload, CompleteMultipartUpload, HeadObject, InitiateMultipartUpload, ListParts, PutObject,
            UploadPart,
        };
        let rare = [
            InitiateMultipartUpload,
            CompleteMultipartUpload,
            CompleteMultipartUpload,
            ListParts,
            PutObject,
            HeadObject,
            AbortMultipartUpload,
        ];
        match rng.u8(..12) {
            0 => Self::After(Duration::from_millis(rng.u64(..40))),
            1 => Self::After(Duration::from_millis(rng.u64(..800))),
            2..=4 => Self::Bytes(rng.u64(..=size / 4)),
            5 | 6 => Self::Applied(UploadPart, rng.usize(1..=12)),
            7 | 8 => Self::Request(rare[rng.usize(..rare.len())], 1),
            9 => Self::Applied(rare[rng.usize(..rare.len())], 1),
            _ => Self::Line(
                ["started", "resumed", "part", "part", "retry", "completed"][rng.usize(..6)],
                rng.usize(1..=4),
            ),
        }
    }
}

/// What to do then.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Blow {
    Kill,
    /// SIGSTOP, and SIGCONT after this.
    Pause(Duration),
    Interrupt,
    Outage(Duration),
    Edit,
    /// One more fault.
    Fault,
    /// A second process with the same command; with `true` it waits for the first.
    Rival(bool),
    /// Somebody else stores an object under the key, where none may be overwritten.
    Intrude,
}

impl Blow {
    pub(crate) fn random(rng: &mut Rng) -> Self {
        match rng.u8(..20) {
            0..=9 => Self::Kill,
            10..=11 => Self::Pause(Duration::from_millis(rng.u64(1..400))),
            12 | 13 => Self::Interrupt,
            14 => Self::Outage(Duration::from_millis(rng.u64(..400))),
            15 | 16 => Self::Edit,
            17 | 18 => Self::Rival(rng.bool()),
            _ => Self::Fault,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kill => "kills",
            Self::Pause(_) => "stops",
            Self::Interrupt => "interrupts",
            Self::Outage(_) => "outages",
            Self::Edit => "edits under way",
            Self::Fault => "faults under way",
            Self::Rival(false) => "second processes",
            Self::Rival(true) => "second processes that wait",
            Self::Intrude => "objects of others",
        }
    }
}

/// The faults of one run: a few that strike once, over a pace that holds up everything else.
pub(crate) fn set_faults(emulator: &Emulator, rng: &mut Rng, pace: Duration) {
    emulator.clear_faults();
    for _ in 0..rng.usize(..4) {
        add_fault(emulator, rng);
    }
    set_pace(emulator, pace);
}

pub(crate) fn set_pace(emulator: &Emulator, pace: Duration) {
    if !pace.is_zero() {
        for operation in [Operation::UploadPart, Operation::PutObject] {
            emulator.add_fault(Rule::on(operation).always(), Fault::Stall(Until::Elapsed(pace)));
        }
    }
}

pub(crate) fn add_fault(emulator: &Emulator, rng: &mut Rng) {
    use Operation::{
        AbortMultipartUpload, CompleteMultipartUpload, HeadObject, InitiateMultipartUpload, ListMultipartUploads,
        ListParts, PutObject, UploadPart,
    };
    let operation = match rng.u8(..16) {
        0..=5 => UploadPart,
        6..=8 => CompleteMultipartUpload,
        9 | 10 => InitiateMultipartUpload,
        11 | 12 => ListParts,
        13 => PutObject,
        14 => HeadObject,
        _ => [AbortMultipartUpload, ListMultipartUploads][rng.usize(..2)],
    };
    let nth = if operation == UploadPart { rng.u64(1..=12) } else { 1 };
    let times = if rng.u8(..4) == 0 { 2 } else { 1 };
    emulator.add_fault(Rule::on(operation).nth(nth).times(times), fault(rng));
}

fn fault(rng: &mut Rng) -> Fault {
    match rng.u8(..40) {
        0..=3 => Fault::DropBefore,
        4..=9 => Fault::DropAfterApplied,
        10..=12 => Fault::CutRequestBodyAt(rng.u64(..100_000)),
        13 | 14 => Fault::CutReplyAfter(rng.u64(..200)),
        15..=17 => Fault::StallAfterApplied(Until::Elapsed(Duration::from_millis(rng.u64(1..1_200)))),
        18..=20 => Fault::Status(500, "InternalError".to_owned()),
        21..=23 => Fault::StatusAfterApplied(500, "InternalError".to_owned()),
        24 | 25 => Fault::Throttle(Duration::from_secs(rng.u64(..2))),
        26 => Fault::Status(429, "QpsLimitExceeded".to_owned()),
        27 => Fault::Html(502),
        28 | 29 => Fault::ChangeStored,
        30 | 31 => Fault::WrongCrc,
        32 => Fault::NoCrc,
        33 => Fault::WrongETag,
        34 => Fault::NoETag,
        35 => Fault::TruncatedXml,
        36 => Fault::EmptyBody200,
        37 => Fault::ErrorIn200("InternalError".to_owned()),
        38 => Fault::StatusAfterApplied(503, "ServiceUnavailable".to_owned()),
        _ => Fault::Status(403, "AccessDenied".to_owned()),
    }
}
