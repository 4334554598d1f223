//! A client for Alibaba Cloud OSS: uploads that resume after anything and prove what they stored, and the plain calls.
//!
//! # Model
//! A [`Client`] asks one endpoint with one set of credentials; it is cheap to clone and meant to be shared.
//! [`Client::resumable_upload_object`] uploads one file as one object. The plain calls take OSS's operations as typed
//! values ([`ops`]) and give their replies as typed values; names are checked when they are made ([`Bucket`], [`Key`]).
//!
//! # Guarantee
//! When the resumable upload reports success, the object is byte for byte the file, proven by CRC-64 before it was
//! published. When it does not, the same call finishes it, and sends only what the server cannot prove it has; no crash,
//! kill or lost reply changes that. [`Error::is_resumable`] says whether the same call is enough or something has to
//! change first.
//!
//! # Limits
//! Regular files up to 48.8 TiB; HTTP/1.1; a tokio runtime with time and IO. A change of the file during the upload must
//! show in its mtime or ctime ([`UploadObjectRequest::verify_source`] is for file systems where it does not). No
//! resumable download or copy yet, and no bucket administration.
//!
//! # Example
//! ```no_run
//! use oss_client::{Client, UploadObjectRequest};
//!
//! # async fn example() -> Result<(), oss_client::Error> {
//! // Credentials come from the environment, a profile, OIDC, a program or the ECS role unless others are given.
//! let client = Client::builder().region("cn-hangzhou").build()?;
//! let request = UploadObjectRequest::new("my-bucket", "backup/big.iso", "/data/big.iso")
//!     .part_size(16 * 1024 * 1024)
//!     .parallel(4)
//!     .checkpoint_dir("/var/lib/backup");
//! match client.resumable_upload_object(request).await {
//!     Ok(done) => println!("verified crc64={}, {} bytes sent", done.crc64, done.bytes_sent),
//!     Err(error) if error.is_resumable() => println!("call it again to go on: {error}"),
//!     Err(error) => return Err(error),
//! }
//! # Ok(()) }
//! ```

mod builder;
mod client;
mod error;

pub use builder::{ClientBuilder, SignatureVersion};
pub use client::Client;
pub use error::Error;

pub use http::{Method, StatusCode};
pub use oss_http::proto::{
    Bucket, Crc64, ETag, ErrorCode, Key, NameError, ObjectHeaders, PartNumber, ServiceError, TrafficLimit, UploadId,
    limits, ops,
};
pub use oss_http::{
    Addressing, Answered, AssumeRoleCredentials, BandwidthLimit, BoxFuture, CachedCredentials, CallCause, CallError,
    CertificateProblem, Chosen, Credentials, CredentialsError, CredentialsKind, CredentialsOptions,
    CredentialsProvider, CredentialsSource, DefaultCredentials, EcsRoleCredentials, Endpoint, EndpointError,
    EnvironmentCredentials, Fault, HyperTransport, Issued, Network, OidcCredentials, Payload, PayloadStream,
    PresignError, ProcessCredentials, ProfileSettings, Proxies, ProxyError, ProxyRefusal, ReplyBody, ResponseTimeout,
    RetryPolicy, Role, StaticCredentials, Sts, Timeouts, TlsError, TlsOptions, Transport, TransportError,
    TransportOptions,
};
pub use oss_multipart::plan::{DEFAULT_PART_SIZE, Plan, PlanError};
pub use oss_multipart::{
    Callback, CancellationToken, Cause, Completed, ErrorKind, Event, Failure, Memory, Notice, Observer, Parallel,
    Progress, Published, Span, SpanEnd, SpanKind, UploadError, UploadObjectRequest, Why,
};
