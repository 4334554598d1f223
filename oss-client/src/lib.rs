#![doc = include_str!("../README.md")]

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
