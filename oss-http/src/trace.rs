//! What is told of every attempt to whoever listens (`tracing`, level debug). Nobody listening costs one comparison.
//!
//! Never told: a secret, a token, a signature, an `Authorization`, a presigned query.

use crate::CallError;
use bytes::Bytes;
use http::uri::Authority;
use http::{HeaderMap, StatusCode};
use oss_proto::{ErrorCode, Request};
use oss_sign::verify::Claim;
use oss_sign::{Credentials, Resource};
use std::error::Error as _;
use tokio::time::Instant;
use tracing::{Level, debug, enabled};

/// One attempt; nothing is kept of it while nobody listens.
pub(crate) struct Attempt(Option<Box<Told>>);

struct Told {
    began: Instant,
    operation: &'static str,
    host: String,
    part: Option<String>,
    bytes: u64,
    signed: Signed,
}

/// What a signature was made of.
struct Signed {
    request: Request,
    credentials: Credentials,
}

impl Attempt {
    /// `request`: signed, without its payload of so many `bytes`.
    pub(crate) fn begin(
        operation: &'static str,
        host: Option<&Authority>,
        request: &Request,
        credentials: &Credentials,
        bytes: u64,
    ) -> Self {
        let part = || request.query.iter().find(|(name, _)| name == "partNumber").and_then(|(_, value)| value.clone());
        let told = || {
            Box::new(Told {
                began: Instant::now(),
                operation,
                host: host.map_or_else(String::new, ToString::to_string),
                part: part(),
                bytes,
                signed: Signed { request: without_body(request.clone()), credentials: credentials.clone() },
            })
        };
        Self(enabled!(Level::DEBUG).then(told))
    }

    pub(crate) fn succeeded(&self, status: StatusCode, headers: &HeaderMap) {
        let Some(told) = &self.0 else { return };
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        debug!(
            operation = told.operation,
            host = told.host,
            part = told.part,
            bytes = told.bytes,
            status = status.as_u16(),
            request_id = text("x-oss-request-id"),
            ec = text("x-oss-ec"),
            ms = told.millis(),
            "answered"
        );
    }

    pub(crate) fn failed(&self, error: &CallError) {
        let Some(told) = &self.0 else { return };
        let service = error.service();
        debug!(
            operation = told.operation,
            host = told.host,
            part = told.part,
            bytes = told.bytes,
            status = service.map(|service| service.status.as_u16()),
            code = service.map(|service| service.code.as_str()),
            request_id = error.request_id(),
            ec = service.and_then(|service| service.ec.as_deref()),
            fault = ?error.fault(),
            ms = told.millis(),
            cause = error.source().map(tracing::field::display),
            "failed"
        );
    }

    /// After `SignatureDoesNotMatch`: what the server signed beside what we signed, so that the two can be compared.
    pub(crate) fn explain(&self, error: &CallError, reply: &Bytes) {
        let Some(Told { signed, .. }) = self.0.as_deref() else { return };
        if error.service().is_none_or(|service| service.code != ErrorCode::SIGNATURE_DOES_NOT_MATCH) {
            return;
        }
        let (ours, our_canonical) = signed.explained();
        let reply = String::from_utf8_lossy(reply);
        let theirs = |name| element(&reply, name).map(|text| signed.mask(&text));
        debug!(ours, theirs = theirs("StringToSign"), "the string to sign");
        debug!(ours = our_canonical, theirs = theirs("CanonicalRequest"), "the canonical request");
    }
}

impl Told {
    fn millis(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Signed {
    /// The string to sign and, with V4, the canonical request.
    fn explained(&self) -> (Option<String>, Option<String>) {
        let Request { method, bucket, key, query, headers, .. } = &self.request;
        let (bucket, key) = (bucket.as_ref().map(|name| name.as_str()), key.as_ref().map(|key| key.as_str()));
        let resource = Resource { method, bucket, key, query };
        // Checked with a secret that is not ours, the claim says what it is made of.
        let claim = Claim::parse(query, headers).ok().flatten();
        let mismatch = claim.and_then(|claim| claim.check(resource, headers, "").err());
        mismatch.map_or((None, None), |mismatch| {
            let canonical = mismatch.canonical_request.as_deref().map(|text| self.mask(text));
            (Some(self.mask(&mismatch.string_to_sign)), canonical)
        })
    }

    /// The token stands among the signed headers.
    fn mask(&self, text: &str) -> String {
        let secrets = [Some(self.credentials.access_key_secret()), self.credentials.security_token()];
        let secrets = secrets.into_iter().flatten().filter(|secret| !secret.is_empty());
        secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "[redacted]"))
    }
}

fn without_body(request: Request) -> Request {
    Request { body: Bytes::new(), ..request }
}

/// The text of the first element of this name: for a person to read, so that nothing depends on it.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#10;", "\n"), ("&amp;", "&")];
    Some(entities.into_iter().fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character)))
}
