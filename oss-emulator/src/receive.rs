//! Takes a request's body in: to the store for data, to memory for the small XML of the others.

use crate::Fault;
use crate::call::Call;
use crate::emulator::{Dropped, Shared};
use crate::ledger::Line;
use crate::refusal::Refusal;
use crate::store::{Received, Sink};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf as _, Bytes, BytesMut};
use http::header;
use http_body::Body;
use http_body_util::BodyExt as _;
use md5::{Digest as _, Md5};
use oss_proto::Crc64Hasher;
use oss_proto::limits::MAX_PART_SIZE;
use std::pin::Pin;

/// Largest body that is not data: the list of 10,000 parts is about 1 MiB.
const MAX_XML: u64 = 4 * 1024 * 1024;

/// Why there is no body.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The client is gone, or a fault cut it off.
    Dropped(Dropped),
    Refused(Refusal),
}

impl From<Refusal> for Broken {
    fn from(refusal: Refusal) -> Self {
        Broken::Refused(refusal)
    }
}

impl From<std::io::Error> for Broken {
    fn from(error: std::io::Error) -> Self {
        Broken::Refused(error.into())
    }
}

/// A body that is not polled again once it ended, so that it may be drained at any time.
#[derive(Debug)]
pub(crate) struct Incoming<'b, B> {
    body: Pin<&'b mut B>,
    ended: bool,
}

impl<'b, B> Incoming<'b, B> {
    pub(crate) fn new(body: Pin<&'b mut B>) -> Self {
        Self { body, ended: false }
    }
}

/// Receives the whole body and checks it against Content-Length and Content-MD5; nothing is stored yet.
pub(crate) async fn body<B>(
    shared: &Shared,
    call: &Call,
    line: &Line,
    body: &mut Incoming<'_, B>,
) -> Result<Received, Broken>
where
    B: Body<Data = Bytes> + Send,
{
    let announced = announced_length(call)?;
    let claimed_md5 = claimed_md5(call)?;
    let limit = if call.operation.takes_data() { MAX_PART_SIZE } else { MAX_XML };
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large().into());
    }
    let sink = if call.operation.takes_data() { shared.shelf.sink()? } else { Sink::Memory(Vec::new()) };
    let mut intake = Intake { sink, size: 0, md5: Md5::new(), crc64: Crc64Hasher::new() };
    while let Some(mut data) = next(body, shared).await? {
        if let Some(length) = announced {
            // Content-Length rules: what comes after it is ignored.
            data.truncate(usize::try_from(length - intake.size).unwrap_or(usize::MAX));
        }
        let cut = cut(call, &mut data, intake.size);
        intake.take(call, data)?;
        line.note(|entry| entry.bytes_received = intake.size);
        if cut {
            return Err(Broken::Dropped(Dropped::by_script()));
        }
        if intake.size > limit {
            return Err(too_large().into());
        }
    }
    if announced.is_some_and(|length| intake.size < length) {
        return Err(timeout().into());
    }
    let received = intake.finish();
    if claimed_md5.is_some_and(|claimed| claimed != received.md5) {
        return Err(Refusal::invalid_digest("The Content-MD5 you specified did not match what we received.").into());
    }
    Ok(received)
}

/// Reads what is left of a refused request, so that the client is there to read the answer.
pub(crate) async fn drain<B>(body: &mut Incoming<'_, B>, shared: &Shared, line: &Line)
where
    B: Body<Data = Bytes> + Send,
{
    let mut size = 0;
    while let Ok(Some(data)) = next(body, shared).await {
        size += data.remaining() as u64;
        line.note(|entry| entry.bytes_received = entry.bytes_received.max(size));
    }
}

async fn next<B>(incoming: &mut Incoming<'_, B>, shared: &Shared) -> Result<Option<Bytes>, Broken>
where
    B: Body<Data = Bytes> + Send,
{
    while !incoming.ended {
        let frame = match shared.body_timeout {
            None => incoming.body.frame().await,
            Some(limit) => match tokio::time::timeout(limit, incoming.body.frame()).await {
                Ok(frame) => frame,
                Err(_) => {
                    // Nobody waits for this client a second time.
                    incoming.ended = true;
                    return Err(timeout().into());
                }
            },
        };
        incoming.ended = !matches!(frame, Some(Ok(_)));
        match frame {
            Some(Err(_)) => return Err(Broken::Dropped(Dropped::by_client())),
            // Trailers are nothing to OSS.
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
            None => {}
        }
    }
    Ok(None)
}

struct Intake {
    sink: Sink,
    size: u64,
    md5: Md5,
    crc64: Crc64Hasher,
}

impl Intake {
    fn take(&mut self, call: &Call, data: Bytes) -> Result<(), Refusal> {
        let damaged = self.size == 0 && !data.is_empty() && matches!(call.fault, Some(Fault::ChangeStored));
        let data = if damaged { turn_a_bit(&data) } else { data };
        self.size += data.len() as u64;
        self.md5.update(&data);
        self.crc64.update(&data);
        Ok(self.sink.write(&data)?)
    }

    fn finish(self) -> Received {
        Received { sink: self.sink, size: self.size, md5: self.md5.finalize().into(), crc64: self.crc64.finish() }
    }
}

fn turn_a_bit(data: &[u8]) -> Bytes {
    let mut damaged = BytesMut::from(data);
    if let Some(byte) = damaged.first_mut() {
        *byte ^= 1;
    }
    damaged.freeze()
}

/// Whether a scripted fault cuts the body inside this piece, which is then shortened.
fn cut(call: &Call, data: &mut Bytes, before: u64) -> bool {
    let Some(Fault::CutRequestBodyAt(at)) = call.fault else { return false };
    let room = at.saturating_sub(before);
    if (data.len() as u64) < room {
        return false;
    }
    data.truncate(usize::try_from(room).unwrap_or(usize::MAX));
    true
}

/// Content-Length, `None` for a chunked body. Data must have one of the two.
fn announced_length(call: &Call) -> Result<Option<u64>, Refusal> {
    if let Some(text) = call.header(header::CONTENT_LENGTH.as_str()) {
        let refused = || Refusal::new(400, "InvalidArgument", "Content-Length is not a number.");
        return text.parse().map(Some).map_err(|_| refused());
    }
    if call.operation.takes_data() && !call.headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(Refusal::new(411, "MissingContentLength", "You must provide the Content-Length HTTP header."));
    }
    Ok(None)
}

fn claimed_md5(call: &Call) -> Result<Option<[u8; 16]>, Refusal> {
    let Some(text) = call.header("content-md5") else { return Ok(None) };
    let digest = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    digest.map(Some).ok_or_else(|| Refusal::invalid_digest("The Content-MD5 you specified is not valid."))
}

fn timeout() -> Refusal {
    Refusal::new(
        400,
        "RequestTimeout",
        "Your socket connection to the server was not read from or written to within the timeout period.",
    )
}

fn too_large() -> Refusal {
    Refusal::new(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size.")
}
