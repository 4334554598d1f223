//! One small request to a service that issues credentials.

use super::{CredentialsError, Issued};
use crate::clock;
use crate::{Payload, ResponseTimeout, Transport};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, DATE};
use http::{HeaderMap, Method, Request, StatusCode};
use oss_sign::Credentials;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// No reply of these services is larger; tokens have a few KiB.
const MAX_REPLY: usize = 64 * 1024;

/// What came back, with any status.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
    /// The service's clock, Unix seconds; the local one where it gives none.
    pub(super) now: u64,
}

/// Asks once. `url`: absolute. `headers`: beside `Host` and `Content-Length`.
///
/// # Errors
/// [`CredentialsError::Unavailable`] when no whole reply came within `limit`.
///
/// # Cancel safety
/// Dropping the future closes the connection.
pub(super) async fn exchange(
    transport: &dyn Transport,
    method: Method,
    url: &str,
    headers: HeaderMap,
    body: String,
    limit: Duration,
) -> Result<Answer, CredentialsError> {
    let uri: http::Uri = url.parse().map_err(|_| CredentialsError::Invalid("its URL cannot be asked".to_owned()))?;
    let host = uri.authority().map(|authority| authority.as_str().parse());
    let Some(Ok(host)) = host else { return Err(CredentialsError::Invalid("its URL has no host".to_owned())) };
    let mut request = Request::new(Payload::empty());
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    request.headers_mut().insert(http::header::HOST, host);
    request.headers_mut().insert(CONTENT_LENGTH, body.len().into());
    *request.body_mut() = Payload::bytes(body);
    let asking = async {
        let (head, body) = transport.send(request, ResponseTimeout::Usual).await?.into_parts();
        let date = head.headers.get(DATE).and_then(|date| date.to_str().ok()).and_then(clock::from_http_date);
        let body = body.read_whole(MAX_REPLY).await?;
        Ok(Answer { status: head.status, body, now: date.unwrap_or_else(clock::now) })
    };
    match tokio::time::timeout(limit, asking).await {
        Ok(answer) => answer.map_err(|error: crate::TransportError| CredentialsError::Unavailable(Arc::new(error))),
        Err(_) => Err(CredentialsError::unavailable(format!("no answer within {limit:?}"))),
    }
}

/// Temporary credentials as STS and the metadata service write them.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Wire {
    access_key_id: Option<String>,
    access_key_secret: Option<Zeroizing<String>>,
    security_token: Option<Zeroizing<String>>,
    expiration: Option<String>,
}

impl Wire {
    /// `None` when one of the four is missing or the end is no date.
    pub(super) fn issued(self, now: u64) -> Option<Issued> {
        let id = self.access_key_id.filter(|text| is_clean(text))?;
        let secret = self.access_key_secret.filter(|text| is_clean(text))?;
        let token = self.security_token.filter(|text| is_clean(text))?;
        let credentials = Credentials::new(id, secret.as_str()).with_security_token(token.as_str());
        let end = oss_proto::parse_iso8601(&self.expiration?)?;
        Some(Issued { credentials, life: Some(Duration::from_secs(end.saturating_sub(now))) })
    }
}

/// Not empty, and nothing in it that a header may not hold.
pub(super) fn is_clean(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}
