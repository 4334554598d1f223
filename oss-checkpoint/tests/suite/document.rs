//! `FORMAT.md` against the code: the golden file is read by the document's tables alone.

use crate::sample::{PART_SIZE, checkpoint, payload};
use oss_checkpoint::{MAGIC, MAX_FILE_LEN, VERSION, encode};
use oss_proto::limits::{MAX_PART_SIZE, MAX_PARTS, MIN_PART_SIZE};

const DOCUMENT: &str = include_str!("../../FORMAT.md");
const GOLDEN: &[u8] = include_bytes!("../data/v1.bin");
const STATES: [&str; 3] = ["intent", "uploading", "completing"];

/// Reads fields as the tables say, and notes them as lines `record.field = value`.
struct Reader<'a> {
    left: &'a [u8],
    lines: Vec<String>,
}

impl Reader<'_> {
    fn record(&mut self, name: &str) {
        for (field, kind) in fields(name) {
            self.field(&format!("{name}.{field}"), kind);
        }
    }

    fn field(&mut self, name: &str, kind: &str) {
        if let Some(record) = kind.strip_prefix("list of ") {
            let count = self.number(8);
            self.lines.push(format!("{name} = {count} of them"));
            (0..count).for_each(|_| self.record(record));
            return;
        }
        let value = match kind {
            "u32" => self.number(4).to_string(),
            "u64" => self.number(8).to_string(),
            "i64" => self.number(8).cast_signed().to_string(),
            "bool" => (self.number(1) == 1).to_string(),
            "text" | "bytes" => {
                let len = usize::try_from(self.number(8)).expect("a length");
                String::from_utf8(self.take(len).to_owned()).expect("the sample is UTF-8")
            }
            "state" => {
                let tag = usize::try_from(self.number(4)).expect("a tag");
                return self.record(STATES[tag]);
            }
            other => panic!("{name} has a type that the document does not define: {other}"),
        };
        self.lines.push(format!("{name} = {value}"));
    }

    fn number(&mut self, len: usize) -> u64 {
        self.take(len).iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    fn take(&mut self, len: usize) -> &[u8] {
        let (taken, left) = self.left.split_at(len);
        self.left = left;
        taken
    }
}

/// Name and type of each row of the table of a record.
fn fields(record: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let (_, section) = DOCUMENT.split_once(&format!("### Record `{record}`\n")).expect("the document has the record");
    let rows = section.trim_start().lines().take_while(|line| line.starts_with('|')).skip(2);
    rows.map(|row| {
        let mut cells = row.split('|').map(str::trim).skip(1);
        (cells.next().expect("a field"), cells.next().expect("a type"))
    })
}

#[test]
fn the_tables_read_the_golden_file() {
    let mut reader = Reader { left: payload(GOLDEN), lines: Vec::new() };
    reader.record("payload");
    assert!(reader.left.is_empty(), "{} bytes are not in the document", reader.left.len());
    let parts = [1, PART_SIZE, 3, 1];
    let expected = format!(
        "payload.generation = 7
payload.endpoint = https://oss-cn-hangzhou.aliyuncs.com
payload.region = cn-hangzhou
payload.bucket = photos
payload.key = 2026/übersicht.raw
payload.headers = 2 of them
header.name = content-type
header.value = image/x-raw
header.name = x-oss-meta-camera
header.value = Größe 4
payload.path = /home/kim/photos/übersicht.raw
payload.host = studio
payload.size = 204801
payload.mtime_secs = 1790000000
payload.mtime_nanos = 123456789
payload.ctime_secs = -1
payload.ctime_nanos = 999999999
payload.inode = 1234605616436508552
payload.device = 66306
payload.part_size = 102400
completing.upload_id = 0004B9894A22E5B1888A1E29F8236E2D
completing.initiated = 1790000100
completing.crc64 = 11051210869376104954
payload.parts = 2 of them
part.number = {}
part.size = {}
part.etag = {}
part.crc64 = {}
part.number = {}
part.size = {}
part.etag = {}
part.crc64 = {}
payload.abandoned = 2 of them
abandoned.upload_id = OLD1
abandoned.completing = false
abandoned.upload_id = OLD2
abandoned.completing = true",
        parts[0],
        parts[1],
        "01".repeat(16),
        u64::MAX - PART_SIZE,
        parts[2],
        parts[3],
        "03".repeat(16),
        u64::MAX - 1,
    );
    assert_eq!(reader.lines.join("\n"), expected);
}

#[test]
fn the_other_states_are_read_by_their_tables() {
    for (tag, state) in [
        (0, oss_checkpoint::State::Intent { at: 5 }),
        (1, oss_checkpoint::State::Uploading { upload_id: crate::sample::upload_id("ID"), initiated: 6 }),
    ] {
        let image = encode(&oss_checkpoint::Checkpoint { state, ..checkpoint() });
        let mut reader = Reader { left: payload(&image), lines: Vec::new() };
        reader.record("payload");
        assert!(reader.left.is_empty());
        let read = reader.lines.iter().filter(|line| line.starts_with(STATES[tag])).cloned().collect::<Vec<_>>();
        let expected: &[&str] =
            if tag == 0 { &["intent.at = 5"] } else { &["uploading.upload_id = ID", "uploading.initiated = 6"] };
        assert_eq!(read, expected);
    }
}

#[test]
fn the_frame_is_as_the_table_says() {
    let hex = MAGIC.map(|byte| format!("{byte:02x}")).join(" ");
    let rows = [
        format!("| 0 | {} | magic | `{hex}`", MAGIC.len()),
        format!("| 8 | 4 | version | u32, now {VERSION} |"),
        "| 12 | 8 | length | u64, bytes of the payload |".into(),
        "| 20 | length | payload |".into(),
        "| 20 + length | 4 | checksum | u32, CRC-32".into(),
        "exactly length + 24 bytes".into(),
    ];
    for row in rows {
        assert!(DOCUMENT.contains(&row), "not in the document: {row}");
    }
    let number = |at: usize, len: usize| GOLDEN[at..at + len].iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte));
    assert_eq!(GOLDEN[..8], MAGIC);
    assert_eq!(number(8, 4), 1);
    assert_eq!(number(12, 8), GOLDEN.len() as u64 - 24);
    let (before, checksum) = GOLDEN.split_at(GOLDEN.len() - 4);
    assert_eq!(crc32fast::hash(before).to_le_bytes(), checksum);
    assert_eq!(crc32fast::hash(b"123456789"), 0xcbf4_3926, "IEEE 802.3");
}

#[test]
fn the_limits_are_those_of_the_code() {
    let limits = [
        format!("at most {MAX_FILE_LEN} bytes"),
        format!("a limit of {MAX_FILE_LEN} bytes"),
        format!("{MIN_PART_SIZE} to {MAX_PART_SIZE}; at most {MAX_PARTS} parts"),
        // Tested against the code in `values_outside_the_limits_are_refused`.
        "have at most 65536 bytes each".into(),
        "not confirmed; at most 1024".into(),
    ];
    for limit in limits {
        assert!(DOCUMENT.contains(&limit), "not in the document: {limit}");
    }
    assert!(DOCUMENT.contains(&format!("\n| {VERSION} | 0.1.0 |")), "every version has its row");
}
