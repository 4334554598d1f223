//! Servers that are odd in ways no single fault is.

use crate::watched::request;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use oss_http::{
    Addressing, BoxFuture, Caller, Credentials, Endpoint, Payload, ReplyBody, ResponseTimeout, Signer,
    StaticCredentials, Transport, TransportError,
};
use oss_multipart::{Completed, UploadError, UploadObjectRequest, upload};
use oss_tests::{InProcess, REGION, World, bytes};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
            let mut reply = self.inner.send(request, timeout).await?;
            reply.headers_mut().remove("x-oss-hash-crc64ecma");
            if self.oddity == Oddity::NoProof {
                reply.headers_mut().insert("etag", HeaderValue::from_static("\"opaque\""));
            }
            Ok(reply)
        })
    }
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

    pub(crate) async fn upload_as(&self, request: UploadObjectRequest) -> Result<Completed, UploadError> {
        upload(&self.caller, REGION, request).await
    }
}
