#![doc = include_str!("../README.md")]

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
