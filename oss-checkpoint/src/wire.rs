//! The payload of version 1, see `FORMAT.md`. These structs are the format: fields are never added, removed or
//! reordered; another version gets structs of its own.

use crate::checkpoint::{Abandoned, Checkpoint, Job, Part, Source, State};
use crate::format::{DecodeError, MAX_FILE_LEN};
use crate::{Fingerprint, Timestamp, valid};
use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use oss_proto::{Bucket, Crc64, ETag, Key, ObjectHeaders, PartNumber, UploadId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The limit is what keeps a length inside the payload from being believed.
const CONFIG: Configuration<LittleEndian, Fixint, Limit<MAX_FILE_LEN>> =
    bincode::config::standard().with_fixed_int_encoding().with_limit::<MAX_FILE_LEN>();

#[derive(Serialize, Deserialize)]
struct Payload {
    generation: u64,
    endpoint: String,
    region: String,
    bucket: String,
    key: String,
    headers: Vec<(String, String)>,
    path: Vec<u8>,
    host: String,
    size: u64,
    mtime: (i64, u32),
    ctime: (i64, u32),
    inode: u64,
    device: u64,
    part_size: u64,
    state: WireState,
    parts: Vec<WirePart>,
    abandoned: Vec<(String, bool)>,
}

#[derive(Serialize, Deserialize)]
enum WireState {
    Intent { at: u64 },
    Uploading { upload_id: String, initiated: u64 },
    Completing { upload_id: String, initiated: u64, crc64: u64 },
}

#[derive(Serialize, Deserialize)]
struct WirePart {
    number: u32,
    size: u64,
    etag: String,
    crc64: u64,
}

/// The bytes of a checkpoint, without the frame.
pub(crate) fn payload(checkpoint: &Checkpoint) -> Vec<u8> {
    // Without the limit, which is for reading: `valid::check` and the frame bound what is written.
    let config = CONFIG.with_no_limit();
    bincode::serde::encode_to_vec(Payload::from(checkpoint), config).expect("plain structs encode into memory")
}

/// A checkpoint from the bytes inside a frame whose checksum holds; no byte may be left over.
pub(crate) fn checkpoint(payload: &[u8]) -> Result<Checkpoint, DecodeError> {
    let (wire, read): (Payload, usize) = bincode::serde::decode_from_slice(payload, CONFIG).map_err(content)?;
    if read != payload.len() {
        return Err(DecodeError::Content(format!("{} bytes are left over", payload.len() - read)));
    }
    let checkpoint = Checkpoint::try_from(wire)?;
    valid::check(&checkpoint)?;
    Ok(checkpoint)
}

fn content(error: impl std::fmt::Display) -> DecodeError {
    DecodeError::Content(error.to_string())
}

impl From<&Checkpoint> for Payload {
    fn from(checkpoint: &Checkpoint) -> Self {
        let Checkpoint { generation, job, source, part_size, state, parts, abandoned } = checkpoint;
        let Fingerprint { size, mtime, ctime, inode, device } = &source.fingerprint;
        Self {
            generation: *generation,
            endpoint: job.endpoint.clone(),
            region: job.region.clone(),
            bucket: job.bucket.as_str().to_owned(),
            key: job.key.as_str().to_owned(),
            headers: job.headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            path: path_bytes(&source.path),
            host: source.host.clone(),
            size: *size,
            mtime: (mtime.secs, mtime.nanos),
            ctime: (ctime.secs, ctime.nanos),
            inode: *inode,
            device: *device,
            part_size: *part_size,
            state: WireState::from(state),
            parts: parts.iter().map(|(&number, part)| WirePart::new(number, part)).collect(),
            abandoned: abandoned.iter().map(|old| (old.upload_id.as_str().to_owned(), old.completing)).collect(),
        }
    }
}

impl TryFrom<Payload> for Checkpoint {
    type Error = DecodeError;

    fn try_from(wire: Payload) -> Result<Self, DecodeError> {
        Ok(Self {
            generation: wire.generation,
            job: Job {
                endpoint: wire.endpoint,
                region: wire.region,
                bucket: Bucket::new(wire.bucket).map_err(content)?,
                key: Key::new(wire.key).map_err(content)?,
                headers: headers(&wire.headers)?,
            },
            source: Source {
                path: path_from(wire.path),
                host: wire.host,
                fingerprint: Fingerprint {
                    size: wire.size,
                    mtime: Timestamp { secs: wire.mtime.0, nanos: wire.mtime.1 },
                    ctime: Timestamp { secs: wire.ctime.0, nanos: wire.ctime.1 },
                    inode: wire.inode,
                    device: wire.device,
                },
            },
            part_size: wire.part_size,
            state: wire.state.into_state()?,
            parts: parts(wire.parts)?,
            abandoned: wire.abandoned.into_iter().map(abandoned).collect::<Result<_, _>>()?,
        })
    }
}

impl From<&State> for WireState {
    fn from(state: &State) -> Self {
        match state {
            State::Intent { at } => Self::Intent { at: *at },
            State::Uploading { upload_id, initiated } => {
                Self::Uploading { upload_id: upload_id.as_str().to_owned(), initiated: *initiated }
            }
            State::Completing { upload_id, initiated, crc64 } => {
                Self::Completing { upload_id: upload_id.as_str().to_owned(), initiated: *initiated, crc64: crc64.get() }
            }
        }
    }
}

impl WireState {
    fn into_state(self) -> Result<State, DecodeError> {
        Ok(match self {
            Self::Intent { at } => State::Intent { at },
            Self::Uploading { upload_id, initiated } => {
                State::Uploading { upload_id: UploadId::new(upload_id).map_err(content)?, initiated }
            }
            Self::Completing { upload_id, initiated, crc64 } => State::Completing {
                upload_id: UploadId::new(upload_id).map_err(content)?,
                initiated,
                crc64: Crc64::new(crc64),
            },
        })
    }
}

impl WirePart {
    fn new(number: PartNumber, part: &Part) -> Self {
        Self { number: number.get(), size: part.size, etag: part.etag.as_str().to_owned(), crc64: part.crc64.get() }
    }
}

fn headers(wire: &[(String, String)]) -> Result<ObjectHeaders, DecodeError> {
    ascending(wire.iter().map(|(name, _)| name), "object headers")?;
    let mut headers = ObjectHeaders::new();
    for (name, value) in wire {
        headers.set(name, value).map_err(content)?;
    }
    Ok(headers)
}

fn parts(wire: Vec<WirePart>) -> Result<BTreeMap<PartNumber, Part>, DecodeError> {
    ascending(wire.iter().map(|part| part.number), "parts")?;
    let part = |wire: WirePart| {
        let number = PartNumber::new(wire.number).map_err(content)?;
        let etag = ETag::new(&wire.etag).map_err(content)?;
        Ok((number, Part { size: wire.size, etag, crc64: Crc64::new(wire.crc64) }))
    };
    wire.into_iter().map(part).collect()
}

fn abandoned((upload_id, completing): (String, bool)) -> Result<Abandoned, DecodeError> {
    Ok(Abandoned { upload_id: UploadId::new(upload_id).map_err(content)?, completing })
}

fn ascending(items: impl Iterator<Item = impl PartialOrd> + Clone, what: &str) -> Result<(), DecodeError> {
    if items.clone().zip(items.skip(1)).all(|(one, next)| one < next) {
        Ok(())
    } else {
        Err(DecodeError::Content(format!("{what} are not in order")))
    }
}

#[cfg(unix)]
fn path_bytes(path: &Path) -> Vec<u8> {
    std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()).to_owned()
}

#[cfg(unix)]
fn path_from(bytes: Vec<u8>) -> PathBuf {
    <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes).into()
}

/// A path that is not Unicode is recorded inexactly, compares as another one, and so is never resumed.
#[cfg(not(unix))]
fn path_bytes(path: &Path) -> Vec<u8> {
    path.to_string_lossy().into_owned().into_bytes()
}

#[cfg(not(unix))]
fn path_from(bytes: Vec<u8>) -> PathBuf {
    String::from_utf8_lossy(&bytes).into_owned().into()
}
