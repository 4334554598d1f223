//! A server that tells less about what it stored: no CRC-64, or no MD5 in its ETags either (as with KMS encryption).

use crate::watched::{KEY, PART};
use http::{HeaderValue, Request, Response};
use oss_http::{
    Addressing, BoxFuture, Caller, Credentials, Endpoint, Payload, ReplyBody, ResponseTimeout, Signer,
    StaticCredentials, Transport, TransportError,
};
use oss_multipart::{Completed, UploadError, UploadObjectRequest, upload};
use oss_tests::{BUCKET, InProcess, REGION, World, bytes};
use std::sync::Arc;

/// What is missing in its replies' headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lacks {
    Crc,
    CrcAndMd5,
}

#[derive(Debug)]
struct Stripped(InProcess, Lacks);

impl Transport for Stripped {
    fn send(
        &self,
        request: Request<Payload>,
        timeout: ResponseTimeout,
    ) -> BoxFuture<'_, Result<Response<ReplyBody>, TransportError>> {
        Box::pin(async move {
            let mut reply = self.0.send(request, timeout).await?;
            reply.headers_mut().remove("x-oss-hash-crc64ecma");
            if self.1 == Lacks::CrcAndMd5 {
                reply.headers_mut().insert("etag", HeaderValue::from_static("\"opaque\""));
            }
            Ok(reply)
        })
    }
}

/// A world whose server is such.
pub(crate) struct Bare {
    pub(crate) world: World,
    caller: Caller,
}

impl Bare {
    pub(crate) fn new(lacks: Lacks) -> Self {
        let world = World::with(|builder| builder.credentials("bare-id", "bare-secret"));
        let endpoint = Endpoint::parse("http://oss.test", Some(Addressing::Virtual)).unwrap();
        let keys = Arc::new(StaticCredentials::new(Credentials::new("bare-id", "bare-secret")));
        let transport = Arc::new(Stripped(InProcess::new(world.emulator.clone()), lacks));
        let caller = Caller::builder(endpoint, Signer::v4(REGION), keys, transport).build();
        Self { world, caller }
    }

    /// With `waived`, unproven bytes are accepted.
    pub(crate) async fn upload(&self, size: usize, waived: bool) -> Result<Completed, UploadError> {
        let path = self.world.file("a.bin", bytes(size));
        let request = UploadObjectRequest::new(BUCKET, KEY, path).part_size(PART as u64).allow_unproven(waived);
        upload(&self.caller, REGION, request).await
    }
}
