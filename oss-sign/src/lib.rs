//! Request signing for Alibaba Cloud OSS: signature versions 1 and 4, in headers and in presigned URLs.
//!
//! # Model
//! A [`Signer`] signs a [`Resource`] (method, bucket, key, query) together with the request's headers, for
//! [`Credentials`], at a time the caller gives. It either adds headers ([`Signer::sign`]) or makes the query of a URL
//! that somebody without credentials can use ([`Signer::presign`]). [`verify::Claim`] is the other side: it reads what a
//! request says of its signature and checks it, as the service does. [`sign_rpc`] signs calls of the RPC APIs, STS among
//! them.
//!
//! # Guarantee
//! The crate is pure: no clock, no file, no socket. What it signs agrees byte for byte with the official SDKs, which
//! the tests prove on the SDKs' own cases. Secrets are wiped from memory when dropped and are in no `Debug` output and
//! no error.
//!
//! # Limits
//! - The payload is never part of the signature: OSS knows `UNSIGNED-PAYLOAD` only. Send `Content-MD5` or compare CRCs.
//! - Keys and queries are given raw; percent-encoding for the URL is [`encode_path`] and [`encode_query`].
//! - POST policies and RTMP URLs are not signed here.
//! - Of the headers, `Content-Type`, `Content-MD5` and every `x-oss-*` are signed. They must be final when `sign` is
//!   called, and must be sent as they were signed.
//!
//! # Example
//! ```
//! use http::{HeaderMap, Method};
//! use oss_sign::{Credentials, Resource, Signer, verify::Claim};
//!
//! let credentials = Credentials::new("ak", "sk");
//! let resource = Resource { method: &Method::GET, bucket: Some("bucket"), key: Some("a/b.txt"), query: &[] };
//! let mut headers = HeaderMap::new();
//! Signer::v4("cn-hangzhou").sign(resource, &mut headers, &credentials, 1_702_784_856);
//! assert!(headers["authorization"].to_str()?.starts_with("OSS4-HMAC-SHA256 Credential=ak/20231217/cn-hangzhou/oss/"));
//!
//! let claim = Claim::parse(resource.query, &headers)?.expect("it is signed");
//! assert_eq!(claim.check(resource, &headers, "sk"), Ok(()));
//! assert!(claim.check(resource, &headers, "another secret").is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod canonical;
mod credentials;
mod percent;
mod rpc;
mod signer;
mod timestamp;
mod v1;
mod v4;
pub mod verify;

pub use credentials::Credentials;
pub use percent::{encode_path, encode_query};
pub use rpc::sign_rpc;
pub use signer::{PresignError, Resource, Signer};
