//! `--json`: what each line says.

use crate::failure::Failure;
use oss_client::{CallError, Callback, Completed, Error, ErrorKind, Event, Fault, UploadId};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::time::Duration;

/// What every line about the transfer as a whole repeats.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) bucket: String,
    pub(crate) key: String,
}

/// Prints one object as one line. A reader that is gone does not stop the upload.
pub(crate) fn print(value: &Value) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{value}").and_then(|()| out.flush());
}

/// `size`: bytes of the file. `error`: of the call behind a retry. `None` for an event this version does not know.
pub(crate) fn event(
    job: &Job,
    size: u64,
    event: &Event,
    error: Option<&CallError>,
    elapsed: Duration,
) -> Option<Value> {
    let value = match event {
        Event::Started { upload_id, part_size, parts } => json!({
            "event": "started", "bucket": job.bucket, "key": job.key, "size": size,
            "part_size": part_size, "parts": parts, "upload_id": id(upload_id.as_ref()),
        }),
        Event::Resumed { upload_id, part_size, parts, parts_listed, bytes_listed } => json!({
            "event": "resumed", "bucket": job.bucket, "key": job.key, "size": size,
            "part_size": part_size, "parts": parts, "upload_id": upload_id.as_str(),
            "parts_listed": parts_listed, "bytes_listed": bytes_listed,
        }),
        Event::Part { number, size, reused } => json!({
            "event": "part", "number": number.get(), "size": size, "reused": reused,
        }),
        Event::Retry { operation, part, attempt, delay, fault } => json!({
            "event": "retry", "operation": operation, "part": part.map(|number| number.get()), "attempt": attempt,
            "delay_ms": milliseconds(*delay), "fault": fault_name(fault),
            "error": error.map(|error| chain(error).join(": ")),
            "code": error.and_then(CallError::service).map(|service| service.code.as_str()),
            "request_id": error.and_then(CallError::request_id),
        }),
        Event::Notice(notice) => json!({
            "event": "notice", "message": notice.to_string(),
            "error": error.map(|error| chain(error).join(": ")),
        }),
        Event::Completed(done) => completed(job, done, elapsed),
        _ => return None,
    };
    Some(value)
}

/// The last line of an upload that did not succeed.
pub(crate) fn failed(failure: &Failure) -> Value {
    let error = failure.error.downcast_ref::<Error>();
    let service = error.and_then(Error::service);
    let chain = failure.chain();
    json!({
        "event": "failed",
        "exit_code": failure.exit.code(),
        "kind": error.map(|error| kind_name(error.kind())),
        "message": chain.first(),
        "causes": chain.get(1..),
        "status": service.map(|service| service.status.as_u16()),
        "code": service.map(|service| service.code.as_str()),
        "ec": service.and_then(|service| service.ec.as_deref()),
        "host": service.and_then(|service| service.host_id.as_deref()),
        "request_id": error.and_then(Error::request_id),
        "upload_id": id(error.and_then(Error::upload_id)),
        "next": failure.next.last().map(|step| step.command.as_str()),
    })
}

fn completed(job: &Job, done: &Completed, elapsed: Duration) -> Value {
    json!({
        "event": "completed", "bucket": job.bucket, "key": job.key, "size": done.size,
        // 64 bits do not fit a JSON number everywhere.
        "crc64": done.crc64.to_string(),
        "etag": done.object.etag.as_ref().map(ToString::to_string),
        "version_id": done.object.version_id,
        "callback": callback_name(done.callback),
        "callback_body": done.object.callback_body.as_deref().map(callback_body),
        "request_id": done.object.request_id,
        "bytes_sent": done.bytes_sent, "bytes_reused": done.bytes_reused,
        "parts_sent": done.parts_sent, "parts_reused": done.parts_reused,
        "retries": done.retries, "elapsed_ms": milliseconds(elapsed),
    })
}

/// Every layer's own words.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> Vec<String> {
    std::iter::successors(Some(error), |&error| error.source()).map(ToString::to_string).collect()
}

fn id(upload_id: Option<&UploadId>) -> Option<&str> {
    upload_id.map(UploadId::as_str)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn callback_name(callback: Callback) -> &'static str {
    match callback {
        Callback::NotAsked => "not_asked",
        Callback::Succeeded => "succeeded",
        Callback::Failed => "failed",
        _ => "unknown",
    }
}

/// The callback server's JSON as it is; what is none, as text.
fn callback_body(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into())
}

fn kind_name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidInput => "invalid_input",
        ErrorKind::Locked => "locked",
        ErrorKind::Resumable => "resumable",
        ErrorKind::Rejected => "rejected",
        ErrorKind::Unproven => "unproven",
        ErrorKind::Aborted => "aborted",
        _ => "other",
    }
}

pub(crate) fn fault_name(fault: &Fault) -> &'static str {
    match fault {
        Fault::Transient => "transient",
        Fault::OutcomeUnknown => "outcome_unknown",
        Fault::Throttled { .. } => "throttled",
        Fault::CredentialsExpired => "credentials_expired",
        Fault::ClockSkew => "clock_skew",
        Fault::WrongEndpoint { .. } => "wrong_endpoint",
        Fault::Corrupted => "corrupted",
        Fault::Unproven => "unproven",
        Fault::PartRejected { .. } => "part_rejected",
        Fault::NoSuchUpload => "no_such_upload",
        Fault::AlreadyExists => "already_exists",
        Fault::CallbackFailed => "callback_failed",
        Fault::SourceChanged => "source_changed",
        Fault::Rejected => "rejected",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oss_client::PartNumber;

    fn line(what: &Event) -> Value {
        let job = Job { bucket: "demo".into(), key: "a \"b\"\n".into() };
        event(&job, 3, what, None, Duration::from_millis(1500)).unwrap()
    }

    #[test]
    fn a_key_with_quotes_and_newlines_stays_one_line() {
        let text = line(&Event::Started { upload_id: None, part_size: 2, parts: 2 }).to_string();
        assert!(!text.contains('\n'), "{text}");
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["key"], "a \"b\"\n");
        assert_eq!((&read["part_size"], &read["parts"], &read["upload_id"]), (&json!(2), &json!(2), &Value::Null));
    }

    #[test]
    fn a_retry_says_what_and_when() {
        let number = PartNumber::new(7).unwrap();
        let delay = Duration::from_millis(250);
        let fault = Fault::Throttled { retry_after: None };
        let retry = line(&Event::Retry { operation: "UploadPart", part: Some(number), attempt: 2, delay, fault });
        assert_eq!(
            (&retry["part"], &retry["delay_ms"], &retry["fault"]),
            (&json!(7), &json!(250), &json!("throttled"))
        );
    }

    #[test]
    fn a_failure_names_its_exit_code_and_the_next_command() {
        let value = failed(&Failure::again(anyhow::anyhow!("below").context("above")));
        assert_eq!(
            (&value["exit_code"], &value["message"], &value["causes"]),
            (&json!(3), &json!("above"), &json!(["below"]))
        );
        assert!(value["next"].is_string());
    }
}
