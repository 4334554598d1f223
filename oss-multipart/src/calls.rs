//! One attempt of each action that is a call or a read.

use crate::driver::local;
use crate::error::Cause;
use crate::machine::{Action, Digests, Head, Published, Reply, ToProve};
use crate::memory::Memory;
use crate::part_body::PartBody;
use crate::plan::Range;
use crate::request::Progress;
use crate::source::SourceFile;
use crate::span::Gauge;
use bytes::Bytes;
use md5::{Digest, Md5};
use oss_checkpoint::Job;
use oss_http::{Answered, CallError, Caller, Fault, Payload};
use oss_proto::limits::MAX_PARTS;
use oss_proto::ops::{
    AbortMultipartUpload, CompleteMultipartUpload, HeadObject, InitiateMultipartUpload, ListMultipartUploads,
    ListParts, ListedUpload, ObjectHead, PutObject, UploadPart,
};
use oss_proto::{Crc64, ErrorCode, ObjectHeaders, PartNumber, UploadId};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError};

/// A file of so many bytes that is in the page cache is read and digested where the future is polled: 0.1 ms of MD5.
const AT_ONCE: usize = 64 * 1024;

/// Of uploads of one key: 100,000. Whoever has so many does not miss the rest.
const MAX_PAGES: u32 = 100;

/// How an action ended: its reply, or its fault and what a person should read.
pub(crate) type Ended = Result<Reply, (Fault, Cause)>;

/// What every call of one transfer needs.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) caller: Caller,
    pub(crate) job: Job,
    pub(crate) source: Arc<SourceFile>,
    pub(crate) progress: Progress,
    pub(crate) memory: Memory,
}

/// Does it, once.
///
/// # Cancel safety
/// Dropped, a call's connection is closed; the server may still act on what it has. A read ends when `stop` is set.
pub(crate) async fn perform(context: Arc<Context>, action: Action, stop: Arc<AtomicBool>, gauge: Arc<Gauge>) -> Ended {
    let Context { caller, job, .. } = &*context;
    let (bucket, key) = (job.bucket.clone(), job.key.clone());
    match action {
        Action::PutObject => context.put_object(&gauge).await,
        Action::Initiate => {
            let op = InitiateMultipartUpload { bucket, key, headers: job.headers.clone() };
            let answered = caller.attempt(&op, Payload::empty()).await.map_err(refused)?;
            let date = answered.date.unwrap_or_else(oss_http::clock::now);
            Ok(Reply::Initiated { upload_id: answered.output.upload_id, date })
        }
        Action::ListUploads => context.list_uploads().await,
        Action::ListParts { upload_id, marker } => {
            let op = ListParts { bucket, key, upload_id, part_number_marker: marker, max_parts: Some(1000) };
            let listed = caller.attempt(&op, Payload::empty()).await.map_err(refused)?.output;
            let next = listed.next_part_number_marker.filter(|_| listed.is_truncated);
            if next.is_some_and(|next| next > MAX_PARTS) {
                return Err(endless("the list of the upload's parts has no end"));
            }
            Ok(Reply::Parts { parts: listed.parts, next })
        }
        Action::UploadPart { upload_id, number, range } => context.upload_part(upload_id, number, range, gauge).await,
        Action::ProveParts(parts) => context.prove(parts, stop).await,
        Action::CheckSource { whole } => context.check_source(whole, stop).await,
        Action::Complete { upload_id, parts } => {
            let op = CompleteMultipartUpload { bucket, key, upload_id, parts, headers: job.headers.clone() };
            let Answered { output, request_id, .. } = caller.attempt(&op, Payload::empty()).await.map_err(refused)?;
            let (etag, crc64, version_id) = (output.etag, output.crc64, output.version_id);
            let callback_body = output.callback_body;
            Ok(Reply::Completed(Published { etag, crc64, version_id, request_id, callback_body }))
        }
        Action::HeadObject => {
            let op = HeadObject { bucket, key, version_id: None };
            match caller.attempt(&op, Payload::empty()).await {
                Ok(answered) => Ok(Reply::Head(Some(head(answered, &job.headers)))),
                Err(error) if error.service().is_some_and(|s| s.code == ErrorCode::NO_SUCH_KEY) => {
                    Ok(Reply::Head(None))
                }
                Err(error) => Err(refused(error)),
            }
        }
        Action::Abort { upload_id } => {
            let op = AbortMultipartUpload { bucket, key, upload_id };
            caller.attempt(&op, Payload::empty()).await.map_err(refused)?;
            Ok(Reply::Aborted)
        }
        Action::Stop | Action::Save(_) | Action::Discard => Err((Fault::Rejected, Cause::Local("not a call".into()))),
    }
}

impl Context {
    async fn put_object(&self, gauge: &Gauge) -> Ended {
        let source = self.source.clone();
        let size = usize::try_from(source.fingerprint().size).expect("a small file is at most 8 MiB");
        let mut buffer = self.memory.whole(size).await;
        let digested = |buffer| {
            let bytes = Bytes::from_owner(buffer);
            (Crc64::of(&bytes), Md5::digest(&bytes).into(), bytes)
        };
        // Handing it to another thread would cost more than the work.
        let at_once = size <= AT_ONCE && source.read_whole_cached(&mut buffer).map_err(local)?;
        let (crc64, md5, bytes) = if at_once {
            digested(buffer)
        } else {
            let read = tokio::task::spawn_blocking(move || {
                source.read_whole(&mut buffer)?;
                Ok(digested(buffer))
            });
            read.await.unwrap_or_else(|error| Err(std::io::Error::other(error))).map_err(local)?
        };
        let op = PutObject {
            bucket: self.job.bucket.clone(),
            key: self.job.key.clone(),
            headers: self.job.headers.clone(),
            content_md5: Some(md5),
        };
        gauge.ask();
        gauge.give(bytes.len() as u64);
        let answered = self.caller.attempt(&op, Payload::bytes(bytes)).await.map_err(refused)?;
        let Answered { output, request_id, .. } = answered;
        let (etag, version_id, callback_body) = (output.etag, output.version_id, output.callback_body);
        let object = Published { etag, crc64: output.crc64, version_id, request_id, callback_body };
        Ok(Reply::Put { object, crc64, md5 })
    }

    async fn upload_part(&self, upload_id: UploadId, number: PartNumber, range: Range, gauge: Arc<Gauge>) -> Ended {
        let (body, sent) =
            PartBody::new(self.source.clone(), self.memory.clone(), range, self.progress.in_flight_counter(), gauge);
        let op = UploadPart {
            bucket: self.job.bucket.clone(),
            key: self.job.key.clone(),
            upload_id,
            part_number: number,
            content_md5: None,
        };
        let payload = Payload::stream(range.len, Box::pin(body));
        let output = self.caller.attempt(&op, payload).await.map_err(refused)?.output;
        let sent = *sent.lock().unwrap_or_else(PoisonError::into_inner);
        match sent {
            Some(sent) => Ok(Reply::Part { etag: output.etag, crc64: output.crc64, sent }),
            None => {
                Err((Fault::OutcomeUnknown, Cause::Local("the server answered before it had all of the part".into())))
            }
        }
    }

    async fn list_uploads(&self) -> Ended {
        let mut uploads: Vec<ListedUpload> = Vec::new();
        let (mut key_marker, mut upload_id_marker) = (None, None);
        for _ in 0..MAX_PAGES {
            let op = ListMultipartUploads {
                bucket: self.job.bucket.clone(),
                prefix: Some(self.job.key.as_str().to_owned()),
                delimiter: None,
                key_marker: key_marker.take(),
                upload_id_marker: upload_id_marker.take(),
                max_uploads: Some(1000),
            };
            let Answered { output: page, date, .. } =
                self.caller.attempt(&op, Payload::empty()).await.map_err(refused)?;
            uploads.extend(page.uploads.into_iter().filter(|upload| upload.key == self.job.key.as_str()));
            // The key itself sorts before every longer one: later pages hold other keys only.
            let more = page.is_truncated && page.next_key_marker.as_deref() == Some(self.job.key.as_str());
            if !more {
                return Ok(Reply::Uploads { uploads, date });
            }
            (key_marker, upload_id_marker) = (page.next_key_marker, page.next_upload_id_marker);
        }
        Err(endless("the list of the key's uploads has no end"))
    }

    async fn check_source(&self, whole: bool, stop: Arc<AtomicBool>) -> Ended {
        let range = Range { offset: 0, len: self.source.fingerprint().size };
        let source = self.source.clone();
        let mut piece = self.memory.piece().await;
        let checked = tokio::task::spawn_blocking(move || {
            let read = || source.digest(range, false, &mut piece, &stop).map(|(crc64, _)| crc64);
            let crc64 = whole.then(read).transpose()?;
            source.check_path().map(|()| crc64)
        });
        checked.await.unwrap_or_else(|error| Err(std::io::Error::other(error))).map(Reply::Source).map_err(local)
    }

    async fn prove(&self, parts: Vec<ToProve>, stop: Arc<AtomicBool>) -> Ended {
        let source = self.source.clone();
        let mut piece = self.memory.piece().await;
        let read = tokio::task::spawn_blocking(move || {
            let prove = |ToProve { number, range, md5 }| {
                let (crc64, md5) = source.digest(range, md5, &mut piece, &stop)?;
                Ok(Digests { number, crc64, md5 })
            };
            parts.into_iter().map(prove).collect()
        });
        read.await.unwrap_or_else(|error| Err(std::io::Error::other(error))).map(Reply::Proved).map_err(local)
    }
}

fn head(answered: Answered<ObjectHead>, asked: &ObjectHeaders) -> Head {
    let Answered { output, request_id, date } = answered;
    Head {
        date,
        size: output.size,
        last_modified: output.last_modified,
        object_type: output.object_type,
        other_headers: !asked.shown_by(&output.headers),
        object: Published {
            etag: output.etag,
            crc64: output.crc64,
            version_id: output.version_id,
            request_id,
            callback_body: None,
        },
    }
}

/// More pages than there can be: they would be read for ever.
fn endless(words: &str) -> (Fault, Cause) {
    (Fault::Rejected, Cause::Local(words.to_owned()))
}

fn refused(error: CallError) -> (Fault, Cause) {
    (error.fault(), Cause::Call(error))
}
