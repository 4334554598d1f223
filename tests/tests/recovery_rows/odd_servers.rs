//! Servers that are odd in ways no single fault is.

use crate::watched::{KEY, PART, interrupted_after, killed, request, upload_on_server};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use oss_emulator::{Fault, Gate, Operation, Rule, Until};
use oss_http::{
    Addressing, BoxFuture, Caller, Credentials, Endpoint, Payload, ReplyBody, ResponseTimeout, Signer,
    StaticCredentials, Transport, TransportError,
};
use oss_multipart::{Completed, UploadError, UploadObjectRequest, upload};
use oss_tests::{BUCKET, InProcess, REGION, World, bytes};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// What is odd about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Oddity {
    /// No reply has a CRC-64.
    NoCrc,
    /// And the ETags are of no MD5, as with KMS encryption.
    NoProof,
    /// The first two aborts of an upload are answered with 204, and it is still there: what OSS documents for uploads
    /// whose parts are in flight.
    AbortTakesThree,
    /// Every page of a list is empty and says that there is more, a little further on.
    EndlessLists,
}

#[derive(Debug)]
struct OddTransport {
    inner: InProcess,
    oddity: Oddity,
    aborts: AtomicUsize,
}

impl Transport for OddTransport {
    fn send(
        &self,
        request: Request<Payload>,
        timeout: ResponseTimeout,
    ) -> BoxFuture<'_, Result<Response<ReplyBody>, TransportError>> {
        Box::pin(async move {
            if self.oddity == Oddity::AbortTakesThree {
                if request.method() == Method::DELETE && self.aborts.fetch_add(1, Ordering::Relaxed) < 2 {
                    let mut done = Response::new(ReplyBody::bytes(""));
                    *done.status_mut() = StatusCode::NO_CONTENT;
                    return Ok(done);
                }
                return self.inner.send(request, timeout).await;
            }
            if self.oddity == Oddity::EndlessLists {
                return Ok(match endless_list(&request) {
                    Some(page) => Response::new(ReplyBody::bytes(page)),
                    None => self.inner.send(request, timeout).await?,
                });
            }
            let mut reply = self.inner.send(request, timeout).await?;
            reply.headers_mut().remove("x-oss-hash-crc64ecma");
            if self.oddity == Oddity::NoProof {
                reply.headers_mut().insert("etag", HeaderValue::from_static("\"opaque\""));
            }
            Ok(reply)
        })
    }
}

fn endless_list(request: &Request<Payload>) -> Option<String> {
    let query = request.uri().query().filter(|_| request.method() == Method::GET)?;
    let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name));
    if let Some(id) = value("uploadId=") {
        let next = value("part-number-marker=").map_or(0, |marker| marker.parse::<u32>().unwrap()) + 700;
        return Some(format!(
            "<ListPartsResult><Bucket>{BUCKET}</Bucket><Key>{KEY}</Key><UploadId>{id}</UploadId>\
             <NextPartNumberMarker>{next}</NextPartNumberMarker><IsTruncated>true</IsTruncated></ListPartsResult>"
        ));
    }
    query.contains("uploads").then(|| {
        let next = value("upload-id-marker=").unwrap_or_default().to_owned() + "A";
        format!(
            "<ListMultipartUploadsResult><Bucket>{BUCKET}</Bucket><NextKeyMarker>{KEY}</NextKeyMarker>\
             <NextUploadIdMarker>{next}</NextUploadIdMarker><IsTruncated>true</IsTruncated></ListMultipartUploadsResult>"
        )
    })
}

/// A world whose server is such.
pub(crate) struct Odd {
    pub(crate) world: World,
    caller: Caller,
}

impl Odd {
    pub(crate) fn new(oddity: Oddity) -> Self {
        let world = World::with(|builder| builder.credentials("odd-id", "odd-secret"));
        let endpoint = Endpoint::parse("http://oss.test", Some(Addressing::Virtual)).unwrap();
        let keys = Arc::new(StaticCredentials::new(Credentials::new("odd-id", "odd-secret")));
        let inner = InProcess::new(world.emulator.clone());
        let transport = Arc::new(OddTransport { inner, oddity, aborts: AtomicUsize::new(0) });
        let caller = Caller::builder(endpoint, Signer::v4(REGION), keys, transport).build();
        Self { world, caller }
    }

    /// A new file of so many bytes; with `waived`, unproven ones are accepted.
    pub(crate) async fn upload(&self, size: usize, waived: bool) -> Result<Completed, UploadError> {
        let path = self.world.file("a.bin", bytes(size));
        self.upload_as(request(&path).allow_unproven(waived)).await
    }

    /// A run against the server as it is without its oddity.
    pub(crate) async fn plainly(&self, request: UploadObjectRequest) -> Result<Completed, UploadError> {
        self.world.upload(request).await
    }

    pub(crate) async fn upload_as(&self, request: UploadObjectRequest) -> Result<Completed, UploadError> {
        upload(&self.caller, REGION, request).await
    }
}

#[tokio::test]
async fn a_list_of_parts_without_end_ends_the_run_and_keeps_the_upload() {
    let odd = Odd::new(Oddity::EndlessLists);
    let path = odd.world.file("a.bin", bytes(4 * PART));
    interrupted_after(&odd.world, request(&path), 2).await;
    let run = tokio::time::timeout(Duration::from_secs(30), odd.upload_as(request(&path))).await;
    let error = run.expect("it lists for ever").unwrap_err();
    assert!(error.upload_id().is_some(), "{error:?}");
    assert!(format!("{error:?}").contains("has no end"), "{error:?}");
    assert_eq!(upload_on_server(&odd.world).1.len(), 2);
    let done = odd.plainly(request(&path)).await.unwrap();
    assert_eq!((done.parts_reused, done.parts_sent), (2, 2));
    odd.world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
}

#[tokio::test]
async fn a_list_of_uploads_without_end_does_not_stop_the_upload() {
    let odd = Odd::new(Oddity::EndlessLists);
    let path = odd.world.file("a.bin", bytes(4 * PART));
    let gate = Gate::new();
    let initiate = Rule::on(Operation::InitiateMultipartUpload);
    odd.world.emulator.add_fault(initiate, Fault::Stall(Until::Opened(gate.clone())));
    killed(&odd.world, request(&path), gate.arrived(1)).await;
    let run = tokio::time::timeout(Duration::from_secs(30), odd.upload_as(request(&path))).await;
    run.expect("it lists for ever").unwrap();
    odd.world.assert_published(KEY, &bytes(4 * PART), &["a.bin"]);
}
