//! What a caller makes of replies: over a transport that answers from a list, in virtual time.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Uri};
use oss_http::{
    BoxFuture, CallCause, CallError, Caller, Credentials, CredentialsError, CredentialsProvider, Endpoint, Fault,
    Payload, ReplyBody, ResponseTimeout, Signer, SourceChanged, StaticCredentials, Transport, TransportError, clock,
};
use oss_proto::ops::{
    CompleteMultipartUpload, DeleteObject, GetObject, InitiateMultipartUpload, PutObject, UploadPart,
};
use oss_proto::{Bucket, ETag, Key, ObjectHeaders, PartNumber, TrafficLimit, UploadId};
use std::collections::VecDeque;
use std::error::Error;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) const SECRET: &str = "the-secret-itself";
pub(crate) const TOKEN: &str = "the-token-itself";

/// What one attempt looked like to the server.
struct Seen {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    timeout: ResponseTimeout,
}

type Answer = Result<Response<ReplyBody>, TransportError>;

/// Answers from a list; afterwards always 500.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Answer>>,
    seen: Mutex<Vec<Seen>>,
}

impl Transport for Script {
    fn send(&self, request: Request<Payload>, timeout: ResponseTimeout) -> BoxFuture<'_, Answer> {
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = http_body_util::BodyExt::collect(body).await;
            let body = body.map_err(|error| TransportError::Payload(Arc::new(error)))?.to_bytes();
            let seen = Seen { method: head.method, uri: head.uri, headers: head.headers, body, timeout };
            self.seen.lock().unwrap().push(seen);
            self.answers.lock().unwrap().pop_front().unwrap_or_else(|| refusal(500, "InternalError", ""))
        })
    }
}

/// A new key id for every attempt; counts invalidations.
#[derive(Debug, Default)]
struct Keys {
    given: AtomicUsize,
    invalidated: AtomicUsize,
}

impl CredentialsProvider for Keys {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, CredentialsError>> {
        let id = format!("key{}", self.given.fetch_add(1, Ordering::Relaxed));
        Box::pin(async move { Ok(Credentials::new(id, SECRET).with_security_token(TOKEN)) })
    }

    fn invalidate(&self, _: &Credentials) {
        self.invalidated.fetch_add(1, Ordering::Relaxed);
    }
}

pub(crate) struct Scene {
    script: Arc<Script>,
    keys: Arc<Keys>,
    pub(crate) caller: Caller,
}

pub(crate) fn scene(answers: impl IntoIterator<Item = Answer>) -> Scene {
    let script = Arc::new(Script { answers: Mutex::new(answers.into_iter().collect()), seen: Mutex::default() });
    let keys = Arc::new(Keys::default());
    let endpoint = Endpoint::parse("oss-cn-hangzhou.aliyuncs.com", None).unwrap();
    let caller = Caller::builder(endpoint, Signer::v4("cn-hangzhou"), keys.clone(), script.clone()).build();
    Scene { script, keys, caller }
}

impl Scene {
    fn attempts(&self) -> usize {
        self.script.seen.lock().unwrap().len()
    }

    pub(crate) fn header(&self, attempt: usize, name: &str) -> String {
        self.script.seen.lock().unwrap()[attempt].headers[name].to_str().unwrap().to_owned()
    }
}

pub(crate) fn refusal(status: u16, code: &str, more: &str) -> Answer {
    let body = format!("<Error><Code>{code}</Code><Message>no</Message><RequestId>R1</RequestId>{more}</Error>");
    Ok(Response::builder().status(status).body(ReplyBody::bytes(body)).unwrap())
}

pub(crate) fn done(status: u16) -> Answer {
    let reply = Response::builder().status(status).header("x-oss-request-id", "R2");
    let reply = reply.header("date", "Fri, 15 Jan 2027 08:00:00 GMT").header("content-length", "0");
    Ok(reply.body(ReplyBody::bytes("")).unwrap())
}

fn bucket() -> Bucket {
    Bucket::new("bucket").unwrap()
}

fn key() -> Key {
    Key::new("dir/a b").unwrap()
}

pub(crate) fn delete() -> DeleteObject {
    DeleteObject { bucket: bucket(), key: key(), version_id: None }
}

pub(crate) fn put() -> PutObject {
    PutObject { bucket: bucket(), key: key(), headers: ObjectHeaders::new(), content_md5: None }
}

fn complete() -> CompleteMultipartUpload {
    CompleteMultipartUpload {
        bucket: bucket(),
        key: key(),
        upload_id: UploadId::new("U1").unwrap(),
        parts: vec![(PartNumber::new(1).unwrap(), ETag::from_md5([7; 16]))],
        headers: ObjectHeaders::new(),
    }
}

#[tokio::test(start_paused = true)]
async fn every_attempt_is_signed_anew_with_the_credentials_of_now() {
    let scene = scene([refusal(503, "SlowDown", ""), refusal(500, "InternalError", ""), done(204)]);
    let answered = scene.caller.call(&delete(), Bytes::new()).await.unwrap();
    assert_eq!((answered.request_id.as_deref(), answered.date), (Some("R2"), Some(1_800_000_000)));
    for attempt in 0..3 {
        let authorization = scene.header(attempt, "authorization");
        assert!(authorization.contains(&format!("Credential=key{attempt}/")), "{authorization}");
    }
    assert_eq!(scene.attempts(), 3);
}

#[tokio::test]
async fn credentials_with_a_line_break_are_refused_before_a_request_and_not_shown() {
    let given = [
        (Credentials::new("id\n", SECRET), "access key id"),
        (Credentials::new("id", format!("{SECRET}\r\n")), "access key secret"),
        (Credentials::new("id", SECRET).with_security_token(format!("{TOKEN}\0")), "security token"),
    ];
    for (credentials, which) in given {
        let script = Arc::new(Script::default());
        let endpoint = Endpoint::parse("oss-cn-hangzhou.aliyuncs.com", None).unwrap();
        let keys = Arc::new(StaticCredentials::new(credentials));
        let caller = Caller::builder(endpoint, Signer::v4("cn-hangzhou"), keys, script.clone()).build();
        let error = caller.call(&put(), Bytes::new()).await.unwrap_err();
        let words = format!("{error}: {:?}", error.source());
        assert!(matches!(error.cause, CallCause::Credentials(CredentialsError::Invalid(_))), "{words}");
        assert!(words.contains(which) && !words.contains(SECRET) && !words.contains(TOKEN), "{words}");
        assert!(caller.presign(Method::GET, &bucket(), &key(), Duration::from_secs(60)).await.is_err());
        assert_eq!(script.seen.lock().unwrap().len(), 0);
    }
}

#[tokio::test]
async fn one_attempt_is_one_request_addressed_and_sized() {
    let scene = scene([done(200)]);
    scene.caller.attempt(&put(), Payload::bytes("data")).await.unwrap();
    assert_eq!(scene.attempts(), 1);
    let seen = &scene.script.seen.lock().unwrap()[0];
    assert_eq!(seen.method, Method::PUT);
    assert_eq!(seen.uri, "https://bucket.oss-cn-hangzhou.aliyuncs.com/dir/a%20b");
    assert_eq!(seen.headers["host"], "bucket.oss-cn-hangzhou.aliyuncs.com");
    assert_eq!(seen.headers["content-length"], "4");
    assert_eq!(seen.headers["x-oss-security-token"], TOKEN);
    assert!(seen.headers["user-agent"].to_str().unwrap().starts_with("oss-http/"));
    assert_eq!((seen.body.as_ref(), seen.timeout), (&b"data"[..], ResponseTimeout::Usual));
}

#[tokio::test]
async fn the_operations_own_body_is_sent_and_complete_may_take_longer() {
    let scene = scene([]);
    scene.caller.attempt(&complete(), Payload::empty()).await.unwrap_err();
    let seen = scene.script.seen.lock().unwrap();
    assert!(seen[0].body.starts_with(b"<CompleteMultipartUpload>") || seen[0].body.starts_with(b"<?xml"));
    assert_eq!(seen[0].headers["content-length"], seen[0].body.len().to_string());
    assert_eq!(seen[0].timeout, ResponseTimeout::Complete);
}

fn iso(unix: u64) -> String {
    let text = httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_secs(unix));
    let month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        .iter()
        .position(|name| *name == &text[8..11])
        .unwrap();
    format!("{}-{:02}-{}T{}.000Z", &text[12..16], month + 1, &text[5..7], &text[17..25])
}

fn skewed(server: u64) -> Answer {
    refusal(403, "RequestTimeTooSkewed", &format!("<ServerTime>{}</ServerTime>", iso(server)))
}

#[tokio::test(start_paused = true)]
async fn a_wrong_clock_is_corrected_by_the_servers() {
    let ahead = 7_200;
    let scene = scene([skewed(clock::now() + ahead), done(204)]);
    scene.caller.call(&delete(), Bytes::new()).await.unwrap();
    assert!(scene.caller.clock_offset().abs_diff(7_200) <= 2, "{}", scene.caller.clock_offset());
    let corrected = iso(clock::now() + ahead).replace(['-', ':'], "");
    // To the ten minutes, or the hour when the clock ticked over meanwhile.
    let signed = scene.header(1, "x-oss-date");
    assert!(signed[..11] == corrected[..11] || signed[..8] == corrected[..8], "{signed} {corrected}");
    assert_ne!(signed[..13], scene.header(0, "x-oss-date")[..13]);
}

#[tokio::test(start_paused = true)]
async fn a_correction_that_is_refused_too_is_dropped() {
    let now = clock::now();
    let scene = scene([skewed(now + 7_200), skewed(now + 7_200)]);
    let error = scene.caller.call(&delete(), Bytes::new()).await.unwrap_err();
    assert_eq!((error.fault(), scene.attempts()), (Fault::ClockSkew, 2));
    assert_eq!(scene.caller.clock_offset(), 0);
}

#[tokio::test(start_paused = true)]
async fn expired_credentials_are_invalidated_and_fetched_once_more() {
    for code in ["SecurityTokenExpired", "InvalidSecurityToken", "InvalidAccessKeyId"] {
        let scene = scene([refusal(403, code, ""), refusal(403, code, "")]);
        let error = scene.caller.call(&delete(), Bytes::new()).await.unwrap_err();
        assert_eq!(error.fault(), Fault::CredentialsExpired, "{code}");
        assert_eq!((scene.attempts(), scene.keys.invalidated.load(Ordering::Relaxed)), (2, 2), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_is_repeated_for_idempotent_operations_only() {
    let scene = scene([]);
    let initiate = InitiateMultipartUpload { bucket: bucket(), key: key(), headers: ObjectHeaders::new() };
    let error = scene.caller.call(&initiate, Bytes::new()).await.unwrap_err();
    assert_eq!((error.fault(), scene.attempts()), (Fault::OutcomeUnknown, 1));
    let error = scene.caller.call(&complete(), Bytes::new()).await.unwrap_err();
    assert_eq!((error.fault(), scene.attempts()), (Fault::OutcomeUnknown, 2));
    let error = scene.caller.call(&delete(), Bytes::new()).await.unwrap_err();
    assert_eq!((error.fault(), scene.attempts()), (Fault::OutcomeUnknown, 12));
}

#[tokio::test(start_paused = true)]
async fn a_final_refusal_is_returned_at_once_with_all_that_oss_said() {
    let scene = scene([refusal(403, "AccessDenied", "<EC>0003-1</EC>")]);
    let error = scene.caller.call(&delete(), Bytes::new()).await.unwrap_err();
    assert_eq!((error.fault(), scene.attempts()), (Fault::Rejected, 1));
    assert_eq!(error.request_id(), Some("R1"));
    assert_eq!(error.service().unwrap().ec.as_deref(), Some("0003-1"));
    assert_eq!(error.to_string(), "DeleteObject at bucket.oss-cn-hangzhou.aliyuncs.com was refused");
    assert!(error.source().unwrap().to_string().contains("AccessDenied"));
}

#[tokio::test]
async fn an_object_is_opened_and_streamed_or_refused_by_its_error() {
    let object = Response::builder().status(200).header("content-length", "4").header("etag", "\"E\"");
    let scene = scene([Ok(object.body(ReplyBody::bytes("data")).unwrap()), refusal(404, "NoSuchKey", "")]);
    let get = GetObject { bucket: bucket(), key: key(), range: None, version_id: None };
    let (head, body) = scene.caller.open(&get).await.unwrap();
    assert_eq!((head.output.size, body.read_whole(10).await.unwrap()), (4, Bytes::from("data")));
    let error = scene.caller.open(&get).await.unwrap_err();
    assert_eq!(error.service().unwrap().code.as_str(), "NoSuchKey");
}

#[tokio::test]
async fn a_payload_error_is_the_sources_and_a_changed_source_is_told_apart() {
    struct Fails(Option<io::Error>);
    impl http_body::Body for Fails {
        type Data = Bytes;
        type Error = io::Error;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<io::Result<http_body::Frame<Bytes>>>> {
            std::task::Poll::Ready(self.0.take().map(Err))
        }
    }
    let part = UploadPart {
        bucket: bucket(),
        key: key(),
        upload_id: UploadId::new("U1").unwrap(),
        part_number: PartNumber::new(1).unwrap(),
        content_md5: None,
    };
    let outcome = async |error: io::Error| -> CallError {
        let payload = Payload::stream(5, Box::pin(Fails(Some(error))));
        scene([]).caller.attempt(&part, payload).await.unwrap_err()
    };
    let changed = outcome(io::Error::other(SourceChanged)).await;
    assert!(matches!(changed.cause, CallCause::SourceChanged));
    assert_eq!(changed.fault(), Fault::SourceChanged);
    let unreadable = outcome(io::Error::other("disk")).await;
    assert_eq!(unreadable.fault(), Fault::Rejected);
    assert_eq!(unreadable.source().unwrap().to_string(), "disk");
}

#[tokio::test]
async fn a_presigned_url_is_made_without_a_request() {
    let scene = scene([]);
    let url = scene.caller.presign(Method::GET, &bucket(), &key(), Duration::from_secs(60)).await.unwrap();
    assert!(url.starts_with("https://bucket.oss-cn-hangzhou.aliyuncs.com/dir/a%20b?"), "{url}");
    assert!(url.contains("x-oss-expires=60") && url.contains("x-oss-signature="), "{url}");
    assert_eq!(scene.attempts(), 0);
    let forever = Duration::from_secs(8 * 86_400);
    let error = scene.caller.presign(Method::GET, &bucket(), &key(), forever).await.unwrap_err();
    assert!(matches!(error.cause, CallCause::Presign(_)));
}

#[tokio::test]
async fn nothing_that_is_printed_holds_a_secret() {
    let scene = scene([refusal(403, "SignatureDoesNotMatch", "<SignatureProvided>abc</SignatureProvided>")]);
    let error = scene.caller.attempt(&put(), Payload::bytes("private data")).await.unwrap_err();
    let signature = scene.header(0, "authorization").rsplit_once("Signature=").unwrap().1.to_owned();
    let credentials = Credentials::new("id", SECRET).with_security_token(TOKEN);
    let printed = [
        format!("{error:?} {error} {:?}", error.source()),
        format!("{:?}", scene.caller),
        format!("{:?}", oss_http::StaticCredentials::new(credentials.clone())),
        format!("{credentials:?} {:?}", Payload::bytes("private data")),
        format!("{:?}", Endpoint::parse("https://user:the-secret-itself@host", None)),
    ];
    for text in printed {
        for secret in [SECRET, TOKEN, &signature, "private data"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[test]
fn calls_can_be_spawned() {
    fn is_send<T: Send>(_: T) {}
    let caller = scene([]).caller;
    is_send(caller.attempt(&delete(), Payload::empty()));
    is_send(caller.call(&delete(), Bytes::new()));
    is_send(caller.presign(Method::GET, &bucket(), &key(), Duration::ZERO));
    is_send(caller.open(&GetObject { bucket: bucket(), key: key(), range: None, version_id: None }));
}

#[tokio::test(start_paused = true)]
async fn a_requester_pays_with_every_request_and_a_traffic_limit_is_for_those_that_move_data() {
    let Scene { script, caller, .. } = scene([]);
    let limit = TrafficLimit::new(819_200).unwrap();
    let told = caller.clone().with_requester_pays(true).with_traffic_limit(Some(limit));
    let get = GetObject { bucket: bucket(), key: key(), range: None, version_id: None };

    told.attempt(&delete(), Payload::empty()).await.unwrap_err();
    told.attempt(&put(), Payload::bytes("x")).await.unwrap_err();
    told.open(&get).await.unwrap_err();
    caller.attempt(&put(), Payload::bytes("x")).await.unwrap_err();

    let url = told.presign(Method::GET, &bucket(), &key(), Duration::from_secs(60)).await.unwrap();
    assert!(url.contains("x-oss-request-payer=requester"), "{url}");

    let seen = script.seen.lock().unwrap();
    let said = |n: usize, name: &str| seen[n].headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let last = seen.len() - 1;
    for (n, limited) in [(0, false), (1, true), (2, true), (last - 1, true)] {
        assert_eq!(said(n, "x-oss-request-payer").as_deref(), Some("requester"), "{n}");
        assert_eq!(said(n, "x-oss-traffic-limit").as_deref(), limited.then_some("819200"), "{n}");
    }
    assert_eq!((said(last, "x-oss-request-payer"), said(last, "x-oss-traffic-limit")), (None, None), "not the other");
}
