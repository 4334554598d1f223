//! One signed HTTP call to Alibaba Cloud OSS, done carefully once.
//!
//! # Model
//! A [`Caller`] is an [`Endpoint`], a [`Signer`], a [`CredentialsProvider`] and a [`Transport`]. It takes an operation
//! of `oss-proto` and makes one *attempt* of it: credentials of now, signature of now (with the server's clock where
//! ours was refused), one request, a bounded reply, a typed output. What went wrong is a [`CallError`], and
//! [`CallError::fault`] says what to do about it: [`Fault`] is a closed set with one table.
//!
//! [`Caller::attempt`] never tries again; a state machine that owns the retry decisions builds on it.
//! [`Caller::call`] and [`Caller::open`] do, for everyone else, within a [`RetryPolicy`].
//!
//! # Credentials
//! [`DefaultCredentials`] takes the first that is configured of environment, profile files (ossutil's, the Alibaba Cloud
//! CLI's), OIDC, a program, and the role of the ECS instance; each of them can be used alone. Those that fetch
//! ([`CredentialsSource`]) are cached and renewed early by [`CachedCredentials`].
//!
//! # What is told
//! One `tracing` event (level debug) an attempt: operation, host, part, bytes, status, code, request id, EC, duration.
//! Level info: where the default credentials are from; warn: a profile file that others can read.
//!
//! # Guarantees
//! - One attempt is one request on the wire, and a request is never ended as if it were whole when its payload
//!   failed, gave too little or too much. (The one exception, a dead idle connection, is told at [`HyperTransport`].)
//! - An operation that the server may have carried out is said to be so: [`Fault::OutcomeUnknown`].
//! - Whatever the server sends, memory is bounded and every wait ends. There is no limit on the time a moving
//!   transfer takes; moving is what leaves the machine, not what the kernel's buffers take (see [`Timeouts`]).
//! - A [`BandwidthLimit`] holds over all connections, repeated requests counted, and is never taken for a stall.
//! - No secret, token or signature appears in `Debug`, `Display` or an error.
//! - A dropped future closes its connection. Nothing is spawned but a fetch of new credentials; any tokio runtime with
//!   IO and time will do.
//!
//! # Limits
//! HTTP/1.1 only, no redirects. The reply of a plain call has at most 16 MiB and comes whole within 5 minutes.
//! Secrets are wiped from memory where this crate holds them; buffers of the network, of the JSON and INI readers and of
//! the HTTP headers are not.
//!
//! # Features
//! `hyper` (default): [`HyperTransport`], with rustls and aws-lc-rs. Without it, bring a [`Transport`].
//!
//! # Example
//! ```
//! use oss_http::{BoxFuture, Caller, Credentials, Endpoint, Payload, ReplyBody, ResponseTimeout, Signer};
//! use oss_http::{StaticCredentials, Transport, TransportError};
//! use oss_proto::{Bucket, Key, ops::DeleteObject};
//! use std::sync::Arc;
//!
//! /// A server that is content with everything.
//! struct Yes;
//!
//! impl Transport for Yes {
//!     fn send(
//!         &self,
//!         request: http::Request<Payload>,
//!         _: ResponseTimeout,
//!     ) -> BoxFuture<'_, Result<http::Response<ReplyBody>, TransportError>> {
//!         assert!(request.headers()["authorization"].to_str().unwrap().starts_with("OSS4-HMAC-SHA256 "));
//!         let reply = http::Response::builder().status(204).header("x-oss-request-id", "5C3D9175B6FC201293AD4890");
//!         Box::pin(async move { Ok(reply.body(ReplyBody::bytes("")).unwrap()) })
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let endpoint = Endpoint::from_region("cn-hangzhou")?;
//! let keys = StaticCredentials::new(Credentials::new("id", "secret"));
//! // In earnest: Arc::new(HyperTransport::new(TransportOptions::default())?)
//! let caller = Caller::builder(endpoint, Signer::v4("cn-hangzhou"), Arc::new(keys), Arc::new(Yes)).build();
//!
//! let delete = DeleteObject { bucket: Bucket::new("bucket")?, key: Key::new("key")?, version_id: None };
//! let answered = caller.call(&delete, Default::default()).await?;
//! assert!(answered.request_id.is_some());
//! # Ok(())
//! # }
//! ```

mod call_error;
mod caller;
mod certificate;
pub mod clock;
mod credentials;
mod endpoint;
mod fault;
#[cfg(feature = "hyper")]
mod hyper_transport;
mod network;
mod payload;
mod proxy_refusal;
mod reply_body;
mod request_headers;
mod retry;
mod trace;
mod transport;

pub use call_error::{CallCause, CallError};
pub use caller::{Answered, Caller, CallerBuilder};
pub use certificate::CertificateProblem;
pub use credentials::{
    AssumeRoleCredentials, CachedCredentials, Chosen, CredentialsError, CredentialsKind, CredentialsOptions,
    CredentialsProvider, CredentialsSource, DefaultCredentials, ECS_METADATA, EcsRoleCredentials,
    EnvironmentCredentials, Issued, OidcCredentials, ProcessCredentials, ProfileSettings, Role, StaticCredentials, Sts,
};
pub use endpoint::{Addressing, Endpoint, EndpointError};
pub use fault::Fault;
#[cfg(feature = "hyper")]
pub use hyper_transport::{
    BandwidthLimit, HyperTransport, Proxies, ProxyError, TlsError, TlsOptions, TransportOptions,
};
pub use network::Network;
pub use payload::{Payload, PayloadStream, SourceChanged};
pub use proxy_refusal::ProxyRefusal;
pub use reply_body::ReplyBody;
pub use retry::RetryPolicy;
pub use transport::{BoxFuture, ResponseTimeout, Timeouts, Transport, TransportError, Waiting};

// The types of the crate below that this crate's calls take.
pub use oss_sign::{Credentials, PresignError, Signer};

/// The vocabulary and the operations that calls take and give.
pub use oss_proto as proto;
